"""Where a reader who read first and the draft agree, region by region."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from grounded.atlas import Atlas
from grounded.evidence import evidence_box
from grounded.findings import Finding, Presence
from grounded.serve.draft import Draft, Line
from grounded.serve.words import matters

Verdict = Literal["agree", "differ", "reader only", "draft only"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A finding as the reader and the draft have it; None for who does not mention it.

    assessed: whether the draft's models look for it at all.
    """

    label: str
    reader: Presence | None
    draft: Presence | None
    assessed: bool = True

    @property
    def verdict(self) -> Verdict:
        if self.draft is None:
            return "reader only"
        if self.reader is None:
            return "draft only"
        return "agree" if self.reader == self.draft else "differ"


@dataclass(slots=True)
class RegionAgreement:
    """What both say of a region."""

    region: str
    reader: list[str] = field(default_factory=list)
    draft: list[str] = field(default_factory=list)
    findings: list[Compared] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """That of its findings; where they do not have one in common, they differ."""
        verdicts = {item.verdict for item in self.findings} or {"reader only"}
        return verdicts.pop() if len(verdicts) == 1 else "differ"


def agreement(draft: Draft, atlas: Atlas) -> list[RegionAgreement]:
    """Region by region, in the order of the atlas: where either says that something is there, or
    may be, and where the reader says anything.

    What both say of regions that lie in each other is compared in the reader's. A box that the
    reader drew counts as the smallest region that its middle lies in.
    """
    mine = list(_claims((x for x in draft.lines if x.early), draft, atlas))
    theirs = list(_claims((x for x in draft.lines if x.draft is not None), draft, atlas))
    found: dict[str, RegionAgreement] = {}
    paired: set[int] = set()
    for finding, text in mine:
        here = found.setdefault(finding.region, RegionAgreement(finding.region))
        match = next((n for n, (other, _) in enumerate(theirs) if _same(finding, other, atlas)), -1)
        _add(here.reader, text)
        said = theirs[match][0].presence if match >= 0 else None
        if match >= 0:
            paired |= {n for n, (o, _) in enumerate(theirs) if _same(finding, o, atlas)}
            _add(here.draft, theirs[match][1])
        assessed = finding.label in draft.base.scope.assessed
        here.findings.append(Compared(finding.label, finding.presence, said, assessed))
    for number, (finding, text) in enumerate(theirs):
        if number not in paired and matters([finding]):
            here = found.setdefault(finding.region, RegionAgreement(finding.region))
            _add(here.draft, text)
            here.findings.append(Compared(finding.label, None, finding.presence))
    for line in draft.lines:
        if line.early and not line.sentence.findings:
            region = _region(line, draft, atlas)
            _add(found.setdefault(region, RegionAgreement(region)).reader, line.sentence.text)
    return sorted(found.values(), key=lambda item: _order(item.region, atlas))


def _claims(lines: Iterable[Line], draft: Draft, atlas: Atlas) -> Iterator[tuple[Finding, str]]:
    for line in lines:
        if line.sentence.section == "impression" and not line.early:
            continue  # it repeats the findings
        for finding in line.sentence.findings:
            region = finding.region if finding.region in atlas else _region(line, draft, atlas)
            yield (
                Finding(finding.label, finding.presence, region, finding.score),
                line.sentence.text,
            )


def _region(line: Line, draft: Draft, atlas: Atlas) -> str:
    """The region of the atlas that a line is about."""
    name = line.sentence.regions[0]
    if name in atlas:
        return name
    box = evidence_box(line.sentence.evidence[0])
    regions = draft.base.regions.at((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    inside = [region for region in regions if region.name in atlas]
    return min(inside, key=lambda region: region.box.area).name if inside else name


def _same(mine: Finding, theirs: Finding, atlas: Atlas) -> bool:
    """Whether two findings are of one label, and of places of which one holds the other."""
    if mine.label != theirs.label:
        return False
    return mine.region in _chain(theirs.region, atlas) or theirs.region in _chain(
        mine.region, atlas
    )


def _chain(region: str, atlas: Atlas) -> Sequence[str]:
    return (region, *atlas.ancestors(region)) if region in atlas else (region,)


def _order(region: str, atlas: Atlas) -> int:
    return atlas.order(region) if region in atlas else len(atlas)


def _add(texts: list[str], text: str) -> None:
    if text not in texts:
        texts.append(text)

"""The report: the one value that pictures, pages, files and evaluation are made from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from grounded.atlas import RegionName, Site
from grounded.audit import Audit
from grounded.errors import InvalidValueError, MissingExtraError, ReportError
from grounded.evidence import (
    Evidence,
    Mask,
    Measurement,
    evidence_box,
    evidence_from_dict,
    evidence_to_dict,
    lies_in,
)
from grounded.findings import Finding, ScoreKind
from grounded.geometry import Box
from grounded.image import Image, ImageInfo
from grounded.provenance import Acceptance, Provenance, Scope
from grounded.regions import Regions
from grounded.table import dataframe

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SCHEMA = 1
NOTICE = "AI-generated draft for review by a qualified reader; not a medical device."

# What values of the wrong kind or size raise where they are used, whatever a file holds.
_MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_OUTLINE = "outline"  # evidence that is a region's own outline
_COLUMNS = ("section", "sentence", "regions", "label", "presence", "region", "score", "right")

Section = Literal["findings", "impression"]
Origin = str
"""What wrote a sentence: a generator by its name, or one of several ways in which it writes."""
WITHHELD: Origin = "withheld"
"""The origin of a sentence that says what may not be said at the level that was asked for."""


@dataclass(frozen=True, slots=True)
class Right:
    """The calibrated probability that all that a sentence claims is right, a score of its own kind.

    population: the films on which it was measured, by collection, readers and view.
    """

    probability: float
    population: str

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise InvalidValueError(f"a probability lies in 0..1, got {self.probability}")

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.RIGHT

    def to_dict(self) -> dict[str, Any]:
        return {
            "score": self.probability,
            "score_kind": str(self.kind),
            "population": self.population,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Right:
        return cls(float(data["score"]), str(data["population"]))


# What a sentence has before and after it is grounded.
_SHARED = (
    *("text", "regions", "origin", "evidence", "findings", "score", "score_kind", "abnormal"),
    "notes",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a generator says of one or more regions, before it is grounded.

    score: how sure the generator is of the whole sentence, 0..1; score_kind: what that number is
    of. abnormal: whether it says something that a reader should see first. impression: the short
    form for the impression, "" when the sentence does not belong there. origin: what wrote it.
    notes: what the origin or the composer has to say about it. written: what its generator wrote it
    from, for that generator to explain it by; it is no part of the report.
    """

    text: str
    regions: tuple[RegionName, ...]
    origin: Origin
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    score: float = 1.0
    abnormal: bool = False
    impression: str = ""
    notes: tuple[str, ...] = ()
    score_kind: ScoreKind = ScoreKind.UNSPECIFIED
    written: object = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_sentence(self.text, self.regions, self.score)

    def grounded(self, section: Section) -> GroundedSentence:
        """The sentence in a section of a report. Raises InvalidValueError without evidence."""
        return GroundedSentence(**_shared(self), section=section)


@dataclass(frozen=True, slots=True)
class GroundedSentence:
    """A sentence with the evidence that it stands on. It cannot be made without evidence.

    regions: the regions it was read from, by name. notes: what the composer did to it. right: the
    probability that it is right, where that was measured; unrated: why that is not known of what it
    claims, "" where it is, or nobody asked. See `grounded.compose.confidence`.
    """

    text: str
    regions: tuple[RegionName, ...]
    evidence: tuple[Evidence, ...]
    origin: Origin
    findings: tuple[Finding, ...] = ()
    score: float = 1.0
    section: Section = "findings"
    abnormal: bool = False
    notes: tuple[str, ...] = ()
    score_kind: ScoreKind = ScoreKind.UNSPECIFIED
    right: Right | None = None
    unrated: str = ""

    def __post_init__(self) -> None:
        _check_sentence(self.text, self.regions, self.score)
        if not self.evidence:
            raise InvalidValueError(f"the sentence {self.text!r} has no evidence to stand on")
        if self.section not in get_args(Section):
            raise InvalidValueError(f"section is one of {get_args(Section)}, got {self.section!r}")

    @property
    def ungrounded(self) -> Sentence:
        """The sentence without its section, as guards and composers take it."""
        return Sentence(**_shared(self))

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        return tuple(item for item in self.evidence if isinstance(item, Measurement))

    def to_dict(self, regions: Regions | None = None) -> dict[str, Any]:
        """The sentence for JSON. An outline that one of `regions` has is named, not repeated."""
        outlines = {id(region.mask): region.name for region in regions or () if region.mask}
        return {
            "text": self.text,
            "regions": list(self.regions),
            "evidence": [
                {"kind": _OUTLINE, "region": outlines[id(item)]}
                if id(item) in outlines
                else evidence_to_dict(item)
                for item in self.evidence
            ],
            "findings": [finding.to_dict() for finding in self.findings],
            "score": self.score,
            "score_kind": str(self.score_kind),
            "section": self.section,
            "abnormal": self.abnormal,
            "origin": self.origin,
            "notes": list(self.notes),
            **({"right": self.right.to_dict()} if self.right else {}),
            **({"unrated": self.unrated} if self.unrated else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], regions: Regions | None = None) -> GroundedSentence:
        """The way back. regions: that outlines are named of. Raises ReportError for others."""
        return cls(
            text=data["text"],
            regions=tuple(data["regions"]),
            evidence=tuple(
                _outline(item["region"], regions)
                if item.get("kind") == _OUTLINE
                else evidence_from_dict(item)
                for item in data["evidence"]
            ),
            origin=data["origin"],
            findings=tuple(Finding.from_dict(item) for item in data["findings"]),
            score=float(data["score"]),
            section=data["section"],
            abnormal=bool(data["abnormal"]),
            notes=tuple(data["notes"]),
            score_kind=ScoreKind(data.get("score_kind", ScoreKind.UNSPECIFIED)),
            right=Right.from_dict(data["right"]) if data.get("right") else None,
            unrated=str(data.get("unrated", "")),
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """A sentence that the composer took out, with the reason."""

    text: str
    regions: tuple[RegionName, ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "regions": list(self.regions), "reason": self.reason}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Removed:
        return cls(data["text"], tuple(data["regions"]), data["reason"])


@dataclass(frozen=True, slots=True)
class Span:
    """Where a sentence stands in the report's text: characters start to end (exclusive)."""

    start: int
    end: int
    sentence: GroundedSentence


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroundedReport:
    """A report in which every sentence points at the place in the film that it was read from.

    film: the pixels, or None for a report that was read from JSON without its film. answers: gives
    what is said of each region alone, by name, where there is a reading to ask; it is no part of
    the report's JSON. sites: where the regions lie in the body, by name, for those that the atlas
    has. acceptance: who took the report over as true; None while nobody has.
    audit: what each sentence rests on, where that was tried; see `Reading.audit`.
    Raises InvalidValueError when a sentence or one of its findings names a region that the report
    does not have, when a region or evidence does not lie in the film, and for regions that still
    carry what a network made of the film.
    """

    image: ImageInfo
    regions: Regions
    sentences: tuple[GroundedSentence, ...]
    scope: Scope
    provenance: Provenance
    removed: tuple[Removed, ...] = ()
    film: Image | None = None
    notice: str = NOTICE
    answers: Callable[[], Mapping[str, GroundedReport]] | None = None
    sites: Mapping[str, Site] = field(default_factory=dict)
    acceptance: Acceptance | None = None
    audit: Audit | None = None

    def __post_init__(self) -> None:
        if self.regions.features is not None or self.regions.encoding is not None:
            raise InvalidValueError("a report keeps regions without_networks()")
        for region in self.regions:
            if not lies_in(region.box, self.image.frame):
                raise InvalidValueError(f"the region {region.name!r} does not lie in the film")
        for sentence in self.sentences:
            self._check(sentence)
        if self.film is not None and self.film.info != self.image:
            raise InvalidValueError("the film is not the one that the report describes")

    def _check(self, sentence: GroundedSentence) -> None:
        """What a sentence points at is in this report and in its film."""
        of_findings = {finding.region for finding in sentence.findings}
        if unknown := {*sentence.regions, *of_findings} - set(self.regions.names):
            raise InvalidValueError(
                f"the sentence {sentence.text!r} points at {sorted(unknown)}, "
                f"which the report does not have"
            )
        for item in sentence.evidence:
            if not lies_in(item, self.image.frame):
                raise InvalidValueError(
                    f"the evidence of {sentence.text!r} does not lie in the film: "
                    f"{tuple(evidence_box(item))} in {tuple(self.image.frame)}"
                )

    @property
    def text(self) -> str:
        """The report as a reader sees it: sections, limits of the film, scope and notice."""
        return _lay_out(self)[0]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where each sentence stands in `text`."""
        return _lay_out(self)[1]

    def section(self, name: Section) -> tuple[GroundedSentence, ...]:
        return tuple(sentence for sentence in self.sentences if sentence.section == name)

    @property
    def withheld(self) -> tuple[GroundedSentence, ...]:
        """The findings' sentences that say what was withheld, and in their notes why."""
        return tuple(item for item in self.section("findings") if item.origin == WITHHELD)

    def add(self, sentence: GroundedSentence) -> GroundedReport:
        """The report with one more sentence among its findings, as an answer to a drawn box.

        A region that the report does not have is added, where the sentence's evidence says that it
        lies; one that it has elsewhere ("marked area") gets a number behind its name. Raises
        InvalidValueError when there is no box or outline for it.
        """
        placed = self._placed(sentence)
        regions, kept = self.regions, self.section("findings")
        for name in placed.regions:
            if name not in regions:
                regions = regions.joined(_region_of(name, placed))
        sentences = (*kept, replace(placed, section="findings"), *self.section("impression"))
        return replace(self, regions=regions, sentences=sentences)

    def _placed(self, sentence: GroundedSentence) -> GroundedSentence:
        """The sentence with names that mean, in this report, the regions that it stands on."""
        for name in sentence.regions:
            boxes = [item for item in sentence.evidence if isinstance(item, Box)]
            if name in self.regions and boxes and self.regions[name].box not in boxes:
                sentence = _renamed(sentence, name, self._free(name))
        return sentence

    def _free(self, name: str) -> str:
        taken = self.regions.names
        return next(free for n in count(2) if (free := f"{name} {n}") not in taken)

    def at(self, x: float, y: float) -> tuple[GroundedSentence, ...]:
        """What was said of a point of the film (image frame): sentences whose regions hold it."""
        names = set(self.regions.at(x, y).names)
        return tuple(
            sentence
            for sentence in self.sentences
            if names & set(sentence.regions)
            or any(
                item.contains(x, y) for item in sentence.evidence if isinstance(item, Box | Mask)
            )
        )

    def accepted(
        self, name: str, institution: str, *, time: datetime | None = None
    ) -> GroundedReport:
        """The report as a person has taken it over; `time` is now unless it is given.

        Standard objects then name that person as their observer, and are verified and final.
        """
        return replace(self, acceptance=Acceptance(name, institution, time or datetime.now(UTC)))

    def overlay(self) -> NDArray[np.uint8]:
        """The film with its regions drawn in, (H, W, 3) RGB. See `grounded.viz.overlay`."""
        from grounded.viz.overlay import draw_report

        return draw_report(self)

    def layer(self) -> NDArray[np.uint8]:
        """The regions' lines and labels alone, (H, W, 4) RGBA, aligned to the film's pixels."""
        from grounded.viz.overlay import draw_layer

        return draw_layer(self)

    def save(self, path: str | os.PathLike[str], *, format: str = "", **options: str) -> None:
        """Write the report; the end of the name chooses the format unless `format` names one.

        options: what the exporter takes beside the report, such as `uids="hash"` for DICOM objects.
        See `grounded.export.exporters`. Raises ReportError when it cannot be written.
        """
        from grounded.export.exporters import save

        save(self, Path(path), format, options)

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each finding of each sentence, and one for a sentence without findings."""
        return [
            {
                "section": sentence.section,
                "sentence": sentence.text,
                "regions": "; ".join(sentence.regions),
                "label": finding.label if finding else "",
                "presence": str(finding.presence) if finding else "",
                "region": finding.region if finding else "",
                "score": finding.score if finding else sentence.score,
                "right": sentence.right.probability if sentence.right else None,
            }
            for sentence in self.sentences
            for finding in (sentence.findings or (None,))
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """`to_rows` as a table of pandas. Raises MissingExtraError without it."""
        return dataframe(self.to_rows(), _COLUMNS)

    def __repr__(self) -> str:
        film, count = self.image.name or "film", len(self.sentences)
        return f"<GroundedReport of {film}: {count} sentences, {len(self.regions)} regions>"

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "notice": self.notice,
            "image": self.image.to_dict(),
            "regions": self.regions.to_dict(),
            "missing_regions": dict(self.regions.missing),
            "sentences": [sentence.to_dict(self.regions) for sentence in self.sentences],
            "removed": [item.to_dict() for item in self.removed],
            "scope": self.scope.to_dict(),
            "provenance": self.provenance.to_dict(),
            **self._further(),
        }

    def _further(self) -> dict[str, Any]:
        """The keys that are there when there is something to say."""
        further: dict[str, Any] = {}
        if self.sites:
            further["sites"] = {name: site.to_dict() for name, site in self.sites.items()}
        if self.acceptance is not None:
            further["acceptance"] = self.acceptance.to_dict()
        if self.audit is not None:
            further["audit"] = self.audit.to_dict()
        return further

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], film: Image | None = None) -> GroundedReport:
        """The way back from `to_dict`. Raises ReportError for another schema or missing keys.

        film: the film that the report was made from, if the report is to be drawn again.
        """
        if data.get("schema") != SCHEMA:
            raise ReportError(f"expected a report of schema {SCHEMA}, got {data.get('schema')!r}")
        try:
            regions = Regions.from_dict(data["regions"], data["missing_regions"])
            said = data["sentences"]
            return cls(
                image=ImageInfo.from_dict(data["image"]),
                regions=regions,
                sentences=tuple(GroundedSentence.from_dict(item, regions) for item in said),
                scope=Scope.from_dict(data["scope"]),
                provenance=Provenance.from_dict(data["provenance"]),
                removed=tuple(Removed.from_dict(item) for item in data["removed"]),
                film=film,
                notice=data["notice"],
                sites={name: Site.from_dict(at) for name, at in data.get("sites", {}).items()},
                acceptance=_acceptance(data.get("acceptance")),
                audit=Audit.from_dict(data["audit"]) if data.get("audit") else None,
            )
        except ReportError:
            raise
        except _MISSHAPEN as error:
            raise ReportError(f"this is no report of schema {SCHEMA}: {error!r}") from error

    @classmethod
    def open(cls, path: str | os.PathLike[str], film: Image | None = None) -> GroundedReport:
        """Read a `report.json`. Raises ReportError when the file is not one."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ReportError(f"cannot read the report {os.fspath(path)!r}: {error}") from error
        if not isinstance(data, dict):
            raise ReportError(f"{os.fspath(path)!r} holds no report, but a {type(data).__name__}")
        return cls.from_dict(data, film)

    @classmethod
    def from_sr(cls, path: str | os.PathLike[str], film: Image | None = None) -> GroundedReport:
        """Read a structured report that this package wrote, `.sr.dcm` or `.sr.json`.

        Regions, sentences and their evidence come back; film: to draw them again. Raises
        ReportError for another file, MissingExtraError without the extra "dicom".
        """
        try:
            from grounded.dicom.sr.read import read_sr
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"structured reports need {error.name}: pip install 'grounded[dicom]'"
            ) from error
        return read_sr(path, film)

    def _repr_html_(self) -> str:
        from grounded.viz.html import render_fragment

        return render_fragment(self)


def _acceptance(data: Mapping[str, str] | None) -> Acceptance | None:
    return Acceptance.from_dict(data) if data else None


def _shared(sentence: Sentence | GroundedSentence) -> dict[str, Any]:
    return {name: getattr(sentence, name) for name in _SHARED}


def _outline(name: str, regions: Regions | None) -> Mask:
    mask = regions[name].mask if regions is not None and name in regions else None
    if mask is None:
        raise ReportError(f"a sentence stands on the outline of {name!r}, which has none here")
    return mask


def _check_sentence(text: str, regions: Sequence[str], score: float) -> None:
    if not text.strip():
        raise InvalidValueError("a sentence needs text")
    if not regions:
        raise InvalidValueError(f"the sentence {text!r} names no region")
    if not 0 <= score <= 1:
        raise InvalidValueError(f"a score lies in 0..1, got {score} for {text!r}")


def _region_of(name: str, sentence: GroundedSentence) -> Regions:
    """The region of a sentence of one region, from the box or the outline that it stands on."""
    places = [item for item in sentence.evidence if isinstance(item, Box | Mask)]
    if not places:
        raise InvalidValueError(
            f"the sentence {sentence.text!r} has no place to show the region {name!r} at"
        )
    place = places[0]
    mask = place if isinstance(place, Mask) else None
    box = place.box if isinstance(place, Mask) else place
    return Regions((name,), np.array([tuple(box)]), np.ones(1), (mask,))


def _renamed(sentence: GroundedSentence, name: str, new: str) -> GroundedSentence:
    return replace(
        sentence,
        text=re.sub(rf"\b([Tt]he) {re.escape(name)}\b", rf"\1 {new}", sentence.text),
        regions=tuple(new if region == name else region for region in sentence.regions),
        findings=tuple(
            replace(finding, region=new) if finding.region == name else finding
            for finding in sentence.findings
        ),
    )


def _lay_out(report: GroundedReport) -> tuple[str, tuple[Span, ...]]:
    parts: list[str] = []
    spans: list[Span] = []
    length = 0

    def add(piece: str) -> None:
        nonlocal length
        parts.append(piece)
        length += len(piece)

    for section in get_args(Section):
        add(f"{section.upper()}\n")
        sentences = report.section(section)
        for sentence in sentences:
            spans.append(Span(length, length + len(sentence.text), sentence))
            add(f"{sentence.text}\n")
        if not sentences:
            add("No sentence: see the scope and the regions that were not found.\n")
        add("\n")
    noted = {region.name: region.note for region in report.regions if region.note}
    for note, names in _by_reason(noted).items():
        add(f"Note on {', '.join(names)}: {note}.\n")
    for reason, names in _by_reason(report.regions.missing).items():
        add(f"Not found: {', '.join(names)} ({reason}).\n")
    for warning in report.image.warnings:
        add(f"Film: {warning.rstrip('.')}.\n")
    add(f"{report.scope.text}\n{report.notice}\n")
    return "".join(parts), tuple(spans)


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """The names that share a reason, by reason."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return names

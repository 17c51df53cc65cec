"""From what was read of a film to what is said of it.

Of a film: what is present or uncertain, each in its place; then what is absent, in as few lines as
it takes; then, once, what was not looked for. Of a region or a drawn box: the same of what belongs
there. "Clear" is said of a lung in which everything that makes one not clear was looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from grounded.atlas import SIDES, PairedSide, Side
from grounded.chest.names import chest_atlas, kind_of, side_of
from grounded.findings import UNSPECIFIED, Finding, Label, Presence, SetFindings, label_of
from grounded.generators.measured.generator import Unjudged
from grounded.generators.neural.finding_net import COMPOSITES
from grounded.language.agreement import ZONES
from grounded.language.finding_words import CLEAR, IN_LUNG, FindingWords, is_sided
from grounded.language.phrasing import PLAIN, Phrasing
from grounded.report import Origin, Sentence

T = TypeVar("T")

_FIRMNESS: Mapping[Presence, int] = {
    Presence.ABSENT: 0,
    Presence.UNCERTAIN: 1,
    Presence.PRESENT: 2,
}

ORIGIN = "neural"
SET = "neural, finding set by the reader"
NOT_CLEAR = frozenset(
    (
        *("Consolidation", "Pneumonia", "Lung Lesion", "Edema", "Emphysema", "Fibrosis"),
        *("Calcification", "Pleural Thickening", "Pleural Other"),
    )
)
"""What else makes a lung not clear if it is there, or may be."""
_PARTS: Mapping[str, tuple[str, ...]] = {
    label: composite.parts for label, composite in COMPOSITES.items() if label != UNSPECIFIED
}
MEASURED_HERE = ("Cardiomegaly",)  # said with the measurement, see `Known`
IMPLIED: Mapping[str, tuple[str, ...]] = {
    "Lung Opacity": ("Consolidation", "Pneumonia", "Atelectasis", "Edema", "Mass"),
    "Lung Lesion": ("Nodule", "Mass"),
}
"""What is denied with a finding."""
DENIED = 0.4
"""Below this probability, at even odds before the film is seen, a finding is denied. Of the films
for calibration, radiologists saw an opacity in 13 of 135 below and in 30 of 48 from here to where
it is called present, an effusion in 13 of 191 and in 27 of 69; of those held out, an opacity in 15
of 177 and in 28 of 54, an effusion in 7 of 199 and in 27 of 65."""
ELSEWHERE = 0.3
"""The limit for a single place, in a film that has the finding in another. Of the places so denied
in films for calibration, radiologists outlined an opacity in 20 of 246 and an effusion in 2 of 44;
in films held out, in 13 of 266 and in none of 51."""
HERE = 0.15
"""The limit for a single place that is asked about, in a film of which the finding can be neither
stated nor denied. Of the places so denied in films held out, radiologists outlined an opacity in 6
of 290 regions and in 74 of 1,073 boxes drawn in lungs (16 of 262 and 57 of 991 in the films for
calibration, on which the limit was chosen), an effusion in 3 of 103 and in none of 139."""
POSSIBLE: frozenset[Label] = frozenset(("Lung Opacity",))
"""What is called possible in a box drawn by hand where it can be neither stated nor denied: of such
boxes in films held out, 256 of 1,175 meet an opacity that radiologists outlined (346 of 1,124 in
the films for calibration). Of effusions it is 33 of 424, too few to call one possible."""
_PLACES = (*(f"{zone} lung zone" for zone in ZONES), "apical zone", "hilar structures", "lung")


@dataclass(frozen=True, slots=True)
class Stated:
    """A finding that may be said, of one region.

    notes: what is to be known of it. open: it is not called present, and too likely to be denied.
    """

    finding: Finding
    origin: Origin = ORIGIN
    notes: tuple[str, ...] = ()
    open: bool = False

    @property
    def label(self) -> str:
        return self.finding.label

    @property
    def is_absent(self) -> bool:
        return self.finding.presence == "absent"

    @property
    def side(self) -> PairedSide:
        return side_of(self.finding.region)

    def sentence(self, phrasing: Phrasing = PLAIN) -> Sentence:
        """The finding alone."""
        finding = self.finding
        return Sentence(
            text=in_words(finding, phrasing),
            regions=(finding.region,),
            origin=self.origin,
            findings=(finding,),
            score=finding.score,
            score_kind=finding.score_kind,
            abnormal=not self.is_absent,
            notes=self.notes,
        )


def drawn(stated: Sequence[Stated]) -> list[Stated]:
    """What may be said of a drawn box: what is open there is possible, if it is `POSSIBLE`. Of an
    unspecified abnormality nothing is known but its side."""
    return [
        _possible(item) if item.open and item.label in POSSIBLE else item
        for item in stated
        if item.label != UNSPECIFIED or item.origin == SET
    ]


def _possible(item: Stated) -> Stated:
    finding = item.finding
    there = replace(finding, presence=Presence.UNCERTAIN, score=1 - finding.score)
    return replace(item, finding=there, open=False)


def undenied(stated: Sequence[Stated], film: Sequence[Stated], side: PairedSide) -> list[Stated]:
    """What may be said of a place on a side, denying nothing that is told by its side and is there,
    or may be, elsewhere on that side, and no composite of which a part is not denied. What is told
    by its side is there of the lung as well. film: what was read of all of it."""
    words = FindingWords.open()
    of_side = [
        item
        for item in film
        if not item.is_absent and item.side == side and is_sided(words.term(item.label))
    ]
    of_side.sort(key=lambda item: _FIRMNESS[item.finding.presence])
    firmest = {item.label: item for item in of_side}
    there = {*firmest, *(item.label for item in stated if item.open)}
    there |= {label for label, parts in _PARTS.items() if there & set(parts)}
    return [
        _undenied(item, firmest) if _is_read_absent(item) and item.label in there else item
        for item in stated
    ]


def _undenied(item: Stated, of_side: Mapping[str, Stated]) -> Stated:
    """What is said in the place of a denial: for the lung, what is stated of its side; for any
    smaller place, that it cannot be judged."""
    region = item.finding.region
    if kind_of(region) == "lung" and item.label in of_side:
        there = of_side[item.label]
        return replace(there, finding=replace(there.finding, region=region))
    return replace(item, open=True)


def _is_read_absent(item: Stated) -> bool:
    return item.is_absent and item.origin != SET


def in_words(finding: Finding, phrasing: Phrasing = PLAIN) -> str:
    """A finding in a radiologist's words."""
    words = FindingWords.open()
    return words.say(finding.label, finding.presence, finding.region, chest_atlas(), phrasing)


def to_be_said(finding: Finding) -> dict[str, Presence]:
    """What a writer has to say of a finding: a consolidation is an opacity too, and a lung without
    opacity has none."""
    said: dict[str, Presence] = {finding.label: finding.presence}
    if finding.label == "Consolidation" and finding.presence != "absent":
        said["Lung Opacity"] = finding.presence
    if finding.label == "Lung Opacity" and finding.presence == "absent":
        said["Consolidation"] = Presence.ABSENT
    return said


def of_film(
    stated: Sequence[Stated], lungs: Sequence[str], phrasing: Phrasing = PLAIN
) -> list[Sentence]:
    """What a report says. lungs: those that were found."""
    stated = without_implied(stated)
    there = [item.sentence(phrasing) for item in placed(stated)]
    denied = [*_absences(stated, phrasing), *_set_absences(stated, phrasing)]
    return [*there, *denied, *_not_said(stated, lungs)]


def of_region(stated: Sequence[Stated], kind: str, phrasing: Phrasing = PLAIN) -> list[Sentence]:
    """What is said of one region, or of a box drawn by hand.

    stated: all of it. kind: of region that it is read as.
    """
    words, stated = FindingWords.open(), without_implied(stated)
    said = [item.sentence(phrasing) for item in stated if not item.is_absent]
    said += [item.sentence(phrasing) for item in stated if item.is_absent and item.origin == SET]
    absent = [item for item in stated if _is_read_absent(item) and not item.open]
    belonging = words.belonging(kind)
    absent.sort(key=lambda item: (*belonging, item.label).index(item.label))
    if absent:
        region = absent[0].finding.region
        text = words.deny([item.label for item in absent], region, chest_atlas(), phrasing)
        said.append(_joined(text, absent))
    if doubtful := [item for item in stated if item.open]:
        labels = tuple(item.finding.label for item in doubtful)
        region = doubtful[0].finding.region
        unjudged = Unjudged(labels)
        text = words.not_judged(labels)
        said.append(Sentence(text, (region,), ORIGIN, score=0.5, written=unjudged))
    return said


def without_implied(stated: Sequence[Stated]) -> list[Stated]:
    """Without composites of which another finding, on their side, says as much: an effusion blunts
    its angle, and an abnormality that has a name is not unspecified. What a reader has set is
    kept."""
    return [
        item
        for item in stated
        if item.origin == SET or not any(_says_as_much(other, item) for other in stated)
    ]


def _says_as_much(other: Stated, item: Stated) -> bool:
    """Whether a composite adds nothing to another finding of its side."""
    if item.label == UNSPECIFIED:
        names_it = other.label != UNSPECIFIED
    else:
        names_it = other.label in _PARTS.get(item.label, ())
    return (
        names_it
        and other.side == item.side
        and not other.is_absent
        and _FIRMNESS[other.finding.presence] >= _FIRMNESS[item.finding.presence]
    )


def looked_for(stated: Sequence[Stated]) -> list[Label]:
    """The findings that were looked for, with the parts of composites that a reader denies."""
    labels = [item.finding.label for item in stated]
    denied = [item.label for item in stated if item.is_absent and item.origin == SET]
    return [*labels, *(label_of(part) for label in denied for part in _PARTS.get(label, ()))]


def placed(stated: Sequence[Stated]) -> list[Stated]:
    """What is present or uncertain, each finding of a side where it is best placed.

    In the zones of a lung rather than in the lung, unless it is in all; by its side alone if it is
    said so. What is
    there in one place of a side is not called possible in another.
    """
    groups: dict[tuple[str, str], list[Stated]] = {}
    for item in stated:
        if not item.is_absent:
            groups.setdefault((item.label, item.side), []).append(item)
    return [item for group in groups.values() for item in _told(group)]


def _told(group: Sequence[Stated]) -> list[Stated]:
    """One finding of one side."""
    set_ = [item for item in group if item.origin == SET]
    firm = [item for item in group if item.finding.presence == "present"]
    chosen = set_ or firm or list(group)
    kinds = {kind_of(item.finding.region) for item in chosen}
    everywhere = set(_PLACES[: len(ZONES)]) <= kinds
    if "lung" in kinds and (
        everywhere or not firm or is_sided(FindingWords.open().term(chosen[0].label))
    ):
        return [item for item in chosen if kind_of(item.finding.region) == "lung"]
    zones = {kind for kind in kinds if kind.endswith("lung zone")}
    best = zones or set([kind for kind in _PLACES if kind in kinds][:1]) or kinds
    of_best = [item for item in chosen if kind_of(item.finding.region) in best]
    return of_best[:1] if is_sided(FindingWords.open().term(chosen[0].label)) else of_best


def _absences(stated: Sequence[Stated], phrasing: Phrasing) -> list[Sentence]:
    """What is absent: by lung that is clear, then by what is absent on both sides or on one."""
    absent = {side: _absent(stated, side) for side in SIDES}
    clear = [side for side in absent if _is_clear(stated, side, absent[side])]
    sentences = [_clear(side, absent[side]) for side in clear]
    both = [label for label in CLEAR if all(label in absent[side] for side in absent)]
    words = FindingWords.open()
    left_over = [x for x in both if x not in IN_LUNG or len(clear) < 2]
    if left_over:
        items = [absent[side][label] for label in left_over for side in absent]
        sentences.append(_joined(words.deny_in_film(left_over, phrasing), items))
    for side, of_side in absent.items():
        alone = [x for x in CLEAR if x in of_side and x not in both]
        alone = [x for x in alone if x not in IN_LUNG or side not in clear]
        if alone:
            text = words.deny(alone, f"{side} lung", chest_atlas(), phrasing)
            sentences.append(_joined(text, [of_side[label] for label in alone]))
    return sentences


def _set_absences(stated: Sequence[Stated], phrasing: Phrasing) -> list[Sentence]:
    """What a reader says is absent and no line on the lungs says."""
    denied = {side: _absent(stated, side) for side in SIDES}
    return [
        item.sentence(phrasing)
        for item in stated
        if item.is_absent and item.origin == SET
        if item.side == "" or item.label not in denied[Side(item.side)]
    ]


def _absent(stated: Sequence[Stated], side: Side) -> dict[str, Stated]:
    """What is absent wherever it was looked for on a side, each said of the widest region."""
    found: dict[str, Stated] = {}
    for label in CLEAR:
        items = [item for item in stated if item.label == label and item.side == side]
        if items and all(item.is_absent and not item.open for item in items):
            widest = max(items, key=lambda item: _width(item.finding.region))
            if widest.origin != SET or _is_of_side(label, widest.finding.region):
                found[label] = widest
    return found


def _is_of_side(label: str, region: str) -> bool:
    """Whether what a reader says of a finding in a region is said of that whole side."""
    return kind_of(region) == "lung" or is_sided(FindingWords.open().term(label))


def _width(region: str) -> int:
    kind = kind_of(region)
    return _PLACES.index(kind) if kind in _PLACES else -1


def _is_clear(stated: Sequence[Stated], side: Side, absent: Mapping[str, Stated]) -> bool:
    other = any(
        item.label in NOT_CLEAR and not item.is_absent and item.side in (side, "")
        for item in stated
    )
    of_lung = [kind_of(item.finding.region) == "lung" for item in absent.values()]
    return set(CLEAR) <= set(absent) and all(of_lung) and not other


def _clear(side: Side, absent: Mapping[str, Stated]) -> Sentence:
    return _joined(f"The {side} lung is clear.", [absent[label] for label in IN_LUNG])


def _joined(text: str, items: Sequence[Stated]) -> Sentence:
    """One sentence for what is absent; it is as sure as the least sure of its first's kind."""
    kind = items[0].finding.score_kind
    return Sentence(
        text=text,
        regions=_once(item.finding.region for item in items),
        origin=SET if all(item.origin == SET for item in items) else ORIGIN,
        findings=_once(item.finding for item in items),
        score=min(item.finding.score for item in items if item.finding.score_kind == kind),
        score_kind=kind,
        notes=_once(note for item in items for note in item.notes),
    )


def _not_said(stated: Sequence[Stated], lungs: Sequence[str]) -> list[Sentence]:
    """Once a report, what would have to be absent to call the lungs clear and is not denied: what
    can be neither stated nor denied, and what was not looked for. Nothing without a lung."""
    if not lungs:
        return []
    looked = {item.label for item in stated}
    there = {item.label for item in stated if not item.is_absent}
    looked |= {wide for wide, narrow in IMPLIED.items() if there & set(narrow)}
    words, regions = FindingWords.open(), tuple(lungs)
    sentences = []
    for about, labels in _doubtful(stated, regions).items():
        lung = about[0] if len(about) < len(regions) else ""
        sentences.append(Sentence(words.not_judged(labels, lung), about, ORIGIN, score=0.5))
    if labels := [label for label in CLEAR if label not in looked]:
        sentences.append(Sentence(words.not_assessed(labels), regions, ORIGIN))
    return sentences


def _doubtful(
    stated: Sequence[Stated], lungs: tuple[str, ...]
) -> Mapping[tuple[str, ...], Sequence[str]]:
    """What can be neither stated nor denied of a film, by the lungs in which that is so."""
    found: dict[tuple[str, ...], list[str]] = {}
    for label in CLEAR:
        of_label = [item for item in stated if item.label == label]
        sides = {item.side for item in of_label if item.open}
        sides -= {item.side for item in of_label if not item.is_absent}
        if sides:
            about = tuple(lung for lung in lungs if side_of(lung) in sides)
            found.setdefault(about or lungs, []).append(label)
    return found


def with_set(
    read: Sequence[Stated],
    set_findings: SetFindings,
    measured: Sequence[Sentence] = (),
) -> list[Stated]:
    """What was read, and what a reader has set in its place, with a note of what the film says.

    What a reader says is there takes the place of its absence and doubt on that side, what is not
    there that of everything read of it in the region; of a lung, and of what is told by its side,
    on that side.
    """
    kept = [item for item in read if not _overruled(item, set_findings)]
    said = [i.finding for i in read] + [f for sentence in measured for f in sentence.findings]
    return [
        *kept,
        *(item for name, labels in set_findings.items() for item in _set(name, labels, said)),
    ]


def _set(name: str, labels: Mapping[Label, Presence], said: Sequence[Finding]) -> Iterable[Stated]:
    for label, presence in labels.items():
        own = [f for f in said if f.label == label and side_of(f.region) in (side_of(name), "")]
        film = f"read from the film: {own[0].presence} ({own[0].score:.2f})" if own else ""
        note = f"set by the reader; {film or 'not assessed in the film'}"
        yield Stated(Finding(label, presence, name), SET, (note,))


def _overruled(item: Stated, set_findings: SetFindings) -> bool:
    """Whether a reader has set another thing than was read."""
    return any(
        _goes_with(item, name) and _against(item, name, label, presence)
        for name, labels in set_findings.items()
        for label, presence in labels.items()
    )


def _goes_with(item: Stated, name: str) -> bool:
    """Whether what is said of a region may bear on what was read."""
    return item.finding.region == name or item.side == side_of(name)


def _against(item: Stated, name: str, label: str, presence: Presence) -> bool:
    """Whether what was read cannot stand beside what is set of a region on its side."""
    region, atlas = item.finding.region, chest_atlas()
    if item.label in _PARTS.get(label, ()) and presence == "absent":
        return region == name and not item.is_absent
    if item.label != label:
        wide, narrow = (item.label, label) if presence != "absent" else (label, item.label)
        denied = item.is_absent if presence != "absent" else not item.is_absent
        return denied and narrow in IMPLIED.get(wide, ())
    within = region == name or (region in atlas and name in atlas.ancestors(region))
    of_side = presence == "absent" and _is_of_side(label, name)
    return within or of_side or item.is_absent


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))

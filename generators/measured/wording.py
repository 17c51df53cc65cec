"""How measurements are put in words: lengths, percentages, and a sentence before its regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from grounded.atlas import PairedSide
from grounded.chest.measures import ReferenceRange, Verdict, thoracic_diameter
from grounded.chest.names import HEART
from grounded.chest.outline import Chest, NotMeasurable
from grounded.evidence import Measurement
from grounded.findings import Finding, Label, ScoreKind
from grounded.geometry import Box
from grounded.image import ImageInfo
from grounded.language.agreement import join
from grounded.protocols import Question
from grounded.view import Projection, projection

Style = Literal["short", "long"]
"""How a measurement is worded: in a radiologist's words, with one number at most, or with all."""

_CHILD_MM = 60.0  # a newborn's; less comes of a film that was made smaller
_WIDTHS_MM = (180.0, 450.0)  # chests of the JSRT films: 250 to 340 mm
_NOTES = {"patient": "", "detector": " at the detector", "unknown": " by the file's pixel spacing"}


@dataclass(frozen=True, slots=True)
class Lengths:
    """Puts lengths of one film in words.

    A spacing that holds at the detector gives lengths that are magnified, and one that the file
    does not explain may be: the words say so. doubt: why the spacing of the file is not used, "" if
    it is.
    """

    info: ImageInfo
    doubt: str = ""

    @classmethod
    def of(cls, info: ImageInfo, chest: Chest) -> Lengths:
        """Without lengths where they would make the chest as wide as no adult's.

        Films that were made smaller keep the spacing of the original in their header, often.
        """
        lengths = cls(info)
        try:
            pixels = thoracic_diameter(chest)
        except NotMeasurable:
            return lengths
        low, high = _WIDTHS_MM
        if info.spacing_mm is None or low <= pixels * info.spacing_mm[1] <= high:
            return lengths
        doubt = (
            f"no lengths are given, as by the file's pixel spacing the chest would be "
            f"{lengths.across(pixels)} wide"
        )
        return cls(replace(info, spacing_mm=None), doubt)

    @property
    def known(self) -> bool:
        """Whether the film has a spacing."""
        return self.info.spacing_mm is not None

    @property
    def note(self) -> str:
        """What is to be said behind a length: "", or where the spacing holds."""
        return _NOTES[self.info.spacing_kind] if self.known else ""

    def across(self, pixels: float) -> str:
        """A horizontal length, "" without a spacing."""
        return self._words(pixels, axis=1)

    def down(self, pixels: float) -> str:
        """A vertical length, "" without a spacing."""
        return self._words(pixels, axis=0)

    def size(self, box: Box) -> str:
        """How large a box is: in centimetres, or else as parts of the film."""
        if self.known:
            return f"{self.across(box.width)} x {self.down(box.height)}{self.note}"
        width, height = box.width / self.info.width, box.height / self.info.height
        return f"{width:.0%} of the film's width and {height:.0%} of its height".replace("%", " %")

    def _words(self, pixels: float, axis: int) -> str:
        spacing_mm = self.info.spacing_mm
        return "" if spacing_mm is None else f"{pixels * spacing_mm[axis] / 10:.1f} cm"


class Hidden(NotMeasurable):
    """What was read of the film may hide what would be measured.

    by: what hides it, "the left pleural effusion". whose: of what the borders are, "the heart".
    """

    def __init__(self, by: str, whose: str) -> None:
        super().__init__(self.of(by, [whose]))
        self.by, self.whose = by, whose

    @staticmethod
    def of(by: str, whose: Sequence[str]) -> str:
        """The reason, for the borders of several things at once."""
        return f"{by} may hide the borders of {join(list(dict.fromkeys(whose)))}"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a film beside its outlines, by whoever reads it.

    view: as the film appears, where nobody says it. hidden: what hides the border of the heart or
    of the upper mediastinum, by region ("the left pleural effusion"). opaque: what may hide the
    bases of the lungs. heart: how far the film itself speaks for an enlarged heart, as log-odds;
    None if nobody has read it.
    """

    view: Projection = Projection.UNKNOWN
    hidden: Mapping[str, str] = field(default_factory=dict)
    opaque: str = ""
    heart: float | None = None


NOTHING = Known()


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The film that sentences are made about.

    appears: the view is a guess from the film itself. child: limits for adults do not hold.
    sides_in_doubt: the film is mirrored, or the heart lies on the right.
    """

    chest: Chest
    names: tuple[str, ...]
    lengths: Lengths
    view: Projection
    appears: bool
    known: Known
    child: bool = False
    sides_in_doubt: bool = False

    @classmethod
    def of(cls, question: Question, known: Known = NOTHING) -> Subject:
        info = question.image.info
        chest = Chest.of(question.found, info)
        stated = projection(info.view)
        appears = stated == Projection.UNKNOWN and known.view != Projection.UNKNOWN
        view = known.view if appears else stated
        lengths = Lengths.of(info, chest)
        child = info.child or _is_small(info, chest)
        names = question.found.names
        return cls(chest, names, lengths, view, appears, known, child, info.sides_in_doubt)

    def seen(self, *borders: str) -> None:
        """Raises Hidden if something hides one of the borders, by region."""
        for border in borders:
            if what := self.known.hidden.get(border):
                raise Hidden(what, _WHOSE[border])


def _is_small(info: ImageInfo, chest: Chest) -> bool:
    """Whether the chest is as narrow as a child's, by the spacing of the film."""
    try:
        width_mm = thoracic_diameter(chest) * (info.spacing_mm or (0.0, 0.0))[1]
    except NotMeasurable:
        return False
    return _CHILD_MM <= width_mm < _WIDTHS_MM[0]


_WHOSE = {HEART: "the heart", "upper mediastinum": "the upper mediastinum"}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence before its regions are known; a finding names the region that suits it best.

    text: with all numbers. short: in a radiologist's words. notes: what a reader should know of it.
    score_kind: of its findings' scores too.
    """

    text: str
    short: str
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    score: float
    impression: str = ""
    notes: tuple[str, ...] = ()
    score_kind: ScoreKind = ScoreKind.DISTANCE


def said(
    text: str,
    short: str,
    measurements: tuple[Measurement, ...],
    label: Label,
    verdict: Verdict,
    impression: str,
    sides: tuple[PairedSide, ...] = ("",),
) -> Said:
    """The finding is said of each of the sides that the text speaks of."""
    findings = tuple(
        Finding(label, verdict.presence, _SIDED[label].format(side=side), verdict.score)
        for side in sides
    )
    closed = f"{impression}." if impression else ""
    return Said(text, f"{short}.", measurements, findings, verdict.score, closed)


_SIDED = {
    "Elevated Hemidiaphragm": "{side} hemidiaphragm",
    "Lung Volume Asymmetry": "{side} lung",
    "Mediastinal Shift": "mediastinum",
    "Enlarged Cardiomediastinum": "upper mediastinum",
}


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def usual(reference: ReferenceRange) -> str:
    low, high = reference.normal
    if low == 0:
        return f"usual up to {100 * high:.0f} %"
    return f"usual {100 * low:.0f} to {100 * high:.0f} %".replace("-0 ", "0 ")

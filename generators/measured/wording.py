"""How measurements are put in words: lengths, percentages, and a sentence before its regions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grounded.chest.measures import Reference, Verdict, thoracic_diameter
from grounded.chest.outline import Chest, NotMeasurable
from grounded.evidence import Measurement
from grounded.findings import Finding
from grounded.geometry import Box
from grounded.image import ImageInfo
from grounded.protocols import Question
from grounded.view import Projection, projection

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


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The film that sentences are made about."""

    chest: Chest
    names: tuple[str, ...]
    lengths: Lengths
    view: Projection

    @classmethod
    def of(cls, question: Question) -> Subject:
        info = question.image.info
        chest = Chest.of(question.found, info)
        names = question.found.names
        return cls(chest, names, Lengths.of(info, chest), projection(info.view))


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence before its regions are known; a finding names the region that suits it best."""

    text: str
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    score: float
    impression: str = ""


def said(
    text: str,
    measurements: tuple[Measurement, ...],
    label: str,
    verdict: Verdict,
    impression: str,
    sides: tuple[str, ...] = ("",),
) -> Said:
    """The finding is said of each of the sides that the text speaks of."""
    findings = tuple(
        Finding(label, verdict.presence, _SIDED[label].format(side=side), verdict.score)
        for side in sides
    )
    closed = f"{impression}." if impression else ""
    return Said(text, measurements, findings, verdict.score, closed)


_SIDED = {
    "Elevated Hemidiaphragm": "{side} hemidiaphragm",
    "Lung Volume Asymmetry": "{side} lung",
    "Mediastinal Shift": "mediastinum",
    "Enlarged Cardiomediastinum": "upper mediastinum",
}


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def usual(reference: Reference) -> str:
    low, high = reference.normal
    if low == 0:
        return f"usual up to {100 * high:.0f} %"
    return f"usual {100 * low:.0f} to {100 * high:.0f} %".replace("-0 ", "0 ")

"""One film with all that a data set knows of it: what every training and every figure starts from.

Each data set has an adapter that makes these values; what is missing in a data set stays empty.
Boxes, polygons and masks lie in the image frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.errors import DataError
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.image import Image

Outline: TypeAlias = Path | NDArray[np.float64]
"""A mask file of the film's size, or a polygon (N, 2) in the image frame."""
Split = Literal["", "train", "calibration", "held"]
"""What a film is for; "" where the data set leaves it open."""
COLLECTION = "collection"
"""The reader of a film of which nobody said anything: it is taken to be as its collection is."""
_NAMED = 10  # missing files that a message names; the others are counted


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Where an object is that a reader found: a box, a polygon, or a mask file."""

    label: str
    shape: Box | Outline


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """A sentence of a report with the places that a reader drew for it; none if it has no place."""

    text: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FilmReading:
    """What one reader says of a film.

    findings: presence by label in the whole film; absent there is absent in every region.
    regions: presence by (region, label). A label that is in neither is unknown. located: the labels
    of which `marks` shows all objects.
    """

    reader: str
    findings: Mapping[str, Presence] = field(default_factory=dict)
    regions: Mapping[tuple[str, str], Presence] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    located: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One film with what is known of it.

    source, patient: together they name a person; films of one person are never held apart. view:
    DICOM's (PA, AP, LL), "" where unknown. outlines: by organ. boxes: by region, of organs as well.
    readings: the most trusted reader first. sentences: what a report says, by region. phrases: its
    sentences with the boxes that were drawn for them. absent: no frontal chest is in this film (a
    lateral film, another body part). cardiothoracic_ratio: as measured by readers. about: what else
    figures are grouped by, such as age and sex.
    """

    name: str
    source: str
    patient: str
    path: Path
    view: str = ""
    split: Split = ""
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)
    readings: tuple[FilmReading, ...] = ()
    sentences: Mapping[str, str] = field(default_factory=dict)
    report: str = ""
    cardiothoracic_ratio: float | None = None
    absent: bool = False
    about: Mapping[str, str | float] = field(default_factory=dict)
    phrases: tuple[Phrase, ...] = ()

    def image(self) -> Image:
        """The film, by the reader that reports use. The data set says what it is, so it is read
        whatever its header says. Raises ImageError for a file that cannot be read."""
        return Image.open(self.path, force=True)

    def mask(self, organ: str) -> NDArray[np.bool_]:
        """The organ's outline, filled, (H, W). Raises DataError without an outline."""
        if organ not in self.outlines:
            raise DataError(
                f"{self.name} has no outline of {organ!r}; it has: {list(self.outlines)}"
            )
        outline = self.outlines[organ]
        return read_mask(outline) if isinstance(outline, Path) else filled(outline, self._shape)

    def reference_boxes(self) -> dict[str, Box]:
        """The annotated boxes, and the extents of the outlines."""
        boxes = dict(self.boxes)
        for organ, outline in self.outlines.items():
            if not isinstance(outline, Path):
                boxes[organ] = Box(*outline.min(axis=0), *outline.max(axis=0))
                continue
            mask = self.mask(organ)
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            if columns.size:
                boxes[organ] = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return boxes

    @property
    def findings(self) -> dict[str, Presence]:
        """By label, for the whole film; of several readers the first that says something."""
        return {k: v for reading in reversed(self.readings) for k, v in reading.findings.items()}

    @property
    def regional(self) -> dict[tuple[str, str], Presence]:
        """By region and label; of several readers the first that says something."""
        return {k: v for reading in reversed(self.readings) for k, v in reading.regions.items()}

    @property
    def described(self) -> bool:
        """Whether somebody said what is to be seen in it."""
        return any(reading.reader != COLLECTION for reading in self.readings)

    def reading(self, reader: str) -> FilmReading:
        """What one reader says; nothing for one who did not read the film."""
        found = (reading for reading in self.readings if reading.reader == reader)
        return next(found, FilmReading(reader))

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that belong to the film, itself first."""
        marks = (mark.shape for reading in self.readings for mark in reading.marks)
        shapes = [*self.outlines.values(), *marks]
        return (self.path, *(shape for shape in shapes if isinstance(shape, Path)))

    @property
    def _shape(self) -> tuple[int, int]:
        return self.image().shape


def checked(examples: Sequence[Example]) -> list[Example]:
    """The examples, when all their files exist. Raises DataError that lists those that are missing.

    It is called before anything is trained, so that a run does not end at its last film.
    """
    files = dict.fromkeys(path for example in examples for path in example.files)
    if missing := [path for path in files if not path.is_file()]:
        more = len(missing) - _NAMED
        raise DataError(
            f"{len(missing)} of {len(files)} files are missing; is the data set complete? "
            + ", ".join(map(str, missing[:_NAMED]))
            + (f" and {more} more" if more > 0 else "")
        )
    return list(examples)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A mask file (H, W): what is not black is inside. Raises DataError for an unreadable one."""
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if pixels is None:
        raise DataError(f"{path} cannot be read as a mask: expected a PNG of the film's size")
    return np.asarray(pixels > 0)


def filled(polygon: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.bool_]:
    """The polygon (N, 2), filled to (H, W): the pixels that it covers by half."""
    fine = 4  # fillPoly paints the border's pixels too, so paint finer and count
    height, width = shape
    canvas = np.zeros((height * fine, width * fine), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.round(polygon * fine - 0.5).astype(np.int32)], 255)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) >= 128)


def split_by_patient(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """(train, held out): of each source, `fraction` of the patients is held out.

    The same examples, fraction and seed give the same split, whatever the order of the examples.
    """
    if not 0 <= fraction < 1:
        raise DataError(f"the held-out fraction lies in 0..1, got {fraction}")
    held: set[tuple[str, str]] = set()
    for source in sorted({example.source for example in examples}):
        patients = sorted({e.patient for e in examples if e.source == source})
        order = np.random.default_rng(seed).permutation(len(patients))
        held |= {(source, patients[i]) for i in order[: round(fraction * len(patients))]}
    train = [e for e in examples if (e.source, e.patient) not in held]
    return train, [e for e in examples if (e.source, e.patient) in held]

"""Films to learn and to measure the gate with: frontal films, and pictures of something else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grounded.data.annotations import read_annotations
from grounded.errors import DataError

_HELD_OUT, _CHOOSE = 0.15, 0.5
_PICTURES = (".png", ".jpg", ".tif")


@dataclass(frozen=True, slots=True)
class GateFilm:
    """A picture. frontal: whether it is a frontal chest film as it should lie. patient: or place
    that it comes from; pictures of one patient are never split.
    """

    path: Path
    source: str
    patient: str
    frontal: bool

    @property
    def held_out(self) -> bool:
        """Whether it is not trained on; follows from source and patient alone."""
        return self._draw(0) < _HELD_OUT

    @property
    def chooses(self) -> bool:
        """Whether thresholds are chosen on this held-out film; the other ones give the figures."""
        return self._draw(4) < _CHOOSE

    def _draw(self, start: int) -> float:
        """A number in 0..1 that follows from source and patient."""
        digest = hashlib.sha256(f"{self.source} {self.patient}".encode()).digest()
        return int.from_bytes(digest[start : start + 4], "big") / 2**32


def gate_films(data: Path, pictures: Path | None = None) -> list[GateFilm]:
    """All films of the data sets in a folder: nih, hannover, covid_films, chest_anatomy, dicom.

    pictures: a folder of photographs and drawings. Raises DataError when there is no frontal film.
    """
    found = [film for name, read in _SETS.items() for film in _of(data / name, read)]
    if pictures is not None:
        found += [
            GateFilm(path, "pictures", path.stem, False)
            for path in sorted(pictures.iterdir())
            if path.suffix in _PICTURES
        ]
    if not any(film.frontal for film in found):
        raise DataError(f"no frontal films in {data}; expected one of {', '.join(_SETS)}")
    return found


def _of(folder: Path, read: Callable[[Path], Iterator[GateFilm]]) -> list[GateFilm]:
    return list(read(folder)) if folder.is_dir() else []


def _nih(folder: Path) -> Iterator[GateFilm]:
    for row in read_annotations(folder, ("file", "patient")):
        if not row.get("odd"):
            yield GateFilm(folder / row["file"], "nih", str(row["patient"]), True)


def _hannover(folder: Path) -> Iterator[GateFilm]:
    for row in read_annotations(folder, ("file", "patient")):
        yield GateFilm(folder / row["file"], "hannover", str(row["patient"]), True)


def _covid(folder: Path) -> Iterator[GateFilm]:
    for row in read_annotations(folder, ("file", "patient", "view")):
        path = folder / "images" / row["file"]
        yield GateFilm(path, "covid", str(row["patient"]), row["view"] != "L")


def _anatomy(folder: Path) -> Iterator[GateFilm]:
    for row in read_annotations(folder, ("id", "source")):
        yield GateFilm(_picture(folder, row), row["source"], row["id"], True)


def _picture(folder: Path, row: dict[str, Any]) -> Path:
    return folder / "images" / f"{row['id']}.png"


def _dicom(folder: Path) -> Iterator[GateFilm]:
    """Limbs and hips, and the odd objects of test files (CT, MR, ultrasound)."""
    for name in ("not_chest", "awkward"):
        for path in sorted((folder / name).glob("*.dcm")):
            yield GateFilm(path, name, path.stem, False)


_SETS: dict[str, Callable[[Path], Iterator[GateFilm]]] = {
    "nih": _nih,
    "hannover": _hannover,
    "covid_films": _covid,
    "chest_anatomy": _anatomy,
    "dicom": _dicom,
}

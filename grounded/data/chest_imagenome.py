"""Builds the training table from a user's own copies of Chest ImaGenome and MIMIC-CXR.

Chest ImaGenome (Wu et al., PhysioNet, version 1.0.0; 242,072 scene graphs): in `silver_dataset/`,
`scene_graph/<image>_SceneGraph.json` or `scene_graph.zip`, and `splits/{train,valid,test}.csv`.
MIMIC-CXR-JPG: `files/p10/p10000032/s50414267/<image>.jpg`. MIMIC-CXR's reports, for the reference
reports of validation and test: `files/p10/p10000032/s50414267.txt`. Both are credentialed: nothing
is downloaded here.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import REGIONS
from grounded.data.annotations import read_csv, size_of
from grounded.data.example import Example
from grounded.data.region_table import abnormal_regions, region_example, write_table
from grounded.errors import DataError

SPLITS = ("train", "valid", "test")
PUBLISHED_ROWS = {"train": 166_521, "valid": 23_953, "test": 47_393}
"""Films in the split files of version 1.0.0."""
ABNORMAL = "nlp|yes|abnormal"
_SUFFIX = "_SceneGraph.json"
_ORDER = {name: place for place, name in enumerate(REGIONS)}
_SIDES = ("original_x1", "original_y1", "original_x2", "original_y2")


class Track(Protocol):
    """Shows progress while it passes the items on; `rich.progress.track` fits."""

    def __call__(
        self, sequence: Iterable[Any], description: str = ..., total: float | None = ...
    ) -> Iterable[Any]: ...


def untracked(
    sequence: Iterable[Any], description: str = "", total: float | None = None
) -> Iterable[Any]:
    """No progress."""
    return sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """A film that is not in the table, or not whole, and why."""

    split: str
    image: str
    reason: str


@dataclass(frozen=True, slots=True)
class SplitCount:
    """listed: films in the split's CSV. avoided: of these, in images_to_avoid.csv. written: rows.

    boxes, phrases, abnormal: how many regions have one. reports: rows with a reference report.
    limited: only the first films of the split were asked for.
    """

    listed: int
    avoided: int
    written: int
    boxes: int
    phrases: int
    abnormal: int
    reports: int
    limited: bool = False

    @property
    def expected(self) -> int:
        return self.listed - self.avoided


@dataclass(frozen=True, slots=True)
class Built:
    """What was built: a table and its counts by split, and all that went wrong."""

    tables: Mapping[str, Path]
    counts: Mapping[str, SplitCount]
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether every film that the splits list, and that is not to be avoided, has its row."""
        return all(count.written == count.expected for count in self.counts.values())

    @property
    def text(self) -> str:
        """The counts against what was expected, and the problems by kind, for people."""
        keys = ("listed", "avoided", "expected", "written", *_TALLIES)
        lines = ["".join([f"{'split':8s}", *(f"{key:>11s}" for key in keys)])]
        for split, count in self.counts.items():
            cells = (f"{getattr(count, key):11d}" for key in keys)
            lines.append("".join([f"{split:8s}", *cells]))
        lines += [f"{number} x {reason}" for reason, number in self.reasons.most_common()]
        lines += self.differences
        whole = "every listed film has its row" if self.complete else "films are missing"
        return "\n".join([*lines, f"{whole}; {len(self.problems)} problems"]) + "\n"

    @property
    def differences(self) -> tuple[str, ...]:
        """Where a split file does not list as many films as version 1.0.0's, in words."""
        return tuple(
            f"{split}.csv lists {count.listed} films, version 1.0.0 of Chest ImaGenome "
            f"{PUBLISHED_ROWS[split]}: a part of it, another version, or cut off?"
            for split, count in self.counts.items()
            if not count.limited and count.listed != PUBLISHED_ROWS.get(split, count.listed)
        )

    @property
    def reasons(self) -> Counter[str]:
        """How often each kind of problem occurred."""
        return Counter(re.sub(r"'[^']*'|\S*/\S*", "…", p.reason) for p in self.problems)


def build_tables(
    imagenome: Path,
    mimic: Path,
    output: Path,
    *,
    reports: Path | None = None,
    splits: Sequence[str] = SPLITS,
    limit: int | None = None,
    whole: bool = False,
    track: Track = untracked,
) -> Built:
    """Write `output/<split>.csv` for each split and `output/problems.csv`.

    imagenome: the data set's folder or its silver_dataset. mimic: the folder that holds MIMIC-CXR-
    JPG's `files`. reports: the folder that holds the reports' `files`; needed for valid and test.
    limit: the first films of each split only. whole: leave out films that lack one of the 29 boxes.
    Raises DataError when a folder or a split is missing, or when a table would be empty.
    """
    source = _Source.open(imagenome, mimic, reports, splits)
    output.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Path] = {}
    counts: dict[str, SplitCount] = {}
    problems: list[Problem] = []
    for split in splits:
        listed = source.listed(split)[:limit]
        kept = [film for film in listed if film.image not in source.avoid]
        tally: Counter[str] = Counter()
        rows = _rows(source, split, kept, whole, problems, tally, track)
        tables[split] = output / f"{split}.csv"
        written = write_table(tables[split], rows, reports=split != "train")
        counts[split] = SplitCount(
            len(listed),
            len(listed) - len(kept),
            written,
            **{key: tally[key] for key in _TALLIES},
            limited=limit is not None,
        )
        if not written:
            tables[split].unlink()
            _write_problems(output / "problems.csv", problems)
            raise DataError(_empty(split, len(kept), problems))
    _write_problems(output / "problems.csv", problems)
    return Built(tables, counts, tuple(problems))


def findings_section(report: str) -> str:
    """The text under FINDINGS of a MIMIC-CXR report, in one line; "" without one."""
    heading = r"^[ \t]*FINDINGS?(?: AND IMPRESSION)?[ \t]*:"
    next_heading = r"^[ \t]*[A-Z][A-Z ,/&()-]{3,}:"
    found = re.search(rf"{heading}(.*?)(?={next_heading}|\Z)", report, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


_TALLIES = ("boxes", "phrases", "abnormal", "reports")


@dataclass(frozen=True, slots=True)
class _Film:
    subject: str
    study: str
    image: str

    @property
    def folder(self) -> str:
        return f"files/p{self.subject[:2]}/p{self.subject}/s{self.study}"


@dataclass(frozen=True, slots=True)
class _Source:
    splits: Path
    graph: Callable[[str], Any]
    mimic: Path
    reports: Path | None
    avoid: frozenset[str]

    @classmethod
    def open(
        cls, imagenome: Path, mimic: Path, reports: Path | None, splits: Sequence[str]
    ) -> _Source:
        silver = imagenome / "silver_dataset"
        silver = silver if silver.is_dir() else imagenome
        if not (silver / "splits").is_dir():
            raise DataError(
                f"no splits/ in {silver}; expected Chest ImaGenome's own folder, with "
                f"silver_dataset/splits and silver_dataset/scene_graph"
            )
        for root, what in ((mimic, "MIMIC-CXR-JPG"), (reports, "the MIMIC-CXR reports")):
            if root is not None and not (root / "files").is_dir():
                raise DataError(f"no files/ in {root}; expected the folder of {what}")
        if reports is None and set(splits) - {"train"}:
            raise DataError(
                "validation and test need reference reports: give the folder of MIMIC-CXR's "
                "reports (files/p10/p10000032/s50414267.txt), or build the train split only"
            )
        avoid = silver / "splits" / "images_to_avoid.csv"
        listed = read_csv(avoid, ("dicom_id",)) if avoid.exists() else []
        images = {row["dicom_id"] for row in listed}
        return cls(silver / "splits", _graphs(silver), mimic, reports, frozenset(images))

    def listed(self, split: str) -> list[_Film]:
        keys = ("subject_id", "study_id", "dicom_id")
        rows = read_csv(self.splits / f"{split}.csv", keys)
        return [_Film(*(row[key] for key in keys)) for row in rows]


def _graphs(silver: Path) -> Callable[[str], Any]:
    """A function from an image's name to its scene graph, out of the folder or the zip."""
    folder, archive = silver / "scene_graph", silver / "scene_graph.zip"
    if folder.is_dir():

        def from_folder(image: str) -> Any:
            return json.loads((folder / f"{image}{_SUFFIX}").read_text(encoding="utf-8"))

        return from_folder
    if not archive.is_file():
        raise DataError(f"neither scene_graph/ nor scene_graph.zip in {silver}")
    try:
        opened = zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive} is broken ({error}); download it again") from error
    members = {name.rsplit("/", 1)[-1]: name for name in opened.namelist()}

    def from_zip(image: str) -> Any:
        name = f"{image}{_SUFFIX}"
        if name not in members:
            raise FileNotFoundError(name)
        return json.loads(opened.read(members[name]))

    return from_zip


def _rows(
    source: _Source,
    split: str,
    films: Sequence[_Film],
    whole: bool,
    problems: list[Problem],
    tally: Counter[str],
    track: Track,
) -> Iterator[Example]:
    for film in track(films, description=f"{split}: scene graphs", total=len(films)):
        notes: list[str] = []
        try:
            row = _row(source, film, split != "train", notes)
            if whole and (lacking := len(REGIONS) - len(row.boxes)):
                raise DataError(f"{lacking} of {len(REGIONS)} boxes are missing")
        except DataError as error:
            problems.append(Problem(split, film.image, f"left out: {error}"))
            continue
        problems.extend(Problem(split, film.image, note) for note in notes)
        tally["boxes"] += len(row.boxes)
        tally["phrases"] += len(row.sentences)
        tally["abnormal"] += len(abnormal_regions(row))
        tally["reports"] += bool(row.report)
        yield row


def _row(source: _Source, film: _Film, with_report: bool, notes: list[str]) -> Example:
    path = source.mimic / film.folder / f"{film.image}.jpg"
    width, height = size_of(path)
    try:
        graph = source.graph(film.image)
        boxes = _boxes(graph["objects"], width, height, notes)
        phrases, abnormal = _attributes(graph["attributes"])
    except FileNotFoundError as error:
        raise DataError("no scene graph of this film") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"a scene graph that cannot be read: {error!r}") from error
    return region_example(
        subject=film.subject,
        study=film.study,
        image=film.image,
        path=path.absolute(),
        corners=boxes,
        phrases=phrases,
        abnormal=abnormal,
        report=_reference(source.reports, film, notes) if with_report else "",
    )


def _boxes(
    objects: Sequence[Mapping[str, Any]], width: int, height: int, notes: list[str]
) -> NDArray[np.float32]:
    """(29, 4) in the film's own pixels, clipped to the film; NaN without a usable box."""
    boxes = np.full((len(REGIONS), 4), np.nan, dtype=np.float32)
    for item in objects:
        place = _ORDER.get(item["bbox_name"])
        if place is None:
            continue  # scene graphs also hold a few regions beside the 29
        corners = np.array([float(item[side]) for side in _SIDES])
        corners = corners.clip(0, (width, height, width, height))
        if (corners[:2] < corners[2:]).all():
            boxes[place] = corners
        else:
            notes.append(f"the box of {item['bbox_name']!r} lies outside the film or is empty")
    return boxes


def _attributes(
    attributes: Sequence[Mapping[str, Any]],
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    phrases = [""] * len(REGIONS)
    abnormal = np.zeros(len(REGIONS), dtype=np.bool_)
    for item in attributes:
        place = _ORDER.get(item["bbox_name"])
        if place is not None:
            phrases[place] = _joined(item["phrases"])
            abnormal[place] = any(ABNORMAL in said for said in item["attributes"])
    return tuple(phrases), abnormal


def _joined(phrases: Sequence[str]) -> str:
    """A region's phrases as one text: no list numbers, no repeats, single spaces."""
    tidy: dict[str, None] = {}
    for phrase in phrases:
        text = re.sub(r"^\s*\d+[.)]\s+", "", " ".join(phrase.split()))
        if text:
            tidy[text[0].upper() + text[1:]] = None
    return " ".join(tidy)


def _reference(reports: Path | None, film: _Film, notes: list[str]) -> str:
    if reports is None:
        return ""
    path = reports / f"{film.folder}.txt"
    if not path.is_file():
        notes.append(f"the report {path} is missing")
        return ""
    text = findings_section(path.read_text(encoding="utf-8", errors="replace"))
    if not text:
        notes.append("the report has no findings section")
    return text


def _write_problems(path: Path, problems: Sequence[Problem]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "image_id", "reason"))
        writer.writerows((item.split, item.image, item.reason) for item in problems)


def _empty(split: str, expected: int, problems: Sequence[Problem]) -> str:
    reasons = Counter(problem.reason for problem in problems if problem.split == split)
    first = "; ".join(reason for reason, _ in reasons.most_common(3))
    return f"no film of the {expected} of {split!r} could be used, so no table was written: {first}"

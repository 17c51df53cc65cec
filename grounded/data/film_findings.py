"""What the notes of the real films say of each region: a table of facts, and its reader.

`benchmarks/covid_films.csv` has one row for a film, a region of the atlas `chest29` and a
label of `grounded.findings`: film, region, label, presence, source. It holds no text of the notes.

How it came about. One of the engineers viewed all 292 frontal films of `covid_films` and read
the case notes, which 208 of them have. `source` is "notes" where the notes say it, and "seen" where
only the film shows it. The rules:

- A statement counts for the film that it was written of. Where a series shares its notes and they
  leave open which film is meant, or speak of CT alone, there is no row. One series repeats four
  films of another patient, its captions moved by one film; the rows follow the films.
- Any opacity is "Lung Opacity". Lobes are read as zones: upper lobe, lingula and lower lobe are the
  upper, mid and lower zone; the right middle lobe may lie in the mid or the lower one. "Diffuse"
  is all six zones; "bilateral" or "peripheral" without a zone is the two lungs alone. Zones said to
  be spared are absent, and where only the apices are, the upper zones are uncertain. A lung is
  present with any of its zones and absent with all of them.
- A lung that the notes pass over is absent only where they describe one lobar or segmental
  consolidation, or a few within one lung, and nothing else. Elsewhere it has no row.
- A film called normal has no opacity, effusion or pneumothorax; heart size only where it is named.
- Support devices were looked for in the films too: an endotracheal tube or tracheostomy in
  `trachea`; any tube, line or pacing lead over `mediastinum` or the heart; pacemakers, drains and
  large catheters in the lungs, which are absent only in PA films with nothing foreign in them.
  Electrodes, their leads, clips and sternal wires are no devices; a film where they cross the
  mediastinum has no row "absent" for it.

These are readings of case notes, and for devices of films at reduced size, by engineers. They are
no radiologists' annotations of the films, and nobody read them a second time. What the notes leave
out is unknown, not absent. A patient's films are not independent of each other.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grounded.atlas import Atlas
from grounded.errors import DataError
from grounded.findings import VOCABULARY, Presence

COLUMNS = ("film", "region", "label", "presence", "source")
SOURCES = ("notes", "seen")

FilmFindings = dict[tuple[str, str], Presence]
"""What is known of one film: (region, label) -> presence. What is not in it is not known."""


def read_film_findings(path: str | os.PathLike[str]) -> dict[str, FilmFindings]:
    """By the name of the film (its file's, without suffix), what is known of its regions.

    path: a table with the columns film, region, label, presence, source. Raises DataError, with
    file and line, for a table that is missing or lacks a column, for a region, label, presence or
    source that does not exist, and for a row that repeats an earlier one.
    """
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the table of findings {name}: {error}") from error
    found: dict[str, FilmFindings] = {}
    lines: dict[tuple[str, str, str], int] = {}
    for line, row in _rows(text, name):
        film, region, label = key = (row["film"], row["region"], row["label"])
        if key in lines:
            raise DataError(
                f"{name}, line {line}: {label!r} of {region!r} in film {film!r} is on line "
                f"{lines[key]} already; keep one of the two"
            )
        lines[key] = line
        found.setdefault(film, {})[region, label] = Presence(row["presence"])
    return found


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str | Any, Any]]]:
    """(line, row) of each row, checked."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if lacking := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise DataError(
            f"{name} lacks the columns {', '.join(lacking)}; it has: "
            f"{', '.join(reader.fieldnames or ()) or 'none'}"
        )
    atlas = Atlas.open("chest29")
    for row in reader:
        if wrong := _wrong(row, atlas):
            raise DataError(f"{name}, line {reader.line_num}: {wrong}")
        yield reader.line_num, row


def _wrong(row: dict[str | Any, Any], atlas: Atlas) -> str:
    """What is wrong with a row, "" for nothing."""
    if None in row or None in row.values():
        return f"a row has the {len(COLUMNS)} cells {', '.join(COLUMNS)}, got another number"
    if not row["film"]:
        return "the film's name is empty"
    region = row["region"]
    if region not in atlas:
        return f"no region {region!r} in atlas {atlas.name!r}; it has: {', '.join(atlas.names)}"
    if region not in atlas.names:
        return f"write the region {region!r} by its name {atlas[region].name!r}"
    if row["label"] not in VOCABULARY:
        return f"no finding {row['label']!r}; the vocabulary has: {', '.join(VOCABULARY)}"
    if row["presence"] not in tuple(Presence):
        return f"presence is one of {', '.join(Presence)}; got {row['presence']!r}"
    if row["source"] not in SOURCES:
        return f"source is one of {SOURCES}, got {row['source']!r}"
    return ""

"""How well findings are read, on real films that were held out of training and calibration.

    python benchmarks/finding_accuracy.py --data DIR [--preset neural]

DIR holds `nih`, and `tb` and `chest_anatomy` if their rows are wanted. Each film is read from its
file as a report would read it. Figures stand apart by who says what there is (radiologists who
outlined objects, the RSNA challenge, Google's radiologists, labels mined from reports), and by the
films' resolution. Intervals hold 95 %: those of areas draw patients again, those of parts are
Wilson's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from own.films import read_options, was_found_empty
from own.read_films import (
    FilmFigures,
    ReadFilm,
    film_figures,
    held_objects,
    pointing,
    rate,
    read_films,
    region_areas,
)
from rich.console import Console
from rich.table import Table

import grounded
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example
from grounded.data.nih import nih_films, part_of
from grounded.data.tb import tuberculosis_films
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.groups import age_group
from grounded.evaluate.intervals import Rate
from grounded.findings import UNSPECIFIED
from grounded.generators.neural.finding_net import FILM
from grounded.generators.neural.finding_reader import FindingReader
from grounded.generators.neural.generator import Neural
from grounded.geometry import Box
from grounded.report import GroundedReport

RADIOLOGISTS = ("radiologists",)
OPACITY = "Lung Opacity"


def by_film(console: Console, title: str, rows: Sequence[FilmFigures]) -> list[dict[str, Any]]:
    table = Table(
        *("finding", "by", "films", "with / without", "AUROC", "sensitivity", "specificity"),
        "calibration error",
        title=title,
    )
    for row in rows:
        table.add_row(
            *(row.label, row.reader, row.group, f"{row.present} / {row.absent}", str(row.area)),
            *(str(row.sensitivity), str(row.specificity), f"{row.error:.3f}"),
        )
    console.print(table)
    return [
        {
            "finding": row.label,
            "by": row.reader,
            "films": row.group,
            "present": row.present,
            "absent": row.absent,
            "area": row.area.to_dict(),
            "sensitivity": row.sensitivity.to_dict(),
            "specificity": row.specificity.to_dict(),
            "calibration_error": row.error,
        }
        for row in rows
    ]


def by_region(console: Console, films: Sequence[ReadFilm]) -> list[dict[str, Any]]:
    table = Table(
        *("finding", "kind of region", "with / without", "AUROC", "in films that have it"),
        title="by region, against outlines and boxes",
    )
    rows = region_areas(films)
    for label, kind, present, absent, area, within in rows:
        table.add_row(label, kind, f"{present} / {absent}", str(area), str(within))
    console.print(table)
    return [
        {"finding": r[0], "kind": r[1], "area": r[4].to_dict(), "within": r[5].to_dict()}
        for r in rows
    ]


def parts(console: Console, title: str, rates: dict[str, Rate]) -> dict[str, Any]:
    table = Table("", "part of", title=title)
    for name, value in rates.items():
        table.add_row(name, str(value))
    console.print(table)
    return {name: value.to_dict() for name, value in rates.items()}


def scope(console: Console, reader: FindingReader) -> None:
    table = Table("finding", "stated", "present from", "absent up to", "figure", title="scope")
    for label in reader.labels:
        known = reader.calibrations[label][FILM]
        limits = f"{known.present:.2f}", f"{known.absent:.2f}"
        table.add_row(label, "yes" if known.assessed else "silent", *limits, known.figure)
    console.print(table)


def said_of_empty(films: Sequence[ReadFilm]) -> dict[str, Rate]:
    """Films that radiologists found empty, by resolution: with any statement, with a firm one."""
    empty = [film for film in films if was_found_empty(film.film)]
    rates = {}
    for size in sorted({film.size for film in empty}):
        chosen = [film for film in empty if film.size == size]
        said = [{finding.presence for finding, _ in film.said} for film in chosen]
        rates[f"{size}, present or uncertain"] = rate(np.array([bool(s) for s in said]))
        rates[f"{size}, present"] = rate(np.array(["present" in s for s in said]))
    return rates


def grounded_objects(console: Console, films: Sequence[ReadFilm]) -> dict[str, Any]:
    held = held_objects(films)
    held["all together"] = _sum(held.values())
    stated = pointing(films, stated=True)
    stated["all together"] = _sum(stated.values())
    return {
        "region": parts(console, "of what is said and true: a region holds half of it", held),
        "peak": parts(console, "... the map's strongest place lies in an outline", stated),
        "peak of all": parts(
            console,
            "the map's strongest place lies in an outline, in all films that have the finding",
            pointing(films, stated=False),
        ),
    }


def _sum(rates: Iterable[Rate]) -> Rate:
    rates = list(rates)
    return Rate(sum(r.hits for r in rates), sum(r.count for r in rates))


def other_hospitals(reporter: grounded.Reporter, data: Path, every: int) -> dict[str, Rate]:
    """Tuberculosis called an opacity, and films without it, of those that were not trained on."""
    rates: dict[str, Rate] = {}
    if (data / "tb").is_dir():
        firm, any_, holds = [], [], []
        for film in _apart(tuberculosis_films(data / "tb"))[::every]:
            said = _there(reporter(film.path, force=True), OPACITY)
            lesions = [m.shape for r in film.readings for m in r.marks if isinstance(m.shape, Box)]
            boxes = [box for presence, box in said if presence == "present"]
            firm.append(bool(boxes))
            any_.append(bool(said))
            holds.append(any(b.overlap(t) >= 0.5 * t.area for b in boxes for t in lesions))
        rates["tuberculosis called an opacity"] = rate(np.array(firm))
        rates["... present or uncertain"] = rate(np.array(any_))
        rates["... and a region holds half of a box"] = rate(np.array(holds))
    if (data / "chest_anatomy").is_dir():
        clear = [f for f in _apart(chest_anatomy(data / "chest_anatomy")) if "JPCLN" not in f.name]
        reports = [reporter(film.path, force=True) for film in clear[::every]]
        said = [{presence for presence, _ in _there(report, OPACITY)} for report in reports]
        rates["films without disease called opaque"] = rate(
            np.array(["present" in s for s in said])
        )
        rates["... called so, or possibly"] = rate(np.array([bool(s) for s in said]))
        rates["... said to have an unspecified abnormality"] = rate(
            np.array([bool(_there(report, UNSPECIFIED)) for report in reports])
        )
    return rates


def _apart(films: Sequence[Example]) -> list[Example]:
    return [film for film in films if part_of(film.patient) != "train"]


def _there(report: GroundedReport, label: str) -> list[tuple[str, Box]]:
    """Each place of which a report says that a finding is there or may be."""
    return [
        (finding.presence, report.regions[finding.region].box)
        for sentence in report.section("findings")
        for finding in sentence.findings
        if finding.label == label and finding.presence != "absent"
    ]


def view(console: Console, films: Sequence[ReadFilm]) -> dict[str, Any]:
    found = {}
    for size in sorted({film.size for film in films}):
        chosen = [film for film in films if film.size == size]
        truth = [film.film.view == "AP" for film in chosen]
        area = area_under_roc([f.ap for f in chosen], truth, [f.film.patient for f in chosen])
        console.print(f"view AP or PA, {size}: AUROC {area}, {sum(truth)} of {len(truth)} AP")
        found[size] = area.to_dict()
    return found


def main() -> None:
    options = read_options(__doc__, "write the figures as JSON", 170)
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    reporter = grounded.load(options.preset)
    if not isinstance(reporter.generator, Neural):
        raise SystemExit(f"the preset {options.preset!r} does not read findings from films")
    reader, console = reporter.generator.reader, Console(width=options.width)
    chosen = [film for film in nih_films(options.data / "nih") if film.split == "held"]
    films = list(read_films(reporter, chosen[:: options.every]))
    console.print(f"grounded {grounded.__version__}; {len(films)} films held out")
    scope(console, reader)

    groups: dict[str, Callable[[ReadFilm], str | None]] = {
        "by view": lambda film: film.film.view,
        "by sex": lambda film: str(film.film.about["sex"]),
        "by age": lambda film: age_group(str(film.film.about["age"])),
    }
    of_128 = [film for film in films if film.size == "128 px"]
    figures: dict[str, Any] = {
        "films": by_film(
            console,
            "by film, at each resolution",
            film_figures(reader, films, lambda film: film.size),
        ),
        "regions": by_region(console, films),
        "view": view(console, films),
        **{
            name: by_film(
                console,
                f"{name}, films of 128 px, as radiologists read them",
                film_figures(reader, of_128, group, RADIOLOGISTS),
            )
            for name, group in groups.items()
        },
        "grounding": grounded_objects(console, films),
        "empty": parts(console, "films found empty, with a statement", said_of_empty(films)),
        "others": parts(
            console,
            "films of other hospitals",
            other_hospitals(reporter, options.data, options.every),
        ),
        "seconds": round(time.perf_counter() - start),
    }
    console.print(f"{figures['seconds']} s, {options.threads} threads")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

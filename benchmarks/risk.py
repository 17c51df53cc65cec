"""How often reports are wrong, how probable they say it is, and what a level leaves of them.

    python benchmarks/risk.py --data DIR [--preset neural] [--out risk.png]

DIR holds `nih`, and `chest_anatomy`, `covid_films`, `tb` and `hannover` if their rows are wanted.
The preset's confidence was fitted on all films of NIH that nothing was trained on. So that none is
judged by itself, they are judged here in two parts, each by what is fitted on the other part's
patients; the films of other hospitals are judged by the preset's own. Printed are reliability of
the probabilities, the part that is wrong of what is stated (present or possible) and of what is
denied at 5 to 40 %, with 95 % intervals (patients drawn again), and how much is withheld. `--out`
draws reliability and risk-coverage.
What is known of other hospitals' films: JSRT and Wingspan are clear but for nodules and hearts,
the COVID-era films are known by their notes, TBX11K by boxes of lesions, Hannover's by nothing.
What is measured is judged by the outlines that people drew on films of Wingspan and JSRT that no
detector was trained on; a row says whether its probability was fitted on these very films.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from own.films import read_options
from own.judged_films import (
    Rated,
    Realised,
    Reliability,
    Statement,
    of_sentences,
    realised,
    risk_coverage,
    statements,
    wrong_of,
)
from rich.console import Console
from rich.table import Table

import grounded
from grounded.compose.confidence import Confidence, Fitted, Sort, sort_of
from grounded.config import load_unrated
from grounded.data.annotations import read_annotations
from grounded.data.example import Example
from grounded.data.finding_films import finding_films
from grounded.data.nih import part_of
from grounded.data.tb import tuberculosis_films
from grounded.errors import GroundedError
from grounded.evaluate.calibration import BINS
from grounded.train.confidence import POPULATION, outlined_films, untrained_films
from grounded.train.confidence import fitted as of_statements
from grounded.train.judged import Judged, judge

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4)
NIH = "NIH, not trained on"
NOTES = Path(__file__).parent / "covid_films.csv"


def hospitals(data: Path) -> dict[str, list[Example]]:
    """Films of other sources of which people say something, that nothing was trained on."""
    found: dict[str, list[Example]] = {}
    if (data / "chest_anatomy").is_dir():
        films = finding_films(data, NOTES)
        covid = [film for film in films if film.source == "covid"]
        clear = [
            replace(film, outlines={})  # what is measured is judged apart, see `show_measured`
            for film in films
            if film.source != "covid" and part_of(film.name) != "train"
        ]
        found |= {"JSRT and Wingspan": clear, "COVID-era": covid}
    if (data / "tb").is_dir():
        films = tuberculosis_films(data / "tb")
        found["TBX11K (tuberculosis)"] = [film for film in films if film.split != "train"]
    if (data / "hannover").is_dir():
        found["Hannover (COVID, bedside)"] = list(_hannover(data / "hannover"))
    return found


def _hannover(folder: Path) -> Iterator[Example]:
    for row in read_annotations(folder, required=("file", "patient", "view")):
        path, view = folder / str(row["file"]), str(row["view"]).upper()
        yield Example(path.stem, "hannover", str(row["patient"]), path, view)


def read(reporter: grounded.Reporter, films: Sequence[Example], console: Console) -> list[Judged]:
    """What is said of films. Those that are refused as no frontal chest are left out, and named."""
    said: list[Judged] = []
    for film in films:
        try:
            said += judge(reporter(film.path, force=True), film)
        except GroundedError as error:
            console.print(f"left out: {film.name}: {error}")
    return said


def crossed(
    reporter: grounded.Reporter, films: Sequence[Example], fitted: Fitted, console: Console
) -> list[Rated]:
    """What is said of NIH's films in two parts, each rated by what the other shows."""
    parts = [
        read(reporter, [film for film in films if film.split == part], console)
        for part in ("calibration", "held")
    ]
    weights = fitted.weights_sha256
    shown = [of_statements({POPULATION: said}, weights, fitted.failing) for said in parts]
    return [Rated(parts[0], shown[1]), Rated(parts[1], shown[0])]


def show_levels(console: Console, found: dict[str, list[Statement]]) -> None:
    for denies, what in ((False, "stated (present or possible)"), (True, "denied")):
        table = Table("films", "no level", *(f"{100 * level:g} %" for level in LEVELS), title=what)
        for name, items in found.items():
            chosen = [item for item in items if item.denies == denies]
            table.add_row(name, _all_said(chosen), *_cells(chosen))
        console.print(table)
    title = f"{NIH}: wrong of what is left at a level, by finding"
    table = Table("finding", "", "no level", *(f"{100 * x:g} %" for x in LEVELS), title=title)
    items = found[NIH]
    for label, presence in sorted({(i.finding.label, str(i.finding.presence)) for i in items}):
        chosen = [i for i in items if (i.finding.label, i.finding.presence) == (label, presence)]
        table.add_row(label, presence, _all_said(chosen), *_cells(chosen))
    console.print(table)


def show_measured(console: Console, said: dict[str, list[Judged]], fitted: Fitted) -> None:
    """What is measured, by the outlines that people drew on the very films."""
    head = "films of", "finding", "", "said of", "wrong", "mean probability", "fitted on"
    table = Table(*head, title="what is measured, against people's outlines")
    for name, items in said.items():
        sorts: dict[Sort, list[Statement]] = {}
        for item in statements([Rated(items, fitted)]):
            sorts.setdefault(sort_of(item.finding), []).append(item)
        for sort, chosen in sorted(sorts.items()):
            films = fitted.sorts[sort].population if sort in fitted.sorts else "none"
            probable = [item.probability for item in chosen if np.isfinite(item.probability)]
            mean = f"{np.mean(probable):.3f}" if probable else "not measured"
            patients = len({item.patient for item in chosen})
            fitted_on = "these" if films == name else _source(films)
            row = _source(name), *sort[:2], str(patients), str(wrong_of(chosen)), mean, fitted_on
            table.add_row(*row)
    console.print(table)


def _source(films: str) -> str:
    return films.partition(",")[0]


def _cells(items: Sequence[Statement]) -> list[str]:
    return [_cell(realised(items, level)) for level in LEVELS]


def _cell(value: Realised) -> str:
    if not value.stated:
        return "all withheld"
    share = 100 * value.stated / value.said
    return f"{value.wrong}\n{value.stated} said ({share:.0f} %)"


def _all_said(items: Sequence[Statement]) -> str:
    return f"{wrong_of(items)}\n{len(items)} said"


def show_reliability(console: Console, found: dict[str, Reliability]) -> None:
    table = Table("sentences of", "number", "expected calibration error", title="probabilities")
    for name, item in found.items():
        table.add_row(name, str(item.total), f"{item.error:.3f}")
    console.print(table)
    table = Table("probability", "sentences", "mean", "right", title=f"{NIH}, by probability")
    first = found[NIH]
    for mean, often, count in first.bins:
        row = min(int(mean * BINS), BINS - 1)
        edges = f"{row / BINS:.1f} to {(row + 1) / BINS:.1f}"
        table.add_row(edges, str(count), f"{mean:.3f}", f"{often:.3f}")
    console.print(table)


def draw(path: Path, found: dict[str, list[Statement]], reliable: dict[str, Reliability]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(16, 5))
    left.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, item in reliable.items():
        kept = [(mean, often) for mean, often, count in item.bins if count > 4]
        label = f"{name} (error {item.error:.3f}, {item.total})"
        left.plot(*np.reshape(kept, (-1, 2)).T, marker="o", label=label)
    left.set(xlabel="probability that the sentence is right", ylabel="how often it was right")
    for axis, denies, what in ((middle, False, "stated"), (right, True, "denied")):
        for name, items in found.items():
            said, wrong = risk_coverage([item for item in items if item.denies == denies])
            if len(said) > 4:
                axis.plot(said, wrong, label=name)
        axis.set(xlabel=f"part of what would be {what}", ylabel="part of it that is wrong")
        axis.set(title=what, ylim=(0, 1))
    for axis in (left, middle, right):
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    options = read_options(__doc__, "draw the curves into this picture", 190)
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    console = Console(width=options.width)
    reporter, file = load_unrated(options.preset)
    fitted = Confidence(file).fitted
    console.print(f"grounded {grounded.__version__}; fitted on {fitted.population}")
    [nih] = [films for name, films in untrained_films(options.data).items() if name == POPULATION]
    rated = {NIH: crossed(reporter, nih[:: options.every], fitted, console)}
    for name, films in hospitals(options.data).items():
        rated[name] = [Rated(read(reporter, films[:: options.every], console), fitted)]
    found = {name: statements(parts) for name, parts in rated.items()}
    unknown = [name for name, items in found.items() if not items]
    reliable = {name: of_sentences(p) for name, p in rated.items() if name not in unknown}
    for view in ("AP", "PA"):
        reliable[f"{NIH}, {view}"] = of_sentences(rated[NIH], lambda item, v=view: item.view == v)
    show_reliability(console, reliable)
    show_levels(console, {n: items for n, items in found.items() if items})
    outlined = outlined_films(options.data)
    measured = {name: read(reporter, films, console) for name, films in outlined.items()}
    show_measured(console, measured, fitted)
    for name in unknown:
        console.print(f"{name}: nobody says what is in these films; {_left(rated[name])}")
    if options.out:
        draw(options.out, {n: i for n, i in found.items() if i}, reliable)
    console.print(f"{time.perf_counter() - start:.0f} s, {options.threads} threads")


def _left(parts: Sequence[Rated]) -> str:
    """What a level leaves of what is said, whether it is so or not."""
    items = [
        Statement(item.patient, item.view, finding, False, float("nan"), part.fitted)
        for part in parts
        for item in part.said
        for finding in item.findings
    ]
    left = [f"{100 * x:g} %: {realised(items, x).stated}" for x in LEVELS]
    return f"{len(items)} statements, of which a level leaves {', '.join(left)}"


if __name__ == "__main__":
    main()

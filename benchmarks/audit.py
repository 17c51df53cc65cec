"""What an audit is worth: controls told from the real generator, on lesions with outlines.

    python benchmarks/audit.py --data DIR [--films 60] [--after 0]  # the controls, films held out
    python benchmarks/audit.py --data DIR --limits --films 120      # where the verdicts' limits lie
    python benchmarks/audit.py --data DIR --curves --films 10       # deletion and insertion
    python benchmarks/audit.py --speed [FILM ...]                   # how much longer than a report

DIR holds `nih`, with radiologists' outlines. The controls are tried on patients held out, on films
of 128 px, or those that --pixels names (128 64); the method was made on films of the part that
calibrates, and its first version on the 704 px films of the part held out, which are left out here.
What is audited are sentences that the preset's report would hold: a finding that radiologists
outlined on one side and that is called present there. The outline itself is hidden, so that
supported means that the radiologists' lesion was what was hidden.

ignores the image       says the same of whatever film it is given
shuffled weights        its encoder and generator have their weights shuffled
wrong side              reads the left for the right: the sentences that it would write itself
wrong side, same words  the real sentences, read on the other side
another place           the real generator, but an equal place on the same side is hidden

Each is told from the real generator by the verdict, and among equal verdicts by the measure that
the verdict goes by; beside it by the measure alone. Accuracy is that of "supported or weakly", next
to that of a checker that sees the words and no film.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from own.films import SIDE, drawn_films
from rich.console import Console
from rich.table import Table

import grounded
from grounded import Box, Image, Mask, Reading, Regions, Reporter
from grounded.audit import Check, Verdict
from grounded.data.example import Example
from grounded.data.nih import RADIOLOGISTS
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.intervals import Rate
from grounded.explain.audit.altering import Place
from grounded.explain.audit.controls import (
    ignoring_the_image,
    on_the_wrong_side,
    text_only,
    with_shuffled_weights,
)
from grounded.explain.audit.curves import Curves, curves, maps_alike
from grounded.explain.audit.examine import audit
from grounded.explain.audit.pool import PoolFilm, read_pool
from grounded.explain.audit.subjects import Claim, Put, ReporterSubject
from grounded.explain.audit.verdicts import Row, grounding, log_odds, measures, reach
from grounded.findings import Presence

LARGEST = 0.35  # of the film: a larger outline has no like place elsewhere
INSIDE = 0.6  # the part of an outline that has to lie in the region that a claim names
A_FILM = 2  # claims of one film, so that few films do not decide
SIDES = ("right", "left")
CONTROLS = (
    *("ignores the image", "shuffled weights", "wrong side", "wrong side, same words"),
    "another place",
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A check of one claim, of which film and patient, in which words."""

    patient: str
    claim: Claim
    check: Check

    @property
    def rank(self) -> tuple[int, float]:
        """By the verdict, and among equal verdicts by the measure."""
        return -self.check.verdict.rank, grounding(self.check)


def outlined_films(arguments: argparse.Namespace) -> list[Example]:
    """Films held out in which radiologists outlined something."""
    films = [
        film
        for side in arguments.pixels
        for film in drawn_films(arguments.data, "held", arguments.seed, side)
    ]
    outlined = [film for film in films if outlines(film)]
    return outlined[arguments.after : arguments.after + arguments.films]


def outlines(film: Example) -> dict[str, list[NDArray[np.float64]]]:
    """The polygons of each finding that radiologists outlined."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for reading in film.readings:
        for mark in reading.marks if reading.reader == RADIOLOGISTS else ():
            if isinstance(mark.shape, np.ndarray):
                found.setdefault(mark.label, []).append(mark.shape)
    return found


def claims_of(film: Example, reading: Reading) -> Iterator[Claim]:
    """The claim of each finding that was outlined on a side and that the report states there."""
    for label, polygons in outlines(film).items():
        for side, drawn in drawn_by_side(polygons, reading):
            claim = claim_at(label, side, drawn, reading)
            if claim is not None and stated(claim, reading):
                yield claim


def stated(claim: Claim, reading: Reading) -> bool:
    return any(
        (item.label, item.region, item.presence) == (claim.label, claim.region, Presence.PRESENT)
        and item.stated
        for item in reading.findings
    )


def drawn_by_side(
    polygons: Sequence[NDArray[np.float64]], reading: Reading
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """What was outlined in the right and in the left lung, each as pixels of the film."""
    found = {side: np.zeros(reading.image.shape, dtype=np.uint8) for side in SIDES}
    lungs = {side: reading.regions[f"{side} lung"].box for side in SIDES}
    for line in polygons:
        one = np.zeros(reading.image.shape, dtype=np.uint8)
        cv2.fillPoly(one, [np.rint(line).astype(np.int32)], (1,))
        if one.any():
            side = max(SIDES, key=lambda s: covered(one, lungs[s]))
            found[side] |= one
    yield from ((side, drawn) for side, drawn in found.items() if 0 < drawn.mean() <= LARGEST)


def claim_at(label: str, side: str, drawn: NDArray[np.uint8], reading: Reading) -> Claim | None:
    """The claim that a finding is in the smallest region of a side that holds what was drawn."""
    atlas = reading.reporter.detector.atlas
    places = [
        reading.regions[item.region]
        for item in reading.findings
        if item.label == label and atlas.paired_side(item.region) == side
    ]
    held = [region for region in places if covered(drawn, region.box) >= INSIDE]
    if not held:
        return None
    best = min(held, key=lambda r: (-round(covered(drawn, r.box), 1), r.box.area))
    mask = Mask(drawn.astype(np.float32), reading.image.info.frame)
    place, text = Place(f"outline of {label}", (mask,)), f"{label} in the {best.name}."
    return Claim(0, text, label, Presence.PRESENT, best.name, place, atlas.paired_side(best.name))


def covered(drawn: NDArray[np.uint8], box: Box) -> float:
    """The part of what is drawn that lies in a box."""
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    return float(drawn[y0:y1, x0:x1].sum() / drawn.sum())


def elsewhere(claim: Claim, image: Image) -> Claim | None:
    """The claim with an equal place above or below its own; None where there is no room."""
    [mask] = claim.place.parts if claim.place else ()
    assert isinstance(mask, Mask)
    drawn = mask.values
    rows = np.flatnonzero(drawn.any(axis=1))
    top, bottom, high = int(rows[0]), int(rows[-1]) + 1, int(rows[-1]) + 1 - int(rows[0])
    moves = [move for move in (-high, high) if top + move >= 0 and bottom + move <= len(drawn)]
    if not moves:
        return None
    move = max(moves, key=lambda m: min(top + m, len(drawn) - bottom - m))  # nearest the middle
    there = Mask(np.roll(drawn, move, axis=0), image.info.frame)
    return replace(claim, place=Place("another place", (there,)))


def tried(
    film: Example,
    image: Image,
    reporter: Reporter,
    claims: Sequence[Claim],
    pool: list[PoolFilm],
    known: dict[str, Regions],
) -> list[Tried]:
    """The checks of claims that are put to a reporter, whatever it says itself.

    known: the regions of films that its detector found so far.
    """
    numbered = [replace(claim, sentence=number) for number, claim in enumerate(claims)]
    found = audit(image, Put(reporter, numbered, known), pool)
    checks = [check for sentence in found.sentences for check in sentence.checks]
    return [Tried(film.patient, *pair) for pair in zip(numbered, checks, strict=True)]


def try_controls(arguments: argparse.Namespace) -> None:
    reporter, pool = grounded.load(arguments.preset), read_pool()
    shuffled, wrong = with_shuffled_weights(reporter), on_the_wrong_side(reporter)
    mirrored = ReporterSubject(reporter).mirrored
    found: dict[str, list[Tried]] = {"real": [], **{name: [] for name in CONTROLS}}
    names: list[str] = []
    known: dict[str, Regions] = {}
    known_shuffled: dict[str, Regions] = {}
    for film in outlined_films(arguments):
        image = Image.open(film.path, view=film.view, force=True)
        [reading] = reporter.read_all([image], force=True)
        claims = list(claims_of(film, reading))[:A_FILM] if has_lungs(reading) else []
        if not claims:
            continue
        names.append(film.name)
        width = image.info.width
        swapped = [replace(mirrored(c), place=c.place and c.place.mirrored(width)) for c in claims]
        away = [moved for claim in claims if (moved := elsewhere(claim, image)) is not None]
        for name, subject, put in (
            ("real", reporter, claims),
            ("ignores the image", ignoring_the_image(reporter, image), claims),
            ("shuffled weights", shuffled, claims),
            ("wrong side", wrong, swapped),
            ("wrong side, same words", wrong, claims),
            ("another place", reporter, away),
        ):
            seen = known_shuffled if subject is shuffled else known
            found[name] += tried(film, image, subject, put, pool, seen)
    drawn = f"seed {arguments.seed}, after {arguments.after}"
    print(f"{len(names)} films with such a claim ({drawn}): {' '.join(names)}")
    say_controls(found)
    say_measures(found)


def has_lungs(reading: Reading) -> bool:
    return all(f"{side} lung" in reading.regions for side in SIDES)


def say_controls(found: dict[str, list[Tried]]) -> None:
    real = found["real"]
    verdicts = [str(verdict) for verdict in Verdict if verdict != Verdict.OPEN]
    heads = ("AUROC, verdict", "AUROC, measure", "accuracy", "text alone")
    table = Table("generator", "claims", *verdicts, *heads)
    for name, its in found.items():
        counts = [f"{np.mean([t.check.verdict == v for t in its]):.2f}" for v in verdicts]
        told = [] if name == "real" else told_from(real, its)
        table.add_row(name, str(len(its)), *counts, *told)
    Console(width=200).print(table)
    for name in ("real", "another place"):
        its = found[name]
        supported = Rate(sum(t.check.verdict == Verdict.SUPPORTED for t in its), len(its))
        hidden = "the radiologists' outline" if name == "real" else "an equal place beside it"
        print(f"supported when {hidden} is hidden: {supported}")
    every = [(n, t) for n, its in found.items() for t in its]
    called = [n == "real" for n, t in every if t.check.verdict == Verdict.SUPPORTED]
    print(
        f"of all that is called supported, the outline was hidden: {Rate(sum(called), len(called))}"
    )


def told_from(real: Sequence[Tried], its: Sequence[Tried]) -> list[str]:
    """How well a control is told from the real one: the columns of the table."""
    both = [*real, *its]
    truth = [True] * len(real) + [False] * len(its)
    patients = [t.patient for t in both]
    order = sorted({t.rank for t in both})
    ranks = [order.index(t.rank) for t in both]
    rests = np.array([t.check.verdict in (Verdict.SUPPORTED, Verdict.WEAK) for t in both])
    blind = np.array(text_only([t.claim.text for t in both], truth, patients))
    return [
        str(area_under_roc(ranks, truth, patients)),
        str(area_under_roc([grounding(t.check) for t in both], truth, patients)),
        str(Rate(int((rests == truth).sum()), len(truth))),
        str(Rate(int((blind == truth).sum()), len(truth))),
    ]


def say_measures(found: dict[str, list[Tried]]) -> None:
    table = Table("measure", *found)
    shares = [measures([(t.claim, t.check.conditions) for t in its]) for its in found.values()]
    for name in shares[0]:
        table.add_row(name, *(str(share[name]).replace(" (", "\n(") for share in shares))
    Console(width=200).print(table)


def say_limits(arguments: argparse.Namespace) -> None:
    """Where the verdicts' limits lie: what altering does where there is no such finding.

    Outlines of other films, put to films in which radiologists saw no such finding. The smaller of
    the two measures has to reach the limit of supported, so its quantiles are the limits. Beside
    them, how far anything moves the real generator's claims, and one with shuffled weights.
    """
    reporter, pool = grounded.load(arguments.preset), read_pool()
    shuffled = with_shuffled_weights(reporter)
    films = drawn_films(arguments.data, "calibration", arguments.seed)
    lent = [
        (label, lines)
        for film in films
        for label, lines in outlines(film).items()
        if label in reporter.generator.scope.assessed
    ]
    free: list[Tried] = []
    real: list[Tried] = []
    blind: list[Tried] = []
    known: dict[str, Regions] = {}
    known_shuffled: dict[str, Regions] = {}
    for number, film in enumerate(films[: arguments.films]):
        image = Image.open(film.path, view=film.view, force=True)
        [reading] = reporter.read_all([image], force=True)
        if not has_lungs(reading):
            continue
        fits = [item for item in lent if item[0] not in outlines(film)]
        borrowed = [fits[(number * A_FILM + k) % len(fits)] for k in range(A_FILM if fits else 0)]
        free += tried(film, image, reporter, list(borrowed_claims(borrowed, reading)), pool, known)
        own = list(claims_of(film, reading))[:1]
        real += tried(film, image, reporter, own, pool, known)
        blind += tried(film, image, shuffled, own, pool, known_shuffled)
    print_limits(free, real, blind)


def borrowed_claims(
    borrowed: Sequence[tuple[str, Sequence[NDArray[np.float64]]]], reading: Reading
) -> Iterator[Claim]:
    """The first claim that each of the outlines of other films gives in this one."""
    for label, polygons in borrowed:
        sides = drawn_by_side(polygons, reading)
        claims = (claim_at(label, side, drawn, reading) for side, drawn in sides)
        yield from [claim for claim in claims if claim is not None][:1]


def print_limits(free: list[Tried], real: list[Tried], blind: list[Tried]) -> None:
    own = np.array([t.check.own.value for t in free if t.check.own])
    smaller = np.minimum(own, [grounding(t.check) for t in free])
    patients = len({t.patient for t in free})
    print(f"{len(free)} places without the finding, in films of {patients} patients")
    for share in (0.5, 0.8, 0.9, 0.95, 0.975):
        print(f"  {share:.1%} of them are below {np.quantile(smaller, share):+.2f}")
    for name, its in (("without the finding", free), ("real", real), ("shuffled", blind)):
        counts = [Rate(sum(t.check.verdict == v for t in its), len(its)) for v in Verdict]
        print(name, dict(zip(map(str, Verdict), map(str, counts[:4]), strict=False)))
    apart = [np.std(falls(t.check.conditions), ddof=1) for t in free]
    print(f"ways of hiding are apart by {np.median(apart):.2f} (standard deviation, median)")
    for name, its in (("real", real), ("shuffled", blind)):
        moved = [reach(t.check.conditions) for t in its]
        low, high = np.quantile(moved, [0.05, 0.95])
        print(
            f"{name}: {len(its)} claims are moved by {min(moved):.2f} to {max(moved):.2f} "
            f"(90 %: {low:.2f} to {high:.2f})"
        )


def falls(row: Row) -> list[float]:
    """By way of hiding the own place, how far the claim falls."""
    own = [answer for name, answer in row.items() if name.startswith("own, ")]
    return [log_odds(row["film"]) - log_odds(answer) for answer in own]


def try_curves(arguments: argparse.Namespace) -> None:
    reporter = grounded.load(arguments.preset)
    shuffled = with_shuffled_weights(reporter)
    drawn: list[Curves] = []
    alike: list[float] = []
    for film in outlined_films(arguments):
        image = Image.open(film.path, view=film.view, force=True)
        [reading] = reporter.read_all([image], force=True)
        claims = list(claims_of(film, reading))[:A_FILM] if has_lungs(reading) else []
        put = Put(reporter, claims)
        drawn += curves(image, put, claims)
        alike += maps_alike(image, put, Put(shuffled, claims), claims)
    print(f"{len(drawn)} claims")
    print(f"map with shuffled weights: rank correlation {np.mean(alike):+.2f} with the real one")
    for what in ("deletion", "insertion"):
        areas = {o: np.mean([getattr(c, what)[o] for c in drawn]) for o in drawn[0].deletion}
        print(f"area under the {what} curve:", {k: round(float(v), 3) for k, v in areas.items()})


def say_speed(films: Sequence[Path], preset: str) -> None:
    """A report and its audit in turns, so that what else the machine does weighs on both."""
    reporter, pool = grounded.load(preset), read_pool()
    took = {"report": 0.0, "audit": 0.0}
    for film in [films[0], *films, *films]:  # the first pass warms up
        image = Image.open(film, force=True)
        started = time.perf_counter(), time.process_time()
        reading = reporter.read(image, force=True)
        report = reading.report()
        middle = time.perf_counter(), time.process_time()
        audit(reading.image, ReporterSubject(reporter, report, reading), pool)
        end = time.perf_counter(), time.process_time()
        took = {
            "report": took["report"] + middle[1] - started[1],
            "audit": took["audit"] + end[1] - middle[1],
        }
        print(
            f"{film.name}: report {middle[0] - started[0]:.2f} s, audit {end[0] - middle[0]:.2f} s "
            f"({(end[1] - middle[1]) / (middle[1] - started[1]):.1f} times its processor time)"
        )
    print(f"all: {took['audit'] / took['report']:.1f} times a report's processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--films", type=int, default=60, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--pixels", type=int, nargs="+", default=[SIDE], help="films of these sizes, in this order"
    )
    parser.add_argument(
        "--after", type=int, default=0, help="leave out so many, that were drawn in an earlier run"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--limits", action="store_true")
    what.add_argument("--curves", action="store_true")
    what.add_argument("--speed", type=Path, nargs="*", metavar="FILM")
    arguments = parser.parse_args()
    if arguments.speed is not None:
        example = Path(__file__).parent.parent / "examples" / "normal_pa.jpg"
        say_speed(arguments.speed or [example], arguments.preset)
    elif arguments.data is None:
        parser.error("--data DIR is needed for all but --speed")
    elif arguments.limits:
        say_limits(arguments)
    elif arguments.curves:
        try_curves(arguments)
    else:
        try_controls(arguments)


if __name__ == "__main__":
    main()

"""What an audit is worth: controls told from the real generator, on lesions with outlines.

    python benchmarks/audit.py --data DIR [--preset neural] [--films 40] [--curves]

DIR is the folder of NIH films with radiologists' outlines; only patients held out count. Of each
finding that radiologists outlined and the preset reads, the claim is made that it is present in the
region with the largest part of the outline, and the outline itself is hidden, or as large a place
elsewhere: what is supported must rest on what the radiologists outlined. The same claims go to a
generator that ignores the image, one with shuffled weights and one that looks at the wrong side.
The AUROC is that of the verdict, and among equal verdicts of the effect of the outline above that
of the other place. Beside it stands a checker that sees the claims' words and no film.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import grounded
from grounded import Box, Image, Mask, Reporter
from grounded.audit import Audit, Check, Verdict
from grounded.data.example import Example
from grounded.data.nih import RADIOLOGISTS, nih_films
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.intervals import Rate
from grounded.explain.audit.altering import Place
from grounded.explain.audit.controls import (
    ignoring_the_image,
    on_the_wrong_side,
    text_only,
    with_shuffled_weights,
)
from grounded.explain.audit.curves import Curves, curves
from grounded.explain.audit.examine import audit
from grounded.explain.audit.pool import read_pool
from grounded.explain.audit.subjects import Claim, Put, ReporterSubject
from grounded.explain.audit.verdicts import grounding, measures
from grounded.findings import Presence

LARGEST = 0.35  # of the film: a larger outline has no like place elsewhere


def outlines(film: Example) -> dict[str, list[NDArray[np.float64]]]:
    """The polygons of each finding that radiologists outlined."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for reading in film.readings:
        for mark in reading.marks if reading.reader == RADIOLOGISTS else ():
            if isinstance(mark.shape, np.ndarray):
                found.setdefault(mark.label, []).append(mark.shape)
    return found


def claims_of(film: Example, image: Image, reporter: Reporter) -> Iterator[Claim]:
    """A claim of each finding that was outlined on one side and is read somewhere there."""
    import cv2

    [reading] = reporter.read_all([image], force=True)
    for number, (label, polygons) in enumerate(outlines(film).items()):
        drawn = np.zeros(image.shape, dtype=np.uint8)
        cv2.fillPoly(drawn, [np.rint(line).astype(np.int32) for line in polygons], 1)
        if not 0 < drawn.mean() <= LARGEST:
            continue
        read = [item.region for item in reading.findings if item.label == label]
        shares = {
            name: covered(drawn, reading.regions[name].box)
            for name in read
            if reporter.detector.atlas.counterpart(name)
        }
        if not shares or max(shares.values()) < 0.6:
            continue
        areas = {name: reading.regions[name].box.area for name in shares}
        [name] = sorted(shares, key=lambda n: (-round(shares[n], 1), areas[n]))[:1]
        mask = Mask(drawn.astype(np.float32), image.info.frame)
        place = Place(f"outline of {label}", (mask,), ())
        side = reporter.detector.atlas.paired_side(name)
        text = f"{label} in the {name}."
        yield Claim(number, text, label, Presence.PRESENT, name, place, side)


def covered(drawn: NDArray[np.uint8], box: Box) -> float:
    """The part of what is drawn that lies in a box."""
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    return float(drawn[y0:y1, x0:x1].sum() / drawn.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--curves", action="store_true")
    arguments = parser.parse_args()
    reporter = grounded.load(arguments.preset)
    typical, *_ = pool = read_pool()
    subjects = {
        "real": reporter,
        "ignores the image": ignoring_the_image(reporter, typical.image),
        "shuffled weights": with_shuffled_weights(reporter),
        "wrong side": on_the_wrong_side(reporter),
    }
    held = [
        film
        for film in nih_films(arguments.data)
        if film.split == "held" and film.about["resolution"] >= 704 and outlines(film)
    ]
    audits: dict[str, list[tuple[str, Audit]]] = {name: [] for name in subjects}
    drawn: list[Curves] = []
    for film in held[: arguments.films]:
        image = Image.open(film.path, view=film.view, force=True)
        claims = list(claims_of(film, image, reporter))
        for name, subject in subjects.items() if claims else ():
            put = Put(subject, claims)
            audits[name].append((film.patient, audit(image, put, pool)))
        if arguments.curves and claims:
            drawn += curves(image, Put(reporter, claims), claims)
    say(audits)
    if drawn:
        say_curves(drawn)
    say_time(reporter, held[0])


def checks(audits: Sequence[tuple[str, Audit]]) -> list[tuple[str, Check]]:
    return [
        (patient, check) for patient, found in audits for s in found.sentences for check in s.checks
    ]


def say(audits: dict[str, list[tuple[str, Audit]]]) -> None:
    real = checks(audits["real"])
    likely = [check.conditions["film"].says for _, check in real]
    table = Table("generator", "claims", *(str(v) for v in Verdict if v != Verdict.OPEN), "AUROC")
    for name, found in audits.items():
        its = checks(found)
        counts = [Rate(sum(c.verdict == v for _, c in its), len(its)) for v in Verdict]
        area = "" if name == "real" else str(told(real, its))
        table.add_row(name, str(len(its)), *(f"{c.value:.2f}" for c in counts[:4]), area)
    Console(width=150).print(table)
    if any(likely):
        print("AUROC where the real generator says the finding is present, as the report would:")
        stated = {
            name: [c for c, ok in zip(checks(a), likely, strict=True) if ok]
            for name, a in audits.items()
        }
        for name, its in stated.items():
            if name != "real":
                print(f"  {name}: {told(stated['real'], its)} ({len(its)} claims)")
    for name, found in audits.items():
        rows = [(_claim(c), c.conditions) for _, c in checks(found)]
        print(name, {m: str(share) for m, share in measures(rows).items() if share.count})
    effects = [e for _, a in audits["real"] for e in a.hiding.items()]
    for way in sorted({way for way, _ in effects}):
        values = [e.value for w, e in effects if w == way]
        print(f"hiding by {way} where the finding is not: {np.mean(values):+.2f} log-odds")
    _say_text_only(audits)


def told(real: Sequence[tuple[str, Check]], other: Sequence[tuple[str, Check]]) -> object:
    both = [*real, *other]
    truth = [True] * len(real) + [False] * len(other)
    # by the verdict, and among equal verdicts by the effect
    order = sorted({(-c.verdict.rank, grounding(c)) for _, c in both})
    scores = [order.index((-c.verdict.rank, grounding(c))) for _, c in both]
    return area_under_roc(scores, truth, [p for p, _ in both])


def _claim(check: Check) -> Claim:
    return Claim(0, check.claim, check.claim, Presence.PRESENT)


def _say_text_only(audits: dict[str, list[tuple[str, Audit]]]) -> None:
    """How often the text alone tells a real claim from a control's, and the audit does."""
    rows = [
        (check.claim, name == "real", patient, check.verdict == Verdict.SUPPORTED)
        for name, found in audits.items()
        if name in ("real", "ignores the image")
        for patient, check in checks(found)
    ]
    texts, truth, patients, verdicts = zip(*rows, strict=True)
    blind = Rate(int(np.sum(np.equal(text_only(texts, truth, patients), truth))), len(truth))
    seen = Rate(int(np.sum(np.equal(verdicts, truth))), len(truth))
    print(f"real or ignoring the image, accuracy: audit's 'supported' {seen}; text alone {blind}")


def say_curves(drawn: Sequence[Curves]) -> None:
    for what in ("deletion", "insertion"):
        found = {
            order: np.mean([getattr(each, what)[order] for each in drawn])
            for order in getattr(drawn[0], what)
        }
        print(f"area under the {what} curve:", {k: round(float(v), 3) for k, v in found.items()})


def say_time(reporter: Reporter, film: Example) -> None:
    image = Image.open(film.path, view=film.view, force=True)
    reporter(image, force=True)
    pool = read_pool()
    started = time.perf_counter()
    reporter(image, force=True)
    own = time.perf_counter() - started
    started = time.perf_counter()
    audit(image, ReporterSubject(reporter), pool)
    took = time.perf_counter() - started
    print(f"a report {own:.2f} s, its audit {took:.2f} s: {took / own:.1f} times as long")


if __name__ == "__main__":
    main()

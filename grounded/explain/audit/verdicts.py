"""From answers to a verdict, and to the measures of the literature.

Everything is weighed in log-odds of the claim, so that a fall from 0.99 to 0.9 counts like one from
0.5 to 0.09; a generator without probabilities gives 0.95 or 0.05.

How sure an effect is, is seen from the ways of altering one place: each has other artefacts. Its
95 % interval is the mean over the ways plus and minus 1.96 standard errors, the spread between ways
being at least `NOISE`: what altering a film does to a claim that has nothing to do with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grounded.audit import Answer, Check, Interval, Share, Verdict
from grounded.explain.audit.subjects import Claim
from grounded.findings import Presence

SAME, WITHOUT = "other patient, same finding", "other patient, without it"
MATTERS = 0.7  # log-odds: what was even becomes one to two
NOISE = 0.15
SAME_SIDE = "mirrored, same side"
NO_FILM = ("noise", "blank")
OTHER_CLAIM = ("across", "mirrored")  # conditions in which the other side is asked about
Row = Mapping[str, Answer]


def log_odds(answer: Answer) -> float:
    """The log-odds of the claim, cut off at 99.9 % either way."""
    sure = min(max(answer.probability, 0.001), 0.999)
    return math.log(sure / (1 - sure))


def checked(claim: Claim, row: Row) -> Check:
    """The verdict on one claim from its answers by condition."""
    own, other = effect(claim, row, "own"), effect(claim, row, "other")
    return Check(claim.words, _verdict(claim, row, own, other), own, other, row)


def effect(claim: Claim, row: Row, what: str) -> Interval:
    """How far the claim falls when a place is altered; of what is denied, by the way that tells.

    What is denied can be put there in one way, as an opacity or as air, and not in the other.
    """
    falls = [log_odds(row["film"]) - log_odds(answer) for answer in _of(row, what)]
    if claim.presence == Presence.ABSENT:
        falls = [max(falls)]
    value = float(np.mean(falls))
    spread = max(float(np.std(falls, ddof=1)) if len(falls) > 1 else 0.0, NOISE)
    half = 1.96 * spread / math.sqrt(len(falls))
    return Interval(value, value - half, value + half)


def _verdict(claim: Claim, row: Row, own: Interval, other: Interval) -> Verdict:
    film = row["film"]
    same = [
        answer
        for name, answer in row.items()
        if name == SAME_SIDE or not name.startswith(OTHER_CLAIM)
    ]
    reach = [abs(log_odds(film) - log_odds(answer)) for answer in same]
    if max(reach) < MATTERS and all(answer.says == film.says for answer in same):
        return Verdict.BLIND
    if own.value <= max(other.value, 0.0) or own.value < MATTERS / 2:
        return Verdict.ELSEWHERE
    falls = not all(answer.says for answer in _of(row, "own")) or own.value >= 2 * MATTERS
    sure = own.low > 0 and min(own.value, own.value - other.value) >= MATTERS
    return Verdict.SUPPORTED if falls and sure else Verdict.WEAK


def grounding(check: Check) -> float:
    """One number for how far a claim rests on its own place: own effect above the other's.

    What is told from a control by: higher for a claim that is grounded.
    """
    if check.own is None or check.other is None:
        return 0.0
    return check.own.value - max(check.other.value, 0.0)


def measures(rows: Sequence[tuple[Claim, Row]]) -> dict[str, Share]:
    """The measures of the literature over the claims of a report, or of many.

    causal grounding rate: the claim falls when its own region is altered and stands when the other
    is. unrelated-image answer rate: it is also made of a film of another patient who does not have
    the finding, or else of noise or of a blank film. relevant-mask stability: it stands when all
    but its own region is hidden. direct shortcut: a finding stays though its own region was hidden
    in each way. contextual shortcut: it goes though only another region was hidden. sides follow:
    in the mirrored film it is said of the other side rather than of the same. same answer for
    another patient with the finding: of its very place.
    """
    made = [(claim, row) for claim, row in rows if row["film"].says]
    there = [row for claim, row in made if claim.presence != Presence.ABSENT]
    sided = [row for row in there if "across" in row and not row["across"].says]
    every = [row for _, row in made]
    return {
        "causal grounding rate": _share(
            every, lambda row: _goes(row, "own") and not _goes(row, "other")
        ),
        "unrelated-image answer rate": _share(there, _said_anyway),
        "relevant-mask stability": _share(there, lambda row: not _goes(row, "rest")),
        "direct shortcut": _share(there, lambda row: all(a.says for a in _of(row, "own"))),
        "contextual shortcut": _share(there, lambda row: _goes(row, "other")),
        "sides follow": _share(
            sided, lambda r: r["mirrored"].probability > r[SAME_SIDE].probability
        ),
        "same answer for another patient with the finding": _share(
            [row for row in there if SAME in row], lambda row: row[SAME].says
        ),
    }


def hiding_effects(rows: Sequence[Row]) -> dict[str, Interval]:
    """By way, how far the log-odds of a finding rise where it is not, when the place is altered.

    From the regions across of those in which a finding is, where they do not have it themselves.
    """
    found: dict[str, list[float]] = {}
    for row in rows:
        if "across" not in row or row["across"].says == row["film"].says:
            continue
        for name, answer in row.items():
            if name.startswith("across, "):
                rise = log_odds(answer) - log_odds(row["across"])
                found.setdefault(name.removeprefix("across, "), []).append(rise)
    return {way: _spread(rises) for way, rises in found.items()}


def _spread(values: Sequence[float]) -> Interval:
    mean = float(np.mean(values))
    half = 1.96 * float(np.std(values)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _of(row: Row, what: str) -> list[Answer]:
    """The answers by each way of altering one place."""
    return [answer for name, answer in row.items() if name.startswith(f"{what}, ")]


def _goes(row: Row, what: str) -> bool:
    """Whether the claim is no longer made under most ways of altering a place."""
    answers = _of(row, what)
    gone = sum(not answer.says for answer in answers)
    return 2 * gone >= len(answers) > 0


def _said_anyway(row: Row) -> bool:
    films = [row[WITHOUT]] if WITHOUT in row else [row[name] for name in NO_FILM]
    return any(answer.says for answer in films)


def _share(rows: Sequence[Row], counts: Callable[[Row], bool]) -> Share:
    return Share(sum(map(counts, rows)), len(rows))

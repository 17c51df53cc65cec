"""From answers to a verdict, and to the measures of the literature.

Everything is weighed in log-odds of the claim, so that a fall from 0.99 to 0.9 counts like one from
0.5 to 0.09; a generator without probabilities gives 0.95 or 0.05.

How far a claim rests on its own place is a difference of differences, where there is another side.
That a finding is anywhere in the film raises the claim on either side, so that a claim which reads
the wrong side falls, too, when the lesion is hidden; and what hiding does by itself acts on both.
Both cancel out in the double dissociation: how much more the claim falls than the same claim of the
other side when its own place is altered, and how much less when the other place is, halved. A
generator that takes right for left has exactly the negative of it. A claim that has no other side
is weighed by its own fall above that of a like place elsewhere.

Where a network rests more on a finding's surroundings than on what is outlined, that difference is
small, and what hiding a place does by itself may exceed it. So the same difference is taken once
more with either half of the film hidden, which leaves no surroundings, and the smaller of both
counts: the place has to lie on the side that the claim rests on.

How sure an effect is, is seen from the ways of altering one place, since each has other artefacts:
supported is what falls in each way. The 95 % interval that is shown is the mean over the ways plus
and minus 1.96 standard errors, the spread between ways being at least `NOISE`.

The limits are taken from films that calibrate (`python benchmarks/audit.py --data DIR --limits`):
what altering a place does where the finding is not, of claims put to films in which radiologists
saw no such finding, about places that they outlined in other films; and how far claims are moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grounded.audit import Answer, Check, Interval, Share, Verdict
from grounded.explain.audit.subjects import Claim
from grounded.findings import Presence

SAME, WITHOUT = "other patient, same finding", "other patient, without it"
SUPPORTS = 0.1  # log-odds: 97.5 % of the places without the finding are below, by the smallest
COUNTS = 0.05  # more than 95 % of them are
MOVES = 0.5  # real claims are moved by 2.7 or more by something, those of shuffled weights by 0.2
NOISE = 0.4  # the ways of hiding a place are as far apart, by their standard deviation
SAME_SIDE = "mirrored, same side"
NO_FILM = ("noise", "blank")
OTHER_CLAIM = ("across", "mirrored")  # conditions in which the other side is asked about
REFUSED = "blank"  # a film that a generator may refuse without reading films: it proves nothing
Row = Mapping[str, Answer]


def log_odds(answer: Answer) -> float:
    """The log-odds of the claim, cut off at 99.9 % either way."""
    sure = min(max(answer.probability, 0.001), 0.999)
    return math.log(sure / (1 - sure))


def checked(claim: Claim, row: Row) -> Check:
    """The verdict on one claim from its answers by condition.

    A claim that points at no place can only be found not to use the film.
    """
    if not _of(row, "own"):
        verdict = Verdict.OPEN if _moved(row) else Verdict.BLIND
        return Check(claim.words, verdict, conditions=row)
    own, other = effect(claim, row, "own"), effect(claim, row, "other")
    verdict = _verdict(claim, row) if _moved(row) else Verdict.BLIND
    return Check(claim.words, verdict, own, other, row, specificity(claim, row))


def effect(claim: Claim, row: Row, what: str) -> Interval:
    """How far the claim falls when a place is altered; of what is denied, by the way that tells."""
    return _interval(_falls(claim, row, "film", what))


def specificity(claim: Claim, row: Row) -> Interval:
    """How far the claim falls by its own place rather than by the film as a whole, see above."""
    found = [_interval(values) for values in _by_itself(claim, row)]
    return min(found, key=lambda interval: interval.value)


def _by_itself(claim: Claim, row: Row) -> list[list[float]]:
    """How far it falls by its place and, where halves of the film are hidden, by its half."""
    return [values for values in (_by_place(claim, row), _by_half(claim, row)) if values]


def _by_place(claim: Claim, row: Row) -> list[float]:
    """By way of altering a place: the double dissociation, or the fall above that of the other."""
    if "across" in row:
        return _dissociation(claim, row, ("own", "other"))
    own, other = (_falls(claim, row, "film", what) for what in ("own", "other"))
    return [here - max(there, 0.0) for here, there in zip(own, other, strict=True)]


def _by_half(claim: Claim, row: Row) -> list[float]:
    """By way of hiding half of the film: the double dissociation; empty if no half was hidden."""
    return _dissociation(claim, row, ("own half", "other half")) if "across" in row else []


def _dissociation(claim: Claim, row: Row, places: tuple[str, str]) -> list[float]:
    own, other = (_falls(claim, row, "film", what) for what in places)
    crossed, across = (_falls(claim, row, "across", f"across, {what}") for what in places)
    return [
        (here - moved + there - away) / 2
        for here, moved, there, away in zip(own, crossed, across, other, strict=True)
    ]


def _falls(claim: Claim, row: Row, film: str, what: str) -> list[float]:
    """By way of altering a place, how far a claim falls below its log-odds in the film.

    What is denied can be put there in one way, as an opacity or as air, and not in the other: of
    its ways, the one that tells.
    """
    falls = [log_odds(row[film]) - log_odds(answer) for answer in _of(row, what)]
    return [max(falls)] if falls and claim.presence == Presence.ABSENT else falls


def _interval(values: Sequence[float]) -> Interval:
    value = float(np.mean(values))
    spread = max(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, NOISE)
    half = 1.96 * spread / math.sqrt(len(values))
    return Interval(value, value - half, value + half)


def _moved(row: Row) -> bool:
    """Whether the claim changes with the film."""
    said = row["film"].says
    return reach(row) >= MOVES or any(answer.says != said for answer in _same_claim(row))


def reach(row: Row) -> float:
    """How far the claim is moved at most by anything that is done to the film."""
    film = log_odds(row["film"])
    return max(abs(film - log_odds(answer)) for answer in _same_claim(row))


def _same_claim(row: Row) -> list[Answer]:
    """The answers to the claim itself, not to that of the other side; without the blank film."""
    return [
        answer
        for name, answer in row.items()
        if name == SAME_SIDE or (name != REFUSED and not name.startswith(OTHER_CLAIM))
    ]


def _verdict(claim: Claim, row: Row) -> Verdict:
    """By the smallest of the measures, on average over the ways of altering and in each of them."""
    measured = [_falls(claim, row, "film", "own"), *_by_itself(claim, row)]
    counts = min(float(np.mean(falls)) for falls in measured)
    if counts < COUNTS:
        return Verdict.ELSEWHERE
    in_each = min(fall for falls in measured for fall in falls) >= COUNTS
    return Verdict.SUPPORTED if counts >= SUPPORTS and in_each else Verdict.WEAK


def grounding(check: Check) -> float:
    """How far a claim rests on its own place, one number, by which controls are told apart."""
    return check.specific.value if check.specific is not None else 0.0


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
    placed = [row for _, row in made if _of(row, "own")]
    shown = [row for row in there if _of(row, "own")]
    return {
        "causal grounding rate": _share(
            placed, lambda row: _goes(row, "own") and not _goes(row, "other")
        ),
        "unrelated-image answer rate": _share(there, _said_anyway),
        "relevant-mask stability": _share(shown, lambda row: not _goes(row, "rest")),
        "direct shortcut": _share(shown, lambda row: all(a.says for a in _of(row, "own"))),
        "contextual shortcut": _share(shown, lambda row: _goes(row, "other")),
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
            if name.startswith("across, other, "):
                rise = log_odds(answer) - log_odds(row["across"])
                found.setdefault(name.removeprefix("across, other, "), []).append(rise)
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

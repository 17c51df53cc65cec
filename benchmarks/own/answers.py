"""What was said of regions whose truth is known, and whether it is right and of that region.

Any way to make sentences can be judged: what counts is what the rule-based labeller reads in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from grounded.evaluate.intervals import Estimate, Rate, ratio_estimate
from grounded.findings import Presence


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one region of a film.

    text: its sentences. said: what the labeller reads in them. truth: whether each finding is
    there, of those that are known and asked for.
    """

    film: str
    region: str
    text: str
    said: Mapping[str, Presence]
    truth: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Clinical:
    """Findings said to be present against the truth, over all regions and findings together.

    counts: said and there, said and not there, there and not said. silent: neither said to be
    present nor to be absent, of all that is known.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate
    counts: tuple[int, int, int]
    silent: Rate


class OwnOther(NamedTuple):
    """Whether an answer fits its own region better than other regions of the same film.

    A comparison is an answer, another region of its film, and a finding that one of the two has and
    the other has not. The answer scores 1 if it says of the finding what is true of its own region,
    0 if it says what is true of the other, a half if it says neither. own: scores 1. silent: scores
    a half. Every two regions are compared both ways, so the score of answers that are dealt out
    among the regions of a film at random, or that are the same for all, is 0.5. What the kind of a
    region alone gives away shows in the score of a sentence that is always said of that kind.
    """

    score: Estimate
    own: Rate
    silent: Rate


CHANCE = 0.5


def clinical(answers: Sequence[Answer], patients: Mapping[str, str]) -> Clinical:
    """Over all that is known. patients: by film; intervals draw them again."""
    rows = [
        (answer.said.get(label) == "present", there, patients.get(answer.film, answer.film))
        for answer in answers
        for label, there in answer.truth.items()
    ]
    who = [row[2] for row in rows]
    both = [said and there for said, there, _ in rows]
    said = [row[0] for row in rows]
    there = [row[1] for row in rows]
    silent = [
        answer.said.get(label) not in ("present", "absent")
        for answer in answers
        for label in answer.truth
    ]
    twice, either = (
        [2 * b for b in both],
        [s + t for s, t in zip(said, there, strict=True)],
    )
    return Clinical(
        ratio_estimate(both, said, who),
        ratio_estimate(both, there, who),
        ratio_estimate(twice, either, who),
        (sum(both), sum(said) - sum(both), sum(there) - sum(both)),
        Rate(sum(silent), len(silent)),
    )


def own_or_other(answers: Sequence[Answer], patients: Mapping[str, str]) -> OwnOther:
    """See `OwnOther`. patients: by film; intervals draw them again."""
    by_film: dict[str, list[Answer]] = {}
    for answer in answers:
        by_film.setdefault(answer.film, []).append(answer)
    scores, who = [], []
    for film, of_film in by_film.items():
        found = list(_comparisons(of_film))
        scores += found
        who += [patients.get(film, film)] * len(found)
    return OwnOther(
        ratio_estimate(scores, [1.0] * len(scores), who),
        Rate(scores.count(1.0), len(scores)),
        Rate(scores.count(CHANCE), len(scores)),
    )


def _comparisons(answers: Sequence[Answer]) -> Iterator[float]:
    for own in answers:
        for other in answers:
            for label in own.truth.keys() & other.truth.keys():
                if own.truth[label] != other.truth[label]:
                    yield _score(own.said.get(label), own.truth[label])


def _score(said: Presence | None, there: bool) -> float:
    if said not in ("present", "absent"):
        return CHANCE
    return float((said == "present") == there)

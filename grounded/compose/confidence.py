"""How probable it is that a sentence is right, and what is withheld where that is too little.

Statements are of sorts: one finding, said to be there, to be possible or not to be there, with one
kind of score. What is known of each sort was fitted on films of patients that nothing was trained
on (`grounded.train.confidence`): the probability that such a statement is right, by its score and
the film's view, and from which score on it holds a level, such as at most 5 % wrong. With a level
set, statements that do not hold it are withheld, and the report says so in their place.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from grounded.atlas import Atlas
from grounded.compose.withholding import Refused, without_refused
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Finding, Presence, ScoreKind
from grounded.image import ImageInfo
from grounded.protocols import Question
from grounded.provenance import Scope
from grounded.report import GroundedSentence, Right, Sentence
from grounded.view import Projection

SCHEMA = 2
LEVELS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The parts of wrong statements for which a limit is fitted; a level between holds the one below"""
_EDGE = 1e-4  # no score is surer than that
OF_ADULTS = "this is a child's film, and the limits are those of adults"
NOT_MEASURED = "how often it is right was not measured on films"
NOT_READ = "it was not read of the film"
TOO_FEW = "too few films"

SIGNS: Mapping[Projection, float] = {Projection.AP: 1.0, Projection.PA: -1.0}
"""What the view's part of a curve is multiplied by; by 0 where the view is not known."""

Sort = tuple[str, str, str]
"""What a statement is of: label, presence, kind of score."""


def sort_of(finding: Finding) -> Sort:
    return finding.label, str(finding.presence), str(finding.score_kind)


def log_odds(probability: float) -> float:
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def probability_of(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


@dataclass(frozen=True, slots=True)
class Curve:
    """The probability that a statement is right: logistic in the log-odds of its score.

    view: what an AP film adds to the log-odds, and a PA film takes away.
    """

    slope: float
    intercept: float
    view: float = 0.0

    def at(self, score: float, projection: Projection = Projection.UNKNOWN) -> float:
        shift = self.view * SIGNS.get(projection, 0.0)
        return probability_of(self.slope * log_odds(score) + self.intercept + shift)


@dataclass(frozen=True, slots=True)
class Known:
    """What films held out show of one sort of statement.

    population: which films these are; only: the view of all of them, UNKNOWN if there are several.
    curve: None where too few were made. limits: by level, the score from which on at most that part
    is wrong; a level that no score holds is not in it. patients: with one film each in which it was
    said and its truth is known; wrong: of those.
    """

    curve: Curve | None
    limits: Mapping[float, float]
    patients: int
    wrong: int
    population: str
    only: Projection = Projection.UNKNOWN

    def of(self, projection: Projection) -> bool:
        """Whether it is known of films of a view."""
        return self.only in (Projection.UNKNOWN, projection)

    def right(self, score: float, projection: Projection) -> float | None:
        """The probability that such a statement is right, no nearer to 1 than as many films can
        show (the rule of succession, with one of them wrong); None where it is not known."""
        if self.curve is None or not self.of(projection):
            return None
        return min(self.curve.at(score, projection), 1 - 1 / (self.patients + 2))

    def limit(self, level: float) -> float | None:
        """The score from which on a level is held, by the next stricter one that was fitted."""
        held = [fitted for fitted in self.limits if fitted <= level]
        return self.limits[max(held)] if held else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "curve": asdict(self.curve) if self.curve else None,
            "limits": {f"{level:g}": limit for level, limit in self.limits.items()},
            "patients": self.patients,
            "wrong": self.wrong,
            "population": self.population,
            "only": str(self.only),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Known:
        limits = {float(level): float(limit) for level, limit in data["limits"].items()}
        curve = Curve(**data["curve"]) if data["curve"] else None
        films = str(data["population"]), Projection(data["only"])
        return cls(curve, limits, int(data["patients"]), int(data["wrong"]), *films)


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that is known of a preset's statements.

    sorts: by label, presence and kind of score. several: from the product of the probabilities of
    a sentence's statements to that of the sentence, by the films that these were fitted on; the
    product itself where there is none. failing: how often the limits of a finding may fail by bad
    luck of the films that they were fitted on, those of its presence and of its absence taken
    together. weights_sha256: of the weights that made the statements.
    """

    sorts: Mapping[Sort, Known]
    several: Mapping[str, Curve]
    failing: float
    weights_sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def population(self) -> str:
        """Which films it is true of, in words."""
        return "; ".join(dict.fromkeys(known.population for known in self.sorts.values()))

    def holds(self, finding: Finding, level: float, projection: Projection) -> bool:
        """Whether a statement may be made where at most `level` of such may be wrong."""
        known = self.known(finding, projection)
        limit = known.limit(level) if known else None
        return limit is not None and finding.score >= limit

    def known(self, finding: Finding, projection: Projection) -> Known | None:
        """What is known of such statements of films of a view."""
        known = self.sorts.get(sort_of(finding))
        return known if known and known.of(projection) else None

    def product(self, scores: Mapping[Sort, float], projection: Projection) -> float | None:
        """The product of the probabilities of statements, by sort with the least score of each.

        None without any, and with a sort whose probability was not measured.
        """
        rated = [
            right
            for sort, score in scores.items()
            if (known := self.sorts.get(sort))
            and (right := known.right(score, projection)) is not None
        ]
        return math.prod(rated) if 0 < len(rated) == len(scores) else None

    def right(self, scores: Mapping[Sort, float], projection: Projection) -> Right | None:
        """The probability that all statements of a sentence are right; None as `product`."""
        whole = self.product(scores, projection)
        if whole is None:
            return None
        films = list(dict.fromkeys(self.sorts[sort].population for sort in scores))
        if len(scores) > 1 and len(films) == 1:
            whole = self.several.get(films[0], Curve(1.0, 0.0)).at(whole)
        seen = f", {projection.value}" if projection in SIGNS else ""
        return Right(whole, f"{'; '.join(films)}{seen}")

    def unrated(self, finding: Finding, projection: Projection) -> str:
        """Why it is not known how probable a statement is right; "" where it is known."""
        if finding.score_kind is ScoreKind.UNSPECIFIED:
            return NOT_READ
        known = self.sorts.get(sort_of(finding))
        if known is None:
            return NOT_MEASURED
        if not known.of(projection):
            return _of_view(known.only)
        if known.curve is None:
            patients = "1 patient" if known.patients == 1 else f"{known.patients} patients"
            return f"{TOO_FEW} to measure how often it is right: said of {patients}"
        return ""

    def write(self, path: Path) -> None:
        table = {
            "schema": SCHEMA,
            "failing": self.failing,
            "several": {name: asdict(curve) for name, curve in self.several.items()},
            "sorts": [
                {"label": label, "presence": presence, "score_kind": kind, **known.to_dict()}
                for (label, presence, kind), known in self.sorts.items()
            ],
            "weights_sha256": dict(self.weights_sha256),
        }
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Fitted:
        """From such a file. Raises ConfigError for one that cannot be read."""
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            if table["schema"] != SCHEMA:
                raise ValueError(f"schema {table['schema']}")
            return cls(
                {
                    (item["label"], item["presence"], item["score_kind"]): Known.from_dict(item)
                    for item in table["sorts"]
                },
                {name: Curve(**curve) for name, curve in table["several"].items()},
                float(table["failing"]),
                dict(table["weights_sha256"]),
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"cannot read the confidence {path}: {error!r}; fit it with "
                f"grounded train confidence"
            ) from error


class Confidence:
    """fitted: the file that `grounded train confidence` writes.

    wrong: the most of what is said to be there, or possible, that may be wrong, 0..1. missed: the
    most of what is denied that is there all the same; as `wrong` if it is not given. Without
    either nothing is withheld. Raises ConfigError for a file that cannot be used, InvalidValueError
    for a level that is not between 0 and 1.
    """

    name = "confidence"

    def __init__(
        self,
        fitted: str | os.PathLike[str],
        wrong: float | None = None,
        missed: float | None = None,
    ) -> None:
        path = Path(fitted)
        self.fitted, self.fitted_on = (found := Fitted.read(path)), found.weights_sha256
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.weights_sha256: Mapping[str, str] = {path.name: digest}
        self._set(wrong, missed)

    @classmethod
    def of(
        cls, fitted: Fitted, wrong: float | None = None, missed: float | None = None
    ) -> Confidence:
        """From what is in memory."""
        made = cls.__new__(cls)
        made.fitted, made.fitted_on, made.weights_sha256 = fitted, fitted.weights_sha256, {}
        made._set(wrong, missed)
        return made

    def _set(self, wrong: float | None, missed: float | None) -> None:
        for level in (wrong, missed):
            if level is not None and not 0 < level < 1:
                raise InvalidValueError(f"a level lies between 0 and 1 (0.05 is 5 %), got {level}")
        self.wrong, self.missed = wrong, wrong if missed is None else missed

    @property
    def withholds(self) -> bool:
        return self.wrong is not None or self.missed is not None

    def scope(self, scope: Scope) -> Scope:
        """The scope with what is promised."""
        return replace(scope, guarantee=self.guarantee) if self.withholds else scope

    @property
    def guarantee(self) -> str:
        """What is promised, of which films, and how surely; "" where nothing is."""
        promised = (
            ("at most {} of what is stated is wrong", self.wrong),
            ("at most {} of what is denied is there", self.missed),
        )
        said = [words.format(_percent(level)) for words, level in promised if level is not None]
        if not said:
            return ""
        return (
            f"Of each finding, with a certainty of {_percent(1 - self.fitted.failing)}: "
            f"{' and '.join(said)}. This holds for films like those it was fitted on "
            f"({self.fitted.population}), and need not for another hospital's"
        )

    def withhold(
        self,
        question: Question,
        sentences: Sequence[Sentence],
        atlas: Atlas,
        projection: Projection,
    ) -> list[Sentence]:
        """The sentences without what does not hold the levels, and what says that it is withheld.

        What a reader has set is not withheld: it is not the film's word. Of a child's film all is,
        as the limits are those of adults' films.
        """
        if not self.withholds:
            return list(sentences)
        child = question.image.info.child
        refused = {
            finding: refusal
            for sentence in sentences
            for finding in sentence.findings
            if not _is_set(finding, question)
            and (refusal := self._refusal(finding, child, projection))
        }
        return without_refused(sentences, refused, atlas)

    def _refusal(self, finding: Finding, child: bool, projection: Projection) -> Refused | None:
        level = self.missed if finding.presence == Presence.ABSENT else self.wrong
        if level is None:
            return None
        if child:
            return Refused(_percent(level), OF_ADULTS)
        if self.fitted.holds(finding, level, projection):
            return None
        known = self.fitted.known(finding, projection)
        if known is None:
            return Refused(_percent(level), self.fitted.unrated(finding, projection))
        limit = known.limit(level)
        if limit is None:
            counted = f"{known.wrong} of {known.patients} such statements were wrong"
            few = known.wrong <= level * known.patients
            why = f"{TOO_FEW} to tell" if few else "no score holds it"
            return Refused(_percent(level), f"{why}: {counted}")
        why = f"its score is {finding.score:.3f}, not {limit:.3f} or more"
        return Refused(_percent(level), why)

    def rate(
        self, info: ImageInfo, sentences: Sequence[GroundedSentence], projection: Projection
    ) -> tuple[GroundedSentence, ...]:
        """The sentences, each with the probability that it is right, or why that is not known.

        It was measured on films of adults, so a child's film has none.
        """
        return tuple(self._rated(sentence, info.child, projection) for sentence in sentences)

    def _rated(
        self, sentence: GroundedSentence, child: bool, projection: Projection
    ) -> GroundedSentence:
        if not sentence.findings:
            return sentence
        if child:
            return replace(sentence, unrated=OF_ADULTS)
        reasons = {f.label: self.fitted.unrated(f, projection) for f in sentence.findings}
        unrated = "; ".join(f"{label}: {why}" for label, why in reasons.items() if why)
        return replace(sentence, right=self.right(sentence.findings, projection), unrated=unrated)

    def right(self, findings: Sequence[Finding], projection: Projection) -> Right | None:
        """The probability that all findings of a sentence are as it says.

        None for a sentence without, and with one whose sort was not measured.
        """
        least: dict[Sort, float] = {}
        for finding in findings:
            sort = sort_of(finding)
            least[sort] = min(finding.score, least.get(sort, 1.0))
        return self.fitted.right(least, projection)


def _is_set(finding: Finding, question: Question) -> bool:
    return finding.label in question.findings.get(finding.region, {})


def _of_view(view: Projection) -> str:
    return f"how often it is right was measured on {view} films alone, and this is not known as one"


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"

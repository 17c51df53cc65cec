"""What stands behind a report: what was assessed, what made it, and who took it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from grounded.errors import InvalidValueError

Decision = Literal["accepted", "rejected", "supplemented"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which findings the loaded models assess, each with the measured figure behind it.

    guarantee: what is promised of the statements of a report from which others were withheld.
    """

    assessed: Mapping[str, str] = field(default_factory=dict)
    not_assessed: tuple[str, ...] = ()
    guarantee: str = ""

    @property
    def text(self) -> str:
        assessed = "; ".join(self.assessed) or "no finding"
        left = "; ".join(self.not_assessed) or "none of the vocabulary"
        promised = f" {self.guarantee}." if self.guarantee else ""
        return f"Assessed: {assessed}. Not assessed: {left}.{promised}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "assessed": dict(self.assessed),
            "not_assessed": list(self.not_assessed),
            **({"guarantee": self.guarantee} if self.guarantee else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scope:
        guarantee = str(data.get("guarantee", ""))
        return cls(dict(data["assessed"]), tuple(data["not_assessed"]), guarantee)


@dataclass(frozen=True, slots=True)
class Review:
    """What a reader decided about a sentence, in the words of IHE AIRAI.

    supplemented: the sentence is the reader's own. by: as readers call themselves, "" if they do
    not say. at: ISO 8601 with its zone. draft: the draft's words, "" where they were not changed.
    """

    decision: Decision
    text: str
    by: str = ""
    at: str = ""
    draft: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.decision not in get_args(Decision):
            raise InvalidValueError(
                f"a decision is one of {get_args(Decision)}, got {self.decision!r}"
            )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made the report: package version, preset, parts by name, the weights' SHA-256; and what
    a reader decided about its sentences, if one did.
    """

    version: str
    preset: str
    detector: str
    generator: str
    explainer: str
    composer: str
    weights_sha256: Mapping[str, str] = field(default_factory=dict)
    review: tuple[Review, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "preset": self.preset,
            "detector": self.detector,
            "generator": self.generator,
            "explainer": self.explainer,
            "composer": self.composer,
            "weights_sha256": dict(self.weights_sha256),
            **({"review": [item.to_dict() for item in self.review]} if self.review else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Provenance:
        review = tuple(Review(**item) for item in data.get("review", ()))
        return cls(**{**data, "review": review})


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who read the film, took the report over as true, for which institution, and when.

    name: as DICOM writes a person's name ("Doe^Jane"), or plain. Raises InvalidValueError for an
    empty name or institution, and for a time without a zone.
    """

    name: str
    institution: str
    time: datetime

    def __post_init__(self) -> None:
        if not (self.name.strip() and self.institution.strip()):
            raise InvalidValueError("who accepts a report needs a name and an institution")
        if self.time.tzinfo is None:
            raise InvalidValueError("the time of an acceptance needs a time zone")

    def to_dict(self) -> dict[str, str]:
        return {
            "name": self.name,
            "institution": self.institution,
            "time": self.time.isoformat(timespec="seconds"),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Acceptance:
        return cls(data["name"], data["institution"], datetime.fromisoformat(data["time"]))

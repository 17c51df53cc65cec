"""What is said of a region in the terms of the field: a label, present, absent or uncertain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, overload

from grounded.atlas import RegionName
from grounded.codes import Code, finding_code
from grounded.errors import InvalidValueError, RegionError
from grounded.table import dataframe

if TYPE_CHECKING:
    import pandas as pd


class Presence(StrEnum):
    """Whether a finding is there."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


class ScoreKind(StrEnum):
    """What a score in 0..1 is of. Scores of different kinds are never compared.

    In this order they stand where one has to come first: a measurement before an estimate.
    """

    DISTANCE = "distance from normal"
    """Of a measured value: the probability that it truly lies on its side of the limit."""
    PROBABILITY = "probability"
    """Calibrated: that the finding is as it is stated."""
    TOKENS = "token probability"
    """Of a language model's words; it says nothing of the film."""
    RIGHT = "probability that the sentence is right"
    """Calibrated: that all that a sentence claims is so, among sentences of films held out."""
    UNSPECIFIED = "unspecified"

    @property
    def word(self) -> str:
        """What stands before the number. A probability of one place, at even odds before the film
        is seen, is called a raw score, so that nobody takes it for that of the sentence."""
        words = {ScoreKind.UNSPECIFIED: "score", ScoreKind.PROBABILITY: "raw score"}
        return words.get(self, str(self))

    @property
    def rank(self) -> int:
        return tuple(ScoreKind).index(self)


Label = Literal[
    # The 14 observations of CheXpert (Irvin et al., AAAI 2019), under their names there.
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    # Of other collections (NIH ChestX-ray14, ChestX-Det), which CheXpert has no name for.
    "Emphysema",
    "Fibrosis",
    "Pleural Thickening",
    "Nodule",
    "Mass",
    "Calcification",
    # Of shape and position: CheXpert has no name for them, and they can be measured.
    "Elevated Hemidiaphragm",
    "Tracheal Deviation",
    "Mediastinal Shift",
    "Lung Volume Asymmetry",
    "Blunted Costophrenic Angle",
    # Something is not as it should be, and what it is cannot be said.
    "Unspecified Abnormality",
]
"""What a finding is called; a word that is not among these is no `Finding`."""
VOCABULARY: tuple[Label, ...] = get_args(Label)
CHEXPERT = VOCABULARY[:14]
UNSPECIFIED: Label = "Unspecified Abnormality"
NAMELESS: tuple[Label, ...] = ("No Finding", UNSPECIFIED)
ASSESSABLE = tuple(label for label in VOCABULARY if label not in NAMELESS)
"""What can be looked for in a film by its name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the vocabulary, said of one region, with a score in 0..1 for that statement.

    score_kind: what the score is of.
    """

    label: Label
    presence: Presence
    region: RegionName
    score: float = 1.0
    score_kind: ScoreKind = ScoreKind.UNSPECIFIED

    def __post_init__(self) -> None:
        label_of(self.label)
        object.__setattr__(self, "presence", presence_of(self.presence))
        if not 0 <= self.score <= 1:
            raise InvalidValueError(f"a score lies in 0..1, got {self.score}")

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "presence": self.presence,
            "region": self.region,
            "score": self.score,
            "score_kind": str(self.score_kind),
            **({"code": self.code.to_dict()} if self.code else {}),
        }

    @property
    def code(self) -> Code | None:
        """SNOMED CT or DICOM, None where neither has one that fits."""
        return finding_code(self.label)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        kind = ScoreKind(data.get("score_kind", ScoreKind.UNSPECIFIED))
        return cls(
            data["label"],
            presence_of(data["presence"]),
            data["region"],
            float(data["score"]),
            kind,
        )


_COLUMNS = ("region", "label", "probability", "presence", "stated", "code")  # of a table


@dataclass(frozen=True, slots=True)
class ReadFinding:
    """A finding that was read in a region, whether or not the scope lets it be said.

    probability: that it is present, calibrated; None for a finding that was measured instead of
    estimated. presence: what that amounts to, by the limits of the calibration. stated: whether the
    scope lets a report say it in this kind of region.
    """

    label: str
    region: RegionName
    probability: float | None
    presence: Presence
    stated: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "presence", presence_of(self.presence))
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise InvalidValueError(f"a probability lies in 0..1, got {self.probability}")

    def to_dict(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "label": self.label,
            "probability": self.probability,
            "presence": self.presence,
            "stated": self.stated,
            "code": f"{self.code.scheme} {self.code.value}" if self.code else "",
        }

    @property
    def code(self) -> Code | None:
        """SNOMED CT or DICOM, None where neither has one that fits."""
        return finding_code(self.label)


@dataclass(frozen=True, slots=True)
class Findings(Sequence[ReadFinding]):
    """What was read of a film: a sequence of `ReadFinding`, region by region.

    regions: all that were found in the film, also those in which nothing is read. It is a table as
    well: `findings.to_dataframe()`.
    """

    items: tuple[ReadFinding, ...] = ()
    regions: tuple[RegionName, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[ReadFinding]:
        return iter(self.items)

    @overload
    def __getitem__(self, key: int) -> ReadFinding: ...
    @overload
    def __getitem__(self, key: slice | str) -> Self: ...
    def __getitem__(self, key: int | slice | str) -> ReadFinding | Self:
        """`findings["Pneumothorax"]`: in all regions; also by position, as any sequence.

        Raises InvalidValueError for a label that the vocabulary does not have and nobody read.
        """
        if isinstance(key, int):
            return self.items[key]
        if isinstance(key, slice):
            return replace(self, items=self.items[key])
        chosen = tuple(item for item in self.items if item.label == key)
        if not chosen:
            label_of(key)
        return replace(self, items=chosen)

    def in_region(self, name: str) -> Self:
        """What was read in one region; nothing is a fine answer.

        Raises RegionError for a region that was not found in the film.
        """
        if name not in self.regions:
            near = get_close_matches(name, self.regions, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            found = ", ".join(self.regions) or "none"
            raise RegionError(f"no region {name!r} was found in this film; {hint}Found: {found}")
        return replace(self, items=tuple(item for item in self.items if item.region == name))

    @property
    def stated(self) -> Self:
        """Those that the scope lets a report say."""
        return replace(self, items=tuple(item for item in self.items if item.stated))

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each region and finding, with equal keys."""
        return [item.to_dict() for item in self.items]

    def to_dataframe(self) -> pd.DataFrame:
        """`to_rows` as a table of pandas. Raises MissingExtraError without it."""
        return dataframe(self.to_rows(), _COLUMNS)


SetFindings = Mapping[RegionName, Mapping[Label, Presence]]
"""What a reader has set instead of what a network reads."""


def label_of(word: str) -> Label:
    """The label that a word is. Raises InvalidValueError that suggests a near one."""
    for label in VOCABULARY:
        if label == word:
            return label
    near = get_close_matches(word.title(), VOCABULARY, n=1)
    hint = f"did you mean {near[0]!r}? It" if near else "it"
    raise InvalidValueError(
        f"no finding {word!r} in the vocabulary; {hint} has: {', '.join(VOCABULARY)}"
    )


def presence_of(word: str) -> Presence:
    """The presence that a word names. Raises InvalidValueError for another word."""
    try:
        return Presence(word)
    except ValueError:
        known = ", ".join(Presence)
        raise InvalidValueError(f"presence is one of {known}; got {word!r}") from None

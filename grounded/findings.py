"""What is said of a region in the terms of the field: a label, present, absent or uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args

from grounded.errors import InvalidValueError

Presence = Literal["present", "absent", "uncertain"]

# The 14 observations of CheXpert (Irvin et al., AAAI 2019), under their names there.
CHEXPERT = (
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
)
# Findings of shape and position that CheXpert has no name for and that can be measured.
MEASURED = (
    "Elevated Hemidiaphragm",
    "Tracheal Deviation",
    "Mediastinal Shift",
    "Lung Volume Asymmetry",
    "Blunted Costophrenic Angle",
)
VOCABULARY = CHEXPERT + MEASURED


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the vocabulary, said of one region, with a score in 0..1 for that statement."""

    label: str
    presence: Presence
    region: str
    score: float = 1.0

    def __post_init__(self) -> None:
        if self.label not in VOCABULARY:
            near = get_close_matches(self.label.title(), VOCABULARY, n=1)
            hint = f"did you mean {near[0]!r}? It" if near else "it"
            raise InvalidValueError(
                f"no finding {self.label!r} in the vocabulary; {hint} has: {', '.join(VOCABULARY)}"
            )
        if self.presence not in get_args(Presence):
            raise InvalidValueError(
                f"presence is one of {get_args(Presence)}, got {self.presence!r}"
            )
        if not 0 <= self.score <= 1:
            raise InvalidValueError(f"a score lies in 0..1, got {self.score}")

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "presence": self.presence,
            "region": self.region,
            "score": self.score,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        return cls(data["label"], data["presence"], data["region"], float(data["score"]))

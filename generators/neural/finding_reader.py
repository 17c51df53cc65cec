"""What is read of each region: FindingNet with its weights and its calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grounded.chest.names import kind_of, side_of
from grounded.errors import ConfigError
from grounded.findings import Finding, Presence, ReadFinding, ScoreKind
from grounded.generators.neural.finding_net import FindingNet, seen
from grounded.generators.neural.tissue import Tissue
from grounded.geometry import Box
from grounded.nn.weights import belongs_to, build, check_belongs, fill, read_config, sha256
from grounded.protocols import Question, encoded_film
from grounded.regions import Encoded, Region

CALIBRATION = "calibration.json"
ABNORMAL = "Abnormal"
"""The last of FindingNet's labels: any of its findings but devices."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a logit of one finding means, as measured on films held out for it.

    kinds: of region that the finding is read in. The probability is the logistic function of
    slope * logit + intercept (Platt scaling). From `present` on the finding is present, up to
    `absent` it is absent, and uncertain in between. assessed: the kinds of region in which it held
    on real films and may be stated. figure: what was measured there.
    """

    kinds: frozenset[str]
    slope: float
    intercept: float
    absent: float
    present: float
    assessed: frozenset[str]
    figure: str

    def probability(self, logit: float) -> float:
        """That the finding is there, at even odds before the film is seen."""
        return float(1 / (1 + np.exp(-(self.slope * logit + self.intercept))))

    def presence(self, probability: float) -> Presence:
        """What a probability amounts to."""
        if probability >= self.present:
            return Presence.PRESENT
        return Presence.ABSENT if probability <= self.absent else Presence.UNCERTAIN


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A region as it is read: its kind, its side, and its box, image frame."""

    name: str
    kind: str
    side: str
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What was read of one region."""

    place: Place
    found: tuple[ReadFinding, ...]

    @property
    def probabilities(self) -> dict[str, float]:
        """By label, of everything that is read there."""
        return {f.label: f.probability for f in self.found if f.probability is not None}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those that may be stated, each with how sure it is that it is so."""
        return tuple(
            Finding(item.label, item.presence, item.region, _certainty(item), ScoreKind.PROBABILITY)
            for item in self.found
            if item.stated
        )


class FindingReader:
    """weights: a folder with config.json, model.safetensors and calibration.json.

    encoder_sha256: of the encoder whose maps it reads, "" for any. Raises ConfigError
    for a folder that cannot be used, or whose calibration is that of another network.
    """

    def __init__(self, weights: Path) -> None:
        self.net = build(FindingNet, read_config(weights), weights)
        self.encoder_sha256 = belongs_to(weights, "encoder")
        self.calibrations = read_calibrations(weights / CALIBRATION, self.net.labels)
        calibration = sha256(weights / CALIBRATION)
        check_belongs(weights, "calibration", calibration)
        self.weights_sha256: Mapping[str, str] = {
            **fill(self.net, weights, role="findings"),
            f"findings/{CALIBRATION}": calibration,
        }

    @classmethod
    def of(cls, net: FindingNet, calibrations: Mapping[str, Calibration]) -> FindingReader:
        """A reader of parts that are in memory, as while it is calibrated."""
        reader = cls.__new__(cls)
        reader.net, reader.weights_sha256, reader.encoder_sha256 = net.eval(), {}, ""
        reader.calibrations = dict(calibrations)
        return reader

    @property
    def assessed(self) -> dict[str, str]:
        """The findings that may be stated, each with the figure behind it."""
        return {label: c.figure for label, c in self.calibrations.items() if c.assessed}

    def places(self, question: Question) -> list[Place]:
        """The regions that are asked about and in which something is read, in their order.

        A box drawn by hand is read as the tissue that it covers, see `Tissue`.
        """
        return [place for region in question.asked if (place := self._place(region, question))]

    def read(self, question: Question) -> list[Read]:
        """What is read in each of `places`, or was read there already.

        Raises ConfigError if the detector made no map.
        """
        places = self.places(question)
        found: dict[str, tuple[ReadFinding, ...]] = {}
        for item in question.read:
            found[item.region] = (*found.get(item.region, ()), item)
        if unread := [place for place in places if place.name not in found]:
            with torch.inference_mode():
                logits = self.logits(self.encoding(question), unread)[0]
            for place, row in zip(unread, logits, strict=True):
                found[place.name] = self._read(place, row.tolist())
        return [Read(place, found[place.name]) for place in places]

    def encoding(self, question: Question) -> Encoded:
        """The encoding of the question's film, by the encoder that this was trained on."""
        return encoded_film(question, self.encoder_sha256)

    def film(self, question: Question) -> dict[str, float]:
        """The probability of each finding in the film as a whole; none, as it is not read."""
        return {}

    def is_ap(self, question: Question) -> float:
        """The probability that the film was taken from front to back; NaN, as it is not read."""
        return math.nan

    def logits(
        self,
        encoded: Encoded,
        places: Sequence[Place],
        maps: Tensor | None = None,
        film_given: bool = False,
    ) -> Tensor:
        """Logits (B, N, F) of N places, in a film or in B versions of its map (B, D, h, w).

        film_given: see `FindingNet.places`.
        """
        maps = encoded.film[None] if maps is None else maps
        kinds = torch.tensor([self.net.kinds.index(place.kind) for place in places])
        logits: Tensor = self.net(
            maps,
            _on_map(encoded, places, maps),
            kinds.repeat(len(maps)),
            _mirrored(places).repeat(len(maps)),
            film_given,
        )
        return logits.view(len(maps), len(places), -1)

    def seen(self, encoded: Encoded, places: Sequence[Place], maps: Tensor | None = None) -> Tensor:
        """What is seen in N places, (B, N, 16, D), as the writer takes it; see `logits`."""
        maps = encoded.film[None] if maps is None else maps
        vectors = seen(maps, _on_map(encoded, places, maps), _mirrored(places).repeat(len(maps)))
        return vectors.view(len(maps), len(places), *vectors.shape[1:])

    def _place(self, region: Region, question: Question) -> Place | None:
        """Where a region is read; a box drawn by hand as the tissue that it covers."""
        drawn = region.name not in question.found
        as_region = Tissue.of(region.box, question.found).region if drawn else region.name
        kind = kind_of(as_region)
        if kind not in self.net.kinds:
            return None
        return Place(region.name, kind, side_of(as_region), region.box)

    def _read(self, place: Place, logits: Sequence[float]) -> tuple[ReadFinding, ...]:
        found = []
        for label, logit in zip(self.net.labels, logits, strict=True):
            calibration = self.calibrations[label]
            if place.kind not in calibration.kinds:
                continue
            probability = calibration.probability(logit)
            presence = calibration.presence(probability)
            stated = place.kind in calibration.assessed and label != ABNORMAL
            found.append(ReadFinding(label, place.name, probability, presence, stated))
        return tuple(found)


def _certainty(item: ReadFinding) -> float:
    """How probable it is that a finding is as its presence says."""
    probability = item.probability or 0.0
    sides = {"present": probability, "absent": 1 - probability}
    return sides.get(item.presence, max(sides.values()))


def read_calibrations(path: Path, labels: Sequence[str]) -> dict[str, Calibration]:
    """By label. Raises ConfigError for a file that does not fit the labels."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        found = {
            label: Calibration(
                **{
                    **entry,
                    "kinds": frozenset(entry["kinds"]),
                    "assessed": frozenset(entry["assessed"]),
                }
            )
            for label, entry in table.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"cannot read the calibration {path}: {error!r}") from error
    if missing := set(labels) - set(found):
        raise ConfigError(f"{path} has no calibration of {', '.join(sorted(missing))}")
    return found


def _on_map(encoded: Encoded, places: Sequence[Place], maps: Tensor) -> Tensor:
    """The boxes of N places in each of B maps: (B * N, 5) as FindingNet takes them."""
    height, width = encoded.placement.model_shape
    cells = np.array([maps.shape[3] / width, maps.shape[2] / height] * 2)
    boxes = encoded.placement.to_model([tuple(place.box) for place in places]) * cells
    rows = torch.arange(len(maps), dtype=torch.float32).repeat_interleave(len(places))
    on_map = torch.from_numpy(boxes.astype(np.float32)).repeat(len(maps), 1)
    return torch.cat([rows[:, None], on_map], dim=1)


def _mirrored(places: Sequence[Place]) -> Tensor:
    return torch.tensor([place.side == "left" for place in places])

"""What is read of each region: FindingNet with its weights and its calibration.

The film says whether a finding is there, its regions say where. A region is never called abnormal
of which the film as a whole shows nothing, so that twenty-nine regions are not twenty-nine chances
of a false alarm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grounded.atlas import PairedSide
from grounded.chest.names import kind_of, side_of
from grounded.errors import ConfigError
from grounded.findings import (
    UNSPECIFIED,
    Finding,
    Presence,
    ReadFinding,
    ScoreKind,
    label_of,
)
from grounded.generators.neural.finding_net import (
    COMPOSITES,
    FILM,
    VIEW,
    FindingNet,
    logit_of,
    shares,
)
from grounded.generators.neural.tissue import Tissue
from grounded.geometry import Box
from grounded.nn.device import one_thread
from grounded.nn.weights import belongs_to, build, check_belongs, fill, read_config, sha256
from grounded.protocols import Question, encoded_film
from grounded.regions import Encoded, Region

CALIBRATION = "calibration.json"
FIRM = 0.6
"""From which probability on a finding is called present in a region, and not uncertain. In films
for calibration that have it, radiologists outlined an opacity in 38 of the 84 regions that are more
likely than not and reach less, and in 290 of the 363 others, an effusion in 1 of 25 and in 243 of
308; in films held out, an opacity in 35 of 64 and in 206 of 257, an effusion in 8 of 17 and in 246
of 280."""

UNSPECIFIED_FROM = 0.75
"""The probability in a lung from which on an unspecified abnormality is said of it; below, nothing
is, as what has no name cannot be denied or called possible. Of what reports on films for
calibration say so, radiologists outlined something in that lung, its pleura or ribs in 51 of 58
lungs, from 0.6 on in 60 of 78; of films held out, in 29 of 36 and 36 of 49."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a logit of one finding in one kind of region means, as measured on films held out.

    The logistic function of slope * logit + intercept (Platt scaling) is, of the whole film, the
    probability that the finding is there, at even odds before the film is seen; of a region, that
    it is there given that it is somewhere in the film. From `present` on it is called present, up
    to `absent` absent, and uncertain in between. assessed: whether it may be stated. figure: what
    was measured.
    """

    slope: float
    intercept: float
    absent: float
    present: float
    assessed: bool
    figure: str

    def probability(self, logit: float) -> float:
        return float(1 / (1 + np.exp(-(self.slope * logit + self.intercept))))

    def presence(self, probability: float) -> Presence:
        """What a probability amounts to."""
        if probability >= self.present:
            return Presence.PRESENT
        return Presence.ABSENT if probability <= self.absent else Presence.UNCERTAIN


Calibrations = Mapping[str, Mapping[str, Calibration]]
"""By label, then by kind of region, FILM among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A region as it is read: its kind, its side, and its box, image frame."""

    name: str
    kind: str
    side: PairedSide
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
        """Those that may be stated, each with how probable it is that it is so."""
        return tuple(
            Finding(
                label_of(item.label),
                item.presence,
                item.region,
                _certainty(item),
                ScoreKind.PROBABILITY,
            )
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
        self.calibrations: Calibrations = read_calibrations(weights / CALIBRATION, self.net.labels)
        calibration = sha256(weights / CALIBRATION)
        check_belongs(weights, "calibration", calibration)
        self.weights_sha256: Mapping[str, str] = {
            **fill(self.net, weights, role="findings"),
            f"findings/{CALIBRATION}": calibration,
        }

    @classmethod
    def of(cls, net: FindingNet, calibrations: Calibrations) -> FindingReader:
        """A reader of parts that are in memory, as while it is calibrated."""
        reader = cls.__new__(cls)
        reader.net, reader.weights_sha256, reader.encoder_sha256 = net.eval(), {}, ""
        reader.calibrations = {label: dict(kinds) for label, kinds in calibrations.items()}
        return reader

    @property
    def labels(self) -> tuple[str, ...]:
        """The findings that are read: in the order of the map's channels, then composites."""
        composites = [label for label in COMPOSITES if label in self.calibrations]
        return (*self.net.labels[:-1], *composites)

    @property
    def assessed(self) -> dict[str, str]:
        """The findings that may be stated, each with the figure behind it."""
        films = {label: self.calibrations[label][FILM] for label in self.labels}
        return {label: film.figure for label, film in films.items() if film.assessed}

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
            film = self.film(question)
            with one_thread():
                logits = self.logits(self.encoding(question), unread)[0]
            for place, row in zip(unread, logits, strict=True):
                found[place.name] = self._read(place, row, film)
        return [Read(place, found[place.name]) for place in places]

    def encoding(self, question: Question) -> Encoded:
        """The encoding of the question's film, by the encoder that this was trained on."""
        return encoded_film(question, self.encoder_sha256)

    def film(self, question: Question) -> dict[str, float]:
        """The probability of each finding in the film as a whole, at even odds beforehand."""
        return self._whole(question, self.labels)

    def is_ap(self, question: Question) -> float:
        """The probability that the film was taken from front to back."""
        return self._whole(question, (VIEW,))[VIEW]

    def _whole(self, question: Question, labels: Sequence[str]) -> dict[str, float]:
        place = Place(FILM, FILM, "", question.image.info.frame)
        with one_thread():
            [row] = self.logits(self.encoding(question), [place])[0]
        return {
            label: self.calibrations[label][FILM].probability(
                float(logit_of(label, row, self.net.labels))
            )
            for label in labels
        }

    def evidence(self, film: Tensor, label: str) -> Tensor:
        """The log-odds (h, w) of a finding were the whole film like each cell of its map.

        film: (F + 1, h, w), the encoder's map.
        """
        calibration = self.calibrations[label][FILM]
        with one_thread():
            cells = film.movedim(0, -1) * self.net.scale.weight[0] + self.net.bias.weight[0]
            logits = logit_of(label, cells, self.net.labels)
        return logits * calibration.slope + calibration.intercept

    def logits(
        self, encoded: Encoded, places: Sequence[Place], maps: Tensor | None = None
    ) -> Tensor:
        """Logits (B, N, F + 1) of N places, in a film or in B versions of its map."""
        maps = encoded.film[None] if maps is None else maps
        kinds = torch.tensor([self.net.kinds.index(place.kind) for place in places])
        covered = shares(_on_map(encoded, places, maps), *maps.shape[2:])
        logits: Tensor = self.net(
            maps, covered.expand(len(maps), -1, -1, -1), kinds.expand(len(maps), -1)
        )
        return logits

    def _place(self, region: Region, question: Question) -> Place | None:
        """Where a region is read; a box drawn by hand as the tissue that it covers."""
        as_region, side = region.name, side_of(region.name)
        if region.name not in question.found:
            tissue = Tissue.of(region.box, question.found)
            as_region, side = tissue.region, tissue.side
        kind = kind_of(as_region)
        if kind not in self.net.kinds:
            return None
        return Place(region.name, kind, side, region.box)

    def _read(
        self, place: Place, logits: Tensor, film: Mapping[str, float]
    ) -> tuple[ReadFinding, ...]:
        found = []
        for label in self.labels:
            if place.kind in self.calibrations[label]:
                calibration = self.calibrations[label][place.kind]
                given = calibration.probability(float(logit_of(label, logits, self.net.labels)))
                presence = self._presence(label, place.kind, film[label], given)
                probability = film[label] * given
                stated = calibration.assessed and _may_be_said(label, presence, probability)
                found.append(ReadFinding(label, place.name, probability, presence, stated))
        return tuple(found)

    def _presence(self, label: str, kind: str, film: float, given: float) -> Presence:
        """Presence in a region, from two probabilities.

        film: that the film has the finding; given: that the region has it if the film does.
        """
        said = {
            self.calibrations[label][FILM].presence(film),
            self.calibrations[label][kind].presence(given),
        }
        if Presence.ABSENT in said:
            return Presence.ABSENT
        unsure = Presence.UNCERTAIN in said or film * given < FIRM
        return Presence.UNCERTAIN if unsure else Presence.PRESENT


def _may_be_said(label: str, presence: Presence, probability: float) -> bool:
    """Whether what was read of a finding is said, or denied, at all: see `UNSPECIFIED_FROM`."""
    sure = presence == Presence.PRESENT and probability >= UNSPECIFIED_FROM
    return label != UNSPECIFIED or sure


def _certainty(item: ReadFinding) -> float:
    """How probable it is that a finding is as its presence says; of one that is uncertain, that it
    is there."""
    probability = item.probability or 0.0
    return 1 - probability if item.presence == "absent" else probability


def read_calibrations(path: Path, labels: Sequence[str]) -> dict[str, dict[str, Calibration]]:
    """By label and kind. Raises ConfigError for a file that does not fit the labels."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        found = {
            label: {kind: Calibration(**entry) for kind, entry in kinds.items()}
            for label, kinds in table.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"cannot read the calibration {path}: {error!r}") from error
    if missing := [label for label in labels if FILM not in found.get(label, {})]:
        raise ConfigError(f"{path} has no calibration of {', '.join(sorted(missing))}")
    return found


def _on_map(encoded: Encoded, places: Sequence[Place], maps: Tensor) -> Tensor:
    """The boxes of N places in cells of the map: (N, 4)."""
    height, width = encoded.placement.model_shape
    cells = np.array([maps.shape[3] / width, maps.shape[2] / height] * 2)
    boxes = encoded.placement.to_model([tuple(place.box) for place in places]) * cells
    return torch.from_numpy(boxes.astype(np.float32))

"""Asking generators about films whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from own.asked import (
    LastFilm,
    answers,
    as_findings,
    describe_each,
    joined,
    stateable,
    training_bank,
    truth_of,
)

from grounded import Image, Regions
from grounded.atlas import Atlas
from grounded.chest.names import REGIONS
from grounded.data.finding_films import finding_films
from grounded.detectors.organs.detector import OrganDetector
from grounded.detectors.organs.encoder import FilmEncoder
from grounded.generators.measured.generator import Measured
from grounded.generators.neural.finding_net import FindingNet
from grounded.generators.neural.finding_reader import FindingReader
from grounded.language.labeller import Labeller
from grounded.nn.weights import parameters, write
from grounded.protocols import RegionDetector
from grounded.synthetic.phantom import write_phantoms
from grounded.train.findings.calibration import raw
from grounded.train.findings.samples import Pairs

from ..generators.reading import chest

OPACITY, RIGHT, LEFT = "Lung Opacity", "right lung", "left lung"
SHIPPED = Path(__file__).parent.parent.parent / "configs" / "weights" / "organ_net"
SIZES = {"side": 64, "widths": [8, 8, 8, 8, 8], "fused": 8, "features": 6}
PAIRS = Pairs.of({OPACITY: ["lung"], "Cardiomegaly": ["cardiac silhouette"]})


class Counting:
    """A detector that finds the phantom's regions and counts how often it is asked."""

    name = "counting"
    weights_sha256: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.atlas = Atlas.open("chest29")
        self.films = 0

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        self.films += len(images)
        return [chest()[1] for _ in images]


def film() -> Image:
    return Image.of(chest()[0].pixels, view="PA")


def test_the_last_film_is_detected_once() -> None:
    counting = Counting()
    detector = LastFilm(counting)
    first, second = film(), film()
    [found] = detector.detect([first])
    assert detector.detect([first])[0] is found
    assert counting.films == 1
    detector.detect([second])
    detector.detect([first])
    assert counting.films == 3


def test_films_of_a_batch_are_passed_on() -> None:
    counting = Counting()
    assert len(LastFilm(counting).detect([film(), film()])) == 2
    assert LastFilm(counting).detect([]) == []
    assert isinstance(LastFilm(counting), RegionDetector)


def test_what_is_known_is_known_of_regions_that_were_found() -> None:
    known = np.full((len(REGIONS), len(PAIRS.labels)), np.nan, dtype=np.float32)
    known[REGIONS.index(RIGHT), 0] = 1
    known[REGIONS.index(LEFT), 0] = 0
    known[REGIONS.index(LEFT), -1] = 0  # abnormal is no finding
    found = chest()[1]
    assert truth_of(known, PAIRS, found) == {RIGHT: {OPACITY: True}, LEFT: {OPACITY: False}}
    assert truth_of(known, PAIRS, found[[LEFT]]) == {LEFT: {OPACITY: False}}


def test_the_truth_can_be_set_for_the_findings_that_may_be_stated() -> None:
    truth = {RIGHT: {OPACITY: True, "Cardiomegaly": False}, "trachea": {OPACITY: False}}
    of_lungs = raw(PAIRS)[OPACITY]
    calibrations = {**raw(PAIRS), OPACITY: replace(of_lungs, assessed=frozenset({"lung"}))}
    assert stateable(truth, calibrations) == {RIGHT: {OPACITY: True}}
    assert as_findings(stateable(truth, calibrations)) == {RIGHT: {OPACITY: "present"}}


def test_each_region_is_described_for_itself() -> None:
    image, found = film(), chest()[1]
    sentences = describe_each(Measured(), image, found, ["cardiac silhouette", LEFT])
    assert list(sentences) == ["cardiac silhouette", LEFT]
    heard = answers("film", joined(sentences), {}, Labeller.open())
    assert heard[0].said["Cardiomegaly"] == "absent"
    assert "Cardiomegaly" not in heard[1].said
    assert heard[0].truth == {}


def test_a_bank_of_training_films_holds_them_clear_and_with_lesions(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bank")
    write_phantoms(folder / "chest_anatomy", 1, side=128)
    write(folder / "encoder", SIZES, parameters(FilmEncoder(**SIZES)))  # type: ignore[arg-type]
    detector = OrganDetector(SHIPPED, encoder=folder / "encoder")
    reader = FindingReader.of(FindingNet(PAIRS.labels, PAIRS.all_kinds, 6, 8), raw(PAIRS))
    bank = training_bank(detector, reader, finding_films(folder), PAIRS)
    assert bank.vectors.shape == (6, 16, 6)  # two lungs and a heart, twice
    assert bank.kinds[:3] == bank.kinds[3:]
    assert {known[OPACITY] for known in bank.findings[:3] if OPACITY in known} == {"absent"}
    painted = zip(bank.findings[3:], bank.sizes[3:], strict=True)
    assert {size for known, size in painted if known.get(OPACITY) == "present"} - {""}

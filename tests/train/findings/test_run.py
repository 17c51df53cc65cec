"""Training what reads findings: the loss, and a tiny network on a few phantoms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from grounded.chest.names import REGIONS
from grounded.data.example import split_by_patient
from grounded.data.outlined import organ_films
from grounded.detectors.organs.encoder import Encoder, FilmEncoder
from grounded.detectors.organs.net import OrganNet
from grounded.errors import ConfigError
from grounded.generators.neural.finding_reader import CALIBRATION, FindingReader
from grounded.nn.weights import bind, parameters, sha256, write
from grounded.train.augmentation import Strength
from grounded.train.findings.calibration import raw, write_calibrations
from grounded.train.findings.network import FindingConfig, ReadingNet, start_from, write_reading
from grounded.train.findings.run import (
    UNCHANGED,
    as_they_are,
    finding_loss,
    known_pairs,
    measure,
    read,
    split_films,
    train_findings,
)
from grounded.train.findings.samples import FindingSample, KnownFilm

from .known import EFFUSION, HEART, OPACITY, PAIRS, examples, known_films, row, unknown

WIDTHS = (8, 8, 8, 16, 16)
ORGAN_NET = {"side": 64, "widths": list(WIDTHS), "decoder_width": 8, "features": 16}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small OrganNet."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("organ_net")
    write(folder, ORGAN_NET, parameters(OrganNet(**ORGAN_NET)))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[KnownFilm]:
    return known_films(tmp_path_factory.mktemp("films"), 4, side=96)


@pytest.fixture(scope="module")
def config(start: Path) -> FindingConfig:
    return FindingConfig(
        pairs={},
        start=str(start),
        side=64,
        widths=WIDTHS,
        fused=16,
        features=8,
        hidden=8,
        steps=4,
        batch=4,
        workers=0,
        log_every=2,
        measure_every=2,
        strength=UNCHANGED,
    )


def sample_of(known: Sequence[np.ndarray]) -> FindingSample:
    count = len(known)
    return FindingSample(
        torch.zeros(count, 1, 8, 8),
        torch.zeros(count, len(REGIONS), 4),
        torch.ones(count, len(REGIONS), dtype=torch.bool),
        torch.from_numpy(np.stack(known)),
        torch.zeros(count),
    )


def logits_of(known: Sequence[np.ndarray]) -> Tensor:
    return torch.randn(
        len(known), *known[0].shape, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()


def half_known() -> np.ndarray:
    known = unknown()
    known[row("right lung"), OPACITY] = 1
    known[row("left lung"), OPACITY] = 0
    known[row("cardiac silhouette"), HEART] = 1
    return known


def test_the_loss_ignores_what_is_not_known(config: FindingConfig) -> None:
    sample = sample_of([half_known()])
    logits = logits_of([half_known()])
    loss = finding_loss(logits, sample, config)["total"]
    loss.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad != 0, sample.known.isfinite())
    other = torch.where(sample.known.isfinite(), logits.detach(), 99.0)
    assert finding_loss(other, sample, config)["total"] == loss


def test_the_loss_ignores_regions_that_are_not_there(config: FindingConfig) -> None:
    sample = sample_of([half_known()])
    logits = logits_of([half_known()]).detach()
    logits[0, row("cardiac silhouette")] = torch.nan
    terms = finding_loss(logits, sample, config)
    assert torch.isfinite(terms["total"])
    alone = half_known()
    alone[:, HEART] = np.nan
    assert torch.equal(terms["total"], finding_loss(logits, sample_of([alone]), config)["total"])


def test_a_batch_of_which_nothing_is_known_has_no_loss(config: FindingConfig) -> None:
    logits = logits_of([unknown()])
    loss = finding_loss(logits, sample_of([unknown()]), config)["total"]
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_each_finding_counts_the_same_however_often_it_is_known(config: FindingConfig) -> None:
    known = unknown()
    known[row("cardiac silhouette"), HEART] = 1
    known[[row(name) for name in REGIONS if name.endswith("lung zone")], OPACITY] = 1
    logits = logits_of([known])
    finding_loss(logits, sample_of([known]), replace(config, smoothing=0.0))["entropy"].backward()
    assert logits.grad is not None
    expected = (torch.sigmoid(logits.detach()) - 1)[0]
    for column, count in ((HEART, 1), (OPACITY, 6)):
        rows = torch.from_numpy(known[:, column] == 1)
        found = logits.grad[0, rows, column]
        assert torch.allclose(found, expected[rows, column] / count / 2)


def test_the_ranking_compares_regions_of_one_film(config: FindingConfig) -> None:
    sample = sample_of([half_known()])
    right, wrong = torch.zeros_like(sample.known), torch.zeros_like(sample.known)
    right[0, row("right lung"), OPACITY] = wrong[0, row("left lung"), OPACITY] = 5
    rank = [float(finding_loss(x, sample, config)["ranking"]) for x in (right, wrong)]
    assert rank[0] < 0.1
    assert rank[1] > 5
    apart = [half_known(), half_known()]
    apart[0][row("left lung")] = apart[1][row("right lung")] = np.nan  # a film each: no pair
    assert (
        finding_loss(torch.zeros(2, *half_known().shape), sample_of(apart), config)["ranking"] == 0
    )


def test_a_net_reads_only_regions_that_are_there_and_that_it_knows(
    config: FindingConfig, films: list[KnownFilm]
) -> None:
    torch.manual_seed(1)
    net = ReadingNet(config, PAIRS).eval()
    [batch] = as_they_are(films[:2], PAIRS, config, paint=False)
    there = batch.there.clone()
    there[0, row("right lung")] = False
    logits = net(batch.film, batch.boxes, there)
    assert logits.shape == (2, len(REGIONS), len(PAIRS.labels))
    read_there = logits.isfinite().all(dim=2)
    assert read_there[1, row("right lung")]
    assert not read_there[0, row("right lung")]
    assert not read_there[:, row("spine")].any()


def test_the_films_to_measure_with_are_as_they_are_or_painted(
    config: FindingConfig, films: list[KnownFilm]
) -> None:
    plain, painted = (as_they_are(films, PAIRS, config, paint=paint) for paint in (False, True))
    assert [len(batch.film) for batch in plain] == [4]
    assert not (plain[0].known[..., [OPACITY, EFFUSION]] == 1).any()
    assert (painted[0].known == 1).flatten(1).any(dim=1).float().mean() >= 0.5
    assert not torch.equal(plain[0].film, painted[0].film)


def test_figures_are_areas_under_the_curve(config: FindingConfig, films: list[KnownFilm]) -> None:
    torch.manual_seed(0)
    figures = measure(ReadingNet(config, PAIRS), [*films, *films], PAIRS, config)
    assert figures
    assert all(name.startswith("painted ") for name in figures)
    assert all(0 <= value <= 1 for value in figures.values())


def test_scores_and_truth_are_paired_where_both_exist() -> None:
    scores, truth = known_pairs(np.float32([1, np.nan, 3, 4]), np.float32([1, 0, np.nan, 0]))
    assert scores.tolist() == [1, 4]
    assert truth.tolist() == [True, False]


def test_a_tiny_run_learns(config: FindingConfig, films: list[KnownFilm], tmp_path: Path) -> None:
    kinds = {"consolidation": 1.0, "effusion": 1.0}
    steady = replace(config, steps=40, batch=8, learning_rate=5e-3, head_rate=1.0, ema=0.9)
    steady = replace(steady, log_every=5, painting=replace(config.painting, kinds=kinds))
    train_findings(steady, films, [], PAIRS, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["entropy"] for entry in log if "entropy" in entry]
    assert losses[-1] < 0.85 * losses[0]


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    config: FindingConfig, films: list[KnownFilm], tmp_path: Path
) -> None:
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    train_findings(config, films, films, PAIRS, through)

    def stop_at_two(line: str) -> None:
        if '"step": 2' in line and "entropy" not in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_findings(config, films, films, PAIRS, stopped, say=stop_at_two)
    train_findings(config, films, films, PAIRS, stopped)
    for part in ("encoder", "findings"):
        first = load_file(through / part / "model.safetensors")
        for name, value in load_file(stopped / part / "model.safetensors").items():
            assert torch.equal(value, first[name]), name


def test_a_finished_run_is_not_trained_again(
    config: FindingConfig, films: list[KnownFilm], tmp_path: Path
) -> None:
    first = train_findings(config, films, [], PAIRS, tmp_path)
    log = (tmp_path / "log.jsonl").read_text()
    again = train_findings(config, films, [], PAIRS, tmp_path)
    assert (tmp_path / "log.jsonl").read_text() == log
    for name, value in again.state_dict().items():
        assert torch.equal(value, first.state_dict()[name])


def test_what_is_written_reads_as_what_was_trained(
    config: FindingConfig, films: list[KnownFilm], tmp_path: Path
) -> None:
    torch.manual_seed(2)
    net = ReadingNet(config, PAIRS).eval()
    write_reading(net, config, tmp_path)
    write_calibrations(tmp_path / "findings" / CALIBRATION, raw(PAIRS))
    bind(tmp_path / "findings", calibration=sha256(tmp_path / "findings" / CALIBRATION))
    copy = ReadingNet(config, PAIRS).eval()
    copy.encoder = Encoder(tmp_path / "encoder").net
    reader = FindingReader(tmp_path / "findings")
    assert reader.encoder_sha256 == Encoder(tmp_path / "encoder").sha256
    copy.findings = reader.net
    batches = as_they_are(films[:1], PAIRS, config, paint=False)
    expected, found = read(net, batches)[0], read(copy, batches)[0]
    assert np.allclose(found, expected, atol=0.02, equal_nan=True)


def test_an_encoder_starts_from_the_trunk_of_the_detector(start: Path) -> None:
    encoder = FilmEncoder(64, WIDTHS, fused=16, features=8)
    before = encoder.out.state_dict()["first.0.weight"].clone()
    start_from(encoder, start)
    organ_net = load_file(start / "model.safetensors")
    state = parameters(encoder)
    shared = {name for name in state if name.startswith(("stem.", "down.", "fuse."))}
    assert shared
    assert all(torch.equal(state[name], organ_net[name]) for name in shared)
    assert torch.equal(state["out.first.0.weight"], before)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    encoder = FilmEncoder(64, WIDTHS, fused=16, features=8)
    with pytest.raises(ConfigError, match=r"no model\.safetensors"):
        start_from(encoder, tmp_path)
    other = OrganNet(64, (24, 24, 24, 32, 32), features=24)
    write(tmp_path, {}, dict(other.state_dict()))
    with pytest.raises(ConfigError, match="expected OrganNet's weights"):
        start_from(encoder, tmp_path)


def test_films_are_held_apart_by_patient_as_the_detector_holds_them(tmp_path: Path) -> None:
    count = len(examples(tmp_path, 10))
    split = split_films(tmp_path, 0.2, 0.25, seed=0)
    names = [[e.name for e in part] for part in (split.train, split.calibration, split.held)]
    assert [len(part) for part in names] == [6, 2, 2]
    assert len({name for part in names for name in part}) == count
    _, held = split_by_patient(organ_films(tmp_path), 0.2, 0)
    assert names[2] == [film.name for film in held]


def test_a_table_becomes_a_configuration(tmp_path: Path) -> None:
    table = {"pairs": {"Lung Opacity": ["lung"]}, "start": "net", "strength": {"crop": 0.3}}
    config = FindingConfig.of({**table, "widths": [8, 8, 8, 8, 8]}, tmp_path)
    assert config.start == str(tmp_path / "net")
    assert config.widths == (8, 8, 8, 8, 8)
    assert config.strength == Strength(crop=0.3)
    for wrong in ({"epochs": 3}, {"painting": {"many": 1}}, {"strength": {"flip": 1}}):
        with pytest.raises(ConfigError, match="does not fit"):
            FindingConfig.of({**table, **wrong}, tmp_path)

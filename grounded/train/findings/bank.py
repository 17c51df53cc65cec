"""Fills the bank that the writer learns from: what the encoder sees in training films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from grounded.chest.names import REGIONS, kind_of, side_of
from grounded.detectors.organs.encoder import STRIDE
from grounded.findings import Presence
from grounded.generators.neural.finding_net import seen
from grounded.train.findings.network import FindingConfig, ReadingNet
from grounded.train.findings.run import UNCHANGED
from grounded.train.findings.samples import ABNORMAL, KnownFilm, Painted, Pairs, changed, painted
from grounded.train.writer.bank import Bank


def fill_bank(
    net: ReadingNet,
    films: Sequence[KnownFilm],
    pairs: Pairs,
    config: FindingConfig,
    *,
    rounds: int,
    seed: int,
) -> Bank:
    """Each film `rounds` times, with other lesions if it is clear, in the regions that are read."""
    rows: list[tuple[Tensor, str, Mapping[str, Presence], str, str]] = []
    for round_ in range(rounds):
        for number, film in enumerate(films):
            rng = np.random.default_rng([seed, round_, number])
            state = painted(film, pairs, config.painting, rng)
            sample = changed(film, state, config.side, UNCHANGED, 0.0, rng)
            with torch.inference_mode():
                maps = net.encoder(sample.film[None]).float()
            rows += _rows(maps, sample.boxes, sample.there, state, pairs)
    vectors, kinds, findings, sizes, varieties = zip(*rows, strict=True)
    return Bank(torch.stack(vectors).half(), kinds, findings, sizes, varieties)


def _rows(
    maps: Tensor, boxes: Tensor, there: Tensor, state: Painted, pairs: Pairs
) -> Iterator[tuple[Tensor, str, Mapping[str, Presence], str, str]]:
    """Of each region that is read: vectors, kind, findings, its lesion's size and variety."""
    wanted = [
        row for row, name in enumerate(REGIONS) if there[row] and kind_of(name) in pairs.all_kinds
    ]
    on_map = torch.cat([torch.zeros(len(wanted), 1), boxes[wanted] / STRIDE], dim=1)
    mirrored = torch.tensor([side_of(REGIONS[row]) == "left" for row in wanted])
    for row, vectors in zip(wanted, seen(maps, on_map, mirrored), strict=True):
        findings = _findings(state.known[row], pairs)
        inside = [
            lesion
            for lesion in state.lesions
            if any(findings.get(label) == "present" for label in lesion.labels)
        ]
        alone = inside[0] if len(inside) == 1 else None
        size, variety = (alone.size, alone.variety) if alone else ("", "")
        yield vectors, kind_of(REGIONS[row]), findings, size, variety


def _findings(
    known: np.ndarray[tuple[int], np.dtype[np.float32]], pairs: Pairs
) -> dict[str, Presence]:
    return {
        label: Presence.PRESENT if value else Presence.ABSENT
        for label, value in zip(pairs.labels, known, strict=True)
        if np.isfinite(value) and label != ABNORMAL
    }

"""Made-up report text, so that a writer can be trained without any data.

The reports are put together from plain sentences of our own: what is normal, and now and then a
finding in its place. They belong to no film and to no patient.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

COLUMNS = ("uid", "MeSH", "findings", "impression")
PARTS = {"test": 0.1, "val": 0.1}  # of the reports; the rest is for training
NORMAL = 0.4  # of the reports
SECOND = 0.35  # of the others have a second finding

_ZONES = ("upper lung zone", "mid lung zone", "lower lung zone")
_USUAL: Mapping[str, Sequence[str]] = {
    "lungs": (
        "The lungs are clear.",
        "Both lungs are clear.",
        "There is no opacity in the lungs.",
        "No airspace opacity is seen in the lungs.",
        "There is no consolidation, atelectasis or nodule in the lungs.",
    ),
    "pleura": (
        "There is no pleural effusion.",
        "No pleural effusion is seen.",
        "No pleural effusion or pneumothorax.",
    ),
    "air": ("There is no pneumothorax.", "No pneumothorax is seen."),
    "heart": (
        "The heart is normal in size.",
        "The heart is not enlarged.",
        "Heart size is normal.",
        "The cardiac silhouette is normal in size.",
    ),
    "mediastinum": ("The mediastinum is normal.", "The mediastinal contours are normal."),
}
"""What is said of each topic where nothing is the matter; the order of a report."""


@dataclass(frozen=True, slots=True)
class _Topic:
    """A finding. place: the topic whose usual sentence it takes. term: as indexers call it.

    sentences: with {side}, {zone} and {kind} to be filled in. kinds: how it looks, or its size.
    """

    place: str
    term: str
    sentences: Sequence[str]
    kinds: Sequence[str] = ("",)

    def said(self, rng: Generator) -> str:
        drawn = {
            "side": _one(("right", "left"), rng),
            "zone": _one(_ZONES, rng),
            "kind": _one(self.kinds, rng),
        }
        text = " ".join(_one(self.sentences, rng).format(**drawn).split())
        return text[0].upper() + text[1:]


_FINDINGS = (
    _Topic(
        "lungs",
        "Opacity/lung",
        (
            "There is a {kind} opacity in the {side} {zone}.",
            "{kind} opacity in the {side} {zone}.",
            "A {kind} opacity is seen in the {side} {zone}.",
            "Possible {kind} opacity in the {side} {zone}.",
            "There may be a {kind} opacity in the {side} {zone}.",
            "The {side} {zone} shows a {kind} opacity.",
        ),
        ("small", "hazy", "patchy", "dense", "large"),
    ),
    _Topic(
        "lungs",
        "Pulmonary Atelectasis",
        (
            "There is {kind} atelectasis in the {side} {zone}.",
            "{kind} atelectasis in the {side} {zone}.",
            "Possible {kind} atelectasis in the {side} {zone}.",
        ),
        ("linear", "mild", "moderate"),
    ),
    _Topic(
        "lungs",
        "Nodule/lung",
        (
            "There is a {kind} nodule in the {side} {zone}.",
            "{kind} nodule in the {side} {zone}.",
            "Possible {kind} nodule in the {side} {zone}.",
        ),
        ("small", "large", "round"),
    ),
    _Topic(
        "pleura",
        "Pleural Effusion",
        (
            "There is a {kind} {side} pleural effusion.",
            "{kind} {side} pleural effusion.",
            "A {kind} {side} pleural effusion is seen.",
            "Possible {kind} {side} pleural effusion.",
            "There may be a {kind} {side} pleural effusion.",
        ),
        ("small", "moderate", "large"),
    ),
    _Topic(
        "air",
        "Pneumothorax",
        (
            "There is a {kind} {side} pneumothorax.",
            "{kind} {side} pneumothorax.",
            "Possible {kind} {side} pneumothorax.",
        ),
        ("small", "moderate", "large"),
    ),
    _Topic(
        "heart",
        "Cardiomegaly",
        (
            "The heart is {kind} enlarged.",
            "The cardiac silhouette is {kind} enlarged.",
            "The heart may be {kind} enlarged.",
        ),
        ("", "mildly", "moderately", "markedly"),
    ),
    _Topic(
        "mediastinum",
        "Tube, Inserted",
        (
            "An endotracheal tube is in place.",
            "There is a tracheostomy tube.",
            "A central venous catheter projects over the mediastinum.",
            "A {side} chest tube is in place.",
        ),
    ),
)


def write_phantom_reports(folder: Path, count: int = 400, seed: int = 0) -> None:
    """Write `count` reports and their split in the form that `grounded.data.iu_text` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = [_report(str(number + 1), rng) for number in range(count)]
    with (folder / "indiana_reports.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    splits = _splits([row["uid"] for row in rows], rng)
    rows_of = {
        split: [{"id": f"CXR{uid}_IM-0001"} for uid in uids] for split, uids in splits.items()
    }
    (folder / "sentences_by_region.json").write_text(json.dumps(rows_of), encoding="utf-8")


def _report(uid: str, rng: Generator) -> dict[str, str]:
    """A row of the table: sentences topic by topic, the findings once more as the impression."""
    said: dict[str, str] = {}
    terms: list[str] = []
    if rng.random() >= NORMAL:
        for _ in range(1 + int(rng.random() < SECOND)):
            topic = _FINDINGS[int(rng.integers(len(_FINDINGS)))]
            said[topic.place] = topic.said(rng)
            terms.append(topic.term)
    sentences = [said.get(place) or _one(usual, rng) for place, usual in _USUAL.items()]
    return {
        "uid": uid,
        "MeSH": ";".join(dict.fromkeys(terms)) or "normal",
        "findings": " ".join(sentences),
        "impression": " ".join(said.values()) or "No abnormality is seen.",
    }


def _splits(uids: Sequence[str], rng: Generator) -> dict[str, list[str]]:
    order = [uids[index] for index in rng.permutation(len(uids))]
    splits: dict[str, list[str]] = {}
    for split, part in PARTS.items():
        size = round(part * len(uids))
        splits[split], order = order[:size], order[size:]
    return {"train": order, **splits}


def _one(choices: Sequence[str], rng: Generator) -> str:
    return choices[int(rng.integers(len(choices)))]

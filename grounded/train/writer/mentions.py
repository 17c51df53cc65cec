"""How often reports say that a finding is absent: what makes a normal sentence worth saying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from grounded.language.labeller import Labeller
from grounded.train.writer.corpus import Report

WIDEST = {
    "Lung Opacity": "lung",
    "Atelectasis": "lung",
    "Lung Lesion": "lung",
    "Pneumothorax": "lung",
    "Pleural Effusion": "costophrenic angle",
    "Cardiomegaly": "cardiac silhouette",
    "Enlarged Cardiomediastinum": "mediastinum",
}
"""The kind of region that a denial is said of: "the lungs are clear", not each zone of them."""


def mentioned(reports: Sequence[Report], labeller: Labeller) -> dict[str, dict[str, float]]:
    """By kind of region and label: the part of the reports without the finding that deny it."""
    denied: Counter[str] = Counter()
    without: Counter[str] = Counter()
    for report in reports:
        said = labeller.label_report(" ".join(report.sentences))
        for label in WIDEST:
            if said.get(label) in (None, "absent"):
                without[label] += 1
                denied[label] += said.get(label) == "absent"
    table: dict[str, dict[str, float]] = {}
    for label, kind in WIDEST.items():
        table.setdefault(kind, {})[label] = round(denied[label] / max(without[label], 1), 3)
    return table

"""Whether a report says the same findings as its reference: the clinical figures.

Labels come from the rule-based labeller, or from CheXbert and RadGraph through RadEval where that
is installed (it downloads their weights on first use). Figures of different labellers cannot be
compared; each names its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grounded.errors import MissingExtraError
from grounded.evaluate.scores import Scores, mean_scores, pooled_scores
from grounded.findings import CHEXPERT
from grounded.language.labeller import Labeller

Uncertain = Literal["present", "absent"]
FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five observations that CheXpert's own competition compared."""


def finding_table(
    reports: Sequence[str], labeller: Labeller, uncertain: Uncertain = "present"
) -> NDArray[np.bool_]:
    """(N, 14): whether each report has each observation of CheXpert.

    uncertain: what an uncertain finding counts as. A finding that is absent, or not mentioned, is
    false.
    """
    yes = {"present"} | ({"uncertain"} if uncertain == "present" else set())
    said = [labeller.label_report(report) for report in reports]
    rows = [[labels.get(label) in yes for label in CHEXPERT] for labels in said]
    return np.array(rows, dtype=np.bool_).reshape(-1, len(CHEXPERT))


def micro_five(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Scores:
    """Over the five observations of all reports together. truth, said: (N, 14)."""
    columns = [CHEXPERT.index(label) for label in FIVE]
    return pooled_scores(truth[:, columns], said[:, columns])


def example_fourteen(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Scores:
    """Over the 14 observations of each report, then the mean. truth, said: (N, 14)."""
    return mean_scores(truth, said)


def radeval_scores(
    written: Sequence[str], references: Sequence[str]
) -> tuple[dict[str, float], str]:
    """CheXbert's and RadGraph's figures by RadEval's names, and its release.

    RadEval downloads the weights of both on first use. Raises MissingExtraError without it.
    """
    try:
        release = f"radeval {version('radeval')}"
        radeval: Any = importlib.import_module("radeval")
    except (PackageNotFoundError, ImportError) as error:
        raise MissingExtraError(
            f"CheXbert and RadGraph figures need RadEval 2 (pip install radeval), which cannot be "
            f"imported: {error}"
        ) from error
    evaluator = radeval.RadEval(metrics=["f1chexbert", "radgraph"], show_progress=False)
    results = evaluator(refs=list(references), hyps=list(written))
    return {key: float(value) for key, value in _numbers(results)}, release


def _numbers(results: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for key, value in results.items():
        if isinstance(value, dict):
            found += _numbers(value, f"{prefix}{key} ")
        elif isinstance(value, int | float):
            found.append((f"{prefix}{key}", float(value)))
    return found

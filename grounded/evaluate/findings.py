"""Whether a report says the same findings as its reference: the clinical figures.

Labels come from the rule-based labeller, or from models through RadEval (CheXbert, RadGraph,
RadCliQ, GREEN, CRIMSON) where that is installed with their weights. Figures of different
labellers cannot be compared; each names its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError, MissingExtraError
from grounded.evaluate.scores import ScoreEstimates, mean_estimates, pooled_estimates
from grounded.findings import CHEXPERT
from grounded.language.labeller import Labeller

Uncertain = Literal["present", "absent"]
FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five observations that CheXpert's own competition compared."""
RADEVAL = (
    *("bleu", "rouge", "bertscore", "radeval_bertscore", "f1chexbert", "radgraph"),
    *("radgraph_radcliq", "radcliq", "ratescore", "srrbert", "temporal", "green", "crimson"),
)
"""RadEval's metrics that compute here; its others send the reports to a service."""


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


def micro_five(
    truth: NDArray[np.bool_], said: NDArray[np.bool_], patients: Sequence[str]
) -> ScoreEstimates:
    """Over the five observations of all reports together. truth, said: (N, 14)."""
    columns = [CHEXPERT.index(label) for label in FIVE]
    return pooled_estimates(truth[:, columns], said[:, columns], patients)


def example_fourteen(
    truth: NDArray[np.bool_], said: NDArray[np.bool_], patients: Sequence[str]
) -> ScoreEstimates:
    """Over the 14 observations of each report, then the mean. truth, said: (N, 14)."""
    return mean_estimates(truth, said, patients)


def radeval_scores(
    written: Sequence[str],
    references: Sequence[str],
    metrics: Sequence[str] = ("f1chexbert", "radgraph"),
    download: bool = False,
) -> tuple[dict[str, float], str]:
    """The figures of metrics of RadEval by its own names, and its release.

    metrics: f1chexbert, radgraph, radcliq, green, crimson, or any other of RadEval's. They run
    here, on weights in the local cache; without download a missing weight is an error, with it
    RadEval fetches what is missing. Raises MissingExtraError without RadEval or its weights, and
    InvalidValueError for another metric.
    """
    if unknown := [name for name in metrics if name not in RADEVAL]:
        raise InvalidValueError(
            f"no metric of RadEval that computes here: {', '.join(unknown)}; there are: "
            f"{', '.join(RADEVAL)}"
        )
    try:
        release = f"radeval {version('radeval')}"
    except PackageNotFoundError as error:
        raise MissingExtraError(
            f"{', '.join(metrics)} need RadEval 2 (pip install radeval), which cannot be "
            f"imported: {error}"
        ) from error
    # CRIMSON could also ask a service; reports of patients are sent nowhere
    chosen = {name: {"provider": "hf"} if name == "crimson" else {} for name in metrics}
    try:
        # RadEval turns all warnings off
        with warnings.catch_warnings(), nullcontext() if download else _offline():
            radeval: Any = importlib.import_module("radeval")
            evaluator = radeval.RadEval(metrics=chosen, show_progress=False)
            results = evaluator(refs=list(references), hyps=list(written))
    except (OSError, ImportError, ValueError, RuntimeError) as error:
        hint = "" if download else " (--download lets it fetch missing weights)"
        raise MissingExtraError(
            f"RadEval could not compute {', '.join(metrics)}{hint}: {error}"
        ) from error
    return {key: float(value) for key, value in _numbers(results)}, release


@contextmanager
def _offline() -> Iterator[None]:
    """Nothing is fetched: Hugging Face's libraries and nltk, which RadEval asks, stay here."""
    # the first two are read when Hugging Face's libraries are imported, the hub's flag each time
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        setattr(constants, "HF_HUB_OFFLINE", True)  # noqa: B010  # typed as final
    if importlib.util.find_spec("nltk") is None:
        yield
        return
    nltk: Any = importlib.import_module("nltk")
    own, nltk.download = nltk.download, lambda *_, **__: False
    try:
        yield
    finally:
        nltk.download = own


def _numbers(results: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for key, value in results.items():
        if isinstance(value, dict):
            found += _numbers(value, f"{prefix}{key} ")
        elif isinstance(value, int | float):
            found.append((f"{prefix}{key}", float(value)))
    return found

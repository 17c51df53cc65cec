"""Other labellers and judges, through RadEval 2 where it is installed with their weights.

CheXbert, RadGraph, RadCliQ, GREEN and CRIMSON run here, on weights in the local cache: no report is
sent to a service, and nothing is fetched that nobody asked for.
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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError, MissingExtraError
from grounded.findings import CHEXPERT

RADEVAL = (
    *("bleu", "rouge", "bertscore", "radeval_bertscore", "f1chexbert", "radgraph"),
    *("radgraph_radcliq", "radcliq", "ratescore", "srrbert", "temporal", "green", "crimson"),
)
"""RadEval's metrics that compute here; its others send the reports to a service."""
_FAILURES = (  # of a foreign package with models of many authors
    *(OSError, ImportError, ValueError, RuntimeError, AssertionError, LookupError),
    *(TypeError, AttributeError),
)


CHEXBERT = "f1chexbert"


def radeval_scores(
    written: Sequence[str],
    references: Sequence[str],
    metrics: Sequence[str] = ("radgraph",),
    download: bool = False,
) -> tuple[dict[str, float], str]:
    """The figures of metrics of RadEval by its own names, and its release.

    metrics: radgraph, radcliq, green, crimson, or any other of RadEval's. Without download a
    missing weight is an error, with it RadEval fetches what is missing. Raises MissingExtraError
    without RadEval, a library that a metric needs, or its weights, and InvalidValueError for
    another metric.
    """
    if unknown := [name for name in metrics if name not in RADEVAL]:
        raise InvalidValueError(
            f"no metric of RadEval that computes here: {', '.join(unknown)}; there are: "
            f"{', '.join(RADEVAL)}"
        )
    # CRIMSON could also ask a service; reports of patients are sent nowhere
    chosen = {name: {"provider": "hf"} if name == "crimson" else {} for name in metrics}
    with _asked(", ".join(metrics), download) as (radeval, release):
        evaluator = radeval.RadEval(metrics=chosen, show_progress=False)
        results = evaluator(refs=list(references), hyps=list(written))
    return {key: float(value) for key, value in _numbers(results)}, release


def chexbert_tables(
    texts: Sequence[Sequence[str]], download: bool = False
) -> tuple[list[NDArray[np.bool_]], str]:
    """What CheXbert reads in several lists of texts, and the release of RadEval that ran it.

    For each list of N texts a table (N, 14), True where one of CheXpert's observations is there.
    An uncertain one counts as present, as in RGRG's paper. Raises MissingExtraError as
    `radeval_scores`.
    """
    with _asked("CheXbert", download) as (_, release):
        module = importlib.import_module("radeval.metrics.f1chexbert.f1chexbert")
        there = importlib.import_module("torch").cuda.is_available()
        # left alone, it asks for a GPU that need not be there
        chexbert = module.F1CheXbert(device="cuda" if there else "cpu")
        columns = [chexbert.TARGET_NAMES.index(label) for label in CHEXPERT]
        labels = [chexbert.get_labels(list(of)) for of in texts]
    tables = [
        np.array(rows, dtype=np.bool_).reshape(-1, len(CHEXPERT))[:, columns] for rows in labels
    ]
    return tables, f"CheXbert in {release}"


@contextmanager
def _asked(what: str, download: bool) -> Iterator[tuple[Any, str]]:
    """RadEval and its release; what fails while it is asked is said as one error."""
    try:
        release = f"radeval {version('radeval')}"
    except PackageNotFoundError as error:
        raise MissingExtraError(
            f"{what}: needs RadEval 2 (pip install radeval), which cannot be imported: {error}"
        ) from error
    try:
        # RadEval turns all warnings off
        with warnings.catch_warnings(), nullcontext() if download else _offline():
            radeval: Any = importlib.import_module("radeval")
            # RadGraph's part of release 2.2.1 imports the package by the name that it had before
            sys.modules.setdefault("RadEval", radeval)
            yield radeval, release
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{what}: RadEval needs {error.name} for it, which is not installed"
        ) from error
    except _FAILURES as error:
        hint = "" if download else " (--download lets it fetch missing weights)"
        raise MissingExtraError(
            f"RadEval could not compute {what}{hint}: {_first_line(error)}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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

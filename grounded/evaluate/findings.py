"""Whether a report says the same findings as its reference, by the rule-based labeller.

`grounded.evaluate.radeval` asks other labellers. Figures of different ones cannot be compared; each
names its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grounded.evaluate.scores import ScoreEstimates, mean_estimates, pooled_estimates
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

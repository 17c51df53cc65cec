"""The whole report but for the pixels, as JSON; `GroundedReport.open` reads it back."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from grounded.report import GroundedReport

_DECIMALS = 6
# A list of numbers that json.dumps has put one to a line. No text matches: JSON escapes newlines.
_NUMBERS = re.compile(r"\[\n\s+(-?[\d.eE+-]+(?:,\n\s+-?[\d.eE+-]+)*)\n\s*\]")


def encode(report: GroundedReport) -> bytes:
    """UTF-8, indented, numbers rounded to six decimals; masks and heatmaps are base64.

    `docs/report.schema.json` describes the keys.
    """
    text = json.dumps(_rounded(report.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
    compact = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    return f"{compact}\n".encode()


def _rounded(value: Any) -> Any:
    if isinstance(value, np.generic):  # a number that someone computed with numpy
        value = value.item()
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value

"""Which projection a radiograph was taken in, from the words that say so."""

from __future__ import annotations

from typing import Literal

Projection = Literal["PA", "AP", "lateral", "unknown"]

_LATERAL_VIEWS = {"LL", "RL", "LLD", "RLD", "LATERAL", "LAT", "L", "LLO", "RLO"}


def projection(view: str) -> Projection:
    """What a view (DICOM ViewPosition, or words such as "AP supine") says of the projection."""
    words = view.upper().replace("_", " ").replace("-", " ").split()
    if "PA" in words:
        return "PA"
    if {"AP", "SUPINE"} & set(words):
        return "AP"
    return "lateral" if _LATERAL_VIEWS & set(words) else "unknown"

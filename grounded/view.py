"""The view of a radiograph: which there are, which of them are frontal, and words that mean one."""

from __future__ import annotations

import re
from enum import StrEnum

from grounded.errors import InvalidValueError


class Projection(StrEnum):
    """How the beam went through the chest."""

    PA = "PA"
    AP = "AP"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    UNKNOWN = "unknown"


class View(StrEnum):
    """DICOM's defined terms (PS3.3 C.8.1.1, View Position), and three for views without a side.

    `UNKNOWN`, the empty word, is a view that nobody states; it counts as false.
    """

    PA = "PA"
    AP = "AP"
    LL = "LL"
    RL = "RL"
    LATERAL = "LATERAL"
    LLD = "LLD"
    RLD = "RLD"
    DECUBITUS = "DECUBITUS"
    OBLIQUE = "OBLIQUE"
    UNKNOWN = ""


FRONTAL_VIEWS = (View.PA, View.AP)
LATERAL_VIEWS = (View.LL, View.RL, View.LATERAL)
DECUBITUS_VIEWS = (View.LLD, View.RLD, View.DECUBITUS)
OBLIQUE_VIEWS = (View.OBLIQUE,)

_OBLIQUE = {"RAO", "LAO", "RPO", "LPO", "RLO", "LLO"}


def projection(view: str) -> Projection:
    """What a view, or words such as "AP supine", say of how the beam went through the chest.

    A film on which the patient lies on a side is no frontal one for what is measured here.
    """
    words = view.upper().replace("_", " ").replace("-", " ").split()
    if words == ["L"]:
        return Projection.LATERAL
    meant = view_from_words(view) or (View.AP if "SUPINE" in words else View.UNKNOWN)
    if meant in FRONTAL_VIEWS:
        return Projection.PA if meant is View.PA else Projection.AP
    if meant in (*LATERAL_VIEWS, *DECUBITUS_VIEWS):
        return Projection.LATERAL
    return Projection.OBLIQUE if meant in OBLIQUE_VIEWS else Projection.UNKNOWN


def view_from_words(words: str) -> View:
    """The view that a text such as 'PA', 'p.a.', 'AP SUPINE' or 'L LAT' means."""
    parts = {part for part in re.split(r"[^A-Z]+", words.upper()) if part}
    joined = "".join(re.findall(r"[A-Z]+", words.upper()))
    if "OBL" in joined or parts & _OBLIQUE:
        return View.OBLIQUE
    pa = "PA" in parts or joined == "PA" or joined.startswith(("POSTEROANT", "POSTERIORANT"))
    ap = "AP" in parts or joined == "AP" or joined.startswith(("ANTEROPOST", "ANTERIORPOST"))
    side = _side(parts, joined)
    if "DECUB" in joined or parts & {"LLD", "RLD"}:
        return View(f"{side}LD") if side else View.DECUBITUS
    lateral = ("LAT" in joined and "BILAT" not in joined) or bool(parts & {"LL", "RL"})
    if pa + ap + lateral != 1:
        return View.UNKNOWN
    if lateral:
        return View(f"{side}L") if side else View.LATERAL
    return View.PA if pa else View.AP


def known_view(words: str) -> View:
    """The view that a user states; unknown for "". Raises InvalidValueError for another word."""
    view = view_from_words(words)
    if words and not view:
        raise InvalidValueError(f"a view is PA, AP or LATERAL, got {words!r}")
    return view


def _side(parts: set[str], joined: str) -> str:
    left = bool(parts & {"L", "LT", "LL", "LLD", "LLAT", "SIN"}) or "LEFT" in joined
    right = bool(parts & {"R", "RT", "RL", "RLD", "RLAT", "DEX"}) or "RIGHT" in joined
    return "" if left == right else ("L" if left else "R")

"""Sentences with blanks: where a region's name, its side and a measured ratio are to be filled in.

A model that writes of regions learns and writes such sentences, so that it can neither name another
region or side than the one it was shown nor invent a number.
"""

from __future__ import annotations

import re

from grounded.atlas import Atlas
from grounded.errors import InvalidValueError
from grounded.language.agreement import polish

REGION = "<region>"
SIDE = "<side>"
RATIO = "<ratio>"

_NUMBER = re.compile(r"\b0\.\d\d\b")


def fill(text: str, region: str, atlas: Atlas, ratio: float | None = None) -> str:
    """The sentence with its blanks filled in, "a" or "an" set right, and a capital in front.

    A region without a counterpart, or unknown to the atlas, has "<side> " left out. Raises
    InvalidValueError when the sentence needs a ratio and none is given.
    """
    if RATIO in text:
        if ratio is None:
            raise InvalidValueError(f"the sentence {text!r} needs a ratio, got none")
        text = text.replace(RATIO, f"{ratio:.2f}")
    side = atlas.paired_side(region)
    text = text.replace(SIDE, side) if side else text.replace(f"{SIDE} ", "")
    return polish(text.replace(REGION, atlas.written(region)))


def blank(text: str, region: str, atlas: Atlas, *, ratio: bool = False) -> str:
    """The way back from `fill`: the region's name, then its side, become blanks.

    A name that was written in words ("The mediastinum is normal.") becomes a blank as well.
    ratio: whether the numbers between 0 and 1 are ratios, so that they become blanks as well.
    """
    name = atlas.written(region)
    text = re.sub(rf"\b{re.escape(name)}\b", REGION, text, flags=re.IGNORECASE)
    if side := atlas.paired_side(region):
        text = re.sub(rf"\b{side}\b", SIDE, text, flags=re.IGNORECASE)
    return polish(_NUMBER.sub(RATIO, text) if ratio else text)

"""What a sentence says of a finding beside its name: where in the lung, how severe, how large, how
it has changed, and how firmly. Words alone, in the terms of chest reports.
"""

from __future__ import annotations

import re
from typing import Literal

Zone = Literal["upper", "mid", "lower"]
Change = Literal["better", "worse", "same"]
Strength = Literal["possible", "borderline", "apparent", "firm"]

# "upper" and "lower" also stand before what is no part of a lung, or no place at all.
_NO_LUNG = (
    r"(?! (?:limits?|normal|range|abdom\w+|extremit\w+|gastro\w+|gi\b|svc|superior|thoracic"
    r"|cervical|lumbar|spine|neck|ribs?|back|esophag\w+|trachea|atri\w+))"
)
_ZONES: tuple[tuple[frozenset[Zone], str], ...] = (
    (frozenset({"mid", "lower"}), r"middle lobe|rml|lingula\w*"),
    (
        frozenset({"upper"}),
        rf"upper{_NO_LUNG}|rul|lul|(?:bi)?apic(?:al|es|ally)|apex|suprahilar",
    ),
    (frozenset({"mid"}), r"mid(?:dle)?(?=[- ](?:lung|zones?|and|to)\b)|perihilar|midlung"),
    (
        frozenset({"lower"}),
        rf"lower{_NO_LUNG}|rll|lll|(?:bi)?bas(?:al|ilar|es?)|infrahilar|retrocardiac"
        r"|costophrenic|cardiophrenic|subpulmonic",
    ),
)
_ZONE_WORDS = tuple((zones, re.compile(rf"(?<![\w-])(?:{words})(?!\w)")) for zones, words in _ZONES)
_DEGREES = (
    re.compile(r"\b(?:trace|tiny|minimal\w*|small|mild\w*|slight\w*|subtle|minor)\b"),
    re.compile(r"\b(?:moderate\w*|medium)\b"),
    re.compile(
        r"\b(?:large|severe\w*|marked\w*|massive\w*|extensive\w*|substantial\w*|significant\w*)\b"
    ),
)
_SIZE = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)(?:\s*(?:x|by)\s*(\d+(?:\.\d+)?))?\s*-?\s*(mm|cm|millimet|centimet)"
)
_CHANGES: tuple[tuple[Change, re.Pattern[str]], ...] = (
    (
        "better",
        re.compile(
            r"\b(?:improv\w+|decreas\w+|diminish\w+|resol(?:ved|ving|ution)|regress\w+|smaller"
            r"|clear(?:ed|ing)|better)\b"
        ),
    ),
    (
        "worse",
        re.compile(
            r"\b(?:worse\w*|increas(?:ed (?:in|since|from|compared)|ing\w*|e in)|progress\w+"
            r"|enlarging|new(?:ly)?|developed|developing|larger)\b"
        ),
    ),
    (
        "same",
        re.compile(
            r"\b(?:unchanged|stable|persist\w*|remain(?:s|ed)?|again|similar\w*"
            r"|(?:no|without) (?:\w+ )?change)\b"
        ),
    ),
)
_STRENGTHS: tuple[tuple[Strength, re.Pattern[str]], ...] = (
    (
        "possible",
        re.compile(
            r"\b(?:possibl[ey]|possibility|may|might|could|perhaps|questionable|suspected"
            r"|suspicious|cannot be excluded|not excluded)\b"
        ),
    ),
    ("borderline", re.compile(r"\b(?:borderline|(?:at|near) the upper limits?)\b")),
    ("apparent", re.compile(r"\b(?:appears?|apparent|apparently|probabl[ey]|likely|suggest\w*)\b")),
)


def zones_named(text: str) -> frozenset[Zone]:
    """The thirds of a lung that the words place something in; the middle lobe may lie in two."""
    plain = text.lower()
    return frozenset(z for zones, words in _ZONE_WORDS if words.search(plain) for z in zones)


def degrees_named(text: str) -> frozenset[int]:
    """How severe the words call something: 0 small or mild, 1 moderate, 2 large or severe."""
    plain = text.lower()
    return frozenset(degree for degree, words in enumerate(_DEGREES) if words.search(plain))


def sizes_named(text: str) -> tuple[float, ...]:
    """The sizes in the words in mm, the longest side of each."""
    return tuple(
        max(float(number) for number in (match[1], match[2]) if number)
        * (10 if match[3].startswith("c") else 1)
        for match in _SIZE.finditer(text.lower())
    )


def changes_named(text: str) -> frozenset[Change]:
    """Which way the words say that something has changed since an earlier film."""
    plain = text.lower()
    return frozenset(change for change, words in _CHANGES if words.search(plain))


def strength_named(text: str) -> Strength:
    """How firmly the words claim what they say; the weakest word counts."""
    plain = text.lower()
    return next((strength for strength, words in _STRENGTHS if words.search(plain)), "firm")

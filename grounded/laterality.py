"""Which side of the patient the words of a sentence speak of."""

from __future__ import annotations

import re

_DIRECTION = re.compile(  # says where something points to, not where it is
    r"\b(?:to|towards?) (?:the |patient's )?(?:right|left)(?= (?:to|and|of)\b|\W*$|[.,;:)])"
    r"|\b(?:right|left)wards?\b|\b(?:right|left) (?:to|of)\b"
)
_SIDES = {
    "right": re.compile(
        r"(?<![\w-])(?:right|rul|rml|rll|middle lobe|(?:minor|horizontal) fissure)(?!\w)"
    ),
    "left": re.compile(r"(?<![\w-])(?:left|lul|lll|lingula\w*)(?!\w)"),
}
_BOTH = re.compile(
    r"(?<![\w-])(?:bilateral(?:ly)?|biapical(?:ly)?|bibasilar|bibasal|bilobar|lungs|lung fields"
    r"|either (?:lung|side)|neither)(?!\w)"
)
# Both sides, unless the sentence names its side: "both the mid and lower zone on the right".
_BOTH_ALONE = re.compile(
    r"(?<![\w-])(?:both|hila|(?:peri)?hilar regions|(?:hemi)?diaphragms|hemithoraces|clavicles"
    r"|apices|(?:lung )?bases|(?:upper|mid|lower)(?: lung)? (?:zones|lobes)"
    r"|(?:costophrenic|cp) (?:angles|sulci|recesses))(?!\w)"
)


def sides_named(text: str) -> frozenset[str]:
    """Of "right" and "left" those that the words name; "shifted to the left" is a direction."""
    plain = _DIRECTION.sub(" ", " ".join(text.lower().split()))
    return frozenset(side for side, pattern in _SIDES.items() if pattern.search(plain))


def words_for_both(text: str) -> str:
    """The words that speak of both sides ("bilateral", "the lungs"), "" if none do."""
    plain = " ".join(text.lower().split())
    found = _BOTH.search(plain) or (None if sides_named(text) else _BOTH_ALONE.search(plain))
    return found[0] if found else ""

"""Text in pictures: Pillow's own scalable typeface, measured and wrapped. Nothing to install."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

# What the typeface lacks, and what is written instead.
_INSTEAD = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "→": "->",
        "µ": "u",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
    }
)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface at `size` pixels."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise ImportError("this Pillow was built without FreeType, which text in pictures needs")
    return loaded


def plain(text: str) -> str:
    """The text in letters that the typeface has; others become their base letter or "?"."""
    text = unicodedata.normalize("NFC", text).translate(_INSTEAD)
    return "".join(_known(letter) for letter in text)


def _known(letter: str) -> str:
    if letter.isspace():
        return " "
    if not letter.isprintable():
        return ""
    if _drawable(letter):
        return letter
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if _drawable(base) else "?"


@lru_cache(maxsize=4096)
def _drawable(letter: str) -> bool:
    if letter.isascii():
        return True
    face = font(16)
    return bytes(face.getmask(letter)) != bytes(face.getmask("\ufffe"))


def width_of(text: str, size: int) -> int:
    """How wide a line of text is, in pixels."""
    return -int(-font(size).getlength(text) // 1)


def wrapped(text: str, size: int, width: int) -> list[str]:
    """The text in lines of at most `width` pixels; a word that is longer is broken."""
    lines: list[str] = []
    line = ""
    for word in plain(text).split():
        while word:
            joined = f"{line} {word}" if line else word
            if width_of(joined, size) <= width:
                line, word = joined, ""
            elif line:
                lines.append(line)
                line = ""
            else:
                head = _fitting(word, size, width)
                lines.append(head)
                word = word[len(head) :]
    return [*lines, line] if line else lines


def shortened(text: str, size: int, width: int) -> str:
    """The text on one line of at most `width` pixels, cut with "..." where it is longer."""
    text = plain(text)
    if width_of(text, size) <= width:
        return text
    while text and width_of(text + "...", size) > width:
        text = text[:-1]
    return text + "..."


def _fitting(word: str, size: int, width: int) -> str:
    count = 1
    while count < len(word) and width_of(word[: count + 1], size) <= width:
        count += 1
    return word[:count]

"""Letters of a PDF: a font that has them, or their number; never another letter in their place.

Latin letters are in the standard fonts. Greek and Cyrillic come from Noto Sans, which is embedded;
Japanese, Korean and Chinese from the character collections that PDF readers bring along (PDF 32000
9.7.5.2). `GROUNDED_PDF_FONTS` names TrueType files that are asked before these.
Scripts that are written from the right, or whose letters join or stack, would need shaping, so they
are not set.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from grounded.errors import InvalidValueError

FONTS = "GROUNDED_PDF_FONTS"
_LATIN = "cp1252"
_COLLECTIONS = (  # and a legacy encoding that has its characters
    ("HeiseiKakuGo-W5", "euc_jp"),
    ("HYGothic-Medium", "euc_kr"),
    ("STSong-Light", "gb2312"),
    ("MSung-Light", "big5"),
)
_FROM_THE_RIGHT = ("R", "AL")
_JOINED = ("Mn", "Mc", "Me", "Cf")  # marks that belong to the letter before


def markup(text: str) -> str:
    """Text for a Paragraph, each stretch in a font that has its letters.

    A character that no font has is written as its number, such as [U+0905].
    """
    return "".join(_stretches(unicodedata.normalize("NFC", text)))


def _stretches(text: str) -> Iterator[str]:
    for kind, characters in groupby(text, _kind):
        stretch = "".join(characters)
        if kind == "latin":
            yield escape(stretch)
        elif kind == "none":
            yield "".join(map(_number, stretch))
        else:
            yield from _set(stretch)


def _kind(character: str) -> str:
    """Whether a character is "latin", or of "other" fonts, or of "none"."""
    if _encodes(_LATIN, character):
        return "latin"
    joined = unicodedata.category(character) in _JOINED
    return "none" if joined or unicodedata.bidirectional(character) in _FROM_THE_RIGHT else "other"


def _set(stretch: str) -> Iterator[str]:
    """A stretch in the first font that has all of it; without one, each character in its own."""
    fonts = _fonts(os.environ.get(FONTS, ""))
    whole = next((name for name, has in fonts if all(map(has, stretch))), None)
    if whole:
        yield f'<font name="{whole}">{escape(stretch)}</font>'
        return
    for character in stretch:
        font = next((name for name, has in fonts if has(character)), None)
        yield f'<font name="{font}">{escape(character)}</font>' if font else _number(character)


def _number(character: str) -> str:
    return f"[U+{ord(character):04X}]"


@cache
def _fonts(named: str) -> tuple[tuple[str, Callable[[str], bool]], ...]:
    """The fonts that are asked, in turn, and whether one has a character."""
    from fontpkg_noto_sans import __file__ as package
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.pdfmetrics import registerFont

    noto = Path(package).parent / "files" / "NotoSans[wdth,wght].ttf"
    files = [*(Path(path) for path in named.split(os.pathsep) if path), noto]
    found = [_true_type(f"grounded{number}", path) for number, path in enumerate(files)]
    for name, encoding in _COLLECTIONS:
        registerFont(UnicodeCIDFont(name))
        found.append((name, partial(_encodes, encoding)))
    return tuple(found)


def _true_type(name: str, path: Path) -> tuple[str, Callable[[str], bool]]:
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        font = TTFont(name, str(path))
    except (OSError, TTFError) as error:
        raise InvalidValueError(f"{FONTS}: {path} is no TrueType font: {error}") from error
    registerFont(font)
    glyphs = font.face.charToGlyph
    return name, lambda character: bool(glyphs.get(ord(character)))


def _encodes(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True

"""What a film is like as a whole: borders, size, greys; and what a user states of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grounded.errors import ImageError
from grounded.films.age import ADULT, NOT_FOR_CHILDREN, YOUNG, checked_age
from grounded.geometry import Box
from grounded.image import Image, ImageInfo, SpacingKind
from grounded.view import View

MOST_PIXELS = 40_000_000  # the largest flat panel and film scanner give about 30 million
MOST_RATIO = 6  # of the sides; the whole spine on one film is 3 to 4
FEWEST_ROWS = 32  # below this no anatomy is left
SMALL = 256  # pixels of the shorter side, below which small things are gone
_LEVEL = 0.02  # a border's pixels differ by no more from its grey (lossy compression)
_ALIKE = 0.97  # share of a row or column that has the border's grey
_LEAST_CUT = 0.05  # of a side; what is less does no harm
_MOST_CUT = 0.8  # of a side; what would be left is no film
_FRAMES = 4  # borders inside of each other: a frame, then black
_FEW_LEVELS, _NARROW = 24, 0.1  # grey levels, and part of the range in use, of an empty film
_CUT_SHORT = 0.12  # of the height, flat and grey: where a JPEG's data ended


def check_size(height: int, width: int, what: str) -> None:
    """Raises ImageError for a film that is too small to show anything or absurdly large."""
    if min(height, width) < FEWEST_ROWS:
        raise ImageError(
            f"{what}: a picture of {width} x {height} pixels is too small for a film; "
            f"expected at least {FEWEST_ROWS} x {FEWEST_ROWS}"
        )
    if max(height, width) > MOST_RATIO * min(height, width):
        raise ImageError(
            f"{what}: a picture of {width} x {height} pixels is too narrow for a film; expected "
            f"sides of at most {MOST_RATIO} to 1"
        )
    if height * width > MOST_PIXELS:
        raise ImageError(
            f"{what}: a picture of {width} x {height} pixels is larger than any film; "
            f"expected at most {MOST_PIXELS // 1_000_000} million pixels: reduce it first"
        )


def blank_warning(pixels: NDArray[np.float32]) -> tuple[str, ...]:
    """What to tell about a film whose pixels are all the same."""
    if pixels.min() < pixels.max():
        return ()
    return ("All pixels have the same value: there is nothing to see.",)


def framed(
    image: Image,
    *,
    view: View = View.UNKNOWN,
    spacing_mm: tuple[float, float] | None = None,
    name: str = "",
    age: float | None = None,
    forced: bool = False,
) -> Image:
    """The image with what the user states of it, its content without a uniform border, and warnings
    about what a film of that size and range cannot show.
    """
    info, pixels = _aged(image.info, age), image.pixels
    spacing, kind, aspect = _spacing(info, spacing_mm)
    content = content_of(pixels)
    return replace(
        image,
        forced=forced,
        info=replace(
            info,
            view=view or info.view,
            spacing_mm=spacing,
            spacing_kind=kind,
            aspect=aspect,
            name=name or info.name,
            content=content,
            warnings=info.warnings + _doubts(pixels, content),
        ),
    )


def _aged(info: ImageInfo, age: float | None) -> ImageInfo:
    """What is known of a film when the patient's age in years is stated, or None."""
    if age is None:
        return info
    young = checked_age(age) < ADULT
    others = tuple(text for text in info.warnings if not text.endswith(NOT_FOR_CHILDREN))
    return replace(info, child=young, warnings=(*others, YOUNG) if young else others)


def _spacing(
    info: ImageInfo, stated: tuple[float, float] | None
) -> tuple[tuple[float, float] | None, SpacingKind, float]:
    if stated is None:
        return info.spacing_mm, info.spacing_kind, info.aspect
    row, column = (float(mm) for mm in stated)
    return (row, column), "unknown", (row / column if column > 0 else 1.0)


def content_of(pixels: NDArray[np.float32]) -> Box | None:
    """The film (H, W) without uniform borders, or None when there are none worth cutting.

    A border is a run of rows or columns of one grey from an edge on; a letter in it may stand out.
    """
    height, width = pixels.shape
    x0, y0, x1, y1 = 0, 0, width, height
    for _ in range(_FRAMES):
        part = pixels[y0:y1, x0:x1]
        top, bottom = _runs(part)
        left, right = _runs(part[top : len(part) - bottom].T)
        x0, y0, x1, y1 = x0 + left, y0 + top, x1 - right, y1 - bottom
    cut = max(1 - (x1 - x0) / width, 1 - (y1 - y0) / height)
    return Box(x0, y0, x1, y1) if _LEAST_CUT <= cut <= _MOST_CUT else None


def _runs(pixels: NDArray[np.float32]) -> tuple[int, int]:
    """How many rows from the top and from the bottom have the grey of the outermost one."""
    return _run(pixels), _run(pixels[::-1])


def _run(pixels: NDArray[np.float32]) -> int:
    if not pixels.size:
        return 0
    step = max(1, pixels.shape[1] // 512)
    rows = pixels[:, ::step]
    level = np.median(rows[0])
    if (abs(rows[0] - level) <= _LEVEL).mean() < _ALIKE:
        return 0
    alike = (abs(rows - level) <= _LEVEL).mean(axis=1) >= _ALIKE
    return int(len(alike) if alike.all() else np.argmin(alike))


def _doubts(pixels: NDArray[np.float32], content: Box | None) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    height, width = pixels.shape
    if min(height, width) < SMALL:
        notes += (f"The film has only {width} x {height} pixels: small findings are not visible.",)
    counts = np.bincount(np.round(pixels[::2, ::2] * 255).astype(np.uint8).ravel())
    levels = int(np.count_nonzero(counts))
    low, high = np.searchsorted(np.cumsum(counts) / counts.sum(), (0.005, 0.995))
    if levels > 1 and (high - low < _NARROW * 255 or levels < _FEW_LEVELS):
        notes += (f"Nearly no grey levels are in use ({levels} of 256): little is to be seen.",)
    if content is not None:
        notes += _border(pixels, content)
    return notes


def _border(pixels: NDArray[np.float32], content: Box) -> tuple[str, ...]:
    height, width = pixels.shape
    below = 1 - content.y1 / height
    middle = float(np.median(pixels[-1]))
    if below >= _CUT_SHORT and 0.1 < middle < 0.9:
        percent = f"{below:.0%}".replace("%", " %")
        return (f"The lowest {percent} of the film are flat grey: the file may be cut short.",)
    shares = (content.width / width, content.height / height)
    shown = " x ".join(f"{share:.0%}".replace("%", " %") for share in shares)
    return (f"A uniform border was left out: {shown} of the picture are read.",)

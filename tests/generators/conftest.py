"""Chests whose measurements are known: outlines computed from formulas, and phantoms."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from grounded import Box, Image, Mask, Regions
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Chest
from grounded.data.example import filled
from grounded.image import ImageInfo
from grounded.protocols import Question
from grounded.synthetic.phantom import Phantom, chest_phantom

Plane = NDArray[np.float64]
Shape = Callable[[Plane, Plane], NDArray[np.bool_]]
Ask = Callable[..., Question]
SIDE = 256
FINE = 4  # points a cell and axis from which the membership of a cell is counted


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Shape:
    return lambda x, y: (x >= x0) & (x < x1) & (y >= y0) & (y < y1)


def ellipse(x: float, y: float, half_width: float, half_height: float) -> Shape:
    return lambda px, py: ((px - x) / half_width) ** 2 + ((py - y) / half_height) ** 2 <= 1


def turned(shape: Shape, degrees: float, x: float, y: float) -> Shape:
    """The shape, turned about a point."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))

    def inside(px: Plane, py: Plane) -> NDArray[np.bool_]:
        dx, dy = px - x, py - y
        return shape(x + cosine * dx + sine * dy, y - sine * dx + cosine * dy)

    return inside


def mask_of(shape: Shape, cell: float = 1.0, side: int = SIDE) -> Mask:
    """The shape on a grid over a square film: the share of each cell that it covers."""
    count = round(side / cell)
    step = cell / FINE
    centres = (np.arange(count * FINE) + 0.5) * step
    inside = shape(*np.meshgrid(centres, centres, sparse=True))
    shares = inside.reshape(count, FINE, count, FINE).mean(axis=(1, 3))
    return Mask(shares.astype(np.float32), Box(0, 0, side, side))


@cache
def _phantom(ratio: float) -> tuple[Phantom, dict[str, Mask]]:
    phantom = chest_phantom(1, (SIDE, SIDE), cardiothoracic_ratio=ratio)
    return phantom, {name: _soft_mask(outline) for name, outline in phantom.outlines.items()}


def _soft_mask(outline: Plane) -> Mask:
    """The share of each pixel that an outline (N, 2) covers."""
    inside = filled(outline * FINE, (SIDE * FINE, SIDE * FINE))
    shares = inside.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))
    return Mask(shares.astype(np.float32), Box(0, 0, SIDE, SIDE))


def regions_of(masks: Mapping[str, Mask | None]) -> Regions:
    frame = [0.0, 0.0, SIDE, SIDE]
    return Regions(
        tuple(masks), np.array([frame] * len(masks)), np.ones(len(masks)), tuple(masks.values())
    )


def chest_of(shapes: Mapping[str, Shape], cell: float = 1.0) -> Chest:
    masks = {name: mask_of(shape, cell) for name, shape in shapes.items()}
    return Chest.of(regions_of(masks), ImageInfo(SIDE, SIDE))


@pytest.fixture
def chest_shapes() -> dict[str, Shape]:
    """Lungs 36 to 106 and 146 to 236, 200 apart at most; the heart 101 to 191: ratio 0.45."""
    return {
        RIGHT_LUNG: rectangle(36, 40, 106, 190),
        LEFT_LUNG: rectangle(146, 40, 236, 200),
        HEART: ellipse(146, 160, 45, 35),
    }


@pytest.fixture
def ask() -> Ask:
    """A question about a phantom: of all of its organs, of some by name, or of a drawn box."""

    def make(
        about: str | Box | None = None,
        *,
        ratio: float = 0.45,
        view: str = "PA",
        without: tuple[str, ...] = (),
        boxes: tuple[str, ...] = (),
        **info: object,
    ) -> Question:
        phantom, outlined = _phantom(ratio)
        organs = [name for name in phantom.boxes if name not in without]
        masks = {name: outlined[name] for name in organs}
        extras = {name: Box(20, 20, 60, 60) for name in boxes}
        places = {name: phantom.boxes[name] for name in organs} | extras
        found = Regions(
            tuple(places),
            np.array([tuple(box) for box in places.values()]).reshape(-1, 4),
            np.ones(len(places)),
            tuple(masks.get(name) for name in places),
        )
        image = Image.of(phantom.pixels, view=view, **info)  # type: ignore[arg-type]
        if isinstance(about, Box):
            return Question(image, found, found.drawn("marked area", about))
        if about is None:
            return Question.of_film(image, found)
        return Question(image, found, found[[about]])

    return make


def without_outlines(question: Question) -> Question:
    """The same question to a detector that knows boxes only."""
    found = replace(question.found, masks=())
    return replace(question, found=found, asked=found[list(question.asked.names)])

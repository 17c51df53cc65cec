"""Ways of altering a film: a place hidden or painted, or all of it replaced.

An alteration works on the film's pixels at any resolution, so that a network's small version of the
film is altered as the film itself is. Each way of hiding a place has artefacts of its own, which is
why there are two: the surroundings continued smoothly, and tissue from the same place of other
films. A finding that is denied cannot be hidden; something like it is put in its place: a haze that
the lung's markings shine through, fluid up to a level, or air.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.evidence import Mask, at_pixels
from grounded.geometry import Box
from grounded.image import Image
from grounded.regions import Regions

Film = NDArray[np.float32]
SOFT = 0.01  # of the film's longer side: how far an alteration fades at its edge
GROWN = 0.02  # of the film's longer side: how far a hidden place is taken beyond its outline
_FINE = 1024  # pixels of a film's longer side, at which a smooth fill is made
SEEN = 384  # px: how large a film an encoder sees at most
HAZE = 0.2  # grey in 0..1 that a haze adds
AIRY = 0.5  # of its grey: what air leaves of a place
LEVEL = 0.6  # of a place's height: how far fluid stands in it
TISSUE = 0.85  # the quantile of a film's greys that soft tissue has


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One or more outlines or boxes in the image frame of a film.

    name: for people. regions: the names of the regions that it is made of, if it is.
    """

    name: str
    parts: tuple[Mask | Box, ...]
    regions: tuple[str, ...] = ()

    def on(self, shape: tuple[int, int], frame: Box) -> Film:
        """How far each pixel of a film of `shape` (H, W) over `frame` belongs to it, 0..1."""
        covered = np.zeros(shape, dtype=np.float32)
        for part in self.parts:
            np.maximum(covered, _part_on(part, shape, frame), out=covered)
        return covered

    def mirrored(self, width: float) -> Place:
        """The place on the other side of the film's middle."""
        return Place(
            f"opposite of {self.name}", tuple(_flipped(part, width) for part in self.parts)
        )

    def moved(self, x: float, y: float) -> Place:
        """The place elsewhere, by pixels of the film."""
        return Place(f"away from {self.name}", tuple(_moved(part, x, y) for part in self.parts))


class Alteration(Protocol):
    """A film in another state; the regions of the film stay where they are."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place | None: ...

    def __call__(self, film: Film, frame: Box) -> Film:
        """film: (H, W) over `frame` (image frame), at any resolution."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Donor:
    """A film of another patient, and where its regions lie."""

    image: Image
    regions: Regions


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """The place, or everything else (`rest`), filled by the surroundings continued smoothly."""

    place: Place
    rest: bool = False
    name: str = "smooth"

    def __call__(self, film: Film, frame: Box) -> Film:
        small = _at_most(film, _FINE)  # what is smooth needs no finer pixels
        hidden = _hidden(self.place, small, frame, self.rest)
        fill = filled(small, hidden)
        return blended(film, _enlarged(fill, film), _enlarged(hidden, film))


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """The place filled with the same place of another film, its grey fitted at the edge.

    regions: of the film that is altered; a part of the place that is a region of both films is
    taken from where that region lies in the other, anything else from the same part of the film.
    """

    place: Place
    regions: Regions
    donor: Donor
    name: str = "tissue"

    def __call__(self, film: Film, frame: Box) -> Film:
        hidden = _hidden(self.place, film, frame, rest=False)
        shared = [n for n in self.place.regions if n in self.regions and n in self.donor.regions]
        source = self.donor.image.info.frame
        boxes = [(self.regions[n].box, self.donor.regions[n].box) for n in shared]
        if not boxes:
            boxes = [(frame, source)]
        tissue = film.copy()
        for to, start in boxes:
            warped = _taken(self.donor.image.pixels, start, to, film.shape, frame)
            inside = _part_on(_widened(to), film.shape, frame) > 0
            tissue[inside] = warped[inside]
        fitted = tissue + filled(film - tissue, hidden)  # no step of grey at the edge
        return blended(film, np.clip(fitted, 0, 1), hidden)


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """The place under a "haze", filled with "fluid" from below, or with "air"."""

    place: Place
    name: str

    def __call__(self, film: Film, frame: Box) -> Film:
        inside = _soft(self.place.on(_shape(film), frame))
        match self.name:
            case "haze":
                painted = film + inside * HAZE
            case "air":
                painted = film * (1 - inside * (1 - AIRY))
            case _:
                depth = 0.9 * inside * _below(inside)[:, None]
                painted = film + depth * (np.quantile(film, TISSUE) - film)
        return np.asarray(np.clip(painted, 0, 1), dtype=np.float32)


def _below(inside: Film) -> Film:
    """Each row's share of fluid: 1 in the lower part of what is inside, 0 above it."""
    rows = np.flatnonzero(inside.max(axis=1) > 0.5)
    if not rows.size:
        return np.zeros(len(inside), dtype=np.float32)
    high = max(1, rows[-1] - rows[0])
    level = rows[-1] - LEVEL * high
    steep = (np.arange(len(inside)) - level) / (0.04 * high)
    return np.asarray(1 / (1 + np.exp(-np.clip(steep, -50, 50))), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Noise:
    """No film but noise of the same mean and spread."""

    name: str = "noise"
    place: Place | None = None

    def __call__(self, film: Film, frame: Box) -> Film:
        rng = np.random.default_rng(0)
        made = rng.normal(film.mean(), film.std(), film.shape)
        return np.asarray(np.clip(made, 0, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Blank:
    """No film but its mean grey."""

    name: str = "blank"
    place: Place | None = None

    def __call__(self, film: Film, frame: Box) -> Film:
        return np.full_like(film, film.mean())


def altered_image(image: Image, alteration: Alteration, *, note: str = "") -> Image:
    """The whole film, altered at its own resolution. note: a warning that says so."""
    altered = alteration(image.pixels, image.info.frame)
    return image.altered(np.clip(altered, 0, 1), note)


def coarsely(alteration: Alteration, film: Film, frame: Box) -> Film:
    """A large film with what an alteration changes in a small version of it: a tenth of the time.

    Where nothing is changed, its pixels stay as they are. For networks that see at most SEEN px.
    """
    small = _at_most(film, SEEN)
    if small is film:
        return alteration(film, frame)
    change = _enlarged(alteration(small, frame) - small, film)
    return np.asarray(np.clip(film + change, 0, 1), dtype=np.float32)


def half_of(image: Image, side: str) -> Box:
    """The half of a film in which a side of the patient lies; the right on the picture's left."""
    frame = image.info.frame
    middle = frame.width / 2
    return Box(0, 0, middle, frame.y1) if side == "right" else Box(middle, 0, frame.x1, frame.y1)


def mirrored_image(image: Image) -> Image:
    """The film turned over, right for left."""
    content = image.info.content and _flipped_box(image.info.content, image.info.width)
    return image.with_pixels(image.pixels[:, ::-1], info=replace(image.info, content=content))


def filled(film: Film, hidden: Film) -> Film:
    """The film with what is hidden continued smoothly from what is not (push and pull).

    film: (H, W); hidden: (H, W), what is above 0 is not read. The known pixels are averaged over
    ever larger squares; each hidden one takes the smallest square that holds a known one (Gortler
    et al., The Lumigraph, SIGGRAPH 1996).
    """
    known = (hidden <= 0).astype(np.float32)
    return _pulled(film * known, known)


def _pulled(sums: Film, weights: Film) -> Film:
    height, width = weights.shape
    own = sums / np.maximum(weights, 1e-6)
    if max(height, width) <= 1 or weights.min() >= 1:
        return np.asarray(own, dtype=np.float32)
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    coarse = _pulled(
        cv2.resize(sums, half, interpolation=cv2.INTER_AREA).reshape(half[::-1]),
        cv2.resize(weights, half, interpolation=cv2.INTER_AREA).reshape(half[::-1]),
    )
    back = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.minimum(weights, 1)
    return np.asarray(share * own + (1 - share) * back.reshape(height, width), dtype=np.float32)


def blended(film: Film, other: Film, hidden: Film) -> Film:
    """The other film where `hidden`, in between at its soft edge."""
    return np.asarray(np.clip(film + hidden * (other - film), 0, 1), dtype=np.float32)


def _at_most(film: Film, largest: int) -> Film:
    shrink = largest / max(film.shape)
    if shrink >= 1:
        return film
    size = [max(1, round(side * shrink)) for side in film.shape[::-1]]
    return np.asarray(cv2.resize(film, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _enlarged(small: Film, film: Film) -> Film:
    """At the size of another film."""
    if small.shape == film.shape:
        return small
    size = film.shape[::-1]
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _hidden(place: Place, film: Film, frame: Box, rest: bool) -> Film:
    """What is hidden, 0..1: the place and a little more, or all but that."""
    inside = place.on(_shape(film), frame)
    reach = max(1, round(GROWN * max(film.shape)))
    grown = cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    soft = _soft(np.asarray(grown, dtype=np.float32))
    soft[soft < 0.02] = 0
    if not rest:
        return soft
    kept: Film = np.asarray(1 - soft, dtype=np.float32)
    kept[kept < 0.02] = 0
    return kept


def _soft(inside: Film) -> Film:
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), max(0.5, SOFT * max(inside.shape))))


def _taken(pixels: Film, start: Box, to: Box, shape: tuple[int, ...], frame: Box) -> Film:
    """What lies in `start` of other pixels, on `to` of a film of `shape` over `frame`."""
    across, down = shape[1] / frame.width, shape[0] / frame.height
    x = ((np.arange(shape[1]) + 0.5) / across + frame.x0 - to.x0) / to.width
    y = ((np.arange(shape[0]) + 0.5) / down + frame.y0 - to.y0) / to.height
    at_x = (start.x0 + x * start.width - 0.5).astype(np.float32)
    at_y = (start.y0 + y * start.height - 0.5).astype(np.float32)
    columns, rows = np.meshgrid(at_x, at_y)
    shrink = max(1, round(start.width / (to.width * across)))
    source = cv2.blur(pixels, (shrink, shrink)) if shrink > 1 else np.array(pixels)
    found = cv2.remap(source, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, dtype=np.float32)


def _part_on(part: Mask | Box, shape: tuple[int, ...], frame: Box) -> Film:
    across, down = shape[1] / frame.width, shape[0] / frame.height
    box = part if isinstance(part, Box) else part.extent
    extent = Box(
        (box.x0 - frame.x0) * across,
        (box.y0 - frame.y0) * down,
        (box.x1 - frame.x0) * across,
        (box.y1 - frame.y0) * down,
    )
    values = np.ones((1, 1), dtype=np.float32) if isinstance(part, Box) else part.values
    return at_pixels(values, extent, (shape[0], shape[1]))


def _widened(box: Box) -> Box:
    """A tenth larger on each side: a hidden place reaches a little over its outline."""
    wide, high = box.width / 10, box.height / 10
    return Box(box.x0 - wide, box.y0 - high, box.x1 + wide, box.y1 + high)


def _flipped(part: Mask | Box, width: float) -> Mask | Box:
    if isinstance(part, Mask):
        return Mask(part.values[:, ::-1], _flipped_box(part.extent, width))
    return _flipped_box(part, width)


def _flipped_box(box: Box, width: float) -> Box:
    return Box(width - box.x1, box.y0, width - box.x0, box.y1)


def _moved(part: Mask | Box, x: float, y: float) -> Mask | Box:
    box = part if isinstance(part, Box) else part.extent
    there = Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)
    return there if isinstance(part, Box) else Mask(part.values, there)


def _shape(film: Film) -> tuple[int, int]:
    return film.shape[0], film.shape[1]

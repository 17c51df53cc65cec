"""A detector of one's own: lungs as the dark parts of a film. See docs/write_a_detector.md."""

from collections.abc import Sequence

import numpy as np
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label, regionprops

from grounded import Atlas, Image, Mask, Regions

LEAST = 0.03  # a lung covers at least this part of the film
NAMES = ("right lung", "left lung")  # the patient's right is on the picture's left


class DarkLungs:
    """Takes the two largest dark areas that lie inside the film for the lungs."""

    name = "dark lungs"
    weights_sha256: dict[str, str] = {}  # noqa: RUF012 - no weights, no digests

    def __init__(self) -> None:
        self.atlas = Atlas.open("chest29")

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        return [self._regions(image) for image in images]

    def _regions(self, image: Image) -> Regions:
        lungs = self._lungs(image.pixels)
        missing = dict.fromkeys(self.atlas.names, "this detector does not look for it")
        if len(lungs) < 2:
            reason = "no two dark areas lie in the film"
            return Regions.none(missing | dict.fromkeys(NAMES, reason))
        masks = [Mask(lung.astype(np.float32), image.info.frame) for lung in lungs]
        boxes = [self._box(lung) for lung in lungs]
        for name in NAMES:
            del missing[name]
        return Regions(NAMES, np.array(boxes), np.array([0.9, 0.9]), tuple(masks), missing=missing)

    def _lungs(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Two masks (H, W), from the left of the picture to the right; fewer if there are fewer."""
        smooth = gaussian(pixels, min(pixels.shape) / 60)
        dark = smooth < threshold_otsu(smooth)
        height, width = pixels.shape
        areas = [
            area
            for area in regionprops(label(dark))
            if area.area > LEAST * pixels.size
            and area.bbox[0] > 0 < area.bbox[1]
            and area.bbox[2] < height
            and area.bbox[3] < width
        ]
        largest = sorted(areas, key=lambda area: -area.area)[:2]
        ordered = sorted(largest, key=lambda area: area.centroid[1])
        return [self._filled(area, pixels.shape) for area in ordered]

    def _filled(self, area: object, shape: tuple[int, int]) -> np.ndarray:
        mask = np.zeros(shape, dtype=bool)
        top, left, bottom, right = area.bbox
        mask[top:bottom, left:right] = area.image_filled
        return mask

    def _box(self, mask: np.ndarray) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels of the film: borders of pixels, not their centres."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1

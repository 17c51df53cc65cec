"""What a sentence stands on: a box, an outline, a heatmap or a measurement, all in image frame."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grounded.codes import Code, measurement_code
from grounded.errors import InvalidValueError, ReportError
from grounded.geometry import Box, union


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Where an organ is: membership values (h, w) float32 in 0..1 over `extent` (image frame).

    The organ's outline is the 0.5 level of the values, interpolated between cell centres, so it is
    finer than the grid. The grid may be coarser than the film.
    """

    values: NDArray[np.float32]
    extent: Box

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _grid("a mask", self.values))
        if self.values.min() < 0 or self.values.max() > 1:
            raise InvalidValueError("a mask's values lie in 0..1")

    def outlines(self) -> list[NDArray[np.float64]]:
        """The outlines, each (N, 2) x first in the image frame, the longest first."""
        from skimage.measure import find_contours

        height, width = self.values.shape
        padded = np.pad(self.values, 1)  # an organ cut by the grid's edge still closes
        scale = np.array([self.extent.width / width, self.extent.height / height])
        corner = np.array([self.extent.x0, self.extent.y0])
        # find_contours gives (row, column) of cell centres: +0.5 to the frame, -1 for the padding
        found = [line[:, ::-1] - 0.5 for line in find_contours(padded, 0.5)]
        found.sort(key=len, reverse=True)
        return [np.clip(line, 0, (width, height)) * scale + corner for line in found]

    def contains(self, x: float, y: float) -> bool:
        if not self.extent.contains(x, y):
            return False
        row = int((y - self.extent.y0) / self.extent.height * self.values.shape[0])
        column = int((x - self.extent.x0) / self.extent.width * self.values.shape[1])
        return bool(self.values[row, column] >= 0.5)

    def in_film(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The membership at each pixel of a film of `shape` (H, W), 0 outside of the extent."""
        return at_pixels(self.values, self.extent, shape)

    @property
    def box(self) -> Box:
        return self.extent


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """How much each place contributed: raw values (h, w) float32 over `extent` (image frame).

    The values are as the method gave them, at its own resolution: a report draws all of its
    heatmaps on one scale, so a normal lung does not glow. strong: the value from which on heat is
    drawn in full, in the method's own unit: then a report with weak evidence alone does not glow
    either, and a hot spot does not hide wide heat. 0 leaves it to the hottest place of the report.
    """

    values: NDArray[np.float32]
    extent: Box
    method: str
    strong: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _grid("a heatmap", self.values))
        if not (math.isfinite(self.strong) and self.strong >= 0):
            raise InvalidValueError(f"a heat is strong from 0 or more on, got {self.strong}")

    def contains(self, x: float, y: float) -> bool:
        return self.extent.contains(x, y)

    def in_film(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The heat at each pixel of a film of `shape` (H, W), in the method's own unit."""
        return at_pixels(self.values, self.extent, shape)

    @property
    def box(self) -> Box:
        return self.extent


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line drawn as evidence, image frame, with what it shows ("cardiac diameter")."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x0, self.y0, self.x1, self.y1)):
            raise InvalidValueError(f"a line needs four finite numbers, got {self}")

    @property
    def length(self) -> float:
        """In pixels of the film."""
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value with the lines that it was measured along.

    unit: UCUM ("1" for a ratio, "mm", "deg", "px" is written "{pixels}").
    normal: the (low, high) that are taken as normal. tolerance: half the width within which the
    method is expected to agree with a reader. source: where definition and range come from.
    """

    name: str
    value: float
    unit: str
    lines: tuple[Line, ...]
    normal: tuple[float, float] | None = None
    tolerance: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InvalidValueError(f"the measurement {self.name!r} has no finite value")
        if not self.lines:
            raise InvalidValueError(f"the measurement {self.name!r} has no line to show")

    @property
    def code(self) -> Code | None:
        """SNOMED CT or DICOM, None where neither has one that fits."""
        return measurement_code(self.name)

    @property
    def box(self) -> Box:
        """The box around the lines, at least a pixel wide."""
        return union(_around(line) for line in self.lines)

    def contains(self, x: float, y: float) -> bool:
        return self.box.contains(x, y)


Evidence = Box | Mask | Heatmap | Measurement


def at_pixels(
    values: NDArray[np.float32], extent: Box, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Values (h, w) over `extent` at the centre of each pixel of a picture of `shape` (H, W).

    extent: in the picture's own frame. Bilinear between the centres of cells; 0 outside.
    """
    import cv2

    (height, width), (rows, columns) = shape, values.shape
    x = (np.arange(width) + 0.5 - extent.x0) * (columns / extent.width) - 0.5  # cells' centres
    y = (np.arange(height) + 0.5 - extent.y0) * (rows / extent.height) - 0.5
    found = cv2.remap(
        np.array(values),
        np.tile(np.clip(x, 0, columns - 1).astype(np.float32), (height, 1)),
        np.tile(np.clip(y, 0, rows - 1).astype(np.float32)[:, None], (1, width)),
        cv2.INTER_LINEAR,
    )
    found[(y < -0.5) | (y > rows - 0.5)] = 0
    found[:, (x < -0.5) | (x > columns - 0.5)] = 0
    return np.asarray(found, dtype=np.float32)


def evidence_box(evidence: Evidence) -> Box:
    """The box around any piece of evidence."""
    return evidence if isinstance(evidence, Box) else evidence.box


def lies_in(evidence: Evidence, frame: Box) -> bool:
    """Whether evidence lies in a film, to a pixel.

    The grid of a mask or a heatmap may reach over the film's edges, as a network's input does; it
    has to cover some of the film.
    """
    match evidence:
        case Mask() | Heatmap():
            return evidence.extent.overlap(frame) > 0
        case Measurement():
            return all(
                _near(line.x0, line.y0, frame) and _near(line.x1, line.y1, frame)
                for line in evidence.lines
            )
        case Box():
            corners = (evidence.x0, evidence.y0), (evidence.x1, evidence.y1)
            return all(_near(x, y, frame) for x, y in corners)


def _near(x: float, y: float, frame: Box) -> bool:
    return frame.x0 - 1 <= x <= frame.x1 + 1 and frame.y0 - 1 <= y <= frame.y1 + 1


def evidence_to_dict(evidence: Evidence) -> dict[str, Any]:
    """The evidence for JSON; the `kind` key says which evidence it is."""
    match evidence:
        case Box():
            return {"kind": "box", "box": list(evidence)}
        case Mask():
            quantised = np.rint(evidence.values * 255).astype(np.uint8)
            return {"kind": "mask", "extent": list(evidence.extent), **_encode(quantised)}
        case Heatmap():
            return {
                "kind": "heatmap",
                "method": evidence.method,
                "strong": evidence.strong,
                "extent": list(evidence.extent),
                **_encode(evidence.values.astype("<f4")),
            }
        case Measurement():
            return _measurement_to_dict(evidence)


def evidence_from_dict(data: Mapping[str, Any]) -> Evidence:
    """The way back. Raises ReportError for an unknown kind."""
    match data.get("kind"):
        case "box":
            return Box(*data["box"])
        case "mask":
            values = _decode(data, np.dtype(np.uint8)).astype(np.float32) / 255
            return Mask(cast("NDArray[np.float32]", values), Box(*data["extent"]))
        case "heatmap":
            raw = _decode(data, np.dtype("<f4")).astype(np.float32)
            strong = float(data.get("strong", 0.0))
            return Heatmap(raw, Box(*data["extent"]), str(data["method"]), strong)
        case "measurement":
            return _measurement_from_dict(data)
        case kind:
            raise ReportError(
                f"unknown evidence kind {kind!r}; expected box, mask, heatmap or measurement"
            )


def _measurement_to_dict(measurement: Measurement) -> dict[str, Any]:
    return {
        "kind": "measurement",
        "name": measurement.name,
        "value": measurement.value,
        "unit": measurement.unit,
        "normal": list(measurement.normal) if measurement.normal else None,
        "tolerance": measurement.tolerance,
        "source": measurement.source,
        **({"code": measurement.code.to_dict()} if measurement.code else {}),
        "lines": [
            {"from": [line.x0, line.y0], "to": [line.x1, line.y1], "label": line.label}
            for line in measurement.lines
        ],
    }


def _measurement_from_dict(data: Mapping[str, Any]) -> Measurement:
    normal = data.get("normal")
    return Measurement(
        name=str(data["name"]),
        value=float(data["value"]),
        unit=str(data["unit"]),
        lines=tuple(_line_from_dict(line) for line in data["lines"]),
        normal=(float(normal[0]), float(normal[1])) if normal else None,
        tolerance=float(data.get("tolerance", 0.0)),
        source=str(data.get("source", "")),
    )


def _line_from_dict(data: Mapping[str, Any]) -> Line:
    (x0, y0), (x1, y1) = data["from"], data["to"]
    return Line(float(x0), float(y0), float(x1), float(y1), str(data.get("label", "")))


def _around(line: Line) -> Box:
    (x0, x1), (y0, y1) = sorted((line.x0, line.x1)), sorted((line.y0, line.y1))
    wide, high = max(0.0, 1 - (x1 - x0)) / 2, max(0.0, 1 - (y1 - y0)) / 2
    return Box(x0 - wide, y0 - high, x1 + wide, y1 + high)


def _grid(what: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    grid = np.array(values, dtype=np.float32)
    if grid.ndim != 2 or not grid.size:
        raise InvalidValueError(f"{what} has values (h, w), got shape {grid.shape}")
    if not np.isfinite(grid).all():
        raise InvalidValueError(f"{what} has values that are not finite")
    grid.flags.writeable = False
    return grid


def _encode(array: NDArray[Any]) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"shape": list(array.shape), "base64": data}


def _decode(data: Mapping[str, Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    raw = np.frombuffer(base64.b64decode(data["base64"]), dtype=dtype)
    height, width = data["shape"]
    if raw.size != height * width:
        raise ReportError(f"expected {height} x {width} values, got {raw.size}")
    return raw.reshape(height, width)

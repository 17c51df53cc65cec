"""Films stored as indices into a palette (PS3.3 C.7.6.3.1.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from grounded.dicom.read.header import Header
from grounded.dicom.read.lookup import table_of

_COLOURS = ("Red", "Green", "Blue")
_STEM = "PaletteColorLookupTable"


def coloured(indices: NDArray[Any], header: Header) -> tuple[NDArray[Any], float]:
    """Indices (H, W) as RGB (H, W, 3), and the value of white.

    White is that of the depth which the entries use: descriptors state 16 bits for entries that
    hold 8, and black films would come of it. Raises ValueError for tables that do not fit.
    """
    if f"SegmentedRed{_STEM}Data" in header:
        shown = np.asarray(apply_color_lut(indices, header.dataset))[..., :3]
        return shown, float(np.iinfo(shown.dtype).max)
    values, places = np.unique(indices, return_inverse=True)
    planes, depth = [], 8
    for colour in _COLOURS:
        table = table_of(header, f"{colour}{_STEM}Descriptor", f"{colour}{_STEM}Data")
        if table is None:
            raise ValueError("the palette does not fit its descriptor")
        depth = max(depth, table.depth)
        entries = table.at(values.astype(np.float64)).astype(np.uint16)
        planes.append(entries[places].reshape(indices.shape))
    return np.stack(planes, axis=-1), 2.0**depth - 1

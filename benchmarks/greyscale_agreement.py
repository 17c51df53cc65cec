"""How the grey scale of DICOM films agrees with pydicom's own functions.

    python benchmarks/greyscale_agreement.py --data DIR

Every DICOM file below DIR that both read and that is grey: `Image.open(force=True)` against
pydicom.pixels (pixel_array, apply_modality_lut, apply_voi_lut), scaled to 0..1 by what the window
or table can give, MONOCHROME1 turned over. Files without window and VOI LUT have no scale of their
own; for them the order of the greys is compared (Spearman), which the cut at both ends of a film's
range lowers a little.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array
from scipy.stats import spearmanr

from grounded import Image
from grounded.errors import GroundedError

ALIKE = 0.01  # of the range: rounding of 8 bits and of pydicom's window


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for path in sorted(given.data.rglob("*.dcm")):
        verdict, detail = compared(path)
        counts[verdict] += 1
        if verdict == "other":
            print(f"{path.relative_to(given.data)}: {detail}")
    for verdict, count in counts.most_common():
        print(f"{count:4d}  {verdict}")


def compared(path: Path) -> tuple[str, str]:
    """alike, other, or why the two cannot be compared; and the figures."""
    try:
        image = Image.open(path, force=True)
    except GroundedError as error:
        return "not read here", str(error)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(path, force=True)
            reference, scaled = expected(dataset)
    except Exception as error:  # whatever a damaged file makes pydicom raise
        return "not read by pydicom", repr(error)
    if reference.shape != image.shape:
        return "colour, or of another shape", ""
    told = "; ".join(image.info.warnings)
    if not scaled:
        order = float(spearmanr(reference[::3, ::3].ravel(), image.pixels[::3, ::3].ravel())[0])
        verdict = "alike in order (no window)" if order > 0.98 or np.isnan(order) else "other"
        return verdict, f"rank correlation {order:.3f}; {told}"
    away = float(np.median(abs(reference - image.pixels)))
    return ("alike" if away <= ALIKE else "other"), f"median difference {away:.3f}; {told}"


def expected(dataset: Dataset) -> tuple[np.ndarray, bool]:
    """The film by pydicom (H, W), and whether a window or table scales it to 0..1."""
    stored = pixel_array(dataset, index=0)
    values = apply_modality_lut(stored, dataset)
    scaled = "WindowWidth" in dataset or "VOILUTSequence" in dataset
    shown = apply_voi_lut(values, dataset).astype(np.float64)
    if scaled and shown.max() > shown.min():
        low, high = output_range(values, dataset, shown)
        shown = np.clip((shown - low) / (high - low), 0, 1)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        shown = (1 if scaled else 0) - shown
    return shown, scaled


def output_range(values: np.ndarray, dataset: Dataset, shown: np.ndarray) -> tuple[float, float]:
    """What the window or table gives for values far below and far above it."""
    if "VOILUTSequence" in dataset:
        entries = np.asarray(dataset.VOILUTSequence[0].LUTData)
        bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
        return 0.0, float(2**bits - 1) if entries.max() > 2**bits / 4 else float(entries.max())
    ends = np.array([-1e9, 1e9])
    low, high = apply_voi_lut(ends, dataset)
    return float(low), float(high)


if __name__ == "__main__":
    main()

"""DICOM films made in code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from grounded.films.open import decode

DatasetMaker = Callable[..., Dataset]
FilmWriter = Callable[..., Path]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decoders make of a whole film is the same in the child: see tests/films."""
    monkeypatch.setattr("grounded.films.open.read_in_child", decode)


@pytest.fixture
def ramp() -> np.ndarray:
    """Stored values (48, 64) of 12 bits, rising to the right and downwards, 0 to 4035."""
    return np.add.outer(np.arange(48) * 8, np.arange(64) * 58).astype(np.uint16)


@pytest.fixture
def dataset(ramp: np.ndarray) -> DatasetMaker:
    """dataset(pixels, **attributes): a chest film, CR, 12 of 16 bits, with the changes given.

    An attribute given as None is left out.
    """

    def make(pixels: np.ndarray = ramp, **attributes: Any) -> Dataset:
        bits = 8 * pixels.itemsize
        values: dict[str, Any] = {
            "SOPClassUID": ComputedRadiographyImageStorage,
            "SOPInstanceUID": "1.2.3",
            "StudyInstanceUID": "1.2.4",
            "SeriesInstanceUID": "1.2.5",
            "PatientName": "Doe^Jane",
            "PatientID": "SECRET77",
            "Modality": "CR",
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "SamplesPerPixel": 1 if pixels.ndim == 2 else 3,
            "BitsAllocated": bits,
            "BitsStored": min(bits, 12),
            "PixelRepresentation": int(pixels.dtype.kind == "i"),
            "PixelData": pixels.tobytes(),
            **attributes,
        }
        values.setdefault("HighBit", values["BitsStored"] - 1)
        made = Dataset()
        for keyword, value in values.items():
            if value is not None:
                setattr(made, keyword, value)
        made["PixelData"].VR = "OW" if bits > 8 else "OB"
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return made

    return make


@pytest.fixture
def write(dataset: DatasetMaker, tmp_path: Path) -> FilmWriter:
    """write(pixels, **attributes): the same as a file."""

    def save(*pixels: np.ndarray, **attributes: Any) -> Path:
        path = tmp_path / "film.dcm"
        dataset(*pixels, **attributes).save_as(path, enforce_file_format=True)
        return path

    return save

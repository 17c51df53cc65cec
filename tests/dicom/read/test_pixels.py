"""Stored values as they were meant: unused bits, shifted bits."""

import numpy as np
import pytest
from pydicom.uid import RLELossless

from grounded.dicom.read.header import open_header
from grounded.dicom.read.pixels import stored_values


def test_overlays_in_unused_high_bits_are_cleared(write, ramp) -> None:
    path = write(ramp | np.uint16(0xA000))
    np.testing.assert_array_equal(stored_values(open_header(path), path), ramp)


@pytest.mark.parametrize("compressed", [False, True])
def test_values_in_the_upper_bits_are_brought_down(dataset, ramp, tmp_path, compressed) -> None:
    made = dataset((ramp << 4).astype(np.uint16) | 5, HighBit=15)
    if compressed:
        made.compress(RLELossless, generate_instance_uid=False)
    path = tmp_path / "a.dcm"
    made.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(stored_values(open_header(path), path), ramp)


def test_signs_are_extended_from_the_stored_bits(write, ramp) -> None:
    signed = ramp.astype(np.int16) - 2048
    path = write((signed & 0x0FFF).astype(np.int16))
    np.testing.assert_array_equal(stored_values(open_header(path), path), signed)

"""Lookup tables and palettes of a header, and which values are padding."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from grounded.dicom.read.header import Header
from grounded.dicom.read.lookup import Table, table_of
from grounded.dicom.read.padding import cut_padding_value, padding_in
from grounded.dicom.read.palette import coloured


def table(descriptor: list[int], data: Any) -> Table | None:
    item = Dataset()
    item.add_new("LUTDescriptor", "SL", descriptor)
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "SL", data)
    return table_of(Header(item))


def entries(found: Table | None) -> list[float]:
    assert found is not None
    return found.entries.tolist()


def test_a_table_has_its_entries_its_first_input_and_its_white() -> None:
    found = table([3, 5, 8], [10, 20, 200])
    assert found is not None
    assert (entries(found), found.first, found.white) == ([10, 20, 200], 5, 255)
    assert found.at(np.array([0.0, 5.0, 5.6, 7.0, 9.0])).tolist() == [10, 10, 20, 200, 200]


@pytest.mark.parametrize(
    ("bits", "most", "white"),
    [
        (12, 4095, 4095),
        (12, 1024, 4095),
        (12, 1023, 1023),  # a quarter of the stated depth at most: another depth was meant
        (12, 4096, 4096),
        (0, 700, 700),
        (17, 40000, 40000),
        (16, 40000, 65535),
        (1, 1, 1),
    ],
)
def test_white_is_that_of_the_stated_bits_if_the_entries_use_them(
    bits: int, most: int, white: int
) -> None:
    found = table([3, 0, bits], [0, 1, most])
    assert found is not None
    assert found.white == white


@pytest.mark.parametrize(
    ("most", "depth"), [(255, 8), (256, 10), (1024, 12), (4096, 14), (65535, 16)]
)
def test_the_depth_of_a_table_is_that_of_its_entries(most: int, depth: int) -> None:
    assert Table(np.array([0.0, most]), 0, most).depth == depth


def test_a_length_of_nothing_means_65536_entries() -> None:
    ramp = np.arange(65536)
    assert entries(table([0, 0, 16], ramp.astype("<u2").tobytes()))[::65535] == [0, 65535]
    assert table([0, 0, 16], ramp[:-1].astype("<u2").tobytes()) is None


@pytest.mark.parametrize("count", [255, 256])
def test_entries_of_a_byte_lie_two_in_a_word(count: int) -> None:
    data = np.arange(256, dtype=np.uint8)[::-1].tobytes()
    assert entries(table([count, 0, 8], data)) == list(range(255, 255 - count, -1))


def test_two_entries_in_one_word_are_unpacked() -> None:
    assert entries(table([2, 0, 8], b"\x07\x09")) == [7, 9]


def test_a_table_may_have_one_entry() -> None:
    assert entries(table([1, 0, 8], [5])) == [5]


def test_a_byte_too_many_and_entries_too_many_are_left_out() -> None:
    data = np.arange(1, 11).astype("<u2").tobytes()
    assert entries(table([4, 0, 8], data + b"\x05")) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [
        ([3, 0], [1, 2, 3]),  # no depth
        ([4, 0, 8], [1, 2, 3]),  # an entry too few
        ([3, 0, 8], [0, 0, 0]),  # all black
        ([3, 0, 8], [1, 2, 65536]),
        ([3, 0, 8], [1, 2, -32769]),
        ([3, 0, 8], None),
    ],
)
def test_a_table_that_does_not_fit_its_descriptor_is_none(
    descriptor: list[int], data: list[int] | None
) -> None:
    assert table(descriptor, data) is None


def test_entries_may_have_lost_their_sign() -> None:
    assert entries(table([3, 0, 16], [-32768, 1, 65535])) == [32768, 1, 65535]


@pytest.mark.parametrize(("big", "expected"), [(False, [1, 512]), (True, [256, 2])])
def test_entries_in_bytes_have_the_byte_order_of_their_file(big: bool, expected: list[int]) -> None:
    made = Dataset()
    made.PatientName = "Doe"
    made.add_new("LUTDescriptor", "US", [2, 0, 16])
    made.add_new("LUTData", "OW", b"\x01\x00\x00\x02")
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = (
        uid.ExplicitVRBigEndian if big else uid.ExplicitVRLittleEndian
    )
    file = io.BytesIO()
    made.save_as(file)
    file.seek(0)
    assert entries(table_of(Header(pydicom.dcmread(file, force=True)))) == expected


@pytest.mark.parametrize("first", [40_000, 40_000 - 65_536, 40_000 - 131_072])
def test_the_first_input_is_moved_to_where_the_values_lie(first: int) -> None:
    values = np.array([-25_536.0, -25_535.0, -25_534.0])
    for sign in (0, 65_536):
        assert Table(np.array([1.0, 2.0, 3.0]), first, 3).at(values + sign).tolist() in (
            [1, 2, 3],
            [1, 1, 1],
            [3, 3, 3],
        )
    assert Table(np.array([1.0, 2.0, 3.0]), 40_000, 3).at(values).tolist() == [1, 2, 3]
    assert Table(np.array([1.0, 2.0, 3.0]), 40_000, 3).at(values + 65_536).tolist() == [1, 2, 3]
    assert Table(np.array([1.0, 2.0, 3.0]), -25_536, 3).at(values + 65_536).tolist() == [1, 2, 3]


def palette(**tables: list[int] | bytes) -> Header:
    """A header with a palette a colour: its entries of 16 bits, or its segments."""
    made = Dataset()
    for colour in ("Red", "Green", "Blue"):
        data = np.asarray(tables[colour.lower()], "<u2").tobytes()
        made.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [4, 10, 16])
        made.add_new(f"{colour}PaletteColorLookupTableData", "OW", data)
    return Header(made)


INDICES = np.array([[10, 11], [12, 13]], np.uint8)


@pytest.mark.parametrize(
    ("most", "white"), [(200, 255), (255, 255), (256, 1023), (4095, 4095), (65535, 65535)]
)
def test_a_palette_gives_each_index_its_colour_and_the_depth_of_the_deepest(
    most: int, white: int
) -> None:
    shown, full = coloured(
        INDICES, palette(red=[0, 1, 2, 3], green=[4, 5, 6, most], blue=[8, 9, 10, 11])
    )
    assert shown.tolist() == [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, most, 11]]]
    assert full == white


def test_a_palette_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        coloured(INDICES, palette(red=[0, 1, 2, 3], green=[4, 5, 6], blue=[8, 9, 10, 11]))


def test_a_palette_in_segments_is_spread_out() -> None:
    made = Dataset()
    for colour in ("Red", "Green", "Blue"):
        segments = [0, 1, 0, 1, 255, 65535]  # one entry of 0, then 255 on a line up to white
        made.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        made.add_new(
            f"Segmented{colour}PaletteColorLookupTableData", "OW",
            np.array(segments, "<u2").tobytes(),
        )  # fmt: skip
    made.PhotometricInterpretation = "PALETTE COLOR"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    shown, white = coloured(np.array([[0, 255], [51, 102]], np.uint8), Header(made))
    assert white == 65535
    assert shown.shape == (2, 2, 3)
    np.testing.assert_allclose(shown[..., 1], [[0, 65535], [13107, 26214]], atol=300)


def header(**attributes: Any) -> Header:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return Header(made)


VALUES = np.array([2999, 3000, 3500, 4000, 4001])


@pytest.mark.parametrize(
    ("first", "last", "padding"),
    [
        (3500, None, [3500]),
        (3000, 4000, [3000, 3500, 4000]),
        (4000, 3000, [3000, 3500, 4000]),
        (None, 4000, []),
        (0, 5000, []),  # everything would be padding
    ],
)
def test_padding_is_a_value_or_a_range_with_both_its_ends(
    first: int | None, last: int | None, padding: list[int]
) -> None:
    stated = {"PixelPaddingValue": first, "PixelPaddingRangeLimit": last}
    made = header(**{key: value for key, value in stated.items() if value is not None})
    assert VALUES[padding_in(VALUES, made)].tolist() == padding


def test_a_negative_padding_value_is_that_of_unsigned_pixels() -> None:
    made = header(PixelRepresentation=0, BitsAllocated=16)
    made.dataset.add_new("PixelPaddingValue", "SL", -2000)
    assert padding_in(np.array([63_536, 7]), made).tolist() == [True, False]


@pytest.mark.parametrize(
    ("value", "signed", "allocated", "stored"),
    [
        (63_536, 1, 16, -2000),
        (63_536, 0, 16, 63_536),
        (250, 1, 8, -6),
        (63_536, 1, None, -2000),
        (32_768, 1, 16, -32_768),
        (32_767, 1, 16, 32_767),
    ],
)
def test_a_padding_value_has_the_sign_of_the_pixels(
    value: int, signed: int, allocated: int | None, stored: int
) -> None:
    bits = {} if allocated is None else {"BitsAllocated": allocated}
    made = header(PixelRepresentation=signed, PixelPaddingValue=value, **bits)
    assert padding_in(np.array([stored, 7]), made).tolist() == [True, False]


@pytest.mark.parametrize(
    ("value", "bits", "signed", "cut"),
    [
        (None, 12, 0, None),
        (4095, 12, 0, None),
        (4096, 12, 0, 0),
        (63_536, 12, 0, 63_536 % 4096),
        (63_536, 12, 1, -2000),
        (30_000, 12, 1, 30_000 - 7 * 4096),
        (63_536, None, 0, None),
        (65_535, 15, 0, 32_767),
    ],
)
def test_a_padding_value_beyond_the_stored_bits_is_cut(
    value: int | None, bits: int | None, signed: int, cut: int | None
) -> None:
    stated = {"PixelPaddingValue": value, "BitsStored": bits, "PixelRepresentation": signed}
    made = header(**{key: given for key, given in stated.items() if given is not None})
    if value == 63_536 and signed:
        cut = None  # -2000 is what the pixels hold, and 12 bits hold it
    assert cut_padding_value(made) == cut

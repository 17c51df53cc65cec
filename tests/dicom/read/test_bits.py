"""Which bits of a stored word are the film."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from grounded.dicom.read.bits import _roughness, as_meant
from grounded.dicom.read.header import Header

RAMP = np.add.outer(np.arange(6) * 500, np.arange(8) * 200).astype(np.uint16)  # 0 to 3900
SIGNED = RAMP.astype(np.int16) - 2048


def smooth(low: int, high: int, kind: type[np.integer]) -> np.ndarray:
    """A film (6, 200) of small steps from low to high."""
    return np.rint(np.linspace(low, high, 1200)).reshape(6, 200).astype(kind)


def meant(words: np.ndarray, **attributes: int) -> tuple[list, tuple[str, ...]]:
    made = Dataset()
    for keyword, value in {"BitsStored": 12, **attributes}.items():
        setattr(made, keyword, value)
    values, said = as_meant(words, Header(made))
    return values.tolist(), said


def test_words_without_stated_bits_are_values_as_they_are() -> None:
    words = RAMP * 16
    assert as_meant(words, Header(Dataset()))[0].tolist() == words.tolist()
    assert meant(words, BitsStored=16) == (words.tolist(), ())


@pytest.mark.parametrize("high", [12, 13, 15])
@pytest.mark.parametrize("film", [RAMP, SIGNED], ids=["unsigned", "signed"])
def test_bits_below_a_high_bit_are_cut_off(film: np.ndarray, high: int) -> None:
    below = high - 11
    words = (film << below) | 1
    above = film.dtype.type(1 << high) if high < 15 and film.dtype.kind == "u" else 0
    assert meant(words | (above << 1), HighBit=high) == (film.tolist(), ())


@pytest.mark.parametrize("high", [11, 16, 3])
def test_a_high_bit_that_cannot_be_is_not_asked(high: int) -> None:
    assert meant(RAMP, HighBit=high) == (RAMP.tolist(), ())


SAID = "High Bit is 15 in the header, but the pixels use the 12 bits from 0 on."


@pytest.mark.parametrize(("most", "fits"), [(4095, True), (4096, False)])
def test_values_that_the_lowest_bits_hold_lie_there(most: int, fits: bool) -> None:
    words = RAMP + np.arange(8, dtype=np.uint16)
    words[0, 0] = most
    values, said = meant(words, HighBit=15)
    assert said == ((SAID,) if fits else ())
    assert values == (words if fits else words >> 4).tolist()


@pytest.mark.parametrize(("least", "fits"), [(-2048, True), (-2049, False)])
def test_signed_values_that_the_lowest_bits_hold_lie_there(least: int, fits: bool) -> None:
    words = SIGNED + np.arange(8, dtype=np.int16)
    words[0, 0] = least
    values, said = meant(words, HighBit=15)
    assert said == ((SAID,) if fits else ())
    assert values == (words if fits else words >> 4).tolist()


def test_words_whose_lowest_bits_are_all_alike_lie_above_them() -> None:
    words = (RAMP // 64 << 4) | 3  # up to 979
    assert meant(words, HighBit=15) == ((RAMP // 64).tolist(), ())


def test_overlays_above_the_stored_bits_are_cut_off() -> None:
    drawn = RAMP.copy()
    drawn[2:4, 2:5] |= 0x1000
    assert meant(drawn) == (RAMP.tolist(), ())
    assert meant(RAMP | np.uint16(0x2000)) == (RAMP.tolist(), ())


def test_a_sign_is_carried_on_above_the_stored_bits() -> None:
    assert meant(SIGNED & np.int16(0x0FFF)) == (SIGNED.tolist(), ())


UPPER = "The pixels lie in the upper 12 bits, not as High Bit in the header says."


@pytest.mark.parametrize(("center", "brought_down"), [(None, True), (4095, True), (4096, False)])
def test_values_in_the_upper_bits_are_brought_down_unless_the_window_lies_there(
    center: int | None, brought_down: bool
) -> None:
    words = RAMP << 4
    stated = {} if center is None else {"WindowCenter": center}
    values, said = meant(words, **stated)
    assert values == (RAMP if brought_down else words).tolist()
    assert said == (
        (UPPER,)
        if brought_down
        else ("The header says 12 bits, but the pixels use 16: all were read.",)
    )


def test_values_of_which_one_has_a_lower_bit_are_values_as_they_are() -> None:
    words = smooth(0, 4000, np.uint16) << 4
    words[5, 7] |= 1
    assert meant(words)[0] == words.tolist()


@pytest.mark.parametrize(
    ("words", "used"),
    [
        (smooth(0, 8191, np.uint16), 13),
        (smooth(0, 8192, np.uint16), 14),
        (smooth(-8192, 3000, np.int16), 14),
        (smooth(-8193, 3000, np.int16), 15),
        (smooth(-3000, 8191, np.int16), 14),
        (smooth(-3000, 8192, np.int16), 15),
        (smooth(0, 65_535, np.uint16), 16),
    ],
)
def test_where_pixels_use_more_bits_than_stated_all_are_read(words: np.ndarray, used: int) -> None:
    made = Dataset()
    made.BitsStored = 10
    values, said = as_meant(words, Header(made))
    assert values.tolist() == words.tolist()
    assert said == (f"The header says 10 bits, but the pixels use {used}: all were read.",)
    assert made.BitsStored == used


def test_padding_keeps_its_word() -> None:
    words = RAMP | np.uint16(0x2000)
    words[:, 6:] = 63_536
    expected = RAMP.copy()
    expected[:, 6:] = 63_536
    assert meant(words, PixelPaddingValue=63_536, BitsAllocated=16) == (expected.tolist(), ())


def test_steps_into_padding_do_not_count() -> None:
    values = np.array([[0, 5, 100, 7, 9], [3, 1, 1, 1, 200]])
    padding = np.array([[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]], bool)
    assert _roughness(values, padding) == 5 + 2 + 2

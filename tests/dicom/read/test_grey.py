"""The grey scale that a header asks for."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from grounded.dicom.read.grey import (
    Levels,
    _display_ready,
    _is_usable,
    _robust_range,
    greyscale,
)
from grounded.dicom.read.header import Header

from .conftest import DatasetMaker

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
RESCALE = ("RescaleSlope", "RescaleIntercept")


def shown(made: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    kind = "i" if made.PixelRepresentation else "u"
    stored = np.frombuffer(made.PixelData, f"<{kind}{made.BitsAllocated // 8}")
    film = greyscale(stored.reshape(made.Rows, made.Columns), Header(made))
    return film.pixels, film.warnings


def lookup(descriptor: list[int], data: list[int] | bytes) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if min(descriptor) < 0 else "US", descriptor)
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return [item]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (None, lambda x: np.clip((x - 999.5) / 999 + 0.5, 0, 1)),
        ("LINEAR", lambda x: np.clip((x - 999.5) / 999 + 0.5, 0, 1)),
        ("LINEAR_EXACT", lambda x: np.clip((x - 1000) / 1000 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 1000) / 1000))),
    ],
)
def test_windows_follow_the_formulas_of_the_standard(dataset, ramp, function, expected) -> None:
    made = dataset(WindowCenter=[1000, 5], WindowWidth=[1000, 5], VOILUTFunction=function)
    np.testing.assert_allclose(shown(made)[0], expected(ramp.astype(float)), atol=1e-6)


def test_the_window_applies_to_rescaled_values(dataset, ramp) -> None:
    made = dataset(RescaleSlope=-2, RescaleIntercept=100, WindowCenter=-3995, WindowWidth=8191)
    expected = np.clip((100 - 2.0 * ramp + 3995.5) / 8190 + 0.5, 0, 1)
    np.testing.assert_allclose(shown(made)[0], expected, atol=1e-6)


def test_a_modality_lut_comes_before_the_window(dataset, ramp) -> None:
    reverse = lookup([4096, 0, 16], [4095 - value for value in range(4096)])
    pixels, told = shown(dataset(ModalityLUTSequence=reverse, **WINDOW))
    np.testing.assert_allclose(pixels, 1 - ramp / 4095, atol=1e-6)
    assert told == ()


def test_a_voi_lut_is_preferred_to_a_window(dataset, ramp) -> None:
    square = lookup([4096, 0, 12], [value * value // 4095 for value in range(4096)])
    pixels, _ = shown(dataset(VOILUTSequence=square, **WINDOW))
    np.testing.assert_allclose(pixels, (ramp / 4095) ** 2, atol=1e-3)


def test_values_outside_a_lut_get_its_ends(dataset, ramp) -> None:
    table = lookup([1001, 1000, 16], np.linspace(0, 65535, 1001).astype("<u2").tobytes())
    pixels, _ = shown(dataset(VOILUTSequence=table))
    np.testing.assert_allclose(pixels, np.clip((ramp - 1000.0) / 1000, 0, 1), atol=1e-3)


def test_a_lut_for_signed_values_starts_below_zero(dataset, ramp) -> None:
    table = lookup([4096, -2048, 12], np.arange(4096, dtype="<u2").tobytes())
    pixels, _ = shown(dataset(ramp.astype(np.int16) - 2048, VOILUTSequence=table))
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)


def test_a_lut_that_states_more_bits_than_it_uses_does_not_darken_the_film(dataset, ramp) -> None:
    table = lookup([4096, 0, 16], list(range(4096)))
    np.testing.assert_allclose(shown(dataset(VOILUTSequence=table))[0], ramp / 4095, atol=1e-6)


def test_a_lut_of_bytes_is_unpacked(dataset) -> None:
    stored = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    table = lookup([256, 0, 8], np.arange(255, -1, -1, dtype=np.uint8).tobytes())
    np.testing.assert_allclose(shown(dataset(stored, VOILUTSequence=table))[0], 1 - stored / 255)


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_damaged_lut_is_left_out_with_a_warning(dataset, keyword) -> None:
    pixels, told = shown(dataset(**{keyword: lookup([4096, 0, 12], [1, 2, 3, 4])}))
    assert pixels.max() == 1
    assert "LUT in the header is damaged" in told[0]


DAMAGED = [4096, 0, 12], [1, 2, 3, 4]


def test_a_good_window_stands_in_for_a_damaged_voi_lut(dataset, ramp) -> None:
    pixels, told = shown(dataset(VOILUTSequence=lookup(*DAMAGED), **WINDOW))
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)
    assert "VOI LUT" in told[0]


def test_a_second_voi_lut_stands_in_for_a_damaged_first_one(dataset, ramp) -> None:
    whole = lookup([4096, 0, 12], list(range(4096)))
    pixels, _ = shown(dataset(VOILUTSequence=[*lookup(*DAMAGED), *whole]))
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)


@pytest.mark.parametrize(("center", "width"), [(60000, 10), (2048, 0), (-900, 5)])
def test_a_second_window_stands_in_for_a_useless_first_one(dataset, ramp, center, width) -> None:
    made = dataset(WindowCenter=[center, 2048], WindowWidth=[width, 4096])
    pixels, told = shown(made)
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)
    assert "window" in told[0]


def test_a_voi_lut_that_hides_the_film_is_left_for_the_window(dataset, ramp) -> None:
    flat = lookup([4096, 0, 12], [0] + [4095] * 4095)
    pixels, _ = shown(dataset(VOILUTSequence=flat, **WINDOW))
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)


def test_a_linear_window_narrower_than_one_is_exact(dataset, ramp) -> None:
    made = dataset(RescaleSlope=0.0001, RescaleIntercept=0, WindowCenter=0.2, WindowWidth=0.41)
    expected = np.clip((ramp * 0.0001 - 0.2) / 0.41 + 0.5, 0, 1)
    np.testing.assert_allclose(shown(made)[0], expected, atol=1e-6)


def test_an_intercept_without_slope_counts(dataset, ramp) -> None:
    made = dataset(RescaleIntercept=-1000, WindowCenter=1048, WindowWidth=4096)
    np.testing.assert_allclose(shown(made)[0], ramp / 4095, atol=1e-6)


@pytest.mark.parametrize("first", [40000, 40000 - 65536])
def test_the_first_input_of_a_lut_may_have_lost_its_sign(dataset, ramp, first) -> None:
    stored = (ramp.astype(np.int64) + 40000).astype(np.uint16)
    table = lookup([4096, first, 12], list(range(4096)))
    pixels, _ = shown(dataset(stored, BitsStored=16, VOILUTSequence=table))
    np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)


@pytest.mark.parametrize("bits", [0, 65535])
def test_an_impossible_depth_of_a_lut_is_that_of_its_entries(dataset, ramp, bits) -> None:
    table = lookup([4096, 0, bits], list(range(4096)))
    np.testing.assert_allclose(shown(dataset(VOILUTSequence=table))[0], ramp / 4095, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_air_is_dark_in_either_photometric_interpretation(dataset, ramp, photometric) -> None:
    stored = 4095 - ramp if photometric == "MONOCHROME1" else ramp
    made = dataset(stored, PhotometricInterpretation=photometric, **WINDOW)
    np.testing.assert_allclose(shown(made)[0], ramp / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "contradictory"),
    [
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)
def test_the_presentation_lut_shape_turns_the_film_over_only_once(
    dataset, ramp, photometric, shape, inverted, contradictory
) -> None:
    made = dataset(PhotometricInterpretation=photometric, PresentationLUTShape=shape, **WINDOW)
    pixels, told = shown(made)
    np.testing.assert_allclose(pixels, 1 - ramp / 4095 if inverted else ramp / 4095, atol=1e-6)
    assert any("contradict" in text for text in told) == contradictory


def test_raw_detector_data_follow_the_sign_of_their_intensity(dataset, ramp) -> None:
    raw = {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationshipSign": 1}
    pixels, told = shown(dataset(**raw, **WINDOW))
    np.testing.assert_allclose(pixels, 1 - ramp / 4095, atol=1e-6)
    assert "Raw detector data" in told[0]


def test_without_a_window_the_range_of_the_film_is_used(dataset, ramp) -> None:
    low, high = np.percentile(ramp, (0.5, 99.5))
    expected = np.clip((ramp - low) / (high - low), 0, 1)
    np.testing.assert_allclose(shown(dataset())[0], expected, atol=5e-3)


def test_eight_bits_without_a_window_are_shown_as_they_are(dataset) -> None:
    stored = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    np.testing.assert_allclose(shown(dataset(stored))[0], stored / 255, atol=1e-6)


def test_eight_bits_that_use_little_of_the_range_are_stretched(dataset) -> None:
    stored = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) // 3 + 100
    pixels, _ = shown(dataset(stored))
    assert pixels.min() == 0
    assert pixels.max() == 1


@pytest.mark.parametrize(("center", "width"), [(60000, 10), (2048, 0), (2048, -4)])
def test_a_window_that_would_hide_the_film_is_not_used(dataset, center, width) -> None:
    pixels, told = shown(dataset(WindowCenter=center, WindowWidth=width))
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert "window" in told[0]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_becomes_air_and_leaves_the_range_alone(dataset, ramp, photometric) -> None:
    stored = ramp // 4 + 1000
    plain, _ = shown(dataset(stored, PhotometricInterpretation=photometric))
    stored[:, :20] = 4000
    made = dataset(stored, PhotometricInterpretation=photometric, PixelPaddingValue=4000)
    pixels, _ = shown(made)
    assert not pixels[:, :20].any()
    assert abs(pixels[:, 20:] - plain[:, 20:]).max() < 0.5
    assert (pixels[:, 20:].min(), pixels.max()) == (0, 1)


def test_a_range_of_padding_values_is_padding(dataset, ramp) -> None:
    made = dataset(PixelPaddingValue=4000, PixelPaddingRangeLimit=3000, **WINDOW)
    pixels, _ = shown(made)
    assert not pixels[(ramp >= 3000) & (ramp <= 4000)].any()
    assert pixels[ramp > 4000].all()


def test_a_negative_padding_value_may_be_stated_as_unsigned(dataset, ramp) -> None:
    stored = ramp.astype(np.int16)
    stored[:, :9] = -2000
    made = dataset(stored, PhotometricInterpretation="MONOCHROME1")
    made.add_new("PixelPaddingValue", "US", 63536)
    assert not shown(made)[0][:, :9].any()


def test_a_film_that_is_nothing_but_padding_is_still_shown(dataset) -> None:
    pixels, _ = shown(dataset(np.full((40, 40), 7, np.uint16), PixelPaddingValue=7))
    assert (pixels == pixels[0, 0]).all()


@pytest.mark.parametrize("border", [0, 4095])
@pytest.mark.parametrize("noise", [0, 3])
def test_burned_in_borders_leave_the_range_alone(dataset, border, noise) -> None:
    chance = np.random.default_rng(0)
    stored = chance.integers(1500, 2500, (200, 200)).astype(np.uint16)
    inside = (slice(30, 170), slice(40, 160))
    away = 1 if border == 0 else -1
    framed = (border + away * chance.integers(0, noise + 1, stored.shape)).astype(np.uint16)
    framed[inside] = stored[inside]
    pixels, _ = shown(dataset(framed))
    np.testing.assert_allclose(
        pixels[inside], np.clip((stored[inside] - 1505.0) / 990, 0, 1), atol=0.02
    )


def test_two_levels_are_black_and_white(dataset) -> None:
    stored = np.zeros((40, 40), np.uint16)
    stored[10:20, 10:20] = 9
    pixels, _ = shown(dataset(stored))
    assert set(np.unique(pixels)) == {0, 1}


def test_values_beyond_sixteen_bits_are_shown(dataset, ramp) -> None:
    made = dataset(ramp.astype(np.uint32) * 1000, BitsStored=32)
    pixels, _ = shown(made)
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert (np.diff(pixels, axis=1) >= 0).all()


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": 2000, "WindowWidth": 300},
        {"WindowCenter": 2000, "WindowWidth": 300, "PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": 2000, "WindowWidth": 600, "VOILUTFunction": "SIGMOID"},
        {"VOILUTSequence": lookup([4096, 0, 8], [int(v / 16) ** 2 // 256 for v in range(4096)])},
        {"RescaleSlope": -1, "RescaleIntercept": 100, "WindowCenter": -1800, "WindowWidth": 500},
        {},
    ],
    ids=["narrow", "monochrome1", "sigmoid", "table", "falling rescale", "no window"],
)
def test_greys_before_the_window_are_kept_and_shown_as_the_film_asks(
    dataset: DatasetMaker, ramp: np.ndarray, attributes: dict
) -> None:
    made = dataset(**attributes)
    film = greyscale(ramp, Header(made))
    window, values = film.greys.scale.window, film.greys.values
    assert abs(window.shown(values) - film.pixels).max() < 1 / 128
    assert len(np.unique(values)) == len(np.unique(ramp))
    slope, intercept = (attributes.get(key, 1 - at) for at, key in enumerate(RESCALE))
    own = film.greys.scale.slope * values + film.greys.scale.intercept
    assert np.allclose(own, slope * ramp.astype(float) + intercept, atol=0.1)


def test_padding_is_black_before_the_window_too(dataset: DatasetMaker, ramp: np.ndarray) -> None:
    padded = ramp.copy()
    padded[:, :8] = 60_000
    made = dataset(padded, PixelPaddingValue=60_000, BitsStored=16, **WINDOW)
    greys = greyscale(padded, Header(made)).greys
    assert greys.values[:, :8].max() == 0
    assert greys.values.max() == 65535


def said(made: Dataset) -> tuple[str, ...]:
    return shown(made)[1]


def test_what_was_left_out_of_a_header_is_said_in_whole_sentences(dataset) -> None:
    damaged = lookup([7, 0, 16], [1, 2, 3])
    hiding = lookup([4096, 0, 12], [0] * 4095 + [4095])
    assert said(dataset(ModalityLUTSequence=damaged, **WINDOW)) == (
        "The modality LUT in the header is damaged: it was left out.",
    )
    assert said(dataset(RescaleSlope=0, RescaleIntercept=5, **WINDOW)) == (
        "The rescale slope in the header is 0: it was left out.",
    )
    assert said(dataset(VOILUTSequence=damaged, **WINDOW)) == (
        "A VOI LUT in the header is damaged: it was left out.",
    )
    assert said(dataset(VOILUTSequence=hiding, **WINDOW)) == (
        "A VOI LUT in the header would hide the film: it was left out.",
    )
    assert said(dataset(WindowCenter=2048, WindowWidth=-3)) == (
        "The window width -3 in the header cannot be used.",
    )
    assert said(dataset(WindowCenter=90000, WindowWidth=10)) == (
        "A window in the header would hide the film: it was left out.",
    )


def test_what_contradicts_itself_or_is_raw_is_said_in_whole_sentences(dataset) -> None:
    assert said(dataset(PresentationLUTShape="INVERSE", **WINDOW)) == (
        "Photometric interpretation and presentation LUT shape contradict each other. The film was "
        "turned over: check that air is dark.",
    )
    assert said(dataset(PresentationIntentType="FOR PROCESSING", **WINDOW)) == (
        "Raw detector data (FOR PROCESSING): its grey scale is not that of a finished film.",
    )
    assert said(dataset(PresentationLUTShape="IDENTITY", **WINDOW)) == ()


@pytest.mark.parametrize(("sign", "turned"), [(1, True), (-1, False), (0, False)])
def test_the_sign_of_raw_data_decides_whether_they_are_turned(dataset, ramp, sign, turned) -> None:
    made = dataset(
        PresentationIntentType="FOR PROCESSING", PixelIntensityRelationshipSign=sign, **WINDOW
    )
    expected = 1 - ramp / 4095 if turned else ramp / 4095
    np.testing.assert_allclose(shown(made)[0], expected, atol=1e-3)


def test_the_sign_of_raw_data_outweighs_their_photometric_interpretation(dataset, ramp) -> None:
    made = dataset(
        PresentationIntentType="FOR PROCESSING", PixelIntensityRelationshipSign=-1,
        PhotometricInterpretation="MONOCHROME1", **WINDOW,
    )  # fmt: skip
    np.testing.assert_allclose(shown(made)[0], ramp / 4095, atol=1e-3)
    made.PixelIntensityRelationshipSign = 0
    np.testing.assert_allclose(shown(made)[0], 1 - ramp / 4095, atol=1e-3)


@pytest.mark.parametrize(("clipped", "used"), [(0.94, True), (0.96, False)])
def test_a_window_may_clip_95_percent_of_the_film(dataset, clipped, used) -> None:
    stored = np.random.default_rng(0).integers(1000, 2000, (60, 80)).astype(np.uint16)
    level = int(np.percentile(stored, 100 * clipped))
    hidden = said(dataset(stored, WindowCenter=level + 500, WindowWidth=1000))
    assert (hidden == ()) is used


def test_eight_bits_are_shown_as_they_are_where_half_the_range_is_used(dataset) -> None:
    rng = np.random.default_rng(0)
    wide = rng.integers(40, 180, (60, 80)).astype(np.uint8)
    pixels, _ = shown(dataset(wide, BitsStored=8))
    np.testing.assert_allclose(pixels, wide / 255, atol=1e-6)
    narrow = rng.integers(40, 160, (60, 80)).astype(np.uint8)
    assert shown(dataset(narrow, BitsStored=8))[0].max() == 1


def test_a_film_of_one_value_is_black(dataset) -> None:
    pixels, _ = shown(dataset(np.full((48, 64), 700, np.uint16)))
    assert not pixels.any()


def test_levels_of_values_with_fractions_are_those_that_occur() -> None:
    levels = Levels.of(np.array([[0.5, 1.5], [1.5, 7.0]]))
    assert levels.values.tolist() == [0.5, 1.5, 7.0]
    assert levels.counts.tolist() == [1, 2, 1]
    assert levels.places.tolist() == [[0, 1], [1, 2]]


def test_levels_are_all_values_from_the_lowest_to_the_highest() -> None:
    for stored, values in [
        (np.array([[-2, 0], [1, 1]], np.int16), [-2, -1, 0, 1]),
        (np.array([[5, 7], [8, 8]], np.uint16), [5, 6, 7, 8]),
        (np.array([[0, 2], [3, 3]], np.uint8), [0, 1, 2, 3]),
    ]:
        levels = Levels.of(stored)
        assert levels.values.tolist() == values
        assert levels.counts.tolist() == [1, 0, 1, 2]
        assert levels.places.tolist() == [[0, 2], [3, 3]]


@pytest.mark.parametrize(("most", "levels"), [(65_535, 65_536), (65_536, 3)])
def test_levels_that_lie_further_apart_than_16_bits_are_those_that_occur(
    most: int, levels: int
) -> None:
    found = Levels.of(np.array([[0, 7], [7, most]], np.int32))
    assert len(found.values) == levels
    assert (found.values[0], found.values[-1]) == (0, most)
    assert found.counts.sum() == 4


def test_of_a_large_film_every_second_pixel_is_counted() -> None:
    assert Levels.of(np.zeros((1500, 1400), np.uint8)).counts.tolist() == [750 * 700]


def test_a_slope_without_intercept_counts(dataset, ramp) -> None:
    made = dataset(RescaleSlope=2, WindowCenter=4096, WindowWidth=8191)
    expected = np.clip((2.0 * ramp - 4095.5) / 8190 + 0.5, 0, 1)
    np.testing.assert_allclose(shown(made)[0], expected, atol=1e-6)


def test_a_second_modality_lut_stands_in_for_a_damaged_first_one(dataset, ramp) -> None:
    whole = lookup([4096, 0, 16], [4095 - value for value in range(4096)])
    made = dataset(ModalityLUTSequence=[*lookup(*DAMAGED), *whole], **WINDOW)
    pixels, told = shown(made)
    np.testing.assert_allclose(pixels, 1 - ramp / 4095, atol=1e-6)
    assert told == ("The modality LUT in the header is damaged: it was left out.",)


def test_a_damaged_modality_lut_and_a_slope_of_nothing_are_both_told(dataset) -> None:
    made = dataset(ModalityLUTSequence=lookup(*DAMAGED), RescaleSlope=0, **WINDOW)
    assert [text.split(" in ")[0] for text in said(made)] == [
        "The modality LUT",
        "The rescale slope",
    ]


def test_a_window_that_is_no_number_is_left_out(dataset, ramp) -> None:
    for center, width in [(["wide", "2048"], ["10", "4096"]), (["5", "2048"], ["wide", "4096"])]:
        made = dataset()
        made.add_new("WindowCenter", "LO", center)
        made.add_new("WindowWidth", "LO", width)
        pixels, told = shown(made)
        np.testing.assert_allclose(pixels, ramp / 4095, atol=1e-6)
        assert told == ("A window in the header is no number: it was left out.",)


def test_each_display_that_is_left_out_is_told_once(dataset) -> None:
    made = dataset(
        VOILUTSequence=[*lookup(*DAMAGED), *lookup(*DAMAGED)],
        WindowCenter=[90_000, 2048, 80_000],
        WindowWidth=[10, -1, 10],
    )
    assert said(made) == (
        "A VOI LUT in the header is damaged: it was left out.",
        "A window in the header would hide the film: it was left out.",
        "The window width -1 in the header cannot be used.",
    )


@pytest.mark.parametrize(
    ("width", "formula"),
    [
        (1, lambda x: (x >= 1001).astype(float)),  # a threshold
        (1.5, lambda x: np.clip((x - 1000.25) / 0.5 + 0.5, 0, 1)),
        (0.5, lambda x: np.clip((x - 1000.75) / 0.5 + 0.5, 0, 1)),
    ],
)
def test_the_narrowest_windows_follow_their_formulas(dataset, ramp, width, formula) -> None:
    stored = ramp // 4 + 500
    made = dataset(stored, WindowCenter=1000.75, WindowWidth=width)
    np.testing.assert_allclose(shown(made)[0], formula(stored.astype(float)), atol=1e-6)


def test_the_narrowest_sigmoid_is_a_threshold(dataset, ramp) -> None:
    made = dataset(WindowCenter=1999.5, WindowWidth=0.001, VOILUTFunction="SIGMOID")
    np.testing.assert_allclose(shown(made)[0], ramp > 1999.5, atol=1e-6)


@pytest.mark.parametrize(
    ("grey", "counts", "usable"),
    [
        ([0.0, 0.5], [95, 5], True),
        ([0.0, 0.5], [96, 4], False),
        ([0.5, 1.0], [5, 95], True),
        ([0.5, 1.0], [4, 96], False),
        ([0.0, 1.0], [50, 50], True),
        ([0.01, 0.99], [98, 2], True),
        ([0.5], [0], True),
    ],
)
def test_a_display_may_put_95_percent_of_the_film_at_one_end(grey, counts, usable) -> None:
    assert _is_usable(np.array(grey), np.array(counts)) is usable


def test_the_range_of_a_film_leaves_out_half_a_percent_at_each_end() -> None:
    values, counts = np.arange(1000.0), np.ones(1000, int)
    assert _robust_range(values, counts) == (4, 994)
    assert _robust_range(values[::-1], counts) == (4, 994)
    counts[0], counts[-1] = 10, 10  # one percent
    assert _robust_range(values, counts) == (0, 999)
    assert _robust_range(values, np.zeros(1000, int)) == (999, 999)


@pytest.mark.parametrize(
    ("low", "high", "ready"),
    [
        (0, 255, True),
        (0, 128, True),
        (0, 127, False),
        (127, 255, True),
        (128, 255, False),
        (-1, 200, False),
        (0, 256, False),
    ],
)
def test_eight_bits_are_ready_where_half_of_them_is_used_and_no_more(low, high, ready) -> None:
    values = np.arange(float(low), high + 1)
    counts = np.ones(len(values), int)
    counts[0] = counts[-1] = 100
    shown_as = _display_ready(values, counts)
    assert (shown_as is not None) is ready
    if shown_as is not None:
        np.testing.assert_allclose(shown_as, values / 255)


def test_eight_bits_brought_elsewhere_by_a_rescale_are_stretched(dataset) -> None:
    stored = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    pixels, _ = shown(dataset(stored, RescaleSlope=1, RescaleIntercept=100))
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_the_greys_know_how_many_bits_the_film_had(dataset, ramp) -> None:
    assert greyscale(ramp, Header(dataset(**WINDOW))).greys.scale.bits == 12
    unstated = dataset(**WINDOW)
    del unstated.BitsStored
    assert greyscale(ramp, Header(unstated)).greys.scale.bits == 16


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_greys_span_the_film_and_rise_with_what_is_shown(dataset, ramp, photometric) -> None:
    stored = ramp + np.uint16(60)
    made = dataset(stored, PhotometricInterpretation=photometric, **WINDOW)
    greys = greyscale(stored, Header(made)).greys
    part = (stored - 60.0) / 4030
    expected = 1 - part if photometric == "MONOCHROME1" else part
    np.testing.assert_allclose(greys.values, expected * 65_535, atol=0.51)


def test_greys_leave_out_the_levels_between_the_film_and_its_padding(dataset, ramp) -> None:
    stored = ramp + np.uint16(3000)
    stored[:, :8] = 0
    made = dataset(stored, PixelPaddingValue=0, BitsStored=16, WindowCenter=5000, WindowWidth=4000)
    greys = greyscale(stored, Header(made)).greys
    assert not greys.values[:, :8].any()
    inside = stored[:, 8:].astype(float)
    expected = (inside - inside.min()) / (inside.max() - inside.min()) * 65_535
    np.testing.assert_allclose(greys.values[:, 8:], expected, atol=0.51)


def test_padding_that_was_cut_counts_only_where_it_fills_an_edge(dataset, ramp) -> None:
    stored = np.maximum(ramp, 100)
    cut = 63_536 % 4096
    stored[20:24, 20:24] = cut
    inside = dataset(stored, PixelPaddingValue=63_536, **WINDOW)
    np.testing.assert_allclose(shown(inside)[0], stored / 4095, atol=1e-6)
    stored[:, :4] = cut
    edge = dataset(stored, PixelPaddingValue=63_536, **WINDOW)
    expected = np.where(stored == cut, 0, stored / 4095)
    np.testing.assert_allclose(shown(edge)[0], expected, atol=1e-6)


@pytest.mark.parametrize(("inner", "stretched"), [(20, True), (10, False)])
def test_a_film_within_burned_in_edges_counts_if_a_tenth_is_left(dataset, inner, stretched) -> None:
    stored = np.zeros((50, 50), np.uint16)
    film = np.random.default_rng(0).integers(1000, 2000, (inner, inner))
    stored[10 : 10 + inner, 10 : 10 + inner] = film
    pixels, _ = shown(dataset(stored))
    part = np.clip((film - 1000.0) / 1000, 0, 1) if stretched else film / 2000
    np.testing.assert_allclose(
        pixels[10 : 10 + inner, 10 : 10 + inner], part, atol=0.05 if stretched else 0.1
    )

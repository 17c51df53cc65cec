"""Borders, sizes and greys of a whole film; what a user states of it."""

import numpy as np
import pytest

from grounded import Box, Image
from grounded.errors import ImageError, InvalidValueError
from grounded.films.age import YOUNG, checked_age
from grounded.films.framing import blank_warning, check_size, content_of, framed
from grounded.view import View

NOISE = np.random.default_rng(0).uniform(0.2, 0.8, (300, 280)).astype(np.float32)


def bordered(film: np.ndarray, *borders: tuple[int, float]) -> np.ndarray:
    for width, grey in borders:
        film = np.pad(film, width, constant_values=grey)
    return film.astype(np.float32)


def told(pixels: np.ndarray) -> str:
    return " ".join(Image.open(pixels).info.warnings)


@pytest.mark.parametrize("grey", [0.0, 1.0, 0.5])
def test_a_uniform_border_is_no_content(grey: float) -> None:
    film = bordered(NOISE, (40, grey))
    assert content_of(film) == Box(40, 40, 320, 340)
    assert "border was left out" in told(film) or grey == 0.5


def test_a_frame_around_a_black_border_is_no_content_either() -> None:
    film = bordered(NOISE, (30, 0.0), (6, 1.0), (4, 0.3))
    assert content_of(film) == Box(40, 40, 320, 340)


def test_a_letter_in_the_border_does_not_keep_it() -> None:
    film = bordered(NOISE, (60, 0.0))
    film[20:30, 30:38] = 1
    assert content_of(film) == Box(60, 60, 340, 360)


def test_a_border_of_a_compressed_film_may_be_noisy() -> None:
    film = bordered(NOISE, (40, 0.02))
    noise = np.random.default_rng(1).normal(0, 0.004, film.shape)
    content = content_of(np.clip(film + noise, 0, 1).astype(np.float32))
    assert content == Box(40, 40, 320, 340)


def test_a_line_around_a_border_is_cut_with_it() -> None:
    assert content_of(bordered(NOISE, (40, 0.0), (1, 1.0))) == Box(41, 41, 321, 341)


def test_a_frame_around_nothing_has_no_content() -> None:
    assert content_of(bordered(np.full((300, 280), 0.5), (40, 1.0))) is None


def test_a_border_may_be_off_by_two_percent_and_lettered_by_three() -> None:
    noise = np.random.default_rng(5).uniform(0.2, 0.8, (100, 100)).astype(np.float32)
    off, lettered = noise.copy(), noise.copy()
    off[:40] = 0.0
    off[:40, ::3] = 0.02
    lettered[:40] = 0.0
    lettered[:40, 50:53] = 1.0
    for film in (off, lettered):
        assert content_of(film) == Box(0, 40, 100, 100)


@pytest.mark.parametrize("film", [NOISE, bordered(NOISE, (4, 0.0)), np.zeros((300, 300), "f4")])
def test_a_film_without_a_border_worth_cutting_is_all_content(film: np.ndarray) -> None:
    assert content_of(film) is None


def test_networks_see_the_content_and_boxes_come_back_to_the_film() -> None:
    image = Image.open(bordered(NOISE, (40, 0.0)))
    placement = image.placement((96, 96))
    assert placement.extent().iou(Box(30, 40, 330, 340)) > 0.98  # content, padded to a square
    placed = placement.place(image.pixels)
    assert placed[placement.content].min() > 0.1
    box = [[60.0, 70.0, 200.0, 210.0]]
    np.testing.assert_allclose(placement.to_image(placement.to_model(box)), box)


@pytest.mark.parametrize("spacing", [(0.4, 0.2), (0.2, 0.4)])
def test_networks_see_square_pixels(spacing: tuple[float, float]) -> None:
    image = Image.open(NOISE, spacing_mm=spacing)
    placement = image.placement((128, 128))
    across, down = placement.scale
    assert down / across == pytest.approx(spacing[0] / spacing[1], rel=0.03)


def test_a_thumbnail_is_told() -> None:
    assert "only 64 x 64 pixels" in told(NOISE[:64, :64])


def test_a_nearly_empty_grey_range_is_told() -> None:
    assert "grey levels" in told(0.4 + 0.02 * NOISE)
    assert "grey levels" in told(np.round(NOISE * 8) / 8)


def test_half_a_film_is_told() -> None:
    film = NOISE.copy()
    film[160:] = 0.5
    assert "cut short" in told(film)


def test_what_the_user_states_counts_before_the_film() -> None:
    info = Image.open(NOISE, view="ap supine", spacing_mm=(0.2, 0.1), name="bed 3").info
    assert (info.view, info.spacing_mm, info.aspect, info.name) == ("AP", (0.2, 0.1), 2.0, "bed 3")


def test_a_view_that_is_none_is_named() -> None:
    with pytest.raises(InvalidValueError, match="PA, AP or LATERAL"):
        Image.open(NOISE, view="sideways")


def test_what_is_unusual_of_a_film_is_written_and_read() -> None:
    info = Image.open(bordered(NOISE, (40, 0.0)), spacing_mm=(0.2, 0.1)).info
    assert type(info).from_dict(info.to_dict()) == info
    assert "content" not in Image.open(NOISE).info.to_dict()


@pytest.mark.parametrize(("age", "child"), [(15.9, True), (16, False), (0.1, True), (None, False)])
def test_a_stated_age_decides_whether_a_film_is_a_child_s(age: float | None, child: bool) -> None:
    info = Image.open(NOISE, age=age).info
    assert info.child is child
    assert any("younger than 16" in text for text in info.warnings) is child


def test_an_age_that_nobody_has_is_named() -> None:
    with pytest.raises(InvalidValueError, match="0 to 130 years"):
        Image.open(NOISE, age=-1)


def doubts(pixels: np.ndarray) -> tuple[str, ...]:
    return Image.open(pixels).info.warnings


@pytest.mark.parametrize(("side", "small"), [(255, True), (256, False)])
def test_a_film_of_fewer_than_256_rows_or_columns_is_small(side: int, small: bool) -> None:
    for film in (NOISE[:side], NOISE[:, :side]):
        height, width = film.shape
        words = f"The film has only {width} x {height} pixels: small findings are not visible."
        assert (words in doubts(film)) is small


def test_few_grey_levels_are_counted() -> None:
    film = np.random.default_rng(6).integers(0, 5, (300, 300)) / np.float32(
        4
    )  # black and white, too
    assert doubts(film) == ("Nearly no grey levels are in use (5 of 256): little is to be seen.",)


@pytest.mark.parametrize(("levels", "few"), [(1, False), (2, True), (23, True), (24, False)])
def test_up_to_23_grey_levels_are_few_but_one_alone_is_a_blank_film(levels: int, few: bool) -> None:
    steps = np.arange(300 * 300).reshape(300, 300) // 7 % levels
    film = (steps / max(1, levels - 1)).astype(np.float32)
    words = f"Nearly no grey levels are in use ({levels} of 256): little is to be seen."
    assert (words in doubts(film)) is few
    assert len(doubts(film)) == int(few or levels == 1)


def test_each_doubt_about_a_film_is_told() -> None:
    small = np.random.default_rng(6).integers(0, 5, (100, 100)) / np.float32(4)
    told_of = [text.split()[0] for text in doubts(np.pad(small, ((0, 0), (40, 0))))]
    assert told_of == ["The", "Nearly", "A"]  # size, greys, border


@pytest.mark.parametrize(("width", "narrow"), [(0.09, True), (0.12, False)])
def test_a_tenth_of_the_range_is_narrow(width: float, narrow: bool) -> None:
    film = (0.4 + width * (NOISE - 0.2) / 0.6).astype(np.float32)
    assert any("Nearly no grey levels" in text for text in doubts(film)) is narrow


def test_a_few_bright_pixels_do_not_make_a_narrow_range_wide() -> None:
    film = 0.4 + 0.02 * NOISE
    film[:10, :30] = 1.0  # 0.4 % of the pixels
    assert any("Nearly no grey levels" in text for text in doubts(film))


def test_a_border_that_was_left_out_is_named_with_what_is_read() -> None:
    film = np.pad(NOISE, ((0, 0), (70, 0))).astype(np.float32)
    assert doubts(film) == ("A uniform border was left out: 80 % x 100 % of the picture are read.",)


@pytest.mark.parametrize(
    ("film", "rows", "grey", "cut_short"),
    [
        (250, 40, 0.5, True),
        (250, 30, 0.5, False),
        (264, 36, 0.5, True),  # 12 %
        (250, 40, 0.05, False),
        (250, 40, 0.95, False),
    ],
)
def test_flat_grey_at_the_lower_end_may_be_a_file_that_was_cut_short(
    film: int, rows: int, grey: float, cut_short: bool
) -> None:
    padded = np.pad(NOISE[:film], ((0, rows), (0, 0)), constant_values=grey).astype(np.float32)
    share = f"{rows / (film + rows):.0%}".replace("%", " %")
    words = f"The lowest {share} of the film are flat grey: the file may be cut short."
    assert (words in doubts(padded)) is cut_short
    assert any("uniform border" in text for text in doubts(padded)) is not cut_short


@pytest.mark.parametrize(("border", "cut"), [(14, False), (16, True)])
def test_a_border_of_a_twentieth_is_worth_cutting(border: int, cut: bool) -> None:
    film = np.pad(NOISE, ((border, 0), (0, 0))).astype(np.float32)
    expected = Box(0, border, 280, 300 + border) if cut else None
    assert content_of(film) == expected


@pytest.mark.parametrize(("left", "kept"), [(70, True), (60, True), (55, False)])
def test_what_is_less_than_a_fifth_of_a_side_is_no_film(left: int, kept: bool) -> None:
    film = np.zeros((300, 300), np.float32)
    film[:, :left] = NOISE[:300, :left]
    assert (content_of(film) is not None) is kept


@pytest.mark.parametrize(("off", "border"), [(0.018, True), (0.025, False)])
def test_a_border_keeps_to_its_grey_within_two_percent(off: float, border: bool) -> None:
    film = bordered(NOISE, (40, 0.5))
    film[20, ::2], film[20, 1::2] = 0.5 + off, 0.5 - off
    content = content_of(film)
    assert content is not None
    assert content.y0 == (40 if border else 20)


@pytest.mark.parametrize(("share", "border"), [(0.02, True), (0.05, False)])
def test_a_letter_may_take_three_percent_of_a_row(share: float, border: bool) -> None:
    film = bordered(NOISE, (40, 0.0))
    film[20, 100 : 100 + int(share * film.shape[1])] = 1
    content = content_of(film)
    assert content is not None
    assert content.y0 == (40 if border else 20)


def test_four_frames_inside_of_each_other_are_cut_and_no_more() -> None:
    film = bordered(NOISE, (20, 0.9), (20, 0.0), (20, 0.6), (20, 0.3), (20, 1.0))
    assert content_of(film) == Box(80, 80, 400, 420)


def test_a_frame_whose_lower_side_is_of_another_grey_is_one_frame() -> None:
    film = NOISE
    for _ in range(4):
        film = np.pad(film, ((20, 0), (20, 20)), constant_values=0.9)
        film = np.pad(film, ((0, 20), (0, 0)), constant_values=0.1)
    assert content_of(film) == Box(80, 80, 360, 380)


def test_a_border_on_one_side_only_is_cut_there() -> None:
    for pads, box in [
        (((0, 30), (0, 0)), Box(0, 0, 280, 300)),
        (((0, 0), (0, 30)), Box(0, 0, 280, 300)),
        (((0, 0), (30, 0)), Box(30, 0, 310, 300)),
    ]:
        assert content_of(np.pad(NOISE, pads).astype(np.float32)) == box


def test_a_wide_film_is_sampled_and_keeps_its_content() -> None:
    wide = np.random.default_rng(4).uniform(0.2, 0.8, (300, 1300)).astype(np.float32)
    assert content_of(np.pad(wide, 50)) == Box(50, 50, 1350, 350)


def test_a_stated_spacing_is_of_no_known_kind_and_a_film_keeps_its_own() -> None:
    stated = Image.open(NOISE, spacing_mm=(0.2, 0.2)).info
    assert (stated.spacing_kind, stated.aspect) == ("unknown", 1.0)
    measured = Image.of(NOISE, spacing_mm=(0.1, 0.1), spacing_kind="detector")
    assert framed(measured).info.spacing_kind == "detector"
    assert framed(measured, spacing_mm=(0.2, 0.2)).info.spacing_kind == "unknown"
    assert Image.open(NOISE).info.spacing_mm is None


def test_a_spacing_of_nothing_is_named() -> None:
    with pytest.raises(InvalidValueError, match="pixel spacing is 0 to 100 mm"):
        Image.open(NOISE, spacing_mm=(0.2, 0.0))


def test_an_adult_s_stated_age_takes_back_the_words_on_children() -> None:
    young = Image.open(NOISE, age=3)
    [words] = young.info.warnings
    assert words == YOUNG
    adult = framed(young, age=40)
    assert (adult.info.child, adult.info.warnings) == (False, ())
    assert framed(young, age=5).info.warnings == (YOUNG,)
    assert framed(young).info.child


@pytest.mark.parametrize("years", [0, 130])
def test_ages_at_the_limits_are_ages(years: float) -> None:
    assert checked_age(years) == years


def test_an_age_that_nobody_has_is_quoted() -> None:
    with pytest.raises(InvalidValueError) as error:
        checked_age(131)
    assert str(error.value) == "an age is 0 to 130 years, as 34, 1.5 or 018M, got 131"
    with pytest.raises(InvalidValueError, match="got 'old'"):
        checked_age(-1, "old")


def test_what_is_stated_of_a_framed_film_keeps_the_rest() -> None:
    image = framed(Image.open(NOISE, name="own"), view=View.PA, forced=True)
    assert (image.info.name, image.info.view, image.forced) == ("own", "PA", True)
    assert framed(image).info.view == "PA"
    assert not framed(image).forced


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (31, 64, "film: a picture of 64 x 31 pixels is too small for a film; expected at least 32"),
        (64, 31, "film: a picture of 31 x 64 pixels is too small for a film; expected at least 32"),
        (32, 193, "film: a picture of 193 x 32 pixels is too narrow for a film; expected sides of"),
        (8000, 5001, "film: a picture of 5001 x 8000 pixels is larger than any film; expected at"),
    ],
)
def test_a_size_that_no_film_has_is_named(height: int, width: int, message: str) -> None:
    with pytest.raises(ImageError) as error:
        check_size(height, width, "film")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 192), (192, 32), (8000, 5000)])
def test_a_size_at_the_limits_is_a_film_s(height: int, width: int) -> None:
    check_size(height, width, "film")


def test_a_film_of_one_value_shows_nothing() -> None:
    assert blank_warning(np.full((40, 40), 0.3, np.float32)) == (
        "All pixels have the same value: there is nothing to see.",
    )
    assert blank_warning(NOISE) == ()

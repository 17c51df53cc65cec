"""Grey scale and orientation of PNG, JPEG and TIFF films."""

import contextlib
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from PIL import ImageOps

from grounded import GroundedError, Image
from grounded.errors import ImageError, UnsuitableImageError

RAMP = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
UNIT = RAMP / np.float32(255)
TWELVE = RAMP.astype(np.uint16) * 16
SIXTEEN = RAMP.astype(np.uint16) * 257


def told(image: Image) -> tuple[str, ...]:
    """The warnings but for that of these films' own size."""
    return tuple(text for text in image.info.warnings if "small findings" not in text)


def png(path: Path, pixels: np.ndarray, mode: str = "", **options: Any) -> Image:
    picture = Picture.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path / "film.png", **options)
    return Image.open(path / "film.png")


def tiff(path: Path, pixels: np.ndarray, **options: Any) -> Image:
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path / "film.tif", pixels, **options)
    return Image.open(path / "film.tif")


@pytest.mark.parametrize("mode", ["", "RGB", "P", "RGBA", "LA"])
def test_eight_bit_png_films_keep_their_values(tmp_path: Path, mode: str) -> None:
    image = png(tmp_path, RAMP, mode)
    np.testing.assert_array_equal(image.pixels, UNIT)
    assert told(image) == ()


@pytest.mark.parametrize("layout", ["plain", "colour", "alpha"])
@pytest.mark.parametrize(("stored", "white"), [(SIXTEEN, 65535), (TWELVE, 4095)])
def test_sixteen_bit_png_films_are_scaled_by_the_bits_in_use(
    tmp_path: Path, layout: str, stored: np.ndarray, white: int
) -> None:
    opaque = np.full_like(stored, 65535)
    channels = {"plain": [stored], "colour": [stored] * 3, "alpha": [stored] * 3 + [opaque]}
    cv2.imwrite(str(tmp_path / "film.png"), np.dstack(channels[layout]))
    image = Image.open(tmp_path / "film.png")
    np.testing.assert_allclose(image.pixels, stored / white, atol=1e-6)
    assert bool(told(image)) == (white == 4095)


def test_a_burned_in_marker_does_not_blacken_a_twelve_bit_film(tmp_path: Path) -> None:
    stored = TWELVE.copy()
    stored[:5, :5] = 65535
    pixels = png(tmp_path, stored).pixels
    assert (pixels[:5, :5] == 1).all()
    np.testing.assert_allclose(pixels[5:], TWELVE[5:] / 4095, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("stored", [RAMP, SIXTEEN, UNIT, UNIT.astype(np.float64)])
def test_tiff_films_keep_their_values(
    tmp_path: Path, options: dict[str, Any], bigtiff: bool, stored: np.ndarray
) -> None:
    pixels = tiff(tmp_path, stored, bigtiff=bigtiff, **options).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=1e-6)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("stored", [RAMP, SIXTEEN])
def test_compressed_tiff_films_keep_their_values(
    tmp_path: Path, compression: str, stored: np.ndarray
) -> None:
    Picture.fromarray(stored).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_allclose(Image.open(tmp_path / "a.tif").pixels, UNIT, atol=1e-6)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize(("stored", "white"), [(RAMP, 255), (TWELVE, 4095)])
def test_a_tiff_in_which_white_is_zero_is_inverted(
    tmp_path: Path, compression: str | None, stored: np.ndarray, white: int
) -> None:
    tiff(tmp_path, stored, photometric="miniswhite")
    if compression:
        with Picture.open(tmp_path / "film.tif") as film:
            film.load()
        film.save(tmp_path / "film.tif", compression=compression, tiffinfo={262: 0})
    pixels = Image.open(tmp_path / "film.tif").pixels
    np.testing.assert_allclose(pixels, 1 - stored / white, atol=1e-6)


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_a_grey_colour_tiff_becomes_grey(tmp_path: Path, planes: str) -> None:
    pixels = np.stack([RAMP] * 3, axis=-1 if planes == "contig" else 0)
    image = tiff(tmp_path, pixels, photometric="rgb", planarconfig=planes)
    np.testing.assert_array_equal(image.pixels, UNIT)


def test_a_palette_tiff_becomes_grey(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).convert("P").save(tmp_path / "a.tif")
    np.testing.assert_array_equal(Image.open(tmp_path / "a.tif").pixels, UNIT)


def test_the_first_page_of_a_tiff_is_read_with_a_warning(tmp_path: Path) -> None:
    image = tiff(tmp_path, np.stack([RAMP, 255 - RAMP]))
    np.testing.assert_array_equal(image.pixels, UNIT)
    assert "the first was read" in image.info.warnings[0]


def test_negative_values_and_no_numbers_are_shown_with_a_warning(tmp_path: Path) -> None:
    image = tiff(tmp_path, RAMP.astype(np.float32) - 100)
    np.testing.assert_allclose(image.pixels, RAMP / RAMP.max(), atol=1e-6)
    assert "negative" in image.info.warnings[0]
    broken = UNIT.copy()
    broken[3, 4] = np.nan
    image = tiff(tmp_path, broken)
    assert image.pixels[3, 4] == 0
    assert "no numbers" in image.info.warnings[0]


@pytest.mark.parametrize("compression", [None, "group4"])
def test_one_bit_is_black_and_white(tmp_path: Path, compression: str | None) -> None:
    picture = Picture.fromarray(RAMP > 99)
    picture.save(tmp_path / "a.tif", compression=compression)
    image = Image.open(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, RAMP > 99)
    assert "one bit" in image.info.warnings[0]


def test_transparent_parts_lie_on_black(tmp_path: Path) -> None:
    alpha = np.full_like(RAMP, 255)
    alpha[:9] = 0
    alpha[9:20] = 128
    pixels = png(tmp_path, np.dstack([RAMP, alpha])).pixels
    expected = np.rint(RAMP * (alpha / 255.0)) / 255
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


@pytest.mark.parametrize("most", [1.001, 1.02, 1.09])
def test_a_float_film_slightly_above_one_is_cut(tmp_path: Path, most: float) -> None:
    image = tiff(tmp_path, UNIT / UNIT.max() * np.float32(most))
    np.testing.assert_allclose(image.pixels, np.minimum(UNIT / UNIT.max() * most, 1), atol=1e-6)
    assert "taken as white" in told(image)[0]


@pytest.mark.parametrize("most", [1.5, 2.0, 12.0, 100.0])
def test_a_float_film_of_no_usual_depth_is_stretched(tmp_path: Path, most: float) -> None:
    image = tiff(tmp_path, UNIT / UNIT.max() * np.float32(most))
    assert image.pixels.max() > 0.35
    assert most == 100 or "no usual depth" in told(image)[0]


def test_a_hot_pixel_does_not_blacken_a_float_film(tmp_path: Path) -> None:
    hot = UNIT.copy()
    hot[3, 3] = 1000
    np.testing.assert_allclose(tiff(tmp_path, hot).pixels[5:], UNIT[5:], atol=1e-6)


@pytest.mark.parametrize("alpha", [0, 1, 128])
@pytest.mark.parametrize("layers", [1, 3])
def test_an_alpha_that_holds_nothing_is_opaque(tmp_path: Path, alpha: int, layers: int) -> None:
    image = png(tmp_path, np.dstack([RAMP] * layers + [np.full_like(RAMP, alpha)]))
    np.testing.assert_array_equal(image.pixels, UNIT)
    assert "transparent" in told(image)[0]


def test_an_alpha_of_zero_and_one_is_a_mask(tmp_path: Path) -> None:
    mask = np.ones_like(RAMP)
    mask[:9] = 0
    np.testing.assert_array_equal(png(tmp_path, np.dstack([RAMP, mask])).pixels[9:], UNIT[9:])


@pytest.mark.parametrize("padding", [-2000, -32768])
@pytest.mark.parametrize("where", ["edges", "corners"])
def test_padding_of_a_signed_film_leaves_its_range_alone(
    tmp_path: Path, padding: int, where: str
) -> None:
    stored = RAMP.astype(np.int16) * 16
    if where == "edges":
        stored[:, :5] = stored[:, -5:] = padding
    else:
        stored[:10, :10] = padding
    pixels = tiff(tmp_path, stored).pixels
    inside = pixels[12:, 12:-6]
    np.testing.assert_allclose(inside, UNIT[12:, 12:-6] / UNIT.max(), atol=0.1)


def test_a_bright_border_does_not_darken_a_twelve_bit_film(tmp_path: Path) -> None:
    stored = np.pad(TWELVE, 12, constant_values=65535)
    np.testing.assert_allclose(
        png(tmp_path, stored).pixels[12:-12, 12:-12], TWELVE / 4095, atol=1e-6
    )


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_film_turned_by_its_tag_says_so(tmp_path: Path, orientation: int) -> None:
    tag = Picture.Exif()
    tag[0x0112] = orientation
    image = png(tmp_path, RAMP, exif=tag)
    assert image.info.orientation == orientation
    assert "boxes are in the turned picture" in told(image)[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", [RAMP, SIXTEEN])
def test_films_are_shown_as_their_orientation_tag_wants(
    tmp_path: Path, orientation: int, stored: np.ndarray
) -> None:
    tag = Picture.Exif()
    tag[0x0112] = orientation
    png_pixels = png(tmp_path, stored, exif=tag).pixels
    with Picture.open(tmp_path / "film.png") as film:
        expected = np.asarray(ImageOps.exif_transpose(film)) / stored.max() * UNIT.max()
    np.testing.assert_allclose(png_pixels, expected, atol=1e-6)
    tagged = tiff(tmp_path, stored, extratags=[(0x0112, 3, 1, orientation, True)])
    np.testing.assert_allclose(tagged.pixels, expected, atol=1e-6)
    Picture.fromarray(stored).save(
        tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={0x0112: orientation}
    )
    np.testing.assert_allclose(Image.open(tmp_path / "a.tif").pixels, expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_films_become_grey_within_their_own_loss(tmp_path: Path, mode: str) -> None:
    tag = Picture.Exif()
    tag[0x0112] = 6
    Picture.fromarray(RAMP).convert("RGB").convert(mode).save(
        tmp_path / "a.jpg", quality=70, exif=tag
    )
    pixels = Image.open(tmp_path / "a.jpg").pixels
    np.testing.assert_allclose(pixels, np.rot90(UNIT, -1), atol=0.03)


def test_a_colour_picture_is_refused_unless_forced(tmp_path: Path) -> None:
    Picture.fromarray(np.dstack([RAMP, 255 - RAMP, RAMP])).save(tmp_path / "a.png")
    with pytest.raises(UnsuitableImageError, match="colour picture"):
        Image.open(tmp_path / "a.png")
    forced = Image.open(tmp_path / "a.png", force=True)
    assert "by force" in forced.info.warnings[0]
    expected = (0.413 * RAMP + 0.587 * (255.0 - RAMP)) / 255
    np.testing.assert_allclose(forced.pixels, expected, atol=1e-5)


def test_a_coloured_mark_is_brought_to_grey_with_a_warning(tmp_path: Path) -> None:
    pixels = np.dstack([RAMP] * 3)
    pixels[2:6, 2:6] = (255, 0, 0)
    image = png(tmp_path, pixels)
    np.testing.assert_allclose(image.pixels[6:], UNIT[6:], atol=1e-6)
    assert "Coloured marks" in image.info.warnings[0]


def test_a_blank_picture_is_told(tmp_path: Path) -> None:
    assert "nothing to see" in png(tmp_path, np.zeros((40, 40), np.uint8)).info.warnings[0]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((1, 1), "too small"),
        ((5000, 20), "too small"),
        ((20000, 40), "too narrow"),
        ((11000, 10000), "larger than any film"),
        ((14000, 14000), "larger than any film"),
    ],
)
def test_absurd_sizes_are_refused(tmp_path: Path, size: tuple[int, int], message: str) -> None:
    Picture.new("1", size).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=message):
        Image.open(tmp_path / "a.png")


@pytest.mark.parametrize("part", [0.5, 0.9, 0.999])
def test_a_jpeg_that_was_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, part: float) -> None:
    pixels = np.tile(RAMP, (6, 4))
    Picture.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    whole, data = Image.open(tmp_path / "a.jpg"), (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: int(part * len(data))])
    image = Image.open(tmp_path / "a.jpg")
    np.testing.assert_array_equal(image.pixels[:96], whole.pixels[:96])
    assert told(image)[0] == "The file is cut short: what is missing is flat grey."


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_truncated_film_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Picture.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match="damaged"):
        Image.open(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_flipped_bits_end_in_an_error_of_our_own_or_in_a_film(tmp_path: Path, suffix: str) -> None:
    path, chance = tmp_path / f"a.{suffix}", random.Random(3)
    Picture.fromarray(RAMP).save(path)
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(2):
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with contextlib.suppress(GroundedError):  # and nothing else
            Image.open(path, force=True)

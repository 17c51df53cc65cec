"""Grey scale and orientation of PNG, JPEG and TIFF films."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from PIL import ImageOps

from grounded import Image
from grounded.errors import ImageError, InvalidValueError, UnsuitableImageError
from grounded.films.open import decode
from grounded.films.raster import is_deep_colour, is_plain_tiff
from grounded.films.source import Source, source_of

RAMP = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
UNIT = RAMP / np.float32(255)
TWELVE = RAMP.astype(np.uint16) * 16
SIXTEEN = RAMP.astype(np.uint16) * 257


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decoders make of a whole file is the same in the child: see test_child.py."""
    monkeypatch.setattr("grounded.films.open.read_in_child", decode)


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
    image = Image.open(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, UNIT)
    assert told(image) == ()


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
    pixels = png(tmp_path, np.dstack([RAMP, mask])).pixels
    np.testing.assert_array_equal(pixels[9:], UNIT[9:])
    assert not pixels[:9].any()


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


def words(pixels: np.ndarray) -> tuple[str, ...]:
    return told(Image.open(pixels))


BROKEN = UNIT.copy()
BROKEN[3, 4:7] = np.nan, np.inf, -np.inf
MASKED = np.dstack([RAMP, np.full_like(RAMP, 7)])


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (RAMP, ()),
        (UNIT, ()),
        (SIXTEEN, ()),
        (RAMP.astype(np.int32), ()),
        (
            RAMP > 99,
            (
                "The film has one bit a pixel: no grey levels.",
                "Nearly no grey levels are in use (2 of 256): little is to be seen.",
            ),
        ),
        (BROKEN, ("Pixels that are no numbers were set to black.",)),
        (TWELVE, ("The values go up to 3776: 4095 was taken as white.",)),
        (
            RAMP.astype(np.int16) - 100,
            ("The film has negative values: the range -100 to 136 was used.",),
        ),
        (UNIT * 1.13, ("Values above 1 (up to 1.046) were taken as white.",)),
        (
            UNIT * 20,
            ("The values go up to 18.51, of no usual depth: that was taken as white.",),
        ),
        (
            MASKED,
            ("The alpha channel makes the whole film transparent: it was taken as opaque.",),
        ),
    ],
)
def test_what_is_unusual_of_the_values_is_said_in_whole_sentences(
    pixels: np.ndarray, expected: tuple[str, ...]
) -> None:
    assert words(pixels) == expected


def test_numbers_that_are_none_become_black_and_leave_the_others() -> None:
    pixels = Image.open(BROKEN).pixels
    assert pixels[3, 4:7].tolist() == [0, 0, 0]
    np.testing.assert_allclose(pixels[4:], UNIT[4:], atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(50), "expected an array (H, W) or (H, W, 3), got (50,)"),
        (np.zeros((50, 50, 5)), "expected an array (H, W) or (H, W, 3), got (50, 50, 5)"),
        (np.zeros((50, 50, 3, 1)), "expected an array (H, W) or (H, W, 3), got (50, 50, 3, 1)"),
        (np.zeros((50, 50), complex), "expected an array of numbers, got complex128"),
    ],
)
def test_an_array_that_is_no_film_is_named(samples: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        Image.open(samples)
    assert str(error.value) == message


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_array_may_have_one_to_four_channels(channels: int) -> None:
    alpha = [np.full_like(RAMP, 255)] if channels in (2, 4) else []
    samples = np.dstack([RAMP] * (channels - len(alpha)) + alpha)
    np.testing.assert_array_equal(Image.open(samples).pixels, UNIT)


def test_an_array_of_another_byte_order_is_the_same_film() -> None:
    np.testing.assert_allclose(Image.open(SIXTEEN.astype(">u2")).pixels, UNIT, atol=1e-6)


def test_a_small_array_is_named_as_one() -> None:
    with pytest.raises(ImageError, match=r"^the array: a picture of 20 x 48 pixels is too small"):
        Image.open(RAMP[:, :20])


def test_a_picture_in_memory_has_its_file_s_name_and_size(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).save(tmp_path / "bed.png")
    with Picture.open(tmp_path / "bed.png") as picture:
        assert Image.open(picture).info.name == "bed"
    bare = Picture.fromarray(RAMP)
    assert Image.open(bare).info.name == ""
    with pytest.raises(ImageError, match=r"^the picture: a picture of 20 x 20 pixels is too small"):
        Image.open(bare.resize((20, 20)))


def test_a_colour_picture_in_memory_can_be_forced() -> None:
    picture = Picture.fromarray(np.dstack([RAMP, 255 - RAMP, RAMP]))
    with pytest.raises(UnsuitableImageError, match=r"^the picture: a colour picture"):
        Image.open(picture)
    assert Image.open(picture, force=True).forced
    array = np.dstack([RAMP, 255 - RAMP, RAMP])
    with pytest.raises(UnsuitableImageError, match=r"^the array: a colour picture"):
        Image.open(array)
    assert Image.open(array, force=True).forced


def test_a_film_turned_by_its_tag_says_so_in_a_whole_sentence(tmp_path: Path) -> None:
    tag = Picture.Exif()
    tag[0x0112] = 8
    assert told(png(tmp_path, RAMP, exif=tag)) == (
        "The film was turned as its orientation tag says (8): boxes are in the turned picture.",
    )
    tag[0x0112] = 9
    assert png(tmp_path, RAMP, exif=tag).info.orientation == 1


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_of_several_pictures_the_first_is_read_and_said_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"compression": "tiff_lzw"} if suffix == "tif" else {}
    other = Picture.fromarray(255 - RAMP)
    Picture.fromarray(RAMP).save(path, save_all=True, append_images=[other], **options)
    image = Image.open(path)
    assert told(image) == ("The file holds several pictures: the first was read.",)
    np.testing.assert_array_equal(image.pixels, UNIT)


def test_a_tiff_of_a_volume_or_of_many_samples_is_no_film(tmp_path: Path) -> None:
    volume = np.zeros((4, 48, 64), np.uint8)
    tifffile.imwrite(tmp_path / "v.tif", volume, volumetric=True, photometric="minisblack",
                     tile=(16, 16, 16))  # fmt: skip
    with pytest.raises(ImageError, match=r"the TIFF file holds a volume; expected one film$"):
        Image.open(tmp_path / "v.tif")
    with pytest.raises(ImageError, match=r"7 samples a pixel; expected a film$"):
        tiff(tmp_path, np.zeros((48, 64, 7), np.uint8), planarconfig="contig")


def test_extra_samples_of_a_tiff_are_left_out(tmp_path: Path) -> None:
    grey = np.dstack([RAMP, 255 - RAMP])
    image = tiff(tmp_path, grey, extrasamples=["unspecified"], planarconfig="contig")
    np.testing.assert_array_equal(image.pixels, UNIT)
    alpha = np.full_like(RAMP, 255)
    alpha[:9] = 0
    masked = tiff(
        tmp_path, np.dstack([RAMP, alpha]), extrasamples=["unassalpha"], planarconfig="contig"
    )
    np.testing.assert_array_equal(masked.pixels[9:], UNIT[9:])
    assert not masked.pixels[:9].any()


def test_a_damaged_file_says_of_what_kind_it_is_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Picture.fromarray(RAMP).save(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ImageError) as error:
        Image.open(path)
    assert str(error.value).startswith(
        f"{path}: the PNG file is damaged or of a kind that cannot be decoded ("
    )
    assert str(error.value).endswith("); export it again, or convert it to PNG")


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Picture.fromarray(RAMP).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xfe\x00\xcc" + b"\xff\xda" * 101 + data[2:])
    with pytest.raises(ImageError, match=r"a JPEG of about 102 scans; no film needs so many$"):
        Image.open(path)
    path.write_bytes(data[:2] + b"\xff\xfe\x00\xc8" + b"\xff\xda" * 99 + data[2:])
    assert told(Image.open(path)) == ()  # 100 scans


@pytest.mark.parametrize(
    ("depth", "colours", "deep"), [(16, 0, False), (16, 2, True), (8, 2, False), (16, 6, True)]
)
def test_a_png_of_16_bit_colours_is_deep(depth: int, colours: int, deep: bool) -> None:
    source = Source(bytes(24) + bytes((depth, colours)) + b"\x09\x09", "it")
    assert is_deep_colour(source) is deep
    assert not is_deep_colour(Source(b"", "it"))


def test_a_tiff_is_plain_where_nothing_is_compressed(tmp_path: Path) -> None:
    def plain(**options: Any) -> bool:
        tifffile.imwrite(tmp_path / "a.tif", RAMP, photometric="minisblack", **options)
        return is_plain_tiff(source_of(tmp_path / "a.tif"))

    assert plain()
    assert not plain(compression="zlib")
    assert not is_plain_tiff(Source(b"II*\x00 is no TIFF", "it"))
    plain()
    whole = (tmp_path / "a.tif").read_bytes()
    assert not is_plain_tiff(Source(whole[:1000], "it"))
    noise = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)  # grows when packed
    tifffile.imwrite(tmp_path / "a.tif", noise, photometric="minisblack", compression="zlib")
    assert not is_plain_tiff(source_of(tmp_path / "a.tif"))


def deep_png(path: Path, samples: np.ndarray) -> Path:
    """A PNG of 16-bit samples (H, W, C): grey and alpha, RGB, or RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width, channels = samples.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path / "deep.png"


MASK16 = np.where(np.arange(48)[:, None] < 9, 0, np.full_like(SIXTEEN, 65535))


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_of_sixteen_bits_keep_their_order(tmp_path: Path, alpha: bool) -> None:
    red, green, blue = SIXTEEN, 65535 - SIXTEEN, SIXTEEN // 2
    path = deep_png(tmp_path, np.dstack([red, green, blue, *([MASK16] if alpha else [])]))
    expected = (0.299 * red + 0.587 * green + 0.114 * blue) / 65535
    if alpha:
        expected[:9] = 0
    np.testing.assert_allclose(Image.open(path, force=True).pixels, expected, atol=1e-5)


def test_grey_of_sixteen_bits_with_an_alpha_lies_on_black(tmp_path: Path) -> None:
    image = Image.open(deep_png(tmp_path, np.dstack([SIXTEEN, MASK16])))
    np.testing.assert_allclose(image.pixels, np.where(MASK16 > 0, UNIT, 0), atol=1e-6)


def test_a_damaged_png_of_deep_colours_is_named(tmp_path: Path) -> None:
    path = deep_png(tmp_path, np.dstack([SIXTEEN] * 3))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match="the PNG file is damaged"):
        Image.open(path)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "RGBX", "LAB", "PA", "1"])
def test_a_picture_in_memory_of_any_mode_becomes_grey(mode: str) -> None:
    grey = Picture.fromarray(RAMP)
    made = {
        "RGBX": lambda: Picture.merge("RGBX", [grey, grey, grey, Picture.new("L", grey.size, 9)]),
        "PA": lambda: grey.convert("P").convert("PA"),
        "1": lambda: Picture.fromarray(RAMP > 99),
    }
    picture = made.get(mode, lambda: grey.convert("RGB").convert(mode))()
    assert picture.mode == mode
    image = Image.open(picture)
    expected = {"1": RAMP > 99, "LAB": np.asarray(picture.convert("RGB"))[..., 1] / 255}
    np.testing.assert_allclose(image.pixels, expected.get(mode, UNIT), atol=0.02)
    assert not any("transparent" in text for text in told(image))


def test_a_palette_with_an_alpha_channel_lies_on_black() -> None:
    picture = Picture.fromarray(RAMP).convert("P").convert("PA")
    mask = np.where(np.arange(48)[:, None] < 9, 0, np.full_like(RAMP, 255))
    picture.putalpha(Picture.fromarray(mask))
    assert picture.mode == "PA"
    np.testing.assert_array_equal(Image.open(picture).pixels, np.where(mask > 0, UNIT, 0))


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_value_that_stands_for_transparent_lies_on_black(tmp_path: Path, mode: str) -> None:
    value = 90
    picture = Picture.fromarray(RAMP).convert("RGB").convert(mode)
    if mode == "P":
        picture = Picture.fromarray(RAMP).convert("P")
    picture.save(tmp_path / "a.png", transparency=(value,) * 3 if mode == "RGB" else value)
    image = Image.open(tmp_path / "a.png")
    assert (value == RAMP).any()
    np.testing.assert_array_equal(image.pixels, np.where(value == RAMP, 0, UNIT))
    assert told(image) == ()


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("layers", [1, 3])
def test_an_alpha_channel_of_a_tiff_lies_on_black(tmp_path: Path, kind: str, layers: int) -> None:
    mask = np.where(np.arange(48)[:, None] < 9, 0, np.full_like(RAMP, 255))
    image = tiff(
        tmp_path,
        np.dstack([RAMP] * layers + [mask]),
        photometric="rgb" if layers == 3 else "minisblack",
        extrasamples=[kind],
        planarconfig="contig",
    )
    np.testing.assert_array_equal(image.pixels, np.where(mask > 0, UNIT, 0))


def test_a_tiff_of_colours_and_two_more_samples_is_read(tmp_path: Path) -> None:
    other = 255 - RAMP
    image = tiff(
        tmp_path,
        np.dstack([RAMP] * 3 + [other, other]),
        photometric="rgb",
        extrasamples=["unspecified", "unspecified"],
        planarconfig="contig",
    )
    np.testing.assert_array_equal(image.pixels, UNIT)


@pytest.mark.parametrize("most", [1.0, 0.5])
def test_an_alpha_of_numbers_with_fractions_lies_on_black(most: float) -> None:
    alpha = np.full_like(UNIT, most)
    alpha[:9], alpha[9:20] = -1, most / 4
    image = Image.open(np.dstack([UNIT, alpha]))
    share = np.where(np.arange(48) < 9, 0, np.where(np.arange(48) < 20, 0.25, 1))[:, None]
    np.testing.assert_allclose(image.pixels, UNIT * share, atol=1e-6)
    assert any("transparent" in text for text in told(image)) is (most < 1)


def test_all_that_is_unusual_of_a_file_is_told_in_order(tmp_path: Path) -> None:
    colours = np.dstack([TWELVE] * 3 + [np.full_like(TWELVE, 7)])
    colours[40, 60, 0] = 0
    tifffile.imwrite(tmp_path / "a.tif", np.stack([colours, colours]), photometric="rgb",
                     extrasamples=["unassalpha"], planarconfig="contig",
                     extratags=[(0x0112, 3, 1, 3, True)])  # fmt: skip
    begins = [text.split(":")[0] for text in told(Image.open(tmp_path / "a.tif"))]
    assert begins == [
        "The file holds several pictures",
        "The alpha channel makes the whole film transparent",
        "Coloured marks in the film were brought to grey.",
        "The film was turned as its orientation tag says (3)",
        "The values go up to 3776",
    ]


def test_numbers_that_are_none_and_values_below_zero_are_both_told() -> None:
    assert words(BROKEN - 1) == (
        "Pixels that are no numbers were set to black.",
        "The film has negative values: the range -1 to 0 was used.",
    )


def test_a_jpeg_with_an_end_within_its_comment_is_whole_unless_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Picture.fromarray(RAMP).save(path)
    data = path.read_bytes()
    thumbnail = b"\xff\xfe\x00\x0a\xff\xda\x01\x02\x03\x04\xff\xd9"
    path.write_bytes(data[:2] + thumbnail + data[2:])
    assert told(Image.open(path)) == ()
    path.write_bytes(data[:2] + thumbnail + data[2:-30])
    assert told(Image.open(path))[0] == "The file is cut short: what is missing is flat grey."


def test_a_jpeg_of_two_pictures_is_a_photo_s_and_its_first_is_read(tmp_path: Path) -> None:
    grey = Picture.fromarray(RAMP)
    grey.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[grey])
    image = Image.open(tmp_path / "a.jpg")
    np.testing.assert_allclose(image.pixels, UNIT, atol=0.05)
    assert told(image) == ()


def test_a_tiff_in_memory_is_turned_once(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).save(tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={0x0112: 6})
    with Picture.open(tmp_path / "a.tif") as picture:
        image = Image.open(picture)
    np.testing.assert_array_equal(image.pixels, np.rot90(UNIT, -1))


def test_a_picture_that_was_opened_by_bytes_or_made_here_has_no_name(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).save(tmp_path / "a.png")
    with Picture.open(os.fsencode(tmp_path / "a.png")) as picture:
        assert Image.open(picture).info.name == ""
    assert told(Image.open(Picture.fromarray(RAMP))) == ()


def test_one_bit_in_which_white_is_zero_is_inverted_once(tmp_path: Path) -> None:
    Picture.fromarray(RAMP > 99).save(tmp_path / "a.tif", compression="group4", tiffinfo={262: 0})
    np.testing.assert_array_equal(Image.open(tmp_path / "a.tif").pixels, RAMP > 99)


def test_a_file_too_small_for_a_film_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Picture.fromarray(RAMP[:, :20]).save(path)
    with pytest.raises(ImageError, match=f"^{path}: a picture of 20 x 48 pixels is too small"):
        Image.open(path)


@pytest.mark.parametrize(("most", "white"), [(1.0, 1.0), (1.09, 1.0), (1.11, 1.11)])
def test_a_filter_may_make_values_a_tenth_too_large(most: float, white: float) -> None:
    film = UNIT / UNIT.max() * np.float32(most)
    film[20:, 20:] = most  # more than a few pixels
    np.testing.assert_allclose(Image.open(film).pixels, np.minimum(film / white, 1), atol=1e-6)


@pytest.mark.parametrize(("most", "white"), [(255, 255), (70, 255), (63, 63)])
def test_fractions_up_to_a_quarter_of_a_depth_are_of_no_usual_depth(
    most: float, white: float
) -> None:
    film = np.random.default_rng(7).uniform(most / 2, most, (48, 64)).astype(np.float32)
    film[10:, 10:] = most
    np.testing.assert_allclose(Image.open(film).pixels, film / np.float32(white), atol=1e-6)

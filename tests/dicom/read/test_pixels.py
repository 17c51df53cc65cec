"""Stored values as they were meant, where header and pixels disagree."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame

from grounded import Image
from grounded.dicom.read.header import Header, coded, open_header
from grounded.dicom.read.pixels import (
    _agree_with_codestream,
    _follow,
    _of_colour,
    _why,
    frames_of,
    stored_values,
)
from grounded.errors import ImageError
from grounded.films.quiet import silenced
from grounded.films.source import source_of

SMOOTH = np.add.outer(np.arange(48) * 3, np.arange(64) * 2)  # 0..267
GREY = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)


def opened(path: Path) -> Header:
    return open_header(source_of(path))


def values(path: Path) -> np.ndarray:
    return stored_values(opened(path), "film").values


def warned(path: Path) -> str:
    return " ".join(stored_values(opened(path), "film").warnings)


def jpeg(pixels: np.ndarray, mode: str = "", **options: Any) -> bytes:
    file = io.BytesIO()
    picture = Picture.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def save_compressed(made: Dataset, frame: bytes, path: Path, syntax: str) -> Path:
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(path / "a.dcm", enforce_file_format=True)
    return path / "a.dcm"


def test_overlays_in_unused_high_bits_are_cleared(write, ramp) -> None:
    np.testing.assert_array_equal(values(write(ramp | np.uint16(0xA000))), ramp)
    drawn = ramp.copy()
    drawn[10:20, 10:14] |= 0x1000
    np.testing.assert_array_equal(values(write(drawn)), ramp)


@pytest.mark.parametrize("compressed", [False, True])
def test_values_in_the_upper_bits_are_brought_down(dataset, ramp, tmp_path, compressed) -> None:
    made = dataset((ramp << 4).astype(np.uint16) | 5, HighBit=15)
    if compressed:
        made.compress(uid.RLELossless, generate_instance_uid=False)
    path = tmp_path / "a.dcm"
    made.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(values(path), ramp)


def test_signs_are_extended_from_the_stored_bits(write, ramp) -> None:
    signed = ramp.astype(np.int16) - 2048
    np.testing.assert_array_equal(values(write((signed & 0x0FFF).astype(np.int16))), signed)


@pytest.mark.parametrize(("stated", "used"), [(12, 14), (10, 12), (8, 12), (12, 16)])
@pytest.mark.parametrize("signed", [False, True])
def test_all_bits_are_read_where_fewer_are_stated(write, ramp, stated, used, signed) -> None:
    stored = (ramp.astype(np.int64) << (used - 12)) + 1 - signed * 2 ** (used - 1)
    path = write(stored.astype(np.int16 if signed else np.uint16), BitsStored=stated)
    np.testing.assert_array_equal(values(path), stored)
    assert f"says {stated} bits, but the pixels use {used}" in warned(path)


def test_the_grey_scale_is_that_of_the_bits_in_use(write, ramp) -> None:
    path = write(ramp << 2, BitsStored=12, WindowCenter=8192, WindowWidth=16384)
    np.testing.assert_allclose(Image.open(path).pixels, ramp / 4095, atol=1e-3)


@pytest.mark.parametrize("high", [12, 13, 15])
def test_a_high_bit_above_the_data_is_not_believed(write, ramp, high) -> None:
    stored = ramp + np.arange(64, dtype=np.uint16)
    path = write(stored, HighBit=high)
    np.testing.assert_array_equal(values(path), stored)
    assert "High Bit" in warned(path)


def test_a_high_bit_below_the_data_is_not_believed(write, ramp) -> None:
    path = write((ramp << 4).astype(np.uint16), HighBit=11)
    np.testing.assert_array_equal(values(path), ramp)
    assert "High Bit" in warned(path)


@pytest.mark.parametrize(
    ("pixels", "kind", "vr", "stated"),
    [
        (63536, np.uint16, "SS", -2000),
        (63536, np.uint16, "US", 63536),
        (-2000, np.int16, "US", 63536),
        (-2000, np.int16, "SS", -2000),
        (-32768, np.int16, "US", 32768),
    ],
)
def test_padding_outside_of_the_stored_bits_is_air(
    dataset, ramp, tmp_path, pixels, kind, vr, stated
) -> None:
    stored = ramp.astype(kind)
    stored[:, 50:] = pixels
    made = dataset(stored, WindowCenter=2048, WindowWidth=4096)
    made.add_new("PixelPaddingValue", vr, stated)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    shown = Image.open(tmp_path / "a.dcm").pixels
    assert not shown[:, 50:].any()
    if kind == np.uint16:
        np.testing.assert_allclose(shown[:, :50], ramp[:, :50] / 4095, atol=1e-6)


def test_padding_that_lost_its_upper_bits_is_air_where_it_fills_an_edge(write, ramp) -> None:
    stored = ramp.copy()
    stored[:, 50:] = 63536 & 0x0FFF
    path = write(stored, PixelPaddingValue=63536, WindowCenter=2048, WindowWidth=4096)
    shown = Image.open(path).pixels
    assert not shown[:, 50:].any()
    assert shown[:, :50].max() > 0.7


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_a_grey_jpeg_of_three_components_is_read_whatever_they_are_called(
    dataset, tmp_path, photometric
) -> None:
    made = dataset(np.dstack([GREY] * 3), PhotometricInterpretation=photometric)
    made.PlanarConfiguration = 0
    path = save_compressed(made, jpeg(GREY, "RGB"), tmp_path, uid.JPEGBaseline8Bit)
    np.testing.assert_allclose(Image.open(path).pixels, GREY / 255, atol=0.03)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("truth", ["RGB", "YCbCr"])
def test_uncompressed_grey_films_in_colour_are_read_whatever_they_are_called(
    write, photometric, truth
) -> None:
    middle = np.full_like(GREY, 128)
    samples = np.dstack([GREY] * 3 if truth == "RGB" else [GREY, middle, middle])
    path = write(samples, PhotometricInterpretation=photometric, PlanarConfiguration=0)
    np.testing.assert_allclose(Image.open(path).pixels, GREY / 255, atol=1e-6)


def test_three_components_against_one_sample_are_read(dataset, tmp_path) -> None:
    path = save_compressed(dataset(GREY), jpeg(GREY, "RGB"), tmp_path, uid.JPEGBaseline8Bit)
    image = Image.open(path)
    np.testing.assert_allclose(image.pixels, GREY / 255, atol=0.03)
    assert any("3 samples a pixel" in text for text in image.info.warnings)


def test_one_component_against_three_samples_is_read(dataset, tmp_path) -> None:
    made = dataset(np.dstack([GREY] * 3), PhotometricInterpretation="RGB", PlanarConfiguration=0)
    path = save_compressed(made, jpeg(GREY), tmp_path, uid.JPEGBaseline8Bit)
    np.testing.assert_allclose(Image.open(path).pixels, GREY / 255, atol=0.03)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_an_eight_bit_jpeg_in_sixteen_allocated_bits_is_read(dataset, tmp_path, bits) -> None:
    made = dataset(GREY.astype(np.uint16), BitsStored=bits)
    path = save_compressed(made, jpeg(GREY), tmp_path, uid.JPEGBaseline8Bit)
    np.testing.assert_allclose(Image.open(path).pixels, GREY / 255, atol=0.03)


@pytest.mark.parametrize(
    "keyword", ["SamplesPerPixel", "BitsStored", "PixelRepresentation", "HighBit"]
)
def test_what_follows_from_the_rest_of_a_header_may_be_missing(
    dataset, ramp, tmp_path, keyword
) -> None:
    made = dataset(ramp, BitsStored=16)
    delattr(made, keyword)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(values(tmp_path / "a.dcm"), ramp)


def test_a_missing_planar_configuration_is_colour_by_pixel(write) -> None:
    path = write(np.dstack([GREY] * 3), PhotometricInterpretation="RGB")
    np.testing.assert_array_equal(values(path)[..., 1], GREY)


@pytest.mark.parametrize("attributes", [{"SamplesPerPixel": 3}, {"BitsStored": 40}])
def test_impossible_attributes_that_follow_from_the_rest_are_corrected(
    write, ramp, attributes
) -> None:
    path = write(ramp, **attributes)
    np.testing.assert_array_equal(values(path), ramp)
    assert "cannot be used" in warned(path)


@pytest.mark.parametrize(("depth", "scale"), [(16, 1), (16, 257), (8, 1)])
def test_a_palette_is_scaled_by_what_its_entries_hold(write, depth, scale) -> None:
    entries = (np.arange(256) * scale).astype("<u2" if depth == 16 else np.uint8)
    tables = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, depth]), ("Data", entries.tobytes()))
    }
    path = write(GREY, PhotometricInterpretation="PALETTE COLOR", **tables)
    np.testing.assert_allclose(Image.open(path).pixels, GREY / 255, atol=1e-6)


@pytest.mark.parametrize(
    "syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=lambda syntax: syntax.name
)
@pytest.mark.parametrize("change", [{"Rows": 44}, {"Rows": 60}, {"Columns": 40}])
def test_a_compressed_picture_of_another_size_is_refused_undecoded(
    dataset, ramp, tmp_path, syntax, change
) -> None:
    made = dataset()
    made.compress(syntax, generate_instance_uid=False)
    frame = get_frame(made.PixelData, 0, number_of_frames=1)
    for keyword, value in change.items():
        setattr(made, keyword, value)
    with pytest.raises(ImageError, match="the compressed picture in it has 64 x 48"):
        Image.open(save_compressed(made, frame, tmp_path, syntax))


def test_a_jpeg_of_thousands_of_scans_is_refused(dataset, tmp_path) -> None:
    frame = jpeg(GREY, progressive=True)
    scan = frame[frame.rindex(b"\xff\xda") : -2]
    made = dataset(GREY)
    path = save_compressed(made, frame[:-2] + scan * 500, tmp_path, uid.JPEGBaseline8Bit)
    with pytest.raises(ImageError, match="scans"):
        Image.open(path)


@pytest.mark.parametrize("value", ["DOE JANE", "MILLER", "X" * 10, "1947", ""])
def test_only_known_words_of_a_header_are_repeated(value: str) -> None:
    assert coded(value) == "a value that is no known code"
    assert coded("L SPINE") == "'L SPINE'"


def test_a_value_too_long_to_be_meant_is_not_converted(write) -> None:
    path = write()
    made = open_header(source_of(path)).dataset
    made.add_new("WindowCenter", "DS", "1\\" * 400_000 + "1")
    made.add_new("WindowWidth", "DS", "1\\" * 400_000 + "1")
    made.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    made.save_as(path, implicit_vr=True, enforce_file_format=True)
    assert Image.open(path).pixels.max() == 1


def notes(made: Dataset) -> tuple[str, ...]:
    return stored_values(Header(made), "it").warnings


def test_what_was_decided_on_bits_is_said_in_whole_sentences(dataset, ramp) -> None:
    smooth = ramp + np.arange(64, dtype=np.uint16)
    assert notes(dataset()) == ()
    assert notes(dataset(smooth, HighBit=13)) == (
        "High Bit is 13 in the header, but the pixels use the 12 bits from 0 on.",
    )
    assert notes(dataset((ramp << 4).astype(np.uint16), HighBit=11)) == (
        "The pixels lie in the upper 12 bits, not as High Bit in the header says.",
    )
    assert notes(dataset(ramp, BitsStored=10)) == (
        "The header says 10 bits, but the pixels use 12: all were read.",
    )


def test_upper_bits_are_believed_to_be_values_where_the_window_says_so(dataset, ramp) -> None:
    made = dataset((ramp << 4).astype(np.uint16), WindowCenter=32768)
    assert notes(made) == ("The header says 12 bits, but the pixels use 16: all were read.",)
    assert Header(made).whole("BitsStored") == 16


def test_what_a_header_lacks_is_listed(dataset) -> None:
    made = dataset(SamplesPerPixel=2, BitsStored=40, PixelRepresentation=5, HighBit=11)
    assert notes(made) == (
        "Samples per Pixel, Bits Stored, Pixel Representation in the header cannot be used.",
    )
    assert (made.SamplesPerPixel, made.BitsStored, made.PixelRepresentation) == (1, 16, 0)
    colour = dataset(np.dstack([GREY] * 3), PhotometricInterpretation="RGB", BitsStored=8)
    assert notes(colour) == ("Planar Configuration in the header cannot be used.",)
    assert colour.PlanarConfiguration == 0


def test_a_compressed_picture_s_own_words_are_followed_and_said(dataset, tmp_path) -> None:
    made = dataset(GREY.astype(np.uint16), BitsStored=12)
    path = save_compressed(made, jpeg(GREY), tmp_path, uid.JPEGBaseline8Bit)
    twelve = "The header says 12 bits, and the compressed picture has 8."
    assert twelve in Image.open(path).info.warnings
    made = dataset(GREY, BitsStored=8, HighBit=7)
    path = save_compressed(made, jpeg(GREY, "RGB"), tmp_path, uid.JPEGBaseline8Bit)
    three = "The compressed picture has 3 samples a pixel, not as the header."
    assert three in Image.open(path).info.warnings


def test_the_luminance_of_a_grey_film_called_rgb_is_said(dataset) -> None:
    middle = np.full_like(GREY, 128)
    made = dataset(
        np.dstack([GREY, middle, middle]),
        PhotometricInterpretation="RGB",
        BitsStored=8,
        PlanarConfiguration=0,
    )
    stored = stored_values(Header(made), "it")
    assert stored.warnings == (
        "The header says RGB, and the samples are YCbCr: their luminance was read.",
    )
    np.testing.assert_array_equal(stored.values, np.dstack([GREY] * 3))
    made.PhotometricInterpretation = "YBR_FULL"
    assert notes(made) == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Rows": None, "BitsAllocated": None}, "the header lacks Rows, BitsAllocated, so its"),
        ({"PhotometricInterpretation": "HSV"}, "photometric interpretation 'HSV' is not supported"),
        ({"BitsAllocated": 12}, "12 bits allocated a pixel; expected 1, 8, 16 or 32"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(dataset, changed, message) -> None:
    with pytest.raises(ImageError, match=f"^it: {message}"):
        notes(dataset(**changed))


@pytest.mark.parametrize(
    ("changed", "contents"),
    [
        ({"Modality": "SR"}, "an object of modality 'SR'"),
        ({"Modality": None}, "a DICOM object"),
        ({"FloatPixelData": b"\0" * 8}, "floating-point results"),
    ],
)
def test_an_object_without_a_picture_is_named(dataset, changed, contents) -> None:
    made = dataset(**changed)
    del made.PixelData
    with pytest.raises(ImageError) as error:
        notes(made)
    assert str(error.value) == f"it holds {contents} and no picture; expected a chest film"


@pytest.mark.parametrize(("stated", "frames"), [(None, 1), (0, 1), (3, 3), (-2, 1)])
def test_a_number_of_frames_is_one_at_least(stated, frames) -> None:
    made = Dataset()
    if stated is not None:
        made.NumberOfFrames = stated
    assert frames_of(Header(made)) == frames


def test_the_length_of_the_pixels_says_how_many_samples_there_are(dataset) -> None:
    colours = np.dstack([GREY, GREY // 2, GREY // 3])
    made = dataset(colours, PhotometricInterpretation="MONOCHROME2", BitsStored=8)
    stored = stored_values(Header(made), "it")
    np.testing.assert_array_equal(stored.values, colours)
    assert (made.PhotometricInterpretation, made.SamplesPerPixel) == ("RGB", 3)
    short = dataset(colours, PhotometricInterpretation="MONOCHROME2", BitsStored=8)
    short.PixelData = short.PixelData[:-1]
    with silenced():  # of what is left over
        assert stored_values(Header(short), "it").values.shape == (48, 64)
    assert short.SamplesPerPixel == 1
    grey = dataset(GREY, PhotometricInterpretation="RGB", BitsStored=8)
    np.testing.assert_array_equal(stored_values(Header(grey), "it").values, GREY)
    assert grey.PhotometricInterpretation == "MONOCHROME2"


def test_colours_have_three_samples_where_the_header_does_not_say(dataset) -> None:
    colours = np.dstack([GREY, GREY // 2, GREY // 3])
    made = dataset(colours, PhotometricInterpretation="RGB", BitsStored=8, PlanarConfiguration=0)
    del made.SamplesPerPixel
    stored = stored_values(Header(made), "it")
    np.testing.assert_array_equal(stored.values, colours)
    assert stored.warnings == ("Samples per Pixel in the header cannot be used.",)


def test_three_samples_of_two_bytes_need_twice_the_length(dataset, ramp) -> None:
    made = dataset(np.dstack([ramp] * 3), PhotometricInterpretation="MONOCHROME2")
    assert stored_values(Header(made), "it").values.shape == (48, 64, 3)
    half = dataset(ramp, SamplesPerPixel=3)
    half.PixelData = half.PixelData * 2
    with silenced():
        assert stored_values(Header(half), "it").values.shape == (48, 64)


def test_colours_may_lie_plane_by_plane(dataset) -> None:
    planes = np.stack([GREY, GREY // 2, GREY // 3])
    made = dataset(
        np.moveaxis(planes, 0, -1), PhotometricInterpretation="RGB", BitsStored=8,
        PlanarConfiguration=1, PixelData=planes.tobytes(),
    )  # fmt: skip
    stored = stored_values(Header(made), "it")
    np.testing.assert_array_equal(stored.values, np.moveaxis(planes, 0, -1))
    assert stored.warnings == ()


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_colours_in_ycbcr_become_rgb(dataset, photometric) -> None:
    colours = np.dstack([GREY, 255 - GREY, np.full_like(GREY, 90)])
    samples = np.asarray(Picture.fromarray(colours).convert("YCbCr"))
    made = dataset(samples, PhotometricInterpretation=photometric, BitsStored=8)
    stored = _of_colour(samples, Header(made), ("before",))
    np.testing.assert_allclose(stored.values.astype(int), colours, atol=3)
    assert stored.warnings == ("before",)
    made.PhotometricInterpretation = "RGB"
    np.testing.assert_array_equal(_of_colour(samples, Header(made), ()).values, samples)


@pytest.mark.parametrize(
    ("bits", "components", "precision", "allocated", "stored", "said"),
    [
        (12, 1, 8, 8, 8, "The header says 12 bits, and the compressed picture has 8."),
        (12, 1, 9, 16, 9, ""),
        (8, 1, 8, 8, 8, ""),
        (8, 1, 7, 8, 7, ""),
        (9, 1, 8, 8, 8, "The header says 9 bits, and the compressed picture has 8."),
        (12, 1, 16, 16, 12, ""),
        (12, 1, 17, 32, 12, ""),
        (8, 3, 8, 8, 8, "The compressed picture has 3 samples a pixel, not as the header."),
    ],
)
def test_a_header_follows_the_compressed_picture(
    bits, components, precision, allocated, stored, said
) -> None:
    made = Dataset()
    made.SamplesPerPixel, made.BitsStored, made.PhotometricInterpretation = 1, bits, "MONOCHROME1"
    assert _follow(Header(made), components, precision) == ((said,) if said else ())
    assert (made.BitsAllocated, made.BitsStored) == (allocated, stored)
    assert made.SamplesPerPixel == components
    if components == 3:
        assert (made.PhotometricInterpretation, made.PlanarConfiguration) == ("RGB", 0)
    else:
        assert made.PhotometricInterpretation == "MONOCHROME1"


def test_both_differences_to_a_compressed_picture_are_told() -> None:
    made = Dataset()
    made.SamplesPerPixel, made.BitsStored, made.PhotometricInterpretation = 3, 12, "RGB"
    assert len(_follow(Header(made), 1, 8)) == 2
    assert (made.SamplesPerPixel, made.PhotometricInterpretation) == (1, "MONOCHROME2")


def head(height: int, width: int, components: int = 1, precision: int = 8, marker: int = 0xC0,
         scans: int = 1) -> Header:  # fmt: skip
    """A header of 48 x 64 pixels around the head of a JPEG that says otherwise."""
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    frame = b"\xff\xd8\xff" + bytes((marker, 0, 17, precision)) + size + bytes((components,))
    made = Dataset()
    made.Rows, made.Columns, made.SamplesPerPixel, made.BitsStored = 48, 64, 1, 8
    made.PixelData = encapsulate([frame + bytes(9) + b"\xff\xda" * scans])
    return Header(made)


def test_the_head_of_a_compressed_picture_is_compared_with_the_header() -> None:
    def agree(header: Header) -> tuple[str, ...]:
        return _agree_with_codestream(header, uid.JPEGBaseline8Bit, "it")

    assert agree(head(48, 64)) == ()
    assert agree(head(0, 64)) == ()  # its height follows later
    assert agree(head(48, 64, precision=0)) == ()
    assert agree(head(48, 64, precision=33)) == ()
    assert agree(head(48, 64, marker=0xC2, scans=100)) == ()
    assert agree(head(48, 64, marker=0xC0, scans=101)) == ()
    assert "3 samples a pixel" in agree(head(48, 64, components=3))[0]
    for header, words in [
        (head(49, 64), "the compressed picture in it has 64 x 49"),
        (head(48, 65), "the compressed picture in it has 65 x 48"),
        (head(48, 64, components=2), "2 samples a pixel; expected a grey film"),
        (head(48, 64, marker=0xC2, scans=101), "a JPEG of 101 scans"),
    ]:
        with pytest.raises(ImageError, match=words):
            agree(header)


def test_pixels_that_cannot_be_decoded_say_why_and_what_to_do(dataset) -> None:
    short = dataset()
    short.PixelData = short.PixelData[:100]
    strange = dataset()
    strange.file_meta.TransferSyntaxUID = "1.2.3.4"
    for made, words in [
        (short, "it: the pixel data (Explicit VR Little Endian) is damaged or incomplete "
                "(ValueError); send or export it again"),
        (strange, "it: pixel data as an unknown transfer syntax cannot be decoded; convert it to "
                  "another transfer syntax, Explicit VR Little Endian for example"),
    ]:  # fmt: skip
        with pytest.raises(ImageError) as error:
            stored_values(Header(made), "it")
        assert str(error.value) == words


def test_a_decoder_that_is_not_there_is_named_with_the_film(dataset) -> None:
    error = _why(NotImplementedError(), Header(dataset()), uid.JPEGLSLossless, "it")
    assert str(error).startswith("it: pixel data as JPEG-LS Lossless Image Compression cannot be")

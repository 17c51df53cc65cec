"""Films from DICOM files: every transfer syntax, what is kept, what is refused."""

import base64
import contextlib
import logging
import random
import warnings
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from PIL import Image as Picture
from pydicom import uid
from pydicom.encaps import encapsulate

from grounded import GroundedError, Image
from grounded.errors import ImageError, MissingExtraError, UnsuitableImageError
from grounded.films.child import read_in_child
from grounded.image import DicomReference

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}  # 0..4095 as they are
# (32, 40) values 64 y + 50 x, reversible, by an encoder that is not among the dependencies
HTJ2K = base64.b85decode(
    "|4;u>04YEK0000e0000W00000000000000e0000W0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86"
    "Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000)&K$jlfVEf0Ezpv?g2tH0KfnezyK"
    "3~_W%cU03s=p0Kzl?zyK3K02M&@{s01W0FZ<Pk^mUMcUAzv02MF*1#rfVjg8mgi**1-8ZlzT$lwr0LILc!0Kfnh@Bjs_"
    "U@#aA27|%x>Uw%{0(bx(Jv=--JUl!+JpTTMJ&a&`_A!C%ya2!eEtmiW(*U9<ilQirq9}@@D2n`lih6o_dU|?rf_(sf-}"
    "imr_kG{@ec$(e-}nD|AP|A?*g^-tVF(`mgdltN5P|Hs0sq+"
)


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("signed", [False, True])
def test_uncompressed_films_are_read_exactly(dataset, ramp, tmp_path, syntax, signed) -> None:
    pixels = ramp.astype(np.int16) - 2048 if signed else ramp
    made = dataset(pixels, WindowCenter=0 if signed else 2048, WindowWidth=4096)
    if syntax == uid.ExplicitVRBigEndian:
        made.PixelData = pixels.byteswap().tobytes()
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_allclose(Image.open(tmp_path / "a.dcm").pixels, ramp / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "syntax",
    [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_losslessly_compressed_films_are_read_exactly(
    dataset, ramp, tmp_path, syntax, photometric
) -> None:
    made = dataset(PhotometricInterpretation=photometric, **WINDOW)
    made.compress(syntax, generate_instance_uid=False)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    grey = ramp / 4095
    expected = 1 - grey if photometric == "MONOCHROME1" else grey
    np.testing.assert_allclose(Image.open(tmp_path / "a.dcm").pixels, expected, atol=1e-6)


def by_gdcm(path: Path, syntax: int) -> None:
    """Compress a film in place as pydicom cannot."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def test_a_jpeg_lossless_film_is_read_exactly(write, ramp) -> None:
    path = write(**WINDOW)
    by_gdcm(path, gdcm.TransferSyntax.JPEGLosslessProcess14_1)
    np.testing.assert_allclose(Image.open(path).pixels, ramp / 4095, atol=1e-6)


def test_twelve_bit_jpeg_extended_names_the_extra_to_install(write) -> None:
    path = write(**WINDOW)
    by_gdcm(path, gdcm.TransferSyntax.JPEGExtendedProcess2_4)
    try:
        import libjpeg  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"grounded\[extended-jpeg\]"):
            Image.open(path)
    else:
        assert Image.open(path).pixels.std() > 0.1


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_an_eight_bit_jpeg_film_is_read_as_any_viewer_shows_it(dataset, tmp_path, syntax) -> None:
    grey = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    Picture.fromarray(grey).save(tmp_path / "a.jpg", quality=95)
    made = dataset(grey)
    made.PixelData = encapsulate([(tmp_path / "a.jpg").read_bytes()])
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_allclose(Image.open(tmp_path / "a.dcm").pixels, grey / 255, atol=0.02)


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2K])
def test_a_high_throughput_jpeg_2000_film_is_read_exactly(dataset, tmp_path, syntax) -> None:
    pixels = np.add.outer(np.arange(32) * 64, np.arange(40) * 50).astype(np.uint16)
    made = dataset(pixels, BitsStored=16, **WINDOW)
    made.PixelData = encapsulate([HTJ2K])
    made["PixelData"].VR = "OB"
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_allclose(Image.open(tmp_path / "a.dcm").pixels, pixels / 4095, atol=1e-6)


def test_a_transfer_syntax_without_decoder_is_named(dataset, tmp_path) -> None:
    made = dataset()
    made.PixelData = encapsulate([b"\0" * 64])
    made.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    made["PixelData"].VR = "OB"
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ImageError, match=r"MPEG2 .* cannot be decoded; convert"):
        Image.open(tmp_path / "a.dcm")


def test_a_data_set_without_preamble_and_meta_information_is_read(dataset, ramp, tmp_path) -> None:
    made = dataset(**WINDOW)
    del made.file_meta
    made.save_as(tmp_path / "bare", implicit_vr=True, little_endian=True)
    np.testing.assert_allclose(Image.open(tmp_path / "bare").pixels, ramp / 4095, atol=1e-6)


def test_the_header_gives_view_side_spacing_and_identifiers(write) -> None:
    path = write(ViewPosition="PA", ImageLaterality="U", ImagerPixelSpacing=[2, 2])
    info = Image.open(path).info
    assert (info.view, info.laterality, info.name) == ("PA", "U", "film")
    assert (info.spacing_mm, info.spacing_kind) == ((2.0, 2.0), "detector")
    expected = DicomReference("1.2.4", "1.2.5", "1.2.3", uid.ComputedRadiographyImageStorage)
    assert info.reference == expected


def test_without_all_identifiers_there_is_no_reference(write) -> None:
    assert Image.open(write(StudyInstanceUID=None)).info.reference is None


@pytest.mark.parametrize("stated", [3, 2, "1A", 0])
def test_only_the_first_frame_is_read_even_when_their_number_is_wrong(
    dataset, ramp, tmp_path, stated
) -> None:
    frames = np.stack([ramp, ramp[::-1]])
    made = dataset(frames[0], PixelData=frames.tobytes(), **WINDOW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.add_new("NumberOfFrames", "IS", 1)
        made["NumberOfFrames"]._value = stated
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    image = Image.open(tmp_path / "a.dcm")
    np.testing.assert_allclose(image.pixels, ramp / 4095, atol=1e-6)
    assert any("first was read" in text for text in image.info.warnings) == (stated in (2, 3))


def test_the_first_of_several_compressed_frames_is_read(dataset, ramp, tmp_path) -> None:
    frames = np.stack([ramp, ramp[::-1]])
    made = dataset(frames[0], PixelData=frames.tobytes(), NumberOfFrames=2, **WINDOW)
    made.compress(uid.RLELossless, generate_instance_uid=False)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_allclose(Image.open(tmp_path / "a.dcm").pixels, ramp / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "CT"}, "modality 'CT'"),
        ({"BodyPartExamined": "HIP"}, "body part 'HIP'"),
        ({"ViewPosition": "LL"}, r"a lateral view \(LL\)"),
        ({"PatientOrientation": ["R", "F"]}, "stored mirrored"),
    ],
)
def test_what_is_no_frontal_chest_film_is_refused_unless_forced(write, attributes, reason) -> None:
    path = write(**attributes)
    with pytest.raises(UnsuitableImageError, match=reason):
        Image.open(path)
    forced = Image.open(path, force=True)
    assert "Read by force" in forced.info.warnings[0]


def test_a_report_object_is_refused_for_what_it_is_even_by_force(write) -> None:
    path = write(Modality="SR")
    made = pydicom.dcmread(path)
    del made.PixelData
    made.save_as(path)
    with pytest.raises(ImageError, match="modality 'SR' and no picture"):
        Image.open(path, force=True)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": None}, "lacks Rows"),
        ({"Rows": 60000, "Columns": 60000}, "larger than any film"),
        ({"Rows": 1, "Columns": 1}, "too small"),
        ({"Rows": 90}, "damaged or incomplete"),
        ({"PhotometricInterpretation": "HSV"}, "'HSV' is not supported"),
    ],
)
def test_a_header_that_does_not_fit_its_pixels_is_refused(write, attributes, reason) -> None:
    with pytest.raises(ImageError, match=reason):
        Image.open(write(**attributes))


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_a_grey_film_in_colour_becomes_grey(write, photometric) -> None:
    grey = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    neutral = grey if photometric == "RGB" else np.full_like(grey, 128)
    pixels = np.dstack([grey, neutral, neutral])
    path = write(pixels, PhotometricInterpretation=photometric, PlanarConfiguration=0)
    np.testing.assert_allclose(Image.open(path).pixels, grey / 255, atol=0.005)


def test_a_grey_palette_becomes_grey(write) -> None:
    places = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    palette = (np.arange(256, dtype=np.uint16) * 257).tobytes()
    colours = ("Red", "Green", "Blue")
    path = write(
        places,
        PhotometricInterpretation="PALETTE COLOR",
        **{f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in colours},
        **{f"{colour}PaletteColorLookupTableData": palette for colour in colours},
    )
    np.testing.assert_allclose(Image.open(path).pixels, places / 255, atol=1e-6)


def test_a_colour_picture_is_refused_unless_forced(write, ramp) -> None:
    grey = (ramp // 16).astype(np.uint8)
    pixels = np.dstack([grey, 255 - grey, grey])
    path = write(pixels, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    with pytest.raises(UnsuitableImageError, match="colour picture"):
        Image.open(path)
    expected = (0.413 * grey + 0.587 * (255.0 - grey)) / 255
    np.testing.assert_allclose(Image.open(path, force=True).pixels, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("good", "broken"),
    [(b"\2\0\2\0UI", b"\2\0\2\0QI"), (b"2048.0", b"20x8.0"), (b"0.2\\0.2 ", b"0.2\\0x2 ")],
)
def test_a_broken_value_that_can_be_missed_does_not_stop_the_reading(write, good, broken) -> None:
    path = write(WindowCenter="2048.0", WindowWidth="4096.0", PixelSpacing=["0.2", "0.2"])
    whole = path.read_bytes()
    assert good in whole
    path.write_bytes(whole.replace(good, broken))
    assert Image.open(path).pixels.max() > 0.9


def test_patient_names_and_numbers_go_nowhere(dataset, tmp_path, caplog) -> None:
    made = dataset(StudyDescription="Chest of Jane Doe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.BodyPartExamined = "Doe, Jane; SECRET77"  # no code: pydicom warns and quotes it
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "b.dcm").write_bytes(whole[: len(whole) // 2])
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    with pytest.raises(UnsuitableImageError) as unsuitable:
        Image.open(tmp_path / "a.dcm")
    with pytest.raises(ImageError) as damaged:
        Image.open(tmp_path / "b.dcm", force=True)
    info = Image.open(tmp_path / "a.dcm", force=True).info
    told = f"{info.to_dict()} {unsuitable.value} {damaged.value} {caplog.text}".upper()
    assert not any(secret in told for secret in ("DOE", "JANE", "SECRET77"))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_damaged_files_end_in_an_error_of_our_own_or_in_a_film(
    dataset, tmp_path, syntax, monkeypatch
) -> None:
    monkeypatch.setattr("grounded.films.open.read_in_child", read_in_child)  # decoders may crash
    made = dataset(ViewPosition="PA", PixelPaddingValue=0, **WINDOW)
    if syntax.is_compressed:
        made.compress(syntax, generate_instance_uid=False)
    path = tmp_path / "a.dcm"
    made.save_as(path, enforce_file_format=True)
    whole, chance = path.read_bytes(), random.Random(7)
    for number in range(120):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged if number % 2 else whole[: chance.randrange(1, len(whole))])
        with contextlib.suppress(GroundedError):  # and nothing else
            Image.open(path, force=True)


def test_a_data_set_in_memory_is_read_as_its_file(dataset, write, ramp) -> None:
    made = dataset(**WINDOW)
    here, there = Image.open(made), Image.open(write(**WINDOW))
    np.testing.assert_array_equal(here.pixels, there.pixels)
    assert here.info.reference == there.info.reference
    assert made.PixelData == ramp.tobytes()


def test_a_data_set_in_memory_without_file_meta_is_read(dataset, ramp) -> None:
    made = dataset(**WINDOW)
    del made.file_meta
    np.testing.assert_allclose(Image.open(made).pixels, ramp / 4095, atol=1e-6)


def test_a_colour_picture_that_is_read_by_force_says_so(write) -> None:
    grey = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
    colours = np.dstack([grey, 255 - grey, grey])
    path = write(colours, PhotometricInterpretation="RGB", BitsStored=8, PlanarConfiguration=0)
    image = Image.open(path, force=True)
    assert "A colour picture was read by force: its brightness is shown." in image.info.warnings
    expected = (0.413 * grey + 0.587 * (255.0 - grey)) / 255
    np.testing.assert_allclose(image.pixels, expected, atol=1e-5)


def test_all_that_is_unusual_of_a_film_is_told_in_order(write, ramp) -> None:
    small = np.stack([ramp, ramp]).tobytes()
    path = write(
        PixelData=small, NumberOfFrames=2, ViewPosition="AXIAL", SamplesPerPixel=2,
        WindowCenter=2048, WindowWidth=-1, PixelSpacing=[50, 50], PatientAge="003Y",
    )  # fmt: skip
    told = [text.split(" ")[:3] for text in Image.open(path).info.warnings]
    assert [" ".join(words) for words in told[:6]] == [
        "The view is",
        "The file holds",
        "Samples per Pixel",
        "The window width",
        "The pixel spacing",
        "The patient is",
    ]


def test_a_colour_picture_of_twelve_bits_is_scaled_by_them(write, ramp) -> None:
    colours = np.dstack([ramp, 4095 - ramp, ramp])
    path = write(colours, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    expected = (0.413 * ramp + 0.587 * (4095.0 - ramp)) / 4095
    np.testing.assert_allclose(Image.open(path, force=True).pixels, expected, atol=1e-5)

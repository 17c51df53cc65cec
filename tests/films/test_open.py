"""What a file is, by its content; what is refused, and in which words."""

import errno
import io
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import Dataset, Sequence
from pydicom.uid import ComputedRadiographyImageStorage

from grounded import Image
from grounded.errors import ImageError, InvalidValueError, NotAFilmError
from grounded.films.open import _is_tame, _label
from grounded.films.quiet import silenced
from grounded.films.source import Source, kind_of, source_of

RAMP = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
XML = b"<?xml version='1.0'?>"


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).save(tmp_path / "film.png")
    renamed = (tmp_path / "film.png").rename(tmp_path / "film.dcm")
    image = Image.open(str(renamed))
    np.testing.assert_array_equal(image.pixels, RAMP / np.float32(255))
    assert image.info.name == "film"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 ...", "got a PDF document"),
        (b"The lungs are clear.\n" * 90, "got a text file"),
        ("Lungenentzündung ".encode() * 90, "got a text file"),
        (XML + b"<svg xmlns='http://www.w3.org/2000/svg'/>", "got an SVG drawing"),
        (XML + b"<a/>", "got an XML document"),
        (b"<!DOCTYPE html>", "got an HTML page"),
        (b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "got a NIfTI volume"),
        (b"\x1f\x8b\x08" + bytes(20), "got a gzip archive"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "got a WebP picture"),
        (b"GIF89a" + bytes(20), "got a GIF picture"),
        (bytes(500), "not known here"),
        (b"\x08\0", "not known here"),
        (bytes(128) + b"DICM", "cut short or empty"),
    ],
)
def test_a_file_that_is_no_film_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "film.png").write_bytes(content)
    with pytest.raises(ImageError, match=message):
        Image.open(tmp_path / "film.png", force=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [(".", "is a folder"), ("none.png", "no such file"), ("x" * 300, "cannot be opened")],
)
def test_a_path_without_a_file_is_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        Image.open(tmp_path / name)


def test_a_reading_library_can_neither_warn_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with silenced():
        warnings.warn("a patient's name", stacklevel=1)
        logging.getLogger("pydicom.pixels").warning("a patient's name")
    assert not caplog.records
    logging.getLogger("pydicom.pixels").warning("heard again")
    assert len(caplog.records) == 1
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("heard again", stacklevel=1)


def test_every_door_gives_the_same_film(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Picture.fromarray(RAMP).save(path)
    with path.open("rb") as stream, Picture.open(path) as picture:
        opened = [
            Image.open(door)
            for door in (path, path.read_bytes(), stream, picture, RAMP, RAMP / 255)
        ]
    for image in opened:
        np.testing.assert_allclose(image.pixels, RAMP / 255, atol=1e-6)
    assert [image.info.name for image in opened[:4]] == ["film", "", "film", "film"]


def test_an_array_is_read_as_a_file_would_store_it() -> None:
    twelve = RAMP.astype(np.uint16) * 16
    np.testing.assert_allclose(Image.open(twelve).pixels, twelve / 4095, atol=1e-6)
    np.testing.assert_allclose(Image.open(np.dstack([RAMP] * 3)).pixels, RAMP / 255, atol=1e-6)
    for wrong in (RAMP.ravel(), RAMP.astype(str), RAMP[None, None]):
        with pytest.raises(InvalidValueError, match="expected an array"):
            Image.open(wrong)


@pytest.mark.parametrize("door", [7, None, ["film.png"]])
def test_what_holds_no_film_is_named(door: object) -> None:
    with pytest.raises(InvalidValueError, match="expected a film as path"):
        Image.open(door)


def test_a_file_open_as_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("lungs")
    with (tmp_path / "a.txt").open() as stream, pytest.raises(ImageError, match="binary mode"):
        Image.open(stream)


@pytest.mark.parametrize(
    ("file", "name"), [("1.2.826.498.1001", "1.2.826.498.1001"), ("IM0001.JPG", "IM0001")]
)
def test_the_end_of_a_uid_belongs_to_the_name(tmp_path: Path, file: str, name: str) -> None:
    Picture.fromarray(RAMP).save(tmp_path / file, format="PNG")
    assert Image.open(tmp_path / file).info.name == name


def test_a_name_with_a_null_character_is_refused() -> None:
    with pytest.raises(ImageError, match=r"no such file|cannot be opened"):
        Image.open("film\0.png")


def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.png"))
    Picture.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "b.png")
    try:
        (tmp_path / "b.png").rename(path)
    except OSError:
        pytest.skip("the file system takes no such name")
    assert Image.open(path).info.name == "b\\udcff"


STRANGERS = [
    (b"BM" + bytes(60), "a BMP picture"),
    (bytes(4) + b"jP  " + bytes(30), "a JPEG 2000 picture outside of DICOM"),
    (b"\xff\x4f\xff\x51" + bytes(30), "a JPEG 2000 picture outside of DICOM"),
    (bytes(4) + b"ftypheic", "a HEIC picture or a video"),
    (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
    (b"\x93NUMPY" + bytes(30), "a NumPy array"),
    (b"\x89HDF" + bytes(30), "an HDF5 file"),
    (b"NRRD0004", "an NRRD volume"),
    (b"<html>", "an HTML page"),
    (b"<SVG width='1'>", "an SVG drawing"),
    (b"\xef\xbb\xbf \n<?xml version='1.0'?>", "an XML document"),
    ("Lunge frei, Zwerchfell glatt. Herz normal gro\u00df.".encode()[:-2], "a text file"),
    (b"The lungs\tare clear.", "a text file"),
    (b"a\x08b", "a file of a kind that is not known here"),
    (b"\xfftext", "a file of a kind that is not known here"),
]


@pytest.mark.parametrize(("content", "kind"), STRANGERS)
def test_what_a_file_is_instead_of_a_film_is_said_in_one_sentence(
    content: bytes, kind: str
) -> None:
    with pytest.raises(NotAFilmError) as error:
        kind_of(Source(content, "it"))
    assert str(error.value) == f"it: expected a film as DICOM, PNG, JPEG or TIFF, got {kind}"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (b"II+\x00", "TIFF"),
        (b"MM\x00+", "TIFF"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"II*\x00" + bytes(124) + b"DICM", "DICOM"),  # a preamble may hold a TIFF
        (b"\x08\x00\x05\x00CS\x0a\x00", "DICOM"),  # no preamble: explicit, little endian
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00", "DICOM"),  # implicit
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00\xff\xff", "DICOM"),
        (b"\x08\x00\x05\x00CSa\x01", "DICOM"),  # 353 bytes
        (b"\x00\x08\x00\x05CS\x00\x0a", "DICOM"),  # big endian
        (b"\x02\x00\x00\x00UL\x04\x00", "DICOM"),
        (b"\x08\x00\x00\x23\x00\x04\x00\x00", "DICOM"),  # the last element and length
    ],
)
def test_a_film_s_kind_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert kind_of(Source(head, "it")) == kind


@pytest.mark.parametrize(
    "head",
    [
        b"\x08\x00\x05\x00cs\x0a\x01",  # a VR has capitals
        b"\x08\x00\x05\x00C1\x0a\x01",  # and letters
        b"\x08\x00\x05\x001S\x0a\x01",
        b"\x08\x00\x05\x00cS\x0a\x01",
        b"\x08\x00\x05\x00Cs\x0a\x01",
        b"\x08\x00\x05\x00\x01\x04\x00\x00",  # a length beyond any
        b"\x08\x00\x01\x23\x00\x04\x00\x00",  # an element beyond any
        b"\x10\x00\x10\x00PN\x0a\x00",  # a later group
        b"\x08\x00\x05\x00CS",  # too short
    ],
)
def test_bytes_that_begin_no_data_set_are_none(head: bytes) -> None:
    with pytest.raises(NotAFilmError):
        kind_of(Source(head, "it"))


def test_a_file_larger_than_any_film_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grounded.films.source.MOST_BYTES", 40)
    assert source_of(bytes(40)).data == bytes(40)
    with pytest.raises(ImageError, match="the film is larger than any film's file"):
        source_of(bytes(41))
    (tmp_path / "large").write_bytes(bytes(41))
    for film in (io.BytesIO(bytes(41)), tmp_path / "large"):
        with pytest.raises(ImageError, match="larger than any film's file"):
            source_of(film)


def test_a_source_knows_its_label_and_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bed 3.JPEG"
    path.write_bytes(b"x" * 2000)
    source = source_of(path)
    assert (str(source), source.name, len(source.head)) == (str(path), "bed 3", 1024)
    with path.open("rb") as stream:
        opened = source_of(stream)
    assert (opened.label, opened.name, opened.data) == (str(path), "bed 3", source.data)
    with os.fdopen(os.open(path, os.O_RDONLY), "rb") as numbered:  # its name is a number
        assert source_of(numbered) == Source(source.data, "the film")
    memory = source_of(io.BytesIO(b"film"))
    assert (memory.label, memory.name) == ("the film", "")
    assert (
        source_of(bytearray(b"film"))
        == source_of(memoryview(b"film"))
        == Source(b"film", "the film")
    )


def test_the_errors_of_paths_name_them_and_what_to_do(tmp_path: Path) -> None:
    for path, words in [
        (tmp_path, f"{tmp_path} is a folder; expected one film: name a file in it"),
        (tmp_path / "none", f"{tmp_path / 'none'}: no such file; check the path"),
        (Path("x" * 300), f"{'x' * 300} cannot be opened: {os.strerror(errno.ENAMETOOLONG)}"),
    ]:
        with pytest.raises(ImageError) as error:
            source_of(path)
        assert str(error.value) == words
    with pytest.raises(ImageError) as empty:
        source_of(b"")
    assert str(empty.value) == ("the film is empty; expected a film as DICOM, PNG, JPEG or TIFF")


def test_a_stream_that_is_closed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with (tmp_path / "a.png").open("rb") as stream:
        pass
    with pytest.raises(ImageError, match="cannot be read"):
        source_of(stream)


class Failing(io.BytesIO):
    """A file that cannot be read, for a reason that no library should have."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        raise self.error


def test_what_a_library_raises_ends_in_one_sentence() -> None:
    for error, words in [
        (MemoryError(), "the film: there is not enough memory to read it"),
        (KeyError(7), "the film: the film cannot be read (KeyError); export it again"),
    ]:
        with pytest.raises(ImageError) as told:
            Image.open(Failing(error))
        assert str(told.value) == words
    assert _label(Path("a") / "b.png") == os.path.join("a", "b.png")  # noqa: PTH118


def test_a_data_set_in_memory_is_read_and_other_objects_of_its_library_are_not() -> None:
    made = Dataset()
    made.SOPClassUID, made.Modality = ComputedRadiographyImageStorage, "CR"
    made.Rows, made.Columns, made.SamplesPerPixel = 48, 64, 1
    made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.PixelData = RAMP.tobytes()
    made["PixelData"].VR = "OB"
    np.testing.assert_array_equal(Image.open(made).pixels, RAMP / np.float32(255))
    with pytest.raises(InvalidValueError, match="got Sequence"):
        Image.open(Sequence())


def part_10(syntax: bytes, before: int = 0, pixels: bytes = b"\xe0\x7f\x10\x00OW") -> bytes:
    """The start of a DICOM file, with so many bytes before its transfer syntax."""
    padded = syntax + b"\0" * (len(syntax) % 2)
    stated = b"\x02\x00\x10\x00UI" + len(padded).to_bytes(2, "little") + padded
    return bytes(128) + b"DICM" + bytes(before) + (stated if syntax else b"") + pixels


LITTLE, DEFLATED = b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.1.99"
LEFT = (1 << 18) - len(part_10(LITTLE, pixels=b""))  # bytes of a header that is not too long


@pytest.mark.parametrize(
    ("data", "tame"),
    [
        (part_10(b"1.2.840.10008.1.2"), True),  # of an odd length, so that a null follows
        (part_10(LITTLE), True),
        (part_10(b"1.2.840.10008.1.2.2"), True),
        (part_10(b"1.2.840.10008.1.2.4.50"), True),
        (part_10(DEFLATED), False),
        (part_10(b"1.2.840.10008.1.2.5"), False),
        (part_10(b""), False),  # says nothing of its encoding
        (b"\x08\x00\x05\x00CS\x0a\x00" + bytes(100), True),  # cannot say it
        (part_10(LITTLE, before=3000), True),
        (part_10(LITTLE, before=5000), False),
        (part_10(LITTLE, pixels=bytes(LEFT)), True),
        (part_10(LITTLE, pixels=bytes(LEFT + 1)), False),  # no pixels in sight
        (part_10(LITTLE) + bytes(1 << 18), True),
        (part_10(LITTLE, pixels=b"\x7f\xe0\x00\x10") + bytes(1 << 18), True),
        (b"\xff\xd8\xff\xe0" + bytes(50), True),
        (b"\x89PNG\r\n\x1a\n" + bytes(16) + b"\x10\x02", False),  # deep colours
        (b"\x89PNG\r\n\x1a\n" + bytes(16) + b"\x10\x00", True),
        (b"II*\x00" + bytes(50), False),  # damaged
    ],
)
def test_what_decoders_may_crash_or_grow_on_is_not_tame(data: bytes, tame: bool) -> None:
    assert _is_tame(Source(data, "it")) is tame


def test_a_plain_tiff_is_tame(tmp_path: Path) -> None:
    Picture.fromarray(RAMP).save(tmp_path / "a.tif")
    assert _is_tame(source_of(tmp_path / "a.tif"))

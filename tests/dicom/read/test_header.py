"""Single values of a header: what is read of them, and what may be repeated."""

import pytest
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import Tag

from grounded.dicom.read.codestream import Codestream, codestream_of, scans_of
from grounded.dicom.read.header import Header, coded, open_header
from grounded.errors import ImageError
from grounded.films.source import Source


def header(**attributes: object) -> Header:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return Header(made)


def raw(keyword: str, vr: str, value: bytes) -> Header:
    """A header with a value as it stands in the file, not looked at yet."""
    made = Dataset()
    tag = Tag(keyword)
    made[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return Header(made)


def test_texts_are_in_capitals_without_padding() -> None:
    found = header(PatientComments=" chest \0", OtherPatientIDs=["Derived", "", "Primary"])
    assert found.text("PatientComments") == "CHEST"
    assert found.texts("OtherPatientIDs") == ("DERIVED", "", "PRIMARY")
    assert (found.text("Modality"), found.texts("Modality")) == ("", ())
    assert "PatientComments" in found
    assert "Modality" not in found


def test_numbers_are_finite_or_none() -> None:
    found = header(Rows=48, PixelSpacing=[0.5, 0.25], SamplesPerPixel=3)
    assert found.numbers("PixelSpacing") == (0.5, 0.25)
    assert found.number("PixelSpacing") == 0.5
    assert (found.whole("Rows"), found.whole("PixelSpacing")) == (48, None)
    assert (found.numbers("Columns"), found.number("Columns"), found.whole("Columns")) == (
        (),
        None,
        None,
    )
    assert header(PatientComments="tall").numbers("PatientComments") == ()
    assert header(PatientComments="inf").numbers("PatientComments") == ()


def test_each_of_several_numbers_stands_for_itself() -> None:
    windows = raw("WindowCenter", "DS", b"2000\\wide\\nan\\300")
    assert windows.each("WindowCenter") == (2000, None, None, 300)
    many = raw("WindowCenter", "DS", b"\\".join(b"%d" % n for n in range(20)))
    assert many.each("WindowCenter") == tuple(range(8))
    assert header(WindowCenter=[1.0, 2.0]).each("WindowCenter") == (1, 2)
    assert header().each("WindowCenter") == ()


def test_a_value_of_more_than_a_quarter_million_bytes_is_not_converted() -> None:
    assert raw("WindowCenter", "DS", b"1\\" * (1 << 17) + b"1").numbers("WindowCenter") == ()


def test_items_are_those_of_a_sequence() -> None:
    inner = Dataset()
    inner.CodeValue = "272479007"
    found = header(ViewCodeSequence=[inner])
    assert [item.text("CodeValue") for item in found.items("ViewCodeSequence")] == ["272479007"]
    assert found.items("AnatomicRegionSequence") == ()


def test_a_value_that_is_put_stands_there_afterwards() -> None:
    found = header(BitsStored=12)
    found.put("BitsStored", 10)
    found.put("PhotometricInterpretation", "RGB")
    found.put("NoSuchKeyword", 1)
    assert (found.whole("BitsStored"), found.text("PhotometricInterpretation")) == (10, "RGB")


def test_bytes_are_no_values() -> None:
    made = Dataset()
    made[Tag("PixelData")] = DataElement(Tag("PixelData"), "OB", b"12")
    assert Header(made).texts("PixelData") == ()
    assert Header(made).value("PixelData") == b"12"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("CHEST", "'CHEST'"),
        ("PORTABLE CHEST", "a value that is no known code"),
        ("UPPER_ARM/LEFT", "'UPPER_ARM/LEFT'"),
        ("LEFT & RIGHT", "'LEFT & RIGHT'"),
        (" CHEST ", "' CHEST '"),
        ("", "a value that is no known code"),
        ("CHEST " * 5 + "PA", "'CHEST CHEST CHEST CHEST CHEST PA'"),
        ("CHEST " * 5 + "LAT", "a value that is no known code"),
    ],
)
def test_a_message_repeats_known_words_up_to_32_letters(value: str, shown: str) -> None:
    assert coded(value) == shown


def test_a_file_without_a_data_set_is_named() -> None:
    with pytest.raises(ImageError) as error:
        open_header(Source(bytes(128) + b"DICM", "it"))
    assert str(error.value) == ("it: the DICOM file is cut short or empty; send or export it again")


@pytest.mark.parametrize(
    ("implicit", "little", "syntax"),
    [
        (True, True, "1.2.840.10008.1.2"),
        (False, True, "1.2.840.10008.1.2.1"),
        (False, False, "1.2.840.10008.1.2.2"),
    ],
)
def test_a_syntax_that_is_not_stated_is_the_one_that_was_found(
    tmp_path, implicit: bool, little: bool, syntax: str
) -> None:
    made = Dataset()
    made.Modality = "CR"
    path = tmp_path / "bare.dcm"
    made.save_as(path, implicit_vr=implicit, little_endian=little)
    found = open_header(Source(path.read_bytes(), "it"))
    assert found.dataset.file_meta.TransferSyntaxUID == syntax


def test_an_index_of_files_is_no_film(tmp_path) -> None:
    made = FileDataset(str(tmp_path / "DICOMDIR"), Dataset(), preamble=bytes(128))
    made.Modality = "CR"
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    made.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    with pytest.raises(ImageError) as error:
        open_header(Source((tmp_path / "DICOMDIR").read_bytes(), "it"))
    assert str(error.value) == (
        "it is a DICOMDIR, an index of files; expected one film of its list"
    )


# what a compressed picture says of itself


def jpeg(marker: int = 0xC0, before: bytes = b"") -> bytes:
    """SOI, segments, then a frame header of 300 x 500 pixels, 3 components of 12 bits."""
    size = (300).to_bytes(2, "big") + (500).to_bytes(2, "big")
    return (
        b"\xff\xd8" + before + bytes((0xFF, marker)) + b"\x00\x11\x0c" + size + b"\x03" + bytes(9)
    )


@pytest.mark.parametrize(
    ("marker", "progressive"),
    [(0xC0, False), (0xC1, False), (0xC2, True), (0xC3, False), (0xC6, True), (0xCA, True),
     (0xCE, True), (0xCF, False), (0xF7, False)],
)  # fmt: skip
def test_a_jpeg_states_its_size_in_its_frame_header(marker: int, progressive: bool) -> None:
    assert codestream_of(jpeg(marker)) == Codestream(300, 500, 3, 12, progressive)


@pytest.mark.parametrize(
    "before",
    [
        b"\xff\xe0\x00\x04ab",  # an application segment
        b"\xff\xe1\x01\x2c" + bytes(298),  # a long one
        b"\xff\xc4\x00\x08abcdef",  # Huffman tables, whose marker is no frame's
        b"\xff\xff\xff",  # fill bytes
        b"\xff\x01\xff\xd0\xff\xd7",  # markers without a length
    ],
)
def test_what_stands_before_the_frame_header_is_passed_over(before: bytes) -> None:
    assert codestream_of(jpeg(before=before)) == Codestream(300, 500, 3, 12)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x04ab", b"\xff\xd8ab" + bytes(20), jpeg()[:10],
     jpeg(0xC8)[:13], b"\xff\x4f\xff\x51" + bytes(30)],
)  # fmt: skip
def test_a_broken_picture_states_nothing(frame: bytes) -> None:
    assert codestream_of(frame) is None


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_jpeg_2000_picture_is_its_grid_less_its_offset(wrapped: bool) -> None:
    numbers = (560, 340, 60, 40)  # right, bottom, left, top
    siz = b"\xff\x4f\xff\x51\x00\x2f\x00\x00" + b"".join(n.to_bytes(4, "big") for n in numbers)
    head = siz + bytes(16) + (3).to_bytes(2, "big") + bytes((0x8B,)) + bytes(20)
    frame = bytes(4) + b"jP  " + bytes(20) + b"jp2c" + head if wrapped else head
    assert codestream_of(frame) == Codestream(300, 500, 3, 12)
    assert codestream_of(head[:42]) is None
    assert codestream_of(head[:43]) == Codestream(300, 500, 3, 12)


def test_scans_are_counted_by_their_markers() -> None:
    assert scans_of(b"\xff\xd8\xff\xda..\xff\xda") == 2

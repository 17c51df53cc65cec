"""What a file is, by its content; what is refused, and in which words."""

import logging
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import Image
from grounded.errors import ImageError, InvalidValueError
from grounded.films.quiet import silenced

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

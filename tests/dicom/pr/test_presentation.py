"""The places as a presentation state that other software applies to the film."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

from grounded import Image


@pytest.fixture
def state(reported, tmp_path):
    reported.save(tmp_path / "film.gsps.dcm")
    return tmp_path / "film.gsps.dcm"


def test_it_passes_the_validators(state, valid) -> None:
    valid(state)


def test_boxes_and_names_are_in_pixels_of_the_film(state, reported) -> None:
    regions = pydicom.dcmread(state).GraphicAnnotationSequence[0]
    box = np.array(regions.GraphicObjectSequence[0].GraphicData).reshape(-1, 2)
    np.testing.assert_allclose([*box.min(axis=0), *box.max(axis=0)], [10, 8, 40, 60])
    words = [item.UnformattedTextValue for item in regions.TextObjectSequence]
    assert words == ["right lung (1, 2, 5)", "left lung (2, 4)", "cardiac silhouette (3)"]


def test_it_refers_to_the_film_and_says_what_it_is(state) -> None:
    made = pydicom.dcmread(state)
    [series] = made.ReferencedSeriesSequence
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.3.6.1.4.1.99999.77.3"
    notice = made.GraphicAnnotationSequence[-1].TextObjectSequence[0].UnformattedTextValue
    assert "not for diagnosis" in notice


def test_a_turned_film_is_shown_turned(reported, tmp_path) -> None:
    turned = replace(reported.film.info, orientation=6, height=100, width=80)
    pixels = np.ascontiguousarray(np.rot90(reported.film.pixels, -1))
    film = replace(reported.film, pixels=pixels, info=turned, unwindowed=None)
    report = replace(reported, image=turned, film=film, sentences=(), regions=reported.regions[[]])
    report.save(tmp_path / "turned.gsps.dcm")
    made = pydicom.dcmread(tmp_path / "turned.gsps.dcm")
    assert (made.ImageRotation, made.ImageHorizontalFlip) == (90, "N")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": None, "WindowWidth": None}])
def test_dcmtk_shows_the_greys_that_were_read(dx, report_of, tmp_path, photometric, window) -> None:
    if not shutil.which("dcmp2pgm"):
        pytest.skip("dcmp2pgm is not installed (Debian: dcmtk)")
    film = dx(PhotometricInterpretation=photometric, PresentationLUTShape=None, **window)
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    image = Image.open(film)
    report_of(image).save(tmp_path / "film.gsps.dcm")
    command = ["dcmp2pgm", "-p", "film.gsps.dcm", "film.dcm", "film.pgm"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    shown = np.asarray(Picture.open(tmp_path / "film.pgm")) / 255
    np.testing.assert_allclose(shown, image.pixels, atol=0.02)

"""The picture of a report as a Secondary Capture."""

import numpy as np
import pydicom

from grounded.dicom.sc.capture import marked


def test_it_is_the_overlay_under_a_band_that_says_what_it_is(reported, tmp_path, valid) -> None:
    reported.save(tmp_path / "film.sc.dcm")
    valid(tmp_path / "film.sc.dcm")
    made = pydicom.dcmread(tmp_path / "film.sc.dcm")
    overlay = reported.overlay()
    np.testing.assert_array_equal(made.pixel_array[-len(overlay) :], overlay)
    assert made.StudyInstanceUID == "1.3.6.1.4.1.99999.77.1"
    assert list(made.ImageType) == ["DERIVED", "SECONDARY"]


def test_the_band_holds_words() -> None:
    picture = marked(np.zeros((500, 600, 3), np.uint8))
    band = picture[: len(picture) - 500]
    assert (band.min(axis=2) > 100).sum() > 200  # letters have soft edges

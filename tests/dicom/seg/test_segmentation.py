"""Outlines and heat as Segmentations on the pixels of the film."""

from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest

from grounded import Heatmap, Image
from grounded.errors import NothingToExportError


def test_organs_are_binary_segments_on_the_films_pixels(reported, tmp_path, valid) -> None:
    reported.save(tmp_path / "film.seg.dcm")
    valid(tmp_path / "film.seg.dcm")
    seg = highdicom.seg.segread(tmp_path / "film.seg.dcm")
    assert seg.SegmentationType == "BINARY"
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["cardiac silhouette"]
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Heart"
    expected = reported.regions["cardiac silhouette"].mask.in_film((80, 100)) >= 0.5
    np.testing.assert_array_equal(seg.pixel_array.reshape(80, 100) > 0, expected)
    assert seg.PatientID == "SECRET77"
    assert list(seg.PatientOrientation) == ["L", "F"]


def test_a_turned_film_has_its_segments_on_the_stored_pixels(reported, tmp_path) -> None:
    turned = replace(reported.film.info, orientation=6, height=100, width=80)
    pixels = np.ascontiguousarray(np.rot90(reported.film.pixels, -1))
    film = replace(reported.film, pixels=pixels, info=turned, unwindowed=None)
    heart = reported.regions[["cardiac silhouette"]]
    heart = replace(heart, boxes=np.array([[10, 20, 40, 60]]), masks=(_mask(10, 20, 40, 60),))
    report = replace(reported, image=turned, film=film, regions=heart, sentences=())
    report.save(tmp_path / "film.seg.dcm")
    rows, columns = np.nonzero(pydicom.dcmread(tmp_path / "film.seg.dcm").pixel_array)
    assert (columns.min(), columns.max() + 1) == (20, 60)
    assert (rows.min(), rows.max() + 1) == (80 - 40, 80 - 10)


def _mask(x0, y0, x1, y1):
    from grounded import Box, Mask

    return Mask(np.ones((4, 4), np.float32), Box(x0, y0, x1, y1))


def test_heat_is_a_fractional_segment_for_each_map(reported, tmp_path, valid) -> None:
    reported.save(tmp_path / "film.heat.seg.dcm")
    valid(tmp_path / "film.heat.seg.dcm")
    seg = pydicom.dcmread(tmp_path / "film.heat.seg.dcm")
    assert (seg.SegmentationType, seg.MaximumFractionalValue) == ("FRACTIONAL", 255)
    heat = next(i for i in reported.sentences[0].evidence if isinstance(i, Heatmap))
    expected = np.clip(heat.in_film((80, 100)) / heat.strong, 0, 1) * 255
    np.testing.assert_allclose(seg.pixel_array.reshape(80, 100), expected, atol=1)


def test_a_report_without_outlines_or_heat_says_so(reported, tmp_path) -> None:
    bare = replace(reported, regions=reported.regions[["right lung"]], sentences=())
    for name in ("seg.dcm", "heat.seg.dcm"):
        with pytest.raises(NothingToExportError):
            bare.save(tmp_path / f"film.{name}")


def test_outlines_of_a_film_without_spacing_can_be_read_too(dx, report_of, tmp_path, valid) -> None:
    film = Image.open(dx(PixelSpacing=None, ImagerPixelSpacing=None))
    report_of(film).save(tmp_path / "film.seg.dcm")
    valid(tmp_path / "film.seg.dcm")
    assert highdicom.seg.segread(tmp_path / "film.seg.dcm").number_of_segments == 1

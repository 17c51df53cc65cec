"""Other software draws our boxes where they belong; and the narrative is a report to read."""

import shutil
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import Box, Image, Regions

TURNS = {1: 0, 6: 1, 3: 2, 8: 3}


def ask(*command: object, where) -> str:
    run = subprocess.run(
        list(map(str, command)), cwd=where, check=True, capture_output=True, text=True
    )
    return run.stdout


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("spacing", [[2.0, 2.0], [3.0, 1.5]])
@pytest.mark.parametrize("orientation", TURNS)
def test_a_box_that_dcmtk_reads_lies_on_the_spot_that_dcmtk_shows(
    dx, report_of, tmp_path, photometric, spacing, orientation
) -> None:
    if not (shutil.which("dsr2xml") and shutil.which("dcm2pnm")):
        pytest.skip("dsr2xml and dcm2pnm are not installed (Debian: dcmtk)")
    values = np.full((80, 100), 500, np.uint16)
    values[60:70, 20:45] = 4000
    film = dx(
        PhotometricInterpretation=photometric,
        PresentationLUTShape=None,
        PixelSpacing=spacing,
        ImagerPixelSpacing=spacing,
        PixelData=values.tobytes(),
    )
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    stored = Image.open(film)
    report = report_of(turned(stored, orientation))
    spot = box_around(report.film.pixels, dark=photometric == "MONOCHROME1")
    report = replace(
        report,
        regions=Regions(("right lung",), np.array([tuple(spot)]), np.ones(1)),
        sentences=(replace(report.sentences[0], evidence=(spot,)),),
    )
    report.save(tmp_path / "film.sr.dcm")
    ask("dcm2pnm", "+Wm", "film.dcm", "film.pgm", where=tmp_path)
    shown = np.asarray(Picture.open(tmp_path / "film.pgm")) / 255
    there = box_around(shown, dark=photometric == "MONOCHROME1")
    written = ElementTree.fromstring(ask("dsr2xml", "+Ec", "film.sr.dcm", where=tmp_path))
    boxes = [item.text for item in written.iter() if item.tag.endswith("data") and item.text]
    drawn = [polygon for text in boxes if (polygon := corners(text)) is not None]
    assert drawn
    for polygon in drawn:
        edges = [*polygon.min(axis=0), *polygon.max(axis=0)]
        np.testing.assert_allclose(edges, tuple(there), atol=0.5)


def turned(image: Image, orientation: int) -> Image:
    pixels = np.ascontiguousarray(np.rot90(image.pixels, -TURNS[orientation]))
    height, width = pixels.shape
    info = replace(image.info, height=height, width=width, orientation=orientation)
    return replace(image, pixels=pixels, info=info, unwindowed=None)


def box_around(pixels: np.ndarray, *, dark: bool) -> Box:
    rows, columns = np.nonzero(pixels < 0.5 if dark else pixels > 0.5)
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def corners(text: str) -> np.ndarray | None:
    numbers = text.replace("/", ",").replace("\\", ",").split(",")
    try:
        return np.array([float(number) for number in numbers]).reshape(-1, 2)
    except ValueError:
        return None


def test_the_narrative_is_valid_and_says_each_sentence(reported, tmp_path, valid) -> None:
    reported.save(tmp_path / "film.narrative.sr.dcm")
    valid(tmp_path / "film.narrative.sr.dcm")
    if shutil.which("dsrdump"):
        printed = ask("dsrdump", "+Pl", "film.narrative.sr.dcm", where=tmp_path)
        assert [s.text for s in reported.sentences if s.text not in printed] == []

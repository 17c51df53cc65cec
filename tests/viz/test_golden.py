"""Pictures of a made-up film look as they did: within a tolerance, for lettering differs a little.

After a change that is meant, keep the new ones, and look at them:
pytest tests/viz/test_golden.py --refresh-golden
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import GroundedReport
from grounded.viz.overlay import draw_report
from grounded.viz.panel import draw_sentence

GOLDEN = Path(__file__).parent.parent / "golden"
SMALLER = 3  # golden pictures are kept at a third of their size
MEAN, WORST = 2.0, 40.0  # of 255: what another version of a library may change
PICTURES = {
    "overlay": draw_report,
    "panel_with_heat": lambda report: draw_sentence(report, report.sentences[0]),
    "panel_with_lines": lambda report: draw_sentence(report, report.sentences[2]),
}


def smaller(pixels):
    """(H, W, 3), each pixel the mean of a square of them."""
    height, width = (side // SMALLER for side in pixels.shape[:2])
    cut = pixels[: height * SMALLER, : width * SMALLER].astype(np.float64)
    return cut.reshape(height, SMALLER, width, SMALLER, 3).mean(axis=(1, 3))


def compare(pixels, name, refresh):
    found, file = smaller(pixels), GOLDEN / f"{name}.png"
    if refresh:
        Picture.fromarray(np.rint(found).astype(np.uint8)).save(file, optimize=True)
    golden = np.asarray(Picture.open(file).convert("RGB"), np.float64)
    assert golden.shape == found.shape
    difference = np.abs(golden - found)
    assert difference.mean() <= MEAN, "see --refresh-golden"
    assert np.percentile(difference, 99.5) <= WORST, "see --refresh-golden"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_looks_as_before(name, drawn: GroundedReport, refresh_golden: bool) -> None:
    compare(PICTURES[name](drawn), name, refresh_golden)


@pytest.mark.parametrize(
    "turned",
    [
        lambda pixels: pixels[:, ::-1],
        lambda pixels: pixels[:, :, ::-1],
        lambda pixels: np.roll(pixels, 12, axis=1),
    ],
    ids=["mirrored", "colours in the order of cv2", "moved"],
)
def test_a_picture_that_is_turned_round_does_not(turned, drawn: GroundedReport) -> None:
    with pytest.raises(AssertionError):
        compare(turned(draw_report(drawn)), "overlay", refresh=False)

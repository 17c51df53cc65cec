"""A report with every kind of evidence, on a film of made-up shadows, large enough to be drawn."""

import numpy as np
import pytest

from grounded import (
    Box,
    Finding,
    GroundedReport,
    GroundedSentence,
    Heatmap,
    Image,
    Line,
    Mask,
    Measurement,
    Regions,
)
from grounded.provenance import Provenance, Scope
from grounded.report import Removed

HEIGHT, WIDTH = 720, 640
LUNG = Box(80, 120, 260, 600)
HEART = Box(240, 330, 450, 560)


def ellipse(extent: Box) -> Mask:
    rows, columns = np.mgrid[-1:1:48j, -1:1:32j]
    return Mask(np.clip(1.5 - rows**2 - columns**2, 0, 1).astype(np.float32), extent)


@pytest.fixture
def drawn_film() -> Image:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = 0.35 + 0.2 * np.sin(rows / 90) * np.cos(columns / 70)
    return Image.of(grey.astype(np.float32), name='<script>alert("film")</script>', view="PA")


@pytest.fixture
def drawn(drawn_film: Image) -> GroundedReport:
    """Four sentences; the left lung's heat is weak; no sentence points at the spine."""
    boxes = [LUNG, Box(400, 120, 570, 590), HEART, Box(290, 20, 350, 700)]
    regions = Regions(
        ("right lung", "left lung", "cardiac silhouette", "spine"),
        np.array([tuple(box) for box in boxes]),
        np.array([0.97, 0.95, 0.9, 0.6]),
        masks=(ellipse(LUNG), None, ellipse(HEART), None),
        missing={"left clavicle": "outside of the film"},
    )
    strong, weak = np.zeros((6, 4), np.float32), np.zeros((6, 4), np.float32)
    strong[4, 1], weak[2, 2] = 2.0, 0.5
    lines = (
        Line(240, 480, 450, 480, "cardiac diameter"),
        Line(80, 570, 570, 570, "thoracic diameter"),
    )
    ratio = Measurement("cardiothoracic ratio", 0.43, "1", lines, (0.4, 0.5), 0.02, "a book")
    sentences = (
        GroundedSentence(
            "Opacity in the right lung <b>now</b>.",
            ("right lung",),
            (ellipse(LUNG), Heatmap(strong, LUNG, "made up")),
            "test",
            findings=(Finding("Lung Opacity", "present", "right lung", 0.8),),
            score=0.8,
            abnormal=True,
        ),
        GroundedSentence(
            "The left lung is clear.",
            ("left lung",),
            (boxes[1], Heatmap(weak, boxes[1], "made up")),
            "test",
        ),
        GroundedSentence(
            "The heart is not enlarged.",
            ("cardiac silhouette", "right lung"),
            (ellipse(HEART), ratio),
            "test",
        ),
        GroundedSentence(
            "Opacity on the right.", ("right lung",), (LUNG,), "test", section="impression"
        ),
    )
    return GroundedReport(
        drawn_film.info,
        regions,
        sentences,
        Scope({"Lung Opacity": "measured on 10 films"}, ("Fracture",)),
        Provenance("0.1", "test", "a", "b", "c", "d", {"w.safetensors": "ab" * 32}),
        (Removed("Nothing.", ("spine",), "no evidence to stand on"),),
        drawn_film,
    )

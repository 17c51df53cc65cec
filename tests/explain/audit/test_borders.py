"""Measured sentences follow the border in the film."""

from collections.abc import Sequence

import numpy as np

from grounded import Image, Line, Measurement
from grounded.audit import Verdict
from grounded.explain.audit.borders import apart, check_borders, pushed
from grounded.explain.audit.subjects import Claim
from grounded.findings import Presence


def bars() -> Image:
    """A bright bar from column 40 to 120, another lower from 60 to 90."""
    pixels = np.full((200, 200), 0.1, np.float32)
    pixels[40:80, 40:120] = 0.9
    pixels[140:180, 60:90] = 0.9
    return Image.of(pixels)


def width(image: Image, row: int) -> float:
    return float((image.pixels[row] > 0.5).sum())


def measurement(name: str, row: int, x0: float, x1: float) -> Measurement:
    return Measurement(name, x1 - x0, "{pixels}", (Line(x0, row, x1, row),), tolerance=4.0)


UPPER, LOWER = measurement("upper", 60, 40, 120), measurement("lower", 160, 60, 90)


class Ruler:
    """Measures both bars, or gives what it was told."""

    name = "ruler"

    def __init__(self, fixed: bool = False) -> None:
        self.fixed = fixed

    def values(
        self, image: Image, films: Sequence[Image], measurements: Sequence[Measurement]
    ) -> list[list[float]]:
        if self.fixed:
            return [[item.value for item in measurements] for _ in films]
        return [[width(film, round(m.lines[0].y0)) for m in measurements] for film in films]


def claims() -> list[Claim]:
    return [Claim(0, "text", "", Presence.PRESENT, measurement=item) for item in (UPPER, LOWER)]


def test_a_push_makes_the_line_longer_and_leaves_what_is_far() -> None:
    wider = pushed(bars(), UPPER.lines)
    assert width(wider, 60) > 80 + 6
    assert abs(width(wider, 160) - 30) <= 1


def test_a_measurement_that_follows_its_border_is_supported() -> None:
    upper, lower = check_borders(bars(), claims(), Ruler())
    assert upper.verdict == lower.verdict == Verdict.SUPPORTED
    assert upper.own is not None
    assert upper.own.value > 1


def test_a_number_that_never_changes_does_not_use_the_image() -> None:
    upper, _ = check_borders(bars(), claims(), Ruler(fixed=True))
    assert upper.verdict == Verdict.BLIND


def test_a_film_without_measurements_is_not_read_again() -> None:
    assert check_borders(bars(), [], Ruler()) == []


def test_borders_that_lie_apart_are_moved_in_one_film() -> None:
    lines = [Line(0, 0, 10, 0), Line(0, 5, 10, 5), Line(100, 0, 110, 0)]
    assert apart(lines, reach=10) == [[0, 2], [1]]


def test_a_measurement_that_cannot_be_made_again_is_not_audited() -> None:
    class Gone(Ruler):
        def values(
            self, image: Image, films: Sequence[Image], measurements: Sequence[Measurement]
        ) -> list[list[float]]:
            return [[float("nan")] * len(measurements) for _ in films]

    assert {check.verdict for check in check_borders(bars(), claims(), Gone())} == {Verdict.OPEN}

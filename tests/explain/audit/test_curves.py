"""Deletion and insertion curves of the shipped preset's maps."""

from pathlib import Path

import numpy as np
import pytest

import grounded
from grounded import Image, Reporter
from grounded.explain.audit.altering import Place
from grounded.explain.audit.controls import with_shuffled_weights
from grounded.explain.audit.curves import ORDERS, curves, maps_alike
from grounded.explain.audit.subjects import Claim, Put
from grounded.findings import Presence

EXAMPLE = Path(__file__).parents[3] / "examples" / "normal_pa.jpg"


@pytest.fixture(scope="module")
def shipped() -> Reporter:
    return grounded.load("neural")


@pytest.fixture(scope="module")
def film() -> Image:
    return Image.open(EXAMPLE)


@pytest.fixture(scope="module")
def claim(shipped: Reporter, film: Image) -> Claim:
    region = shipped.read(film).regions["right lung"]
    place = Place(region.name, (region.box,), (region.name,))
    label = "Pleural Effusion"
    return Claim(0, "A right effusion.", label, Presence.PRESENT, region.name, place, "right")


def test_a_claim_is_followed_in_each_order(shipped: Reporter, film: Image, claim: Claim) -> None:
    [drawn] = curves(film, Put(shipped, [claim]), [claim])
    assert list(drawn.deletion) == list(drawn.insertion) == list(ORDERS)
    areas = np.array([*drawn.deletion.values(), *drawn.insertion.values()])
    assert ((areas >= 0) & (areas <= 1)).all()


def test_a_map_is_like_itself_and_changes_with_shuffled_weights(
    shipped: Reporter, film: Image, claim: Claim
) -> None:
    real, shuffled = Put(shipped, [claim]), Put(with_shuffled_weights(shipped), [claim])
    assert maps_alike(film, real, real, [claim]) == pytest.approx([1.0])
    [alike] = maps_alike(film, real, shuffled, [claim])
    assert abs(alike) < 0.9


def test_a_generator_without_a_map_has_no_curves(film: Image, claim: Claim) -> None:
    assert curves(film, Put(grounded.load("measured"), [claim]), [claim]) == []

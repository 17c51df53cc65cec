"""The usual places, on films of any shape."""

import numpy as np
import pytest

from grounded import Image
from grounded.detectors.atlas_prior import AtlasPrior
from grounded.errors import ConfigError
from grounded.protocols import RegionDetector


def test_it_is_a_detector() -> None:
    assert isinstance(AtlasPrior(), RegionDetector)


@pytest.mark.parametrize("shape", [(512, 512), (1, 1), (40, 301)])
def test_every_region_lies_at_its_usual_place(shape: tuple[int, int]) -> None:
    image = Image.of(np.zeros(shape, np.float32))
    detector = AtlasPrior(score=0.25)
    [regions] = detector.detect([image])
    assert regions.names == detector.atlas.names
    assert set(regions.scores) == {0.25}
    for region in regions:
        assert region.box.clip(image.info.frame) == region.box
        assert np.isclose(
            region.box.x0 / shape[1], detector.atlas[region.name].usual_place.x0, atol=1e-6
        )


def test_no_films_give_no_regions() -> None:
    assert AtlasPrior().detect([]) == []


def test_an_unknown_atlas_is_refused() -> None:
    with pytest.raises(ConfigError, match="no atlas 'elbow'"):
        AtlasPrior("elbow")

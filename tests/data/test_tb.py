"""Films with tuberculosis."""

import json
from pathlib import Path

import cv2
import numpy as np

from grounded.data.tb import tuberculosis_films, tuberculosis_seen
from grounded.geometry import Box


def test_the_lesions_are_opacities_with_a_box_and_the_film_says_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((8, 8), np.uint8))
    rows = [{"file": "b.png", "boxes": [{"label": "ActiveTuberculosis", "box": [1, 2, 3, 4]}]}]
    (tmp_path / "annotations.json").write_text(json.dumps(rows))
    [film] = tuberculosis_films(tmp_path)
    [reading] = film.readings
    assert reading.findings == {}
    assert reading.located == {"Lung Opacity"}
    assert [mark.shape for mark in reading.marks] == [Box(1, 2, 3, 4)]
    [seen] = tuberculosis_seen(tmp_path)
    assert seen.findings == {"Lung Opacity": "present"}
    assert [mark.shape for mark in seen.readings[0].marks] == [Box(1, 2, 3, 4)]

"""Films as the network sees them, unchanged and changed, with their truth in its place."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.data.example import Example, FilmReading, Mark
from grounded.data.nih import RADIOLOGISTS, RSNA
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.synthetic.collection import write_phantom_findings
from grounded.train.findings.films import (
    FINE,
    NOWHERE,
    Change,
    Known,
    batch_of,
    blanked,
    changed,
    examples,
    keep,
)
from grounded.train.findings.truth import LABELS

KINDS, SIDE = ("film", "lung"), 96
CELLS = SIDE // 8 * FINE
STILL = Change(0, 0, 0, 0, 0, 0, 0, 0, 0)
NODULE = LABELS.index("Nodule")


def phantom_file(folder: Path) -> Path:
    write_phantom_findings(folder, 1, side=SIDE)
    [path] = (folder / f"films_{SIDE}").iterdir()
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A phantom with a nodule in a box on the picture's left, and two regions."""
    marks = (Mark("Nodule", Box(16, 32, 32, 48)),)
    reading = FilmReading(
        RADIOLOGISTS, {"Nodule": Presence.PRESENT}, {}, marks, frozenset({"Nodule"})
    )
    path = phantom_file(tmp_path_factory.mktemp("nih"))
    example = Example("a", "nih", "1", path, view="AP", readings=(reading,))
    boxes = np.array([[8.0, 8, 40, 80], [56, 8, 88, 80], [0, 0, 9, 9]])
    return keep(example, (("right lung", "left lung", "spine"), boxes), KINDS, SIDE)


def random() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_the_film_is_the_first_region_and_only_kinds_that_are_read_follow(film: Known) -> None:
    assert film.kinds.tolist() == [0, 1, 1]
    assert film.boxes[0].tolist() == [0, 0, 1, 1]
    assert np.isnan(film.regions[0]).all()
    assert film.regions[1:, NODULE].tolist() == [1, 0]


def test_a_film_of_which_no_place_is_known_keeps_no_cells(tmp_path: Path) -> None:
    kept = keep(Example("b", "nih", "2", phantom_file(tmp_path)), NOWHERE, KINDS, SIDE)
    assert kept.cells is None
    assert np.isnan(kept.view)


def test_a_batch_fills_up_films_with_fewer_regions(film: Known) -> None:
    short = replace(film, boxes=film.boxes[:1], kinds=film.kinds[:1], regions=film.regions[:1])
    batch = batch_of([film, short], CELLS)
    assert batch.kinds.tolist() == [[0, 1, 1], [0, -1, -1]]
    assert torch.isnan(batch.regions[1, 1:]).all()


def test_no_change_changes_nothing(film: Known) -> None:
    batch = batch_of([film], CELLS)
    same = changed(batch, STILL, random())
    assert torch.allclose(same.cells, batch.cells, atol=1e-3)
    assert torch.allclose(same.boxes, batch.boxes, atol=1e-5)


def test_cells_and_boxes_move_with_the_film(film: Known) -> None:
    batch = batch_of([film] * 8, CELLS)
    drawn = batch.cells[:, NODULE, None].repeat_interleave(4, 2).repeat_interleave(4, 3)
    change = replace(STILL, scale=0.2, move=0.1, turn=8.0)
    moved = changed(batch._replace(films=drawn), change, random())
    for row in range(8):
        seen, kept = moved.films[row, 0] > 0.5, moved.cells[row, NODULE] > 0.5
        middle = (seen.nonzero().float().mean(0) + 0.5) / SIDE
        assert torch.allclose(middle, (kept.nonzero().float().mean(0) + 0.5) / CELLS, atol=0.03)
        x0, y0, x1, y1 = moved.boxes[row, 1].tolist()
        assert y0 < middle[0] < y1
        assert x0 < middle[1] < x1


def test_a_mirrored_film_has_its_lesion_on_the_other_side(film: Known) -> None:
    batch = batch_of([film], CELLS)
    mirrored = changed(batch, replace(STILL, mirror=1.0), random())
    assert torch.allclose(mirrored.cells, batch.cells.flip(3), atol=1e-3)
    assert mirrored.boxes[0, 1, 0] > 0.5  # the right lung has gone to the picture's right


def test_a_blanked_film_shows_nothing_between_the_lungs_borders(film: Known) -> None:
    [known] = blanked([film], KINDS)
    hidden = known.film
    assert (hidden[8:80, 8:88] == 128).all()
    assert (hidden[:8] == film.film[:8]).all()


def test_a_film_whose_lungs_are_not_known_cannot_be_blanked_and_is_left_out(film: Known) -> None:
    elsewhere = replace(film, boxes=film.boxes[:1], kinds=film.kinds[:1])
    assert len(blanked([elsewhere, film, elsewhere], KINDS)) == 1


def test_all_films_of_a_folder_become_examples(tmp_path: Path) -> None:
    write_phantom_findings(tmp_path / "nih", 5, side=SIDE)
    found = examples(tmp_path)
    assert len(found) == 5
    assert {film.split for film in found} <= {"train", "calibration", "held"}


def test_free_films_are_those_of_nih_without_the_challenge_that_forbids_trade(
    tmp_path: Path,
) -> None:
    write_phantom_findings(tmp_path / "nih", 12, side=SIDE)
    table = tmp_path / "nih" / "annotations.json"
    challenged = {"class": "Lung Opacity", "opacity_boxes": [[1, 2, 30, 40]]}
    rows = [{**row, "rsna": challenged} for row in json.loads(table.read_text("utf-8"))]
    table.write_text(json.dumps(rows), encoding="utf-8")
    everything, free = examples(tmp_path), examples(tmp_path, free=True)
    readers = [{r.reader for film in found for r in film.readings} for found in (everything, free)]
    assert [film.name for film in free] == [film.name for film in everything]
    assert readers[0] - readers[1] == {RSNA}

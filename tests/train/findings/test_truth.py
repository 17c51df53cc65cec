"""What training knows of a film, by reader, by cell and by region."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.data.example import COLLECTION, Example, FilmReading, Mark, Outline
from grounded.data.nih import GOOGLE, RADIOLOGISTS, RSNA, TEXT
from grounded.findings import Presence
from grounded.generators.neural.finding_net import shares
from grounded.geometry import Box, Placement
from grounded.train.findings.truth import LABELS, READERS, painted, region_truth, truth_of

OPACITY, EFFUSION, NODULE = (
    LABELS.index(label) for label in ("Lung Opacity", "Pleural Effusion", "Nodule")
)
ALL = frozenset(LABELS)
PLACEMENT = Placement.letterbox((80, 80), (80, 80))
STRIP = np.array([[20, 0], [40, 0], [40, 80], [20, 80.0]])


def film(*readings: FilmReading) -> Example:
    return Example("a", "nih", "1", Path("a.png"), readings=readings)


def test_each_reader_has_a_row_and_what_nobody_says_is_unknown() -> None:
    truth = truth_of(
        film(
            FilmReading(GOOGLE, {"Lung Opacity": Presence.ABSENT}),
            FilmReading(TEXT, {"Lung Opacity": Presence.PRESENT, "Edema": Presence.ABSENT}),
        )
    )
    assert truth.read[READERS.index(GOOGLE), OPACITY] == 0
    assert truth.read[READERS.index(TEXT), OPACITY] == 1
    assert np.isnan(truth.read[0]).all()
    assert not truth.placed


def test_other_readers_are_believed_as_radiologists_are() -> None:
    truth = truth_of(film(FilmReading(COLLECTION, {"Pleural Effusion": Presence.ABSENT})))
    assert truth.read[0, EFFUSION] == 0


def test_a_finding_of_a_region_is_one_of_the_film() -> None:
    reading = FilmReading(
        "notes",
        {},
        {("right lung", "Nodule"): Presence.PRESENT, ("left lung", "Nodule"): Presence.ABSENT},
    )
    assert truth_of(film(reading)).read[0, NODULE] == 1


def test_what_is_uncertain_is_unknown() -> None:
    truth = truth_of(film(FilmReading(RADIOLOGISTS, {"Nodule": Presence.UNCERTAIN})))
    assert np.isnan(truth.read[0, NODULE])


def test_outlines_silence_the_boxes_of_others() -> None:
    outline = Mark("Lung Opacity", np.array([[0, 0], [9, 0], [9, 9.0]]))
    boxed = FilmReading(RSNA, marks=(Mark("Lung Opacity", Box(0, 0, 40, 40)),), located=ALL)
    truth = truth_of(film(FilmReading(RADIOLOGISTS, marks=(outline,), located=ALL), boxed))
    assert truth.marks == (outline,)


@pytest.mark.parametrize("shape", [Box(20, 0, 40, 80), STRIP], ids=["box", "polygon"])
def test_an_object_covers_its_cells(shape: Box | Outline) -> None:
    grid = painted([Mark("Nodule", shape)], PLACEMENT, 4)
    assert grid.shape == (len(LABELS), 4, 4)
    assert np.abs(grid[NODULE].astype(int) - [[0, 255, 0, 0]] * 4).max() < 70
    assert not grid[OPACITY].any()


def known(box: Box, region: list[float], *, located: bool = True) -> float:
    where = frozenset({"Nodule"}) if located else frozenset()
    reading = FilmReading(RADIOLOGISTS, marks=(Mark("Nodule", box),), located=where)
    truth = truth_of(film(reading))
    grid, none = painted(truth.marks, PLACEMENT, 16), painted([], PLACEMENT, 16)
    covered = shares(torch.tensor([region]) * 16, 16, 16).numpy()
    return float(region_truth(truth, grid, none, covered)[0, NODULE])


def test_a_region_has_what_lies_in_it() -> None:
    assert known(Box(10, 10, 20, 20), [0.0, 0.0, 0.5, 1.0]) == 1
    assert known(Box(10, 10, 20, 20), [0.5, 0.0, 1.0, 1.0]) == 0


def test_a_region_is_unknown_where_an_object_only_touches_it() -> None:
    assert np.isnan(known(Box(10, 10, 44, 40), [0.5, 0.0, 1.0, 1.0]))


def test_a_region_without_a_box_is_unknown_where_not_all_objects_have_one() -> None:
    assert np.isnan(known(Box(10, 10, 20, 20), [0.5, 0.0, 1.0, 1.0], located=False))


def test_fibrosis_leaves_opacity_open_where_it_lies() -> None:
    marks = (Mark("Fibrosis", Box(0, 0, 40, 80)),)
    truth = truth_of(film(FilmReading(RADIOLOGISTS, marks=marks, located=ALL)))
    grid, dense = (painted(chosen, PLACEMENT, 16) for chosen in (truth.marks, truth.unsure))
    halves = torch.tensor([[0.0, 0.0, 0.45, 1.0], [0.55, 0.0, 1.0, 1.0]]) * 16
    said = region_truth(truth, grid, dense, shares(halves, 16, 16).numpy())[:, OPACITY]
    assert np.isnan(said[0])
    assert said[1] == 0

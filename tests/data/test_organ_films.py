"""Adapters of the annotated films, on made-up folders."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from grounded.chest.names import HEART, LEFT_CLAVICLE
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.covid_films import covid_films
from grounded.data.example import (
    Example,
    FilmReading,
    Mark,
    checked,
    filled,
    split_by_patient,
)
from grounded.errors import DataError
from grounded.synthetic.phantom import chest_phantom, write_phantoms


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_phantoms(tmp_path, 3, side=96)
    return tmp_path


def boxed(folder: Path, rows: list[dict[str, object]]) -> Path:
    (folder / "images").mkdir(parents=True)
    for row in rows:
        cv2.imwrite(str(folder / "images" / str(row["file"])), np.zeros((40, 60), np.uint8))
    (folder / "annotations.json").write_text(json.dumps(rows))
    return folder


def test_outlines_and_boxes_agree_with_the_phantom(folder: Path) -> None:
    films = chest_anatomy(folder)
    assert [film.name for film in films] == ["phantom_000", "phantom_001", "phantom_002"]
    phantom = chest_phantom(1, (96, 96))
    assert films[1].cardiothoracic_ratio == pytest.approx(phantom.cardiothoracic_ratio)
    boxes = films[1].reference_boxes()
    for name, box in phantom.boxes.items():
        assert np.allclose(tuple(boxes[name]), tuple(box), atol=1.5), name
    assert np.array_equal(films[1].mask(LEFT_CLAVICLE), phantom.masks[LEFT_CLAVICLE])


def test_a_film_without_landmarks_has_no_clavicles(folder: Path) -> None:
    rows = json.loads((folder / "annotations.json").read_text())
    rows[0] |= {"landmarks": {}, "cardiothoracic_ratio": None}
    (folder / "annotations.json").write_text(json.dumps(rows))
    film = chest_anatomy(folder)[0]
    assert HEART in film.outlines
    assert film.cardiothoracic_ratio is None
    with pytest.raises(DataError, match="no outline of 'left clavicle'"):
        film.mask(LEFT_CLAVICLE)


def test_all_missing_files_are_listed_together(folder: Path) -> None:
    for name in ("heart/phantom_001.png", "images/phantom_002.png"):
        (folder / name).unlink()
    listed = r"2 of 12 files are missing.*heart.phantom_001\.png, \S*images.phantom_002\.png"
    with pytest.raises(DataError, match=listed):
        chest_anatomy(folder)


def test_of_many_missing_files_the_first_ten_are_named() -> None:
    films = [Example(f"{n}", "s", f"{n}", Path(f"{n}.png")) for n in range(12)]
    with pytest.raises(DataError, match=r"12 of 12 files .*9\.png and 2 more"):
        checked(films)


def test_a_film_of_12_bits_is_read_with_all_its_levels(tmp_path: Path) -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    cv2.imwrite(str(tmp_path / "film.png"), ramp)
    pixels = Example("film", "s", "1", tmp_path / "film.png").image().pixels
    assert len(np.unique(pixels)) == 4096
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_the_first_of_several_readers_counts() -> None:
    sure = FilmReading("radiologists", {"Nodule": "absent"})
    noisy = FilmReading("text", {"Nodule": "present", "Edema": "present"})
    film = Example("x", "s", "1", Path("x.png"), readings=(sure, noisy))
    assert film.findings == {"Nodule": "absent", "Edema": "present"}
    assert film.reading("text") is noisy
    assert film.reading("Google").findings == {}


def test_mask_files_of_findings_belong_to_the_film() -> None:
    mark = Mark("Nodule", Path("nodule.png"))
    film = Example("x", "s", "1", Path("x.png"), readings=(FilmReading("table", marks=(mark,)),))
    assert film.files == (Path("x.png"), Path("nodule.png"))


def test_a_missing_folder_and_broken_annotations_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no annotations\.json"):
        chest_anatomy(tmp_path / "nowhere")
    path = tmp_path / "annotations.json"
    for text, message in (("{", "no JSON"), ("[]", "list of films"), ('[{"id": 1}]', "film 0")):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            chest_anatomy(tmp_path)


def test_a_lateral_film_shows_nothing_and_a_film_without_boxes_is_left_out(tmp_path: Path) -> None:
    folder = boxed(
        tmp_path / "covid",
        [
            {
                "file": "a.jpg",
                "patient": "1",
                "view": "PA",
                "boxes": {"left lung": [15, 1, 28, 18]},
            },
            {"file": "b.jpg", "patient": "1", "view": "L"},
            {"file": "c.jpg", "patient": "2", "view": "AP"},
        ],
    )
    frontal, lateral = covid_films(folder)
    assert tuple(frontal.reference_boxes()["left lung"]) == (15, 1, 28, 18)
    assert not frontal.absent
    assert lateral.absent
    assert not lateral.reference_boxes()
    assert lateral.image().shape == (40, 60)


def test_a_polygon_fills_the_pixels_that_it_covers() -> None:
    square = np.array([[2.0, 3.0], [7.0, 3.0], [7.0, 5.0], [2.0, 5.0]])
    mask = filled(square, (8, 10))
    assert mask.sum() == 10
    assert mask[3:5, 2:7].all()


def test_a_split_keeps_patients_together_and_ignores_order() -> None:
    films = [Example(f"{n}", "s", f"{n // 2}", Path("x")) for n in range(20)]
    films += [Example(f"t{n}", "t", f"{n}", Path("x")) for n in range(10)]
    train, held = split_by_patient(films, 0.2, seed=5)
    assert {e.patient for e in train if e.source == "s"}.isdisjoint(
        e.patient for e in held if e.source == "s"
    )
    assert sum(e.source == "s" for e in held) == 4
    assert sum(e.source == "t" for e in held) == 2
    _, again = split_by_patient(films[::-1], 0.2, seed=5)
    assert {e.name for e in again} == {e.name for e in held}
    assert split_by_patient(films, 0.0, seed=5)[1] == []

"""The made-up training data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grounded.chest.names import HEART, LEFT_CLAVICLE
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.finding_films import finding_films
from grounded.data.iu_text import iu_text
from grounded.data.region_table import abnormal_regions, read_table
from grounded.synthetic.collection import ZONES, write_phantom_data, write_phantom_tables


def test_the_tables_hold_films_with_all_boxes_and_some_sentences(tmp_path: Path) -> None:
    write_phantom_tables(tmp_path, films=6, held=2, side=96)
    train, valid = (read_table(tmp_path / f"{name}.csv") for name in ("train", "valid"))
    assert (len(train), len(valid)) == (6, 2)
    for row in (*train, *valid):
        assert row.path.is_file()
        assert len(row.boxes) >= 27
        assert min(min(box) for box in row.boxes.values()) >= -1
        assert "heart" in row.sentences["cardiac silhouette"]
    assert all(row.report for row in valid)


def test_what_is_said_to_be_abnormal_is_painted_and_described(tmp_path: Path) -> None:
    write_phantom_tables(tmp_path, films=12, held=1, side=96)
    rows = read_table(tmp_path / "train.csv")
    opaque = [row for row in rows if abnormal_regions(row) & set(ZONES)]
    assert 0 < len(opaque) < len(rows)
    for row in opaque:
        [zone] = [zone for zone in ZONES if zone in abnormal_regions(row)]
        assert row.sentences[zone] == f"There is an opacity in the {zone}."
        assert f"{zone.split()[0]} lung" in abnormal_regions(row)


def test_the_same_seed_gives_the_same_films(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_phantom_tables(tmp_path / name, films=1, held=1, side=64, seed=3)
    films = [(tmp_path / name / "films" / "phantom_0000.png").read_bytes() for name in "ab"]
    assert films[0] == films[1]
    assert np.array_equal(
        read_table(tmp_path / "a" / "train.csv")[0].boxes.corners,
        read_table(tmp_path / "b" / "train.csv")[0].boxes.corners,
    )


def test_the_folder_holds_all_that_the_commands_which_train_read(tmp_path: Path) -> None:
    write_phantom_data(tmp_path, films=6, held=2, side=64)
    assert len(read_table(tmp_path / "train.csv")) == 6
    outlined = chest_anatomy(tmp_path / "chest_anatomy")
    assert len(outlined) == 8
    assert all({HEART, LEFT_CLAVICLE} <= set(film.outlines) for film in outlined)
    assert iu_text(tmp_path / "iu_text")


def test_the_films_with_outlines_are_clear_and_some_of_their_hearts_are_large(
    tmp_path: Path,
) -> None:
    write_phantom_data(tmp_path, films=12, held=4, side=64)
    films = finding_films(tmp_path)
    assert not any(film.described for film in films)
    assert {film.findings["Lung Opacity"] for film in films} == {"absent"}
    hearts = [film.regional.get((HEART, "Cardiomegaly")) for film in films]
    assert {"present", "absent"} <= set(hearts)

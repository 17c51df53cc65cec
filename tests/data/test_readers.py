"""Published data sets, each on a small made-up tree of its shape."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grounded import Box
from grounded.data.example import Example
from grounded.data.readers import READERS, read_films
from grounded.errors import DataError
from grounded.evaluate.reports import references_of


def _film(path: Path, width: int = 40, height: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width), 90, dtype=np.uint8)).save(path)


def _table(path: Path, *rows: tuple[object, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _json(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def padchest_gr(root: Path) -> None:
    _json(
        root / "grounded_reports_20240819.json",
        [
            {
                "StudyID": "s1",
                "ImageID": "1_2.png",
                "findings": [
                    {
                        "sentence_en": "Left pleural effusion",
                        "abnormal": True,
                        "boxes": [[0.5, 0.5, 1.0, 1.0]],
                        "extra_boxes": [[0.0, 0.0, 0.1, 0.1]],
                        "labels": ["pleural effusion"],
                    },
                    {"sentence_en": "No pneumothorax.", "abnormal": False},
                ],
            },
            {"StudyID": "s2", "ImageID": "3_4.png", "findings": []},
        ],
    )
    _table(
        root / "master_table.csv",
        ("StudyID", "ImageID", "PatientID", "split", "label"),
        ("s1", "1_2.png", "p1", "test", "pleural effusion"),
        ("s2", "3_4.png", "p2", "train", "Normal"),
    )
    for name in ("1_2.png", "3_4.png"):
        _film(root / "Padchest_GR_files" / "PadChest_GR" / name)


def ms_cxr(root: Path) -> None:
    path = "files/p10/p10000032/s50414267/ab-cd.jpg"
    _json(
        root / "MS_CXR_Local_Alignment_v1.0.0.json",
        {
            "categories": [{"id": 1, "name": "Pneumothorax"}],
            "images": [{"id": 7, "path": path, "file_name": "ab-cd.jpg", "width": 40}],
            "annotations": [
                {
                    "image_id": 7,
                    "category_id": 1,
                    "bbox": [2, 3, 10, 5],
                    "label_text": "small  left apical pneumothorax",
                }
            ],
        },
    )
    _film(root / path)


def vindr_cxr(root: Path) -> None:
    labels = ("image_id", "rad_id", "Pleural effusion", "Nodule/Mass", "Lung cyst", "Cardiomegaly")
    _table(
        root / "annotations" / "image_labels_train.csv",
        labels,
        ("a", "R1", "1", "0", "1", "0"),
        ("a", "R2", "1", "0", "0", "1"),
        ("a", "R3", "0", "0", "0", "0"),
    )
    _table(
        root / "annotations" / "annotations_train.csv",
        ("image_id", "rad_id", "class_name", "x_min", "y_min", "x_max", "y_max"),
        ("a", "R1", "Pleural effusion", "1", "2", "9", "8"),
        ("a", "R1", "Lung cyst", "1", "2", "9", "8"),
        ("a", "R3", "No finding", "", "", "", ""),
    )
    _film(root / "train" / "a.png")


def chestx_det(root: Path) -> None:
    _json(
        root / "ChestX_Det_test.json",
        [
            {
                "file_name": "00000013_001.png",
                "syms": ["Effusion", "Diffuse Nodule"],
                "boxes": [[1, 1, 9, 9], [10, 2, 15, 9]],
                "polygons": [[[1, 1], [9, 1], [9, 9]], [[10, 2], [15, 2], [15, 9]]],
            },
            {"file_name": "00000014_000.png", "syms": [], "boxes": [], "polygons": []},
        ],
    )
    for name in ("00000013_001.png", "00000014_000.png"):
        _film(root / "test_data" / name)


def nih(root: Path) -> None:
    entry = ("Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position")
    _table(
        root / "Data_Entry_2017_v2020.csv",
        ("Image Index", "Finding Labels", *entry),
        ("00000001_000.png", "Cardiomegaly|Effusion", "0", "1", "058", "M", "PA"),
        ("00000002_000.png", "No Finding", "0", "2", "40", "F", "AP"),
        ("00000003_000.png", "Hernia", "0", "3", "41", "F", "AP"),
    )
    _table(
        root / "BBox_List_2017.csv",
        ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""),
        ("00000001_000.png", "Cardiomegaly", "5.0", "6.0", "10.0", "4.0", "", "", ""),
    )
    (root / "test_list.txt").write_text("00000001_000.png\n")
    (root / "train_val_list.txt").write_text("00000002_000.png\n")
    for name in ("00000001_000.png", "00000002_000.png"):  # the third is in a part not fetched
        _film(root / "images_001" / "images" / name)


def iu_xray(root: Path) -> None:
    _table(
        root / "indiana_reports.csv",
        ("uid", "MeSH", "findings", "impression"),
        ("1", "normal", "The lungs are\nclear.", "Normal."),
        ("2", "", "", "Cardiomegaly."),
        ("3", "", "", ""),
    )
    _table(
        root / "indiana_projections.csv",
        ("uid", "filename", "projection"),
        ("1", "1_IM-0001-4001.dcm.png", "Frontal"),
        ("1", "1_IM-0001-3001.dcm.png", "Lateral"),
        ("2", "2_IM-0652-1001.dcm.png", "Frontal"),
        ("3", "3_IM-1384-1001.dcm.png", "Frontal"),
    )
    _json(
        root / "annotation.json",
        {"train": [{"id": "CXR2_IM-0652"}], "val": [], "test": [{"id": "CXR1_IM-0001"}]},
    )
    for name in ("1_IM-0001-4001.dcm.png", "2_IM-0652-1001.dcm.png"):
        _film(root / "images" / "images_normalized" / name)


TREES: dict[str, tuple[Callable[[Path], None], int]] = {
    "padchest-gr": (padchest_gr, 2),
    "ms-cxr": (ms_cxr, 1),
    "vindr-cxr": (vindr_cxr, 1),
    "chestx-det": (chestx_det, 2),
    "nih": (nih, 2),
    "iu-xray": (iu_xray, 2),
}


def _read(name: str, root: Path, split: str = "") -> list[Example]:
    TREES[name][0](root)
    return read_films(name, root, split)


@pytest.mark.parametrize("name", TREES)
def test_every_film_is_read_and_its_file_is_there(name: str, tmp_path: Path) -> None:
    films = _read(name, tmp_path)
    assert len(films) == TREES[name][1]
    assert all(film.path.is_file() and film.patient for film in films)
    assert len(references_of(films)) == len(films)


@pytest.mark.parametrize("name", TREES)
def test_a_folder_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        READERS[name](tmp_path)


@pytest.mark.parametrize("name", TREES)
def test_the_terms_of_use_are_said(name: str) -> None:
    module = __import__(READERS[name].__module__, fromlist=["x"])
    assert "Terms:" in module.__doc__


def test_padchest_gr_gives_sentences_with_boxes_in_pixels(tmp_path: Path) -> None:
    [film] = _read("padchest-gr", tmp_path, "held")
    assert film.patient == "p1"
    assert film.report == "Left pleural effusion. No pneumothorax."
    assert film.phrases[0].boxes == (Box(20, 10, 40, 20), Box(0, 0, 4, 2))
    assert film.phrases[1].boxes == ()
    reference = references_of([film])["1_2"]
    assert reference.statements[0].boxes == film.phrases[0].boxes


def test_ms_cxr_gives_phrases_with_their_boxes(tmp_path: Path) -> None:
    [film] = _read("ms-cxr", tmp_path)
    assert (film.name, film.patient) == ("ab-cd", "10000032")
    assert film.phrases[0].text == "small left apical pneumothorax."
    assert film.phrases[0].boxes == (Box(2, 3, 12, 8),)
    assert film.findings == {"Pneumothorax": "present"}
    reference = references_of([film])["ab-cd"]
    assert reference.text == ""  # phrases are no whole report: what else is said is not unsupported
    assert reference.statements[0].boxes == film.phrases[0].boxes


def test_vindr_cxr_takes_the_majority_of_its_readers(tmp_path: Path) -> None:
    [film] = _read("vindr-cxr", tmp_path)
    assert film.findings == {
        "Pleural Effusion": "present",
        "Lung Lesion": "absent",
        "Cardiomegaly": "uncertain",
    }
    reference = references_of([film])["a"]
    assert reference.marks == {"Pleural Effusion": (Box(1, 2, 9, 8),)}
    assert reference.located == {"Pleural Effusion", "Lung Lesion"}


def test_chestx_det_outlines_every_object(tmp_path: Path) -> None:
    first, empty = _read("chestx-det", tmp_path)
    assert first.findings["Pleural Effusion"] == "present"
    assert first.findings["Nodule"] == "present"
    assert empty.findings["Pleural Effusion"] == "absent"
    assert references_of([first])[first.name].marks["Nodule"] == (Box(10, 2, 15, 9),)


def test_nih_gives_labels_boxes_and_whose_film_it_is(tmp_path: Path) -> None:
    first, second = _read("nih", tmp_path)
    assert (first.split, second.split) == ("held", "train")
    assert first.findings["Cardiomegaly"] == "present"
    assert second.findings["Cardiomegaly"] == "absent"
    reference = references_of([first])[first.name]
    assert reference.marks == {"Cardiomegaly": (Box(5, 6, 15, 10),)}
    assert reference.about["age"] == "58"
    assert reference.about["sex"] == "M"


def test_iu_xray_gives_frontal_films_with_the_papers_split(tmp_path: Path) -> None:
    first, second = _read("iu-xray", tmp_path)
    assert first.report == "The lungs are clear."
    assert second.report == "Cardiomegaly."
    assert (first.split, second.split) == ("held", "train")


def test_an_unknown_reader_or_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="padchest-gr"):
        read_films("padchest", tmp_path)
    chestx_det(tmp_path)
    with pytest.raises(DataError, match="'train'"):
        read_films("chestx-det", tmp_path, "train")

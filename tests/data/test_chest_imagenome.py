"""The builder of the training table, on a small made-up tree of the public data sets' shape."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from grounded.chest.names import REGIONS
from grounded.data.chest_imagenome import Built, build_tables, findings_section
from grounded.data.region_table import abnormal_regions, read_table
from grounded.errors import DataError

FILMS = {
    "train": [("10000032", "50414267", "a1"), ("10000764", "57375967", "a2")],
    "valid": [("10000898", "50771383", "b1")],
    "test": [("10000935", "50578979", "c1"), ("10000980", "50985099", "c2")],
}
REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 FINDINGS:

 The lungs are clear.  There is a
 small left effusion.

 IMPRESSION:

 Small left effusion.
"""


def _object(name: str, corners: tuple[int, int, int, int]) -> dict[str, object]:
    keys = ("original_x1", "original_y1", "original_x2", "original_y2")
    return {"bbox_name": name, **dict(zip(keys, corners, strict=True))}


def _graph(image: str) -> dict[str, object]:
    places = [(4 * i, 3 * i, 4 * i + 40, 3 * i + 30) for i in range(len(REGIONS))]
    objects = [_object(name, box) for name, box in zip(REGIONS, places, strict=True)]
    return {
        "image_id": image,
        "objects": [*objects, _object("left upper abdomen", (0, 0, 5, 5))],
        "attributes": [
            {
                "bbox_name": "right lung",
                "attributes": [["anatomicalfinding|no|lung opacity", "nlp|yes|normal"]],
                "phrases": ["1.  the right lung\n is clear.", "The right lung is clear."],
            },
            {
                "bbox_name": "left costophrenic angle",
                "attributes": [["nlp|yes|abnormal", "anatomicalfinding|yes|pleural effusion"]],
                "phrases": ["There is a small left effusion."],
            },
        ],
        "relationships": [],
    }


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    silver = tmp_path / "imagenome" / "silver_dataset"
    (silver / "scene_graph").mkdir(parents=True)
    for split, films in FILMS.items():
        _write_csv(
            silver / "splits" / f"{split}.csv", ("", "subject_id", "study_id", "dicom_id"),
            [(str(number), *film) for number, film in enumerate(films)],
        )  # fmt: skip
        for subject, study, image in films:
            folder = Path("files") / f"p{subject[:2]}" / f"p{subject}"
            film = tmp_path / "jpg" / folder / f"s{study}" / f"{image}.jpg"
            film.parent.mkdir(parents=True)
            Image.new("L", (200, 160)).save(film)
            report = tmp_path / "reports" / folder / f"s{study}.txt"
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(REPORT)
            graph = silver / "scene_graph" / f"{image}_SceneGraph.json"
            graph.write_text(json.dumps(_graph(image)))
    return tmp_path


def _build(tree: Path, **options: object) -> Built:
    return build_tables(
        tree / "imagenome", tree / "jpg", tree / "out", reports=tree / "reports", **options
    )  # type: ignore[arg-type]


def test_every_listed_film_gets_its_row(tree: Path) -> None:
    built = _build(tree)
    assert built.complete
    assert built.problems == ()
    assert {split: count.written for split, count in built.counts.items()} == {
        "train": 2,
        "valid": 1,
        "test": 2,
    }
    assert built.counts["test"].reports == 2


def test_a_row_holds_boxes_phrases_and_abnormality_in_region_order(tree: Path) -> None:
    [row, _] = read_table(_build(tree).tables["train"])
    place = REGIONS.index("left costophrenic angle")
    assert tuple(row.boxes[REGIONS[1]]) == (4, 3, 44, 33)
    assert row.sentences[REGIONS[0]] == "The right lung is clear."
    assert row.sentences[REGIONS[place]] == "There is a small left effusion."
    assert abnormal_regions(row) == {REGIONS[place]}
    assert row.path.is_file()


def test_boxes_are_clipped_to_the_film_and_empty_ones_are_listed(tree: Path) -> None:
    file = tree / "imagenome/silver_dataset/scene_graph/a1_SceneGraph.json"
    graph = _graph("a1")
    graph["objects"] = [
        _object("spine", (150, -20, 900, 100)),
        _object("carina", (300, 0, 310, 10)),
    ]
    file.write_text(json.dumps(graph))
    built = _build(tree)
    [row, _] = read_table(built.tables["train"])
    assert tuple(row.boxes["spine"]) == (150, 0, 200, 100)
    assert "carina" not in row.boxes
    assert "carina" in built.problems[0].reason


def test_the_reference_report_is_the_findings_section(tree: Path) -> None:
    [row] = read_table(_build(tree).tables["valid"])
    assert row.report == "The lungs are clear. There is a small left effusion."
    assert findings_section("IMPRESSION: Nothing.") == ""


def test_a_missing_film_is_listed_and_the_rest_is_written(tree: Path) -> None:
    next((tree / "jpg").rglob("c2.jpg")).unlink()
    built = _build(tree)
    assert not built.complete
    assert built.counts["test"].written == 1
    assert [problem.image for problem in built.problems] == ["c2"]
    assert "c2" in (tree / "out" / "problems.csv").read_text()


def test_the_text_tells_expected_and_written_and_what_went_wrong(tree: Path) -> None:
    next((tree / "jpg").rglob("c2.jpg")).unlink()
    lines = _build(tree).text.splitlines()
    assert lines[0].split()[:5] == ["split", "listed", "avoided", "expected", "written"]
    assert lines[3].split()[:5] == ["test", "2", "0", "2", "1"]
    assert lines[4] == "1 x left out: the film … is missing"
    assert lines[-1] == "films are missing; 1 problems"


def test_split_files_of_another_length_than_the_published_are_told(tree: Path) -> None:
    differences = _build(tree).differences
    assert len(differences) == 3
    assert "train.csv lists 2 films, version 1.0.0 of Chest ImaGenome 166521" in differences[0]
    assert _build(tree, limit=1).differences == ()


def test_a_broken_scene_graph_is_listed(tree: Path) -> None:
    (tree / "imagenome/silver_dataset/scene_graph/a2_SceneGraph.json").write_text("{")
    [problem] = _build(tree).problems
    assert problem.image == "a2"
    assert "scene graph" in problem.reason


def test_a_table_that_would_be_empty_is_an_error(tree: Path) -> None:
    for film in (tree / "jpg").rglob("*.jpg"):
        film.unlink()
    with pytest.raises(DataError, match=r"no film of the 2 of 'train'.*is missing"):
        _build(tree)
    assert not (tree / "out" / "train.csv").exists()
    assert len((tree / "out" / "problems.csv").read_text().splitlines()) == 3


def test_missing_folders_are_named(tree: Path) -> None:
    with pytest.raises(DataError, match="no splits/"):
        build_tables(tree / "jpg", tree / "jpg", tree / "out", splits=("train",))
    with pytest.raises(DataError, match="MIMIC-CXR-JPG"):
        build_tables(tree / "imagenome", tree, tree / "out", splits=("train",))
    with pytest.raises(DataError, match="reference reports"):
        build_tables(tree / "imagenome", tree / "jpg", tree / "out")


def test_images_to_avoid_are_left_out_and_counted(tree: Path) -> None:
    _write_csv(
        tree / "imagenome/silver_dataset/splits/images_to_avoid.csv", ("dicom_id",), [("a1",)]
    )
    built = _build(tree)
    assert built.counts["train"].avoided == 1
    assert built.counts["train"].written == 1
    assert built.complete


def test_scene_graphs_are_read_out_of_their_zip(tree: Path) -> None:
    graphs = tree / "imagenome/silver_dataset/scene_graph"
    shutil.make_archive(str(graphs), "zip", graphs.parent, "scene_graph")
    shutil.rmtree(graphs)
    assert _build(tree).complete


def test_films_without_all_boxes_can_be_left_out(tree: Path) -> None:
    file = tree / "imagenome/silver_dataset/scene_graph/a1_SceneGraph.json"
    graph = _graph("a1")
    graph["objects"] = [_object("spine", (10, 10, 90, 100))]
    file.write_text(json.dumps(graph))
    built = _build(tree, whole=True)
    assert built.counts["train"].written == 1
    assert "28 of 29 boxes" in built.problems[0].reason

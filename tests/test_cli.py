import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import GroundedReport
from grounded.version import VERSION

LISTS = {"report.files", "manifest.csv", "manifest.jsonl"}


@pytest.fixture
def png(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 80), np.uint8)
    path = tmp_path / "film.png"
    Picture.fromarray(pixels).save(path)
    return path


def test_one_film_is_reported_into_the_folder(run, png: Path, tmp_path: Path) -> None:
    status, output, _ = run("report", png, "-o", tmp_path / "out", "--preset", "baseline")
    assert status == 0
    assert str(tmp_path / "out") in output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.json", "report.txt", "report.html", "overlay.png", "sentence_01.png"} <= names
    assert GroundedReport.open(tmp_path / "out" / "report.json").sentences


def test_the_module_runs_in_a_checkout_as_the_command_does(png: Path, tmp_path: Path) -> None:
    checkout, out = Path(__file__).parent.parent, tmp_path / "out"
    command = [sys.executable, "-m", "grounded", "report", png, "-o", out, "--preset", "baseline"]
    subprocess.run([*command, "--no-pictures"], cwd=checkout, check=True)
    assert (out / "report.json").is_file()


def test_without_pictures_there_is_data_only(run, png: Path, tmp_path: Path) -> None:
    run("report", png, "-o", tmp_path / "out", "--preset", "baseline", "--no-pictures")
    names = {path.name for path in (tmp_path / "out").iterdir()} - LISTS
    assert names == {"report.json", "report.txt"}


def test_a_broken_film_does_not_stop_the_others(run, png: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(png.read_bytes()[:50])
    (tmp_path / "notes.txt").write_text("left out, and counted with no films")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "film.png").write_bytes(png.read_bytes())
    out = tmp_path / "reports"
    status, _, errors = run("report", tmp_path, "-o", out, "--preset", "baseline")
    assert status == 1
    assert "broken.png" in errors
    assert "1 of 3 films have no report" in errors
    assert {path.name for path in out.iterdir()} - LISTS == {"film", "more"}
    assert (out / "more" / "film" / "report.json").is_file()


def test_a_png_becomes_dicom_objects_of_a_given_patient(run, png: Path, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    patient, out = tmp_path / "patient.toml", tmp_path / "out"
    patient.write_text('id = "P1"', encoding="utf-8")
    command = ("report", png, "-o", out, "--preset", "baseline", "--format", "sr.dcm,ko.dcm,csv")
    status, _, errors = run(*command)
    assert status == 1
    assert "--wrap" in errors
    status, _, _ = run(*command, "--wrap", patient, "--uids", "hash")
    assert status == 0
    written = {path.name for path in out.iterdir()}
    assert {"report.sr.dcm", "report.csv", "source.dcm"} <= written
    assert "report.ko.dcm" not in written  # nothing in it is critical


def test_an_answer_is_saved(run, png: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.json"
    status, output, _ = run("describe", png, "5,5,30,40", "--preset", "baseline", "-o", out)
    assert status == 0
    report = GroundedReport.open(out)
    assert "marked area" in report.regions
    assert report.section("findings")[0].text in output


def test_a_region_or_a_box_is_described(run, png: Path) -> None:
    status, output, _ = run("describe", png, "heart", "--preset", "baseline")
    assert status == 0
    assert output
    status, output, _ = run("describe", png, "5,5,30,40", "--preset", "baseline")
    assert status == 0
    assert output


def test_a_reader_s_finding_is_put_in_words(run) -> None:
    film = Path(__file__).parent.parent / "examples" / "normal_pa.jpg"
    finding = "Pleural Effusion=present"
    status, output, _ = run("describe", film, "left lung", "--finding", finding)
    assert status == 0
    assert "left pleural effusion" in output.lower()
    assert "set by the reader" in output
    assert "right lung's share of the area: 0.51\n" in output


@pytest.mark.parametrize("finding", ["Pleural Effusion", "Pleural Effusion=yes", "=present"])
def test_a_finding_that_is_none_ends_in_one_line(run, png: Path, finding: str) -> None:
    status, _, errors = run("describe", png, "heart", "--finding", finding, "--preset", "baseline")
    assert status == 1
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1


def test_synthetic_films_are_made_reported_and_evaluated(run, tmp_path: Path) -> None:
    made, reports, figures = tmp_path / "made", tmp_path / "reports", tmp_path / "figures.json"
    status, output, _ = run("data", "phantom", made, "--films", 1, "--held", 2)
    assert status == 0
    assert "iu_text" in output
    run("report", made / "films", "-o", reports, "--preset", "baseline", "--no-pictures")
    status, output, _ = run("evaluate", reports, made / "valid.csv", "-o", figures)
    assert status == 0
    assert "regions found of 29" in output
    assert json.loads(figures.read_text())["figures"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "none.png", "-o", "out"), "none.png"),
        (("report", ".", "-o", "out"), "no file"),
        (("report", "none.png", "-o", "out", "--preset", "best"), "no preset 'best'"),
        (("report", "none.png", "-o", "out", "--at-most-wrong", "5"), "such as 5%"),
        (
            ("report", "none.png", "-o", "-", "--preset", "baseline", "--at-most-wrong", "5%"),
            "grounded train confidence",
        ),
        (("train", "confidence", "best", "--data", "."), "no preset 'best'"),
        (("train", "confidence", "baseline", "--data", "no_films"), "no_films"),
        (("describe", "none.png", "1,2,3"), "x0,y0,x1,y1"),
        (("convert", "rgrg", "none.pt", "-o", "out"), "none.pt"),
        (("train", "detector", "none.toml", "--data", ".", "-o", "out"), "none.toml"),
        (("train", "generator", "none.toml", "--data", ".", "-o", "out"), "none.toml"),
        (("train", "rgrg", "none.toml", "--data", ".", "-o", "out"), "none.toml"),
        (("data", "chest-imagenome", "no_graphs", "no_films", "-o", "out"), "no_graphs"),
        (("evaluate", "none.jsonl", "none.csv"), "none.jsonl"),
    ],
)
def test_a_users_mistake_ends_in_one_line(
    run, tmp_path: Path, monkeypatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = run(*arguments)
    assert status == 1
    assert message in errors
    assert "Traceback" not in errors


def test_the_version_is_printed(run) -> None:
    status, output, _ = run("--version")
    assert (status, output) == (0, f"grounded {VERSION}\n")


def test_presets_and_regions_are_listed(run) -> None:
    status, output, _ = run("presets")
    assert status == 0
    assert [line.split()[0] for line in output.splitlines()] == ["baseline", "measured", "neural"]
    status, output, _ = run("regions")
    assert status == 0
    assert len(output.splitlines()) == 29
    assert "right hemidiaphragm            right" in output


def test_the_formats_are_chosen_by_name(run, png: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, _, _ = run("report", png, "-o", out, "--preset", "baseline", "--format", "txt,html")
    assert status == 0
    names = {path.name for path in out.iterdir()}
    assert names - LISTS == {"report.txt", "report.html"}


def test_an_unknown_format_is_an_error_before_anything_is_read(run, png, tmp_path) -> None:
    status, _, errors = run("report", png, "-o", tmp_path / "out", "--format", "json,doc")
    assert status == 1
    assert "no exporter 'doc' is installed" in errors
    assert not (tmp_path / "out").exists()


def test_quiet_prints_errors_only(run, png: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(png.read_bytes()[:50])
    arguments = ("-o", tmp_path / "out", "--preset", "baseline", "--no-pictures", "-q")
    status, output, errors = run("report", png, tmp_path / "broken.png", *arguments)
    assert status == 1
    assert output == ""
    assert "broken.png" in errors


def test_a_name_from_a_file_cannot_steer_the_terminal(run, png: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[31m\rb.png"
    odd.write_bytes(png.read_bytes()[:50])
    arguments = ("-o", tmp_path / "out", "--preset", "baseline", "--no-pictures")
    status, output, errors = run("report", odd, *arguments)
    assert status == 1
    assert "\x1b" not in output + errors
    assert r"a\x1b[31m\rb.png" in errors


def test_a_box_may_begin_with_a_minus(run, png: Path) -> None:
    status, _, errors = run("describe", png, "-5,-5,40,40", "--preset", "baseline")
    assert status == 0, errors


def test_films_and_reports_do_not_share_a_folder(run, png: Path) -> None:
    status, _, errors = run("report", png, "-o", png.parent, "--preset", "baseline")
    assert status == 1
    assert "--in-place" in errors


def test_a_film_from_standard_input_becomes_a_report_on_standard_output(png: Path) -> None:
    command = [sys.executable, "-m", "grounded", "report", "-", "-o", "-", "--preset", "baseline"]
    done = subprocess.run(command, input=png.read_bytes(), capture_output=True, check=True)
    assert done.stdout.decode("utf-8").startswith("FINDINGS\n")
    command += ["--format", "json"]
    done = subprocess.run(command, input=png.read_bytes(), capture_output=True, check=True)
    assert GroundedReport.from_dict(json.loads(done.stdout)).sentences


def test_standard_output_takes_one_format(run, png: Path) -> None:
    status, _, errors = run("report", png, "-o", "-", "--format", "json,txt")
    assert status == 1
    assert "one film and one format, got 1 and 2" in errors


def test_the_view_can_be_given(run, png: Path, tmp_path: Path) -> None:
    arguments = ("-o", tmp_path / "out", "--preset", "baseline", "--no-pictures")
    status, _, errors = run("report", png, *arguments, "--view", "AP")
    assert status == 0, errors
    assert GroundedReport.open(tmp_path / "out" / "report.json").image.view == "AP"
    status, _, errors = run("report", png, *arguments, "--view", "sideways")
    assert status == 1
    assert "sideways" in errors


def test_a_table_states_the_views_of_films(run, png: Path, tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("file,view\nfilm.png,AP\n", encoding="utf-8")
    end = ("-o", tmp_path / "out", "--preset", "baseline", "--format", "json", "--table", table)
    assert run("report", png, *end)[0] == 0
    assert GroundedReport.open(tmp_path / "out" / "report.json").image.view == "AP"


def test_a_table_of_other_films_is_named(run, png: Path, tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("file,view\nother.png,AP\n", encoding="utf-8")
    end = ("-o", tmp_path / "out", "--preset", "baseline", "--table", table)
    status, _, errors = run("report", png, *end)
    assert status == 1
    assert "names none of the films" in errors

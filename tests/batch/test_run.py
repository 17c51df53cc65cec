"""A batch goes on past any film, and a batch that was killed goes on where it stood."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import GroundedReport, Image, Reporter, load
from grounded.batch.ledger import LINES, Status
from grounded.batch.plan import plan
from grounded.batch.run import Options, Outcome, report_films
from grounded.data.film_table import Stated
from grounded.errors import InvalidValueError
from grounded.protocols import RegionDetector
from grounded.regions import Regions
from grounded.view import View

QUICK = Options(formats=("json", "txt"))


def write_film(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 48), np.uint8)
    Picture.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def reporter() -> Reporter:
    return load("baseline")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    for number in range(5):
        write_film(tmp_path / "films" / f"f{number}.png", number)
    return tmp_path / "films"


def run(
    reporter: Reporter, films: Path, out: Path, options: Options = QUICK, *, resume: bool = False
) -> list[Outcome]:
    return list(report_films(reporter, plan([films], out).jobs, out, options, resume=resume))


def statuses(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.entry.file: str(outcome.entry.status) for outcome in outcomes}


def test_every_film_gets_its_folder_and_its_line(reporter: Reporter, films: Path, tmp_path: Path):
    outcomes = run(reporter, films, tmp_path / "out")
    assert statuses(outcomes) == {f"f{n}.png": "reported" for n in range(5)}
    lines = (tmp_path / "out" / LINES).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["folder"] for line in lines] == [f"f{n}" for n in range(5)]
    for number in range(5):
        report = GroundedReport.open(tmp_path / "out" / f"f{number}" / "report.json")
        assert report.image.name == f"f{number}"


def test_broken_films_fail_alone_and_stray_files_are_listed(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    (films / "f1.png").write_bytes((films / "f1.png").read_bytes()[:40])
    (films / "notes.txt").write_text("hello", encoding="utf-8")
    outcomes = run(reporter, films, tmp_path / "out")
    assert statuses(outcomes) == {
        "f0.png": "reported",
        "f1.png": "failed",
        "f2.png": "reported",
        "f3.png": "reported",
        "f4.png": "reported",
        "notes.txt": "left out",
    }


def test_a_stray_file_that_was_named_is_an_error(reporter: Reporter, tmp_path: Path) -> None:
    note = tmp_path / "notes.txt"
    note.write_text("hello", encoding="utf-8")
    [outcome] = report_films(reporter, plan([note], tmp_path / "o").jobs, tmp_path / "o", QUICK)
    assert outcome.entry.status is Status.FAILED


@dataclass(frozen=True)
class Choking:
    """A detector that fails on one film in a way that nobody foresaw."""

    detector: RegionDetector
    name = "choking"
    weights_sha256 = {}  # noqa: RUF012

    @property
    def atlas(self):
        return self.detector.atlas

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        if any(image.info.name == "f2" for image in images):
            raise RecursionError("name of the patient")
        return self.detector.detect(images)


def test_an_error_that_nobody_foresaw_is_one_films_failure(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    choking = replace(reporter, detector=Choking(reporter.detector))
    outcomes = run(choking, films, tmp_path / "out")
    found = statuses(outcomes)
    assert found.pop("f2.png") == "failed"
    assert set(found.values()) == {"reported"}
    [reason] = [o.entry.reason for o in outcomes if o.entry.reason]
    assert "RecursionError" in reason
    assert "patient" not in reason


def test_a_report_that_cannot_be_written_fails_alone(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "out" / "f3" / "report.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    found = statuses(run(reporter, films, tmp_path / "out"))
    assert found["f3.png"] == "failed"
    assert list(found.values()).count("reported") == 4
    assert mine.read_text(encoding="utf-8") == "mine"


def test_resume_leaves_what_is_done(reporter: Reporter, films: Path, tmp_path: Path) -> None:
    run(reporter, films, tmp_path / "out")
    (films / "f9.png").write_bytes((films / "f0.png").read_bytes())
    outcomes = run(reporter, films, tmp_path / "out", resume=True)
    assert [o.entry.file for o in outcomes if not o.skipped] == ["f9.png"]


def test_resume_reports_a_film_whose_pixels_changed(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    run(reporter, films, tmp_path / "out")
    write_film(films / "f1.png", 77)
    outcomes = run(reporter, films, tmp_path / "out", resume=True)
    assert [o.entry.file for o in outcomes if not o.skipped] == ["f1.png"]


def test_resume_reports_anew_in_other_formats(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    run(reporter, films, tmp_path / "out")
    outcomes = run(reporter, films, tmp_path / "out", Options(formats=("json",)), resume=True)
    assert not any(outcome.skipped for outcome in outcomes)
    assert not (tmp_path / "out" / "f0" / "report.txt").exists()


def test_anonymous_leaves_no_name_anywhere(reporter: Reporter, tmp_path: Path) -> None:
    write_film(tmp_path / "films" / "Doe^Jane" / "Doe.png")
    (tmp_path / "films" / "Doe.txt").write_text("hello", encoding="utf-8")
    out = tmp_path / "out"
    options = Options(formats=("json", "txt", "html"), anonymous=True)
    outcomes = run(reporter, tmp_path / "films", out, options)
    assert [str(o.entry.status) for o in outcomes].count("reported") == 1
    for path in out.rglob("*"):
        assert "Doe" not in path.relative_to(out).as_posix()
        if path.is_file():
            assert b"Doe" not in path.read_bytes(), path


def test_the_batch_size_does_not_change_a_report(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    run(reporter, films, tmp_path / "one", Options(formats=("json",), batch_size=1))
    run(reporter, films, tmp_path / "all", Options(formats=("json",), batch_size=8))
    for number in range(5):
        one, all_ = (tmp_path / d / f"f{number}" / "report.json" for d in ("one", "all"))
        assert one.read_bytes() == all_.read_bytes()


def test_a_batch_of_no_films_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="batch_size is at least 1, got 0"):
        Options(batch_size=0)


@pytest.mark.parametrize("moment", [1, 3])
def test_a_batch_that_was_killed_goes_on(films: Path, tmp_path: Path, moment: int) -> None:
    """`benchmarks/batch_kills.py` does the same at many moments."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "grounded", "report", films, "-o", out]
    command += ["--preset", "baseline", "--batch-size", "1", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as batch:
        while not (out / LINES).is_file() or _count(out) < moment:
            assert batch.poll() is None or _count(out) >= moment
            time.sleep(0.01)
        os.kill(batch.pid, signal.SIGKILL)
    done = _count(out)
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (out / LINES).read_text().splitlines()]
    assert sorted(line["file"] for line in lines) == [f"f{number}.png" for number in range(5)]
    assert done >= moment
    for number in range(5):
        GroundedReport.open(out / f"f{number}" / "report.json")


def _count(out: Path) -> int:
    return (out / LINES).read_bytes().count(b"\n") if (out / LINES).is_file() else 0


def test_what_a_table_states_of_a_film_counts_for_that_film(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    stated = {films / "f0.png": Stated(View.AP, 3.0), films / "f1.png": Stated(View.LL)}
    options = replace(QUICK, view="PA", stated=stated)
    outcomes = run(reporter, films, tmp_path / "out", options)
    images = {
        name: GroundedReport.open(tmp_path / "out" / name / "report.json").image
        for name in ("f0", "f2")
    }
    assert {name: (image.view, image.child) for name, image in images.items()} == {
        "f0": ("AP", True),
        "f2": ("PA", False),
    }
    [lateral] = [item.entry for item in outcomes if item.entry.status is Status.FAILED]
    assert "its view is LL, no frontal one" in lateral.reason


def test_a_film_of_which_a_table_states_something_else_is_done_anew(
    reporter: Reporter, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(reporter, films, out)
    options = replace(QUICK, stated={films / "f3.png": Stated(View.AP)})
    again = run(reporter, films, out, options, resume=True)
    assert [item.job.name for item in again if not item.skipped] == ["f3.png"]


def test_what_a_film_is_refused_for_names_its_file(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    [first, *_] = run(load("measured"), films, out)
    assert first.entry.reason.startswith(f"{films / 'f0.png'}: This is probably not a frontal")

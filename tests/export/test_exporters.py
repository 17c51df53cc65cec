import json
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest

from grounded import GroundedReport
from grounded.errors import ReportError
from grounded.export.exporters import (
    DATA,
    EVERYTHING,
    GROUP,
    exporter,
    format_of,
    save,
    save_all,
    write_whole,
)
from grounded.export.json import encode as json_encode


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_suffix_chooses_the_form_and_folders_are_made(report, tmp_path, name):
    path = tmp_path / "new" / "folder" / f"report.{name}"
    report.save(path)
    assert path.stat().st_size > 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_suffix_may_be_in_capitals(report, tmp_path):
    report.save(tmp_path / "REPORT.TXT")
    assert (tmp_path / "REPORT.TXT").read_text(encoding="utf-8") == report.text


def test_an_option_that_the_exporter_does_not_take_is_refused(report, tmp_path):
    with pytest.raises(ReportError, match="takes no option uids; it takes: none"):
        report.save(tmp_path / "report.txt", uids="hash")
    with pytest.raises(ReportError, match="takes no option colour; it takes: uids"):
        report.save(tmp_path / "report.sr.dcm", colour="red")


def test_an_unknown_suffix_is_refused_with_the_known_ones(report, tmp_path):
    with pytest.raises(ReportError, match=r"'\.doc' is not known; known are \.csv, .*\.json"):
        report.save(tmp_path / "report.doc")
    assert not list(tmp_path.iterdir())


def numbers(value):
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int | float) else []


def test_json_comes_back_as_the_same_report(report, tmp_path):
    shifted = replace(report.regions, boxes=report.regions.boxes + 1 / 3, scores=np.full(3, 1 / 7))
    report = replace(report, regions=shifted)
    report.save(tmp_path / "report.json")
    again = GroundedReport.open(tmp_path / "report.json", film=report.film)
    before, after = report.to_dict(), again.to_dict()
    assert numbers(after) == pytest.approx(numbers(before), abs=1e-6)
    assert again.text == report.text


def test_json_is_for_people_as_well(report, tmp_path):
    report.save(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert '"box": [10.0, 5.0, 40.0, 60.0]' in text
    assert '\n  "sentences": [\n' in text


def test_text_in_brackets_survives_the_packing_of_numbers(report, tmp_path):
    odd = "See [ 1, 2 ]\n[\n 3\n]"
    report = replace(report, sentences=(replace(report.sentences[0], text=odd),))
    report.save(tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["sentences"][0]["text"] == odd


def test_the_png_is_the_overlay(report, tmp_path):
    report.save(tmp_path / "report.png")
    written = cv2.imread(str(tmp_path / "report.png"))[:, :, ::-1]
    assert np.array_equal(written, report.overlay())


def test_a_picture_without_film_is_refused_and_leaves_no_file(report, tmp_path):
    with pytest.raises(ReportError, match="without its film"):
        save(replace(report, film=None), tmp_path / "report.png")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_what_was_there_and_says_why(report, tmp_path):
    (tmp_path / "report.txt").mkdir()
    with pytest.raises(ReportError, match=r"cannot write .*report\.txt"):
        report.save(tmp_path / "report.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["report.txt"]


def test_a_file_is_replaced_as_a_whole(report, tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("old " * 10_000, encoding="utf-8")
    report.save(path)
    assert path.read_text(encoding="utf-8") == report.text


def names(paths: tuple[Path, ...]) -> list[str]:
    return sorted(path.name for path in paths)


LISTED = "report.files"


def test_everything_goes_into_one_folder(report, tmp_path):
    paths = save_all(report, tmp_path / "out")
    panels = [f"sentence_{at:02d}.png" for at in range(1, len(report.sentences) + 1)]
    assert names(paths) == sorted(
        ["overlay.png", "report.html", "report.json", "report.txt", *panels]
    )
    assert names(tuple((tmp_path / "out").iterdir())) == sorted([*names(paths), LISTED])


def test_panels_of_an_earlier_report_do_not_stay(report, tmp_path):
    save_all(report, tmp_path)
    paths = save_all(replace(report, sentences=report.sentences[:1]), tmp_path)
    assert "sentence_01.png" in names(paths)
    assert not (tmp_path / "sentence_02.png").exists()


def test_without_film_everything_but_pictures_is_written(report, tmp_path):
    paths = save_all(replace(report, film=None), tmp_path)
    assert names(paths) == ["report.html", "report.json", "report.txt"]


def test_formats_can_be_chosen(report, tmp_path):
    save_all(report, tmp_path)
    paths = save_all(report, tmp_path, DATA)
    assert names(paths) == ["report.json", "report.txt"]
    assert names(tuple(tmp_path.iterdir())) == sorted([*names(paths), LISTED])


@pytest.mark.parametrize("name", ["overlay.png", "report.json", "sentence_01.png"])
def test_a_file_of_the_user_is_never_replaced(report, tmp_path, name):
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ReportError, match="no file of an earlier report"):
        save_all(report, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_file_of_the_user_is_never_removed(report, tmp_path):
    save_all(report, tmp_path)
    (tmp_path / "sentence_99.png").write_text("mine", encoding="utf-8")
    save_all(report, tmp_path, DATA)
    assert (tmp_path / "sentence_99.png").is_file()


@pytest.mark.parametrize("name", ["../mine.txt", "..", ".", "/etc/hostname", ""])
def test_a_list_cannot_lead_out_of_its_folder(report, tmp_path, name):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    folder = tmp_path / "out"
    save_all(report, folder)
    (folder / LISTED).write_text(f"{name}\nreport.json\nreport.txt\n", encoding="utf-8")
    save_all(report, folder, DATA[:1]) if name else None
    assert mine.read_text(encoding="utf-8") == "mine"


def test_what_a_stopped_write_began_is_replaced_by_the_next(report, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("grounded.export.exporters.write_whole", _failing_at(3, stop))
        with pytest.raises(KeyboardInterrupt):
            save_all(report, tmp_path)
    assert len(names(tuple(tmp_path.iterdir()))) < 5
    assert "report.html" in names(save_all(report, tmp_path))


def test_what_a_killed_process_left_is_removed(report, tmp_path):
    (tmp_path / f".{'0' * 16}.grounded").write_bytes(b"half")
    (tmp_path / ".mine.grounded").write_bytes(b"mine")
    save_all(report, tmp_path, DATA)
    assert ".mine.grounded" in names(tuple(tmp_path.iterdir()))
    assert f".{'0' * 16}.grounded" not in names(tuple(tmp_path.iterdir()))


def _failing_at(count, stop):
    calls = iter(range(1, 100))

    def write(path, content):
        stop() if next(calls) == count else write_whole(path, content)

    return write


def test_the_longest_end_that_is_known_chooses(tmp_path, monkeypatch):
    points = (
        EntryPoint("json", "grounded.export.json:encode", GROUP),
        EntryPoint("short.json", "grounded.export.text:encode", GROUP),
    )
    monkeypatch.setattr("grounded.export.exporters._installed", lambda: points)
    assert format_of(tmp_path / "a.b.short.json") == "short.json"
    assert format_of(tmp_path / "a.short.b.json") == "json"


def test_the_format_can_be_named(report, tmp_path):
    report.save(tmp_path / "report.anything", format="txt")
    assert (tmp_path / "report.anything").read_text(encoding="utf-8") == report.text
    with pytest.raises(ReportError, match="no exporter 'doc' is installed; there are: csv, "):
        report.save(tmp_path / "report.txt", format="doc")


def test_an_exporter_of_another_package_cannot_take_the_place_of_ours(monkeypatch):
    points = (
        EntryPoint("json", "stranger:encode", GROUP),
        EntryPoint("json", "grounded.export.json:encode", GROUP),
    )
    monkeypatch.setattr("grounded.export.exporters._installed", lambda: points)
    assert exporter("json") is json_encode


def test_an_exporter_that_cannot_be_loaded_is_named(report, tmp_path, monkeypatch):
    point = EntryPoint("odd", "no_such_module:encode", GROUP)
    monkeypatch.setattr("grounded.export.exporters._installed", lambda: (point,))
    with pytest.raises(ReportError, match="'odd' cannot be loaded from no_such_module:encode"):
        report.save(tmp_path / "report.odd")


def test_numbers_of_numpy_are_written_as_numbers(report, tmp_path):
    sentence = replace(report.sentences[0], score=np.float32(0.25), abnormal=np.bool_(True))
    report = replace(report, sentences=(sentence,))
    report.save(tmp_path / "report.json")
    again = GroundedReport.open(tmp_path / "report.json")
    assert (again.sentences[0].score, again.sentences[0].abnormal) == (0.25, True)

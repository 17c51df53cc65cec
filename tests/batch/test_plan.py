"""Where reports go is decided from the films' own places, and what is no input is not read."""

from pathlib import Path

import pytest

from grounded.batch.plan import plan
from grounded.errors import InvalidValueError


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    for name in ("S1/IM0001.jpg", "S2/IM0001.jpg", "1.2.840.1001", "1.2.840.1002", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def folders(paths: list[Path], out: Path, **options: bool) -> dict[str, str]:
    made = plan(paths, out, **options)
    return {job.name: job.folder.relative_to(out).as_posix() for job in made.jobs}


def test_the_output_mirrors_the_folders_and_keeps_whole_names(films: Path, tmp_path: Path) -> None:
    assert folders([films], tmp_path / "out") == {
        "1.2.840.1001": "1.2.840.1001",
        "1.2.840.1002": "1.2.840.1002",
        "notes.txt": "notes.txt",
        "S1/IM0001.jpg": "S1/IM0001",
        "S2/IM0001.jpg": "S2/IM0001",
    }


def test_a_film_keeps_its_folder_when_another_is_gone(films: Path, tmp_path: Path) -> None:
    before = folders([films], tmp_path / "out")
    (films / "1.2.840.1001").unlink()
    after = folders([films], tmp_path / "out")
    assert after == {name: before[name] for name in after}


def test_one_film_that_is_named_goes_to_the_output_itself(films: Path, tmp_path: Path) -> None:
    assert folders([films / "S1/IM0001.jpg"], tmp_path / "out") == {"IM0001.jpg": "."}


def test_a_folder_with_one_film_is_mirrored_too(films: Path, tmp_path: Path) -> None:
    assert folders([films / "S1"], tmp_path / "out") == {"IM0001.jpg": "IM0001"}


def test_folders_from_several_places_do_not_meet(films: Path, tmp_path: Path) -> None:
    assert folders([films / "S1", films / "S2"], tmp_path / "out") == {
        "S1/IM0001.jpg": "S1/IM0001",
        "S2/IM0001.jpg": "S2/IM0001",
    }


def test_a_file_that_is_named_twice_is_read_once(films: Path, tmp_path: Path) -> None:
    made = plan([films, films / "notes.txt", films], tmp_path / "out")
    assert len({job.film for job in made.jobs}) == len(made.jobs) == 5


def test_names_that_differ_by_suffix_alone_keep_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("film.png", "film.dcm", "other.png", "other"):
        (tmp_path / "in" / name).write_bytes(b"x")
    assert folders([tmp_path / "in"], tmp_path / "out") == {
        "film.dcm": "film.dcm",
        "film.png": "film.png",
        "other": "other",
        "other.png": "other.png",
    }


def test_hidden_files_and_folders_are_not_read(films: Path, tmp_path: Path) -> None:
    (films / ".hidden").mkdir()
    (films / ".hidden" / "a.png").write_bytes(b"x")
    (films / ".b.png").write_bytes(b"x")
    assert not any("hidden" in name or ".b" in name for name in folders([films], tmp_path / "out"))


def test_what_lies_under_the_output_is_not_read(films: Path) -> None:
    out = films / "out"
    (out / "S1").mkdir(parents=True)
    (out / "S1" / "overlay.png").write_bytes(b"x")
    (out / "manifest.jsonl").write_bytes(b"")
    assert len(folders([films], out)) == 5


def test_an_earlier_report_is_not_read(films: Path, tmp_path: Path) -> None:
    (films / "old").mkdir()
    (films / "old" / "overlay.png").write_bytes(b"x")
    (films / "old" / "report.files").write_bytes(b"overlay.png\n")
    assert not any("old" in name for name in folders([films], tmp_path / "out"))


@pytest.mark.parametrize("inside", [".", "S1"])
def test_films_and_reports_share_a_folder_only_if_asked(films: Path, inside: str) -> None:
    folder = films / inside
    with pytest.raises(InvalidValueError, match="--in-place"):
        plan([folder], folder)
    assert plan([folder], folder, in_place=True).jobs


def test_an_output_folder_in_which_films_lie_is_refused(films: Path) -> None:
    with pytest.raises(InvalidValueError, match="where films may lie"):
        plan([films], films / "S1")


def test_one_film_is_not_reported_beside_itself_unless_asked(films: Path) -> None:
    with pytest.raises(InvalidValueError, match="--in-place"):
        plan([films / "S1/IM0001.jpg"], films / "S1")


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="there is no file in"):
        plan([tmp_path], tmp_path / "out")


def test_a_name_that_is_too_long_is_left_to_the_reader(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    assert [job.film for job in plan([long], tmp_path / "out").jobs] == [long]

"""The table of what the notes of the real films say, and tables of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from grounded.data.film_findings import COLUMNS, read_film_findings
from grounded.errors import DataError

HEADING = ",".join(COLUMNS)
ROW = "film-1,right upper lung zone,Lung Opacity,present,notes"
SIDES = ("right", "left")
SHIPPED = Path(__file__).parents[2] / "benchmarks" / "covid_films.csv"


def table(folder: Path, *lines: str, heading: str = HEADING) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_table_is_read_by_film_then_region_and_label(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        ROW,
        "film-1,left lung,Pneumothorax,absent,notes",
        "f2,trachea,Support Devices,uncertain,seen",
    )
    assert read_film_findings(path) == {
        "film-1": {
            ("right upper lung zone", "Lung Opacity"): "present",
            ("left lung", "Pneumothorax"): "absent",
        },
        "f2": {("trachea", "Support Devices"): "uncertain"},
    }


def test_a_table_without_rows_knows_of_no_film(tmp_path: Path) -> None:
    assert read_film_findings(table(tmp_path)) == {}


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = table(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADING}\r\n{ROW}\r\n".encode())
    assert list(read_film_findings(path)) == ["film-1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("right upper lung", "right uper lung"), "no region 'right uper lung zone'"),
        (ROW.replace("right upper lung zone", "ruz"), "by its name 'right upper lung zone'"),
        (ROW.replace("Lung Opacity", "Opacity"), "no finding 'Opacity'"),
        (ROW.replace("present", "yes"), "presence is one of .*got 'yes'"),
        (ROW.replace("notes", "guess"), "source is one of .*got 'guess'"),
        (ROW.replace("film-1", ""), "film's name is empty"),
        (ROW.removesuffix(",notes"), "got another number"),
        (ROW + ",more", "got another number"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_its_line(
    row: str, message: str, tmp_path: Path
) -> None:
    path = table(tmp_path, "film-0,left lung,Lung Opacity,absent,notes", row)
    with pytest.raises(DataError, match=rf"table\.csv, line 3: .*{message}"):
        read_film_findings(path)


def test_a_repeated_row_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = table(tmp_path, ROW, ROW.replace("present", "absent"))
    with pytest.raises(DataError, match=r"line 3: .* is on line 2 already"):
        read_film_findings(path)


def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, ROW, heading="film,region,label,presence")
    with pytest.raises(DataError, match="lacks the columns source; it has: film, region"):
        read_film_findings(path)


def test_a_table_that_is_missing_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the table of findings"):
        read_film_findings(tmp_path / "none.csv")


def test_the_shipped_table_knows_what_is_absent_as_well_as_what_is_present() -> None:
    known = [item for film in read_film_findings(SHIPPED).values() for item in film.items()]
    for region, label in (
        ("right lower lung zone", "Lung Opacity"),
        ("left upper lung zone", "Lung Opacity"),
        ("trachea", "Support Devices"),
    ):
        said = {presence for key, presence in known if key == (region, label)}
        assert {"present", "absent"} <= said


def test_in_the_shipped_table_a_lung_agrees_with_its_zones() -> None:
    for name, film in read_film_findings(SHIPPED).items():
        for side in SIDES:
            zones = [
                film.get((f"{side} {zone} lung zone", "Lung Opacity"))
                for zone in ("upper", "mid", "lower")
            ]
            whole = film.get((f"{side} lung", "Lung Opacity"))
            if "present" in zones:
                assert whole == "present", name
            if whole == "absent":
                assert zones == ["absent"] * 3, name


def test_in_the_shipped_table_a_tube_in_the_trachea_lies_over_the_mediastinum() -> None:
    for name, film in read_film_findings(SHIPPED).items():
        if film.get(("trachea", "Support Devices")) == "present":
            assert film.get(("mediastinum", "Support Devices")) == "present", name

"""A film with a critical finding is selected, any other is not."""

from dataclasses import replace

import pydicom
import pytest

from grounded import Finding
from grounded.errors import NothingToExportError
from grounded.export.exporters import save_all


def with_finding(report, presence):
    found = Finding("Pneumothorax", presence, "right lung", 0.8)
    return replace(report, sentences=(replace(report.sentences[0], findings=(found,)),))


@pytest.mark.parametrize("presence", ["present", "uncertain"])
def test_a_film_with_a_critical_finding_is_selected(reported, tmp_path, valid, presence) -> None:
    with_finding(reported, presence).save(tmp_path / "film.ko.dcm")
    valid(tmp_path / "film.ko.dcm")
    made = pydicom.dcmread(tmp_path / "film.ko.dcm")
    texts = [item.TextValue for item in made.ContentSequence if item.ValueType == "TEXT"]
    assert any(f"Pneumothorax ({presence})" in text for text in texts)
    [image] = [item for item in made.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.3.6.1.4.1.99999.77.3"


def test_a_film_without_one_is_not_selected(reported, tmp_path) -> None:
    with pytest.raises(NothingToExportError, match="none of the critical findings"):
        with_finding(reported, "absent").save(tmp_path / "film.ko.dcm")


def test_what_is_critical_can_be_said(reported, tmp_path) -> None:
    reported.save(tmp_path / "film.ko.dcm", critical="Pleural Effusion, Edema")
    assert (tmp_path / "film.ko.dcm").is_file()


def test_a_folder_of_reports_leaves_a_format_out_that_has_nothing_to_say(reported, tmp_path):
    paths = save_all(reported, tmp_path, ("ko.dcm", "csv"))
    assert [path.name for path in paths] == ["report.csv"]

"""Made-up report text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from grounded.data.iu_text import iu_text
from grounded.language.labeller import Labeller
from grounded.synthetic.reports import write_phantom_reports
from grounded.train.writer.corpus import phrases

FINDINGS = (
    "Lung Opacity", "Atelectasis", "Nodule", "Pleural Effusion", "Pneumothorax",
    "Cardiomegaly",
)  # fmt: skip


def test_reports_are_read_with_their_split(tmp_path: Path) -> None:
    write_phantom_reports(tmp_path, count=50)
    splits = Counter(report.split for report in iu_text(tmp_path))
    assert splits == {"train": 40, "val": 5, "test": 5}


def test_a_report_is_normal_or_names_its_findings_twice(tmp_path: Path) -> None:
    write_phantom_reports(tmp_path, count=50)
    labeller = Labeller.open()
    normal = 0
    for report in iu_text(tmp_path):
        found = {f.label for s in report.sentences for f in labeller.label(s)}
        assert found, report
        if report.mesh == ("normal",):
            normal += 1
            assert report.sentences[-1] == "No abnormality is seen."
        else:
            assert report.sentences[-1] in report.sentences[:-1]
    assert 10 < normal < 35


def test_the_reports_give_phrases_for_each_finding_present_and_absent(tmp_path: Path) -> None:
    write_phantom_reports(tmp_path)
    found = phrases(iu_text(tmp_path), Labeller.open(), familiar=2)
    said = {finding for phrase in found for finding in phrase.findings}
    assert said >= {(label, presence) for label in FINDINGS for presence in ("present", "absent")}
    assert ("Lung Opacity", "uncertain") in said
    assert len(found) > 200


def test_the_same_seed_gives_the_same_reports(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_phantom_reports(tmp_path / name, count=5, seed=seed)
    files = [(tmp_path / name / "indiana_reports.csv").read_text() for name in "abc"]
    assert files[0] == files[1] != files[2]

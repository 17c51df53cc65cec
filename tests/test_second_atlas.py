"""Nothing but the chest's own rooms knows the chest: a film of two knees goes all the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import grounded
from grounded import Atlas, Box, Finding, GroundedReport, Image, Mask, Reporter, Sentence
from grounded.compose.composer import edited
from grounded.compose.impression import impression
from grounded.errors import ConfigError, RegionError
from grounded.export.exporters import save_all
from grounded.findings import Presence
from grounded.viz.document import document
from grounded.viz.marks import marks_of

FOLDER = Path(__file__).parent / "second_atlas"


@pytest.fixture
def knees(monkeypatch: pytest.MonkeyPatch) -> Reporter:
    monkeypatch.syspath_prepend(str(FOLDER))
    return grounded.load(FOLDER, trust=True)


@pytest.fixture
def knee_film() -> Image:
    """Bones are bright; the ruler lies in the dark at the lower border."""
    pixels = np.full((200, 300), 0.3, np.float32)
    pixels[20:180, 30:120] = pixels[20:180, 180:270] = 0.8
    return Image.of(pixels, name="knees")


@pytest.fixture
def knee_report(knees: Reporter, knee_film: Image) -> GroundedReport:
    return knees(knee_film)


@pytest.fixture
def atlas() -> Atlas:
    return Atlas.open(FOLDER / "knees.toml")


def say(text: str, region: str, presence: Presence | None = None, score: float = 0.9) -> Sentence:
    """A sentence of one knee, with a fracture that is there or not."""
    findings = (Finding("Fracture", presence, region, score),) if presence else ()
    return Sentence(
        text, (region,), "test", (Box(0, 0, 9, 9),), findings, score, presence == "present"
    )


def texts(report: GroundedReport) -> list[str]:
    return [sentence.text for sentence in report.sentences]


def test_a_detector_from_outside_needs_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.raises(ConfigError, match="trust"):
        grounded.load(FOLDER)


def test_right_and_left_of_another_body_part_become_one_sentence(
    knee_report: GroundedReport,
) -> None:
    [both] = [s for s in knee_report.sentences if "femur" in s.text]
    assert both.text == "The femurs are intact."
    assert both.regions == ("femur R", "femur L")
    assert sum(isinstance(item, Mask) for item in both.evidence) == 2


def test_what_names_the_wrong_knee_is_removed(knee_report: GroundedReport) -> None:
    removed = {item.text: item.reason for item in knee_report.removed}
    assert "“left” and was read from the tibia R" in removed["The left tibia is intact."]
    assert "“tibias” and was read from the tibia L only" in removed["The tibias are intact."]


def test_a_name_that_begins_like_a_side_has_none(knee_report: GroundedReport) -> None:
    assert "The right angle ruler lies by the left knee." in texts(knee_report)


def test_findings_come_first_and_the_rest_in_the_order_of_the_atlas(
    atlas: Atlas, knee_report: GroundedReport
) -> None:
    places = [atlas.order(sentence.regions[0]) for sentence in knee_report.sentences]
    assert places == sorted(places)


def test_a_region_is_asked_for_by_its_alias(knees: Reporter, knee_film: Image) -> None:
    reading = knees.read(knee_film)
    [sentence] = reading.describe("right thigh bone")
    assert sentence.regions == ("femur R",)


def test_a_box_is_asked_for(knees: Reporter, knee_film: Image) -> None:
    [sentence] = knees.read(knee_film).describe(Box(10, 10, 60, 60))
    assert sentence.evidence == (Box(10, 10, 60, 60),)


def test_what_was_too_dark_is_missing_with_the_reason(knees: Reporter) -> None:
    reading = knees.read(Image.of(np.zeros((40, 60), np.float32)))
    with pytest.raises(RegionError, match="too dark"):
        reading.describe("femur L")


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        (["femur R"], "Fracture in the right femur."),
        (["femur R", "femur L"], "Fracture in both femurs."),
        (["soft tissue"], "Fracture in the soft tissue."),
        (["femur L", "tibia L"], "Fracture in the left femur and the left tibia."),
        (["right angle ruler"], "Fracture in the right angle ruler."),
    ],
)
def test_the_impression_names_the_regions_of_the_atlas(
    atlas: Atlas, regions: list[str], words: str
) -> None:
    kept = [say(f"Fracture {name}.", name, "present") for name in regions]
    assert [item.text for item in impression(kept, kept, atlas, "test")] == [words]


def test_a_denial_of_one_side_does_not_stand_for_the_other(atlas: Atlas) -> None:
    there = say("There is a fracture of the right femur.", "femur R", "present")
    draft = edited([there, say("There is no fracture.", "femur L", "absent")], atlas)
    assert [item.text for item in draft.sentences] == [there.text]
    beside = edited([there, say("There is no fracture.", "tibia L", "absent")], atlas)
    assert len(beside.sentences) == 2


def test_what_is_denied_of_the_whole_is_denied_of_its_parts(atlas: Atlas) -> None:
    there = say("There is a fracture.", "femur R", "present")
    draft = edited([there, say("No fracture is seen.", "soft tissue", "absent", 0.5)], atlas)
    assert [item.text for item in draft.sentences] == [there.text]


def test_every_form_of_the_report_is_written(knee_report: GroundedReport, tmp_path: Path) -> None:
    written = {path.name for path in save_all(knee_report, tmp_path)}
    assert {"report.json", "report.txt", "report.html", "overlay.png"} <= written
    assert "sentence_01.png" in written


def test_json_leads_back_to_the_same_report(
    knee_report: GroundedReport, knee_film: Image, tmp_path: Path
) -> None:
    knee_report.save(tmp_path / "report.json")
    back = GroundedReport.open(tmp_path / "report.json", film=knee_film)
    assert back.text == knee_report.text
    back.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "report.json").read_bytes()
    assert np.array_equal(back.overlay(), knee_report.overlay())


def test_the_page_names_the_regions_and_speaks_of_no_chest(
    knee_report: GroundedReport, tmp_path: Path
) -> None:
    knee_report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "The femurs are intact." in page
    assert "right angle ruler" in page
    assert document(knee_report).title == "Film"
    assert "Chest" not in page.rpartition("<script>")[0]  # behind it is the front end itself


def test_marks_have_their_own_colours_and_their_names(knee_report: GroundedReport) -> None:
    marks = marks_of(knee_report)
    assert len({mark.color for mark in marks}) == len(marks) == 6
    assert [mark.label for mark in marks] == list(knee_report.regions.names)

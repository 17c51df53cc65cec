import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded import (
    Box,
    Finding,
    GroundedReport,
    GroundedSentence,
    Image,
    Mask,
    Placement,
    Sentence,
)
from grounded.detectors.features import EncodedFilm
from grounded.errors import InvalidValueError, MissingExtraError, ReportError
from grounded.findings import ScoreKind
from grounded.report import Right
from grounded.viz.canvas import Display, film_pixels
from grounded.viz.marks import marks_of
from grounded.viz.overlay import draw_marks, draw_numbers


def test_no_sentence_exists_without_evidence() -> None:
    with pytest.raises(InvalidValueError, match="no evidence"):
        GroundedSentence("The heart is large.", ("cardiac silhouette",), (), origin="test")


@pytest.mark.parametrize(
    ("text", "regions", "score"),
    [(" ", ("left lung",), 1.0), ("Yes.", (), 1.0), ("Yes.", ("a",), 2)],
)
def test_a_sentence_without_text_region_or_sane_score_is_refused(
    text: str, regions: tuple[str, ...], score: float
) -> None:
    with pytest.raises(InvalidValueError):
        Sentence(text, regions, "test", score=score)


def test_a_sentence_is_grounded_and_back_without_a_loss(report: GroundedReport) -> None:
    for sentence in report.sentences:
        assert sentence.ungrounded.grounded(sentence.section) == sentence


def test_a_report_knows_every_region_that_it_speaks_of(report: GroundedReport) -> None:
    stray = GroundedSentence("The liver.", ("liver",), (Box(0, 0, 1, 1),), origin="test")
    with pytest.raises(InvalidValueError, match="liver"):
        replace(report, sentences=(stray,))


def test_a_finding_is_of_a_region_that_the_report_has(report: GroundedReport) -> None:
    first = report.sentences[0]
    stray = replace(first, findings=(Finding("Edema", "present", "spine"),))
    with pytest.raises(InvalidValueError, match="spine"):
        replace(report, sentences=(stray,))


def test_evidence_beside_the_film_is_refused(report: GroundedReport) -> None:
    first = report.sentences[0]
    for evidence in (Box(90, 10, 150, 20), Box(10, 5, 40, 95)):
        with pytest.raises(InvalidValueError, match="does not lie in the film"):
            replace(report, sentences=(replace(first, evidence=(evidence,)),))


def test_a_region_beside_the_film_is_refused(report: GroundedReport) -> None:
    boxes = report.regions.boxes[:, [1, 0, 3, 2]] * 2  # rows and columns swapped
    with pytest.raises(InvalidValueError, match="does not lie in the film"):
        replace(report, regions=replace(report.regions, boxes=boxes))


def test_a_report_keeps_nothing_that_a_network_made(report: GroundedReport) -> None:
    encoded = EncodedFilm(torch.zeros(1, 2, 2), Placement.letterbox((80, 100), (8, 8)))
    carrying = replace(report.regions, encoding=encoded)
    with pytest.raises(InvalidValueError, match="without_networks"):
        replace(report, regions=carrying)
    assert replace(report, regions=carrying.without_networks()).text == report.text


def test_a_score_keeps_its_kind_through_json(report: GroundedReport) -> None:
    scored = [
        replace(item, score_kind=kind)
        for item, kind in zip(report.sentences, ScoreKind, strict=False)
    ]
    again = GroundedReport.from_dict(replace(report, sentences=tuple(scored)).to_dict())
    assert [item.score_kind for item in again.sentences] == [item.score_kind for item in scored]
    data = report.to_dict()
    del data["sentences"][0]["score_kind"]  # a report from before there were kinds
    assert GroundedReport.from_dict(data).sentences[0].score_kind is ScoreKind.UNSPECIFIED


def test_without_outlines_a_point_is_in_the_boxes(report: GroundedReport) -> None:
    bare = replace(report, regions=replace(report.regions, masks=()))
    for region in bare.regions:
        x, y = region.box.center
        said = bare.at(x, y)
        assert {s.text for s in said} >= {
            s.text for s in bare.sentences if region.name in s.regions
        }
    assert bare.at(99, 79) == ()


def test_another_film_is_refused(report: GroundedReport, film: Image) -> None:
    with pytest.raises(InvalidValueError, match="not the one"):
        replace(report, film=Image.of(film.pixels[::-1]))


def test_a_span_is_where_its_sentence_stands(report: GroundedReport) -> None:
    assert len(report.spans) == 3
    for span in report.spans:
        assert report.text[span.start : span.end] == span.sentence.text


def test_the_text_has_sections_scope_and_notice(report: GroundedReport) -> None:
    text = report.text
    assert text.index("FINDINGS") < text.index("IMPRESSION") < text.index("Not assessed: Edema")
    assert "carina (hidden)" in text
    assert "not a medical device" in text


def test_the_text_tells_what_is_noted_on_regions(report: GroundedReport) -> None:
    notes = ("not selected",) * len(report.regions)
    noted = replace(report, regions=replace(report.regions, notes=notes))
    assert f"Note on {', '.join(report.regions.names)}: not selected." in noted.text


def test_a_point_gives_what_was_said_of_it(report: GroundedReport) -> None:
    assert [s.text for s in report.at(15, 20)] == ["The lungs are of equal height."]
    assert "The heart is not enlarged." in [s.text for s in report.at(50, 50)]
    assert report.at(1, 1) == ()


def test_a_report_round_trips_through_json(report: GroundedReport, film: Image) -> None:
    data = json.loads(json.dumps(report.to_dict()))
    assert data["schema"] == 1
    again = GroundedReport.from_dict(data, film)
    assert again.to_dict() == report.to_dict()
    assert again.text == report.text


@pytest.mark.parametrize("damage", [{"schema": 2}, {"sentences": None}, {"image": {}}])
def test_what_is_no_report_is_refused(report: GroundedReport, damage: dict[str, object]) -> None:
    with pytest.raises(ReportError):
        GroundedReport.from_dict({**report.to_dict(), **damage})


@pytest.mark.parametrize("content", ["", "[1]", "{}", "\x00\xff"])
def test_a_file_that_holds_no_report_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(ReportError):
        GroundedReport.open(file)
    with pytest.raises(ReportError):
        GroundedReport.open(tmp_path / "none.json")


def test_the_rows_of_a_report_name_every_finding(report) -> None:
    rows = report.to_rows()
    assert rows[0]["sentence"] == report.sentences[0].text
    said = [(f.label, str(f.presence)) for s in report.sentences for f in s.findings]
    assert [(row["label"], row["presence"]) for row in rows if row["label"]] == said
    assert [row["right"] for row in rows] == [None] * len(rows)
    rated = replace(report.sentences[0], right=Right(0.87, "films of a test"))
    assert replace(report, sentences=(rated,)).to_rows()[0]["right"] == 0.87


def test_a_report_becomes_a_dataframe(report) -> None:
    pytest.importorskip("pandas")
    table = report.to_dataframe()
    assert len(table) == len(report.to_rows())
    assert list(table.columns) == list(report.to_rows()[0])
    assert list(replace(report, sentences=()).to_dataframe().columns) == list(table.columns)


def test_without_pandas_the_error_names_the_extra(report, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"grounded\[tables\]"):
        report.to_dataframe()


def test_a_report_is_shown_in_one_line(report) -> None:
    assert repr(report) == "<GroundedReport of film: 3 sentences, 3 regions>"


def test_the_layer_lies_on_the_film(report) -> None:
    layer = report.layer()
    assert layer.shape == (report.image.height, report.image.width, 4)
    assert 0 < (layer[..., 3] > 0).mean() < 0.9
    film = np.repeat(np.rint(report.film.pixels * 255)[:, :, None], 3, axis=2)
    alpha = layer[..., 3:] / 255
    laid = film * (1 - alpha) + layer[..., :3] * alpha
    view = Display.of(report.film.shape, enlarge=False)
    drawn = film_pixels(report.film, view)
    draw_marks(drawn, marks_of(report), view)
    draw_numbers(drawn, marks_of(report), view)
    assert np.abs(laid - drawn).max() <= 5  # casing, line and number are rounded apart


def test_the_layer_needs_no_film(report) -> None:
    assert np.array_equal(replace(report, film=None).layer(), report.layer())


def _broken(data, path, value):
    *parents, last = path
    for key in parents:
        data = data[key]
    data[last] = value


@pytest.mark.parametrize("value", [None, [], {}, "text", -1, 1e400, True, [[]], {"a": 1}])
@pytest.mark.parametrize(
    "path",
    [
        ("image",),
        ("image", "height"),
        ("image", "spacing_mm"),
        ("regions",),
        ("regions", 0),
        ("regions", 0, "box"),
        ("regions", 0, "score"),
        ("missing_regions",),
        ("sentences",),
        ("sentences", 0),
        ("sentences", 0, "text"),
        ("sentences", 0, "evidence"),
        ("sentences", 0, "evidence", 0),
        ("sentences", 0, "evidence", 0, "kind"),
        ("sentences", 0, "findings"),
        ("sentences", 0, "score"),
        ("removed",),
        ("scope",),
        ("provenance",),
        ("notice",),
    ],
)
def test_a_broken_report_is_an_error_of_ours_or_a_report(report, path, value) -> None:
    data = json.loads(json.dumps(report.to_dict()))
    _broken(data, path, value)
    try:
        found = GroundedReport.from_dict(data)
    except ReportError:
        return
    assert found.text  # what was taken is whole enough to be written


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema": 1}',
        b'{"schema": 1e999}',
        b"[" * 100_000,
        b'{"schema": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda content: content[:12].decode("latin-1") or "empty",
)
def test_a_file_that_is_no_report_is_an_error_of_ours(tmp_path, content) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ReportError):
        GroundedReport.open(path)


def test_an_outline_is_written_once_and_comes_back_where_it_was(report) -> None:
    mask = Mask(np.tri(6, 5, dtype=np.float32), Box(10, 5, 40, 60))
    own = Mask(np.eye(4, dtype=np.float32), Box(1, 2, 30, 40))
    regions = replace(report.regions, masks=(mask, None, None))
    sentence = replace(report.sentences[0], evidence=(mask, own))
    report = replace(report, regions=regions, sentences=(sentence,))
    text = json.dumps(data := report.to_dict())
    assert text.count('"kind": "mask"') == 2  # the region's, and the one that is no region's
    assert data["sentences"][0]["evidence"][0] == {"kind": "outline", "region": regions.names[0]}
    again = GroundedReport.from_dict(json.loads(text))
    back = again.sentences[0].evidence
    assert np.array_equal(back[0].values, mask.values)
    assert np.array_equal(back[1].values, own.values)
    assert again.to_dict() == json.loads(text)


def test_the_outline_of_a_region_without_one_is_an_error(report) -> None:
    data = report.to_dict()
    data["sentences"][0]["evidence"] = [{"kind": "outline", "region": "left lung"}]
    for row in data["regions"]:
        row.pop("mask", None)
    with pytest.raises(ReportError, match="outline of 'left lung'"):
        GroundedReport.from_dict(data)

"""What is read of each region, from a map that says plainly what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grounded import Box
from grounded.errors import ConfigError
from grounded.findings import Findings
from grounded.generators.neural.finding_net import FILM, VIEW
from grounded.generators.neural.finding_reader import (
    CALIBRATION,
    FIRM,
    FindingReader,
    read_calibrations,
)
from grounded.protocols import encoded_film

from .reading import (
    KINDS,
    LABELS,
    OPEN,
    PRESENT,
    ZONES,
    calibrations,
    chest,
    finding_net,
    map_with,
    question,
    without_map,
    write_findings,
)

ZONE = "right lower lung zone"


@pytest.fixture
def reader() -> FindingReader:
    return FindingReader.of(finding_net(), calibrations())


def test_a_finding_is_read_in_the_region_that_it_lies_in(reader: FindingReader) -> None:
    reads = reader.read(question(values={(ZONE, "Lung Opacity"): PRESENT}))
    opacity = {r.place.name: r.probabilities.get("Lung Opacity", 0) for r in reads}
    assert opacity[ZONE] > 0.9
    assert opacity["left lower lung zone"] < 0.1
    assert opacity["trachea"] == 0  # it is not read there


@pytest.mark.parametrize(
    ("value", "said", "score"),
    [(0, "absent", 1.0), (OPEN, "uncertain", 0.25), (PRESENT, "present", 1.0)],
)
def test_what_is_stated_follows_the_probability(
    reader: FindingReader, value: float, said: str, score: float
) -> None:
    [read] = reader.read(question(ZONE, {(ZONE, "Lung Opacity"): value}))
    [finding] = read.findings
    assert (finding.label, finding.presence, finding.region) == ("Lung Opacity", said, ZONE)
    assert finding.score == pytest.approx(score, abs=0.05)


def test_a_region_in_which_a_finding_is_hardly_more_likely_than_not_is_uncertain() -> None:
    made = calibrations()
    made["Lung Opacity"]["lower lung zone"] = replace(
        made["Lung Opacity"]["lower lung zone"], absent=0.5, present=0.5
    )
    reader = FindingReader.of(finding_net(), made)
    left = "left lower lung zone"
    values = {(ZONE, "Lung Opacity"): PRESENT, (left, "Lung Opacity"): 1.03}
    said = {r.place.name: r.findings[0] for r in reader.read(question(values=values)) if r.findings}
    assert said[ZONE].presence == "present"
    assert said[left].presence == "uncertain"
    assert 0.5 < said[left].score < FIRM


def test_only_findings_that_are_assessed_are_stated(reader: FindingReader) -> None:
    [read] = reader.read(question("right lung", {("right lung", "Pneumothorax"): PRESENT}))
    assert read.probabilities["Pneumothorax"] > 0.9
    assert [finding.label for finding in read.findings] == ["Lung Opacity"]
    assert reader.assessed == {
        "Lung Opacity": "of Lung Opacity",
        "Support Devices": "of Support Devices",
    }


def test_a_finding_is_stated_only_where_it_is_assessed(reader: FindingReader) -> None:
    table = calibrations()
    for kind in ZONES:
        opacity = table["Lung Opacity"]
        opacity[kind] = replace(opacity[kind], assessed=False)
    reads = FindingReader.of(reader.net, table).read(question(values={(ZONE, "Lung Opacity"): 2}))
    stated = {r.place.name for r in reads if "Lung Opacity" in {f.label for f in r.findings}}
    assert stated == {"right lung", "left lung"}
    assert all("Lung Opacity" in r.probabilities for r in reads if "lung" in r.place.name)


def test_no_region_has_what_the_film_as_a_whole_has_not(reader: FindingReader) -> None:
    table = calibrations()
    film = table["Lung Opacity"][FILM]
    table["Lung Opacity"][FILM] = replace(film, absent=1.0, present=1.0)
    reads = FindingReader.of(reader.net, table).read(question(values={(ZONE, "Lung Opacity"): 2}))
    presences = {f.presence for r in reads for f in r.found if f.label == "Lung Opacity"}
    assert presences == {"absent"}


def test_the_film_is_read_as_a_whole(reader: FindingReader) -> None:
    film = reader.film(question(values={(ZONE, "Lung Opacity"): PRESENT}))
    assert film.keys() == set(LABELS) - {VIEW}
    assert film["Lung Opacity"] > 0.9 > 0.1 > film["Pneumothorax"]


def test_the_view_is_read_beside_the_findings(reader: FindingReader) -> None:
    assert reader.is_ap(question(values={(ZONE, VIEW): PRESENT})) > 0.9
    assert reader.is_ap(question()) < 0.1


def test_evidence_is_calibrated_as_the_film_is(reader: FindingReader) -> None:
    film = map_with(chest()[1], {(ZONE, "Lung Opacity"): PRESENT})
    evidence = reader.evidence(film, "Lung Opacity")
    assert evidence.shape == film.shape[1:]
    assert (evidence.max(), evidence.min()) == (8, -8)


def test_regions_in_which_nothing_is_read_are_left_out(reader: FindingReader) -> None:
    assert reader.read(question("left clavicle")) == []
    assert {place.kind for place in reader.places(question())} == set(KINDS) - {FILM}


def test_a_drawn_box_is_read_as_the_region_that_it_overlaps_most(reader: FindingReader) -> None:
    box = chest()[1]["left mid lung zone"].box
    drawn = Box(box.x0 + 3, box.y0 + 2, box.x1 - 2, box.y1 + 3)
    [place] = reader.places(question(drawn))
    assert (place.name, place.kind, place.side) == ("marked area", "mid lung zone", "left")
    assert place.box == drawn


def test_a_drawn_box_holds_what_lies_in_it(reader: FindingReader) -> None:
    box = chest()[1][ZONE].box
    x, y = box.center
    values = {(ZONE, "Lung Opacity"): PRESENT}
    [around] = reader.read(question(Box(x - 16, y - 16, x + 16, y + 16), values))
    edge = Box(box.x0, box.y0, box.x0 + 0.2 * box.width, box.y1)
    [beside] = reader.read(question(edge, values))
    assert around.findings[0].presence == "present"
    assert around.findings[0].region == "marked area"
    assert beside.findings[0].presence == "absent"


def test_a_box_that_overlaps_no_region_is_not_read(reader: FindingReader) -> None:
    assert reader.places(question(Box(1, 1, 6, 6))) == []
    assert reader.read(question(Box(1, 1, 6, 6))) == []


def test_a_box_in_a_region_in_which_nothing_is_read_is_read_as_a_neighbour(
    reader: FindingReader,
) -> None:
    heart = chest()[1]["cardiac silhouette"].box
    [place] = reader.places(question(heart))
    assert place.kind in KINDS


def test_many_versions_of_a_map_are_read_as_one_by_one(reader: FindingReader) -> None:
    asked = question()
    places = reader.places(asked)
    found = asked.found
    maps = torch.stack(
        [map_with(found, {(name, "Lung Opacity"): PRESENT}) for name in (ZONE, "left lung")]
    )
    together = reader.logits(encoded_film(asked), places, maps)
    assert together.shape == (2, len(places), len(LABELS))
    for version, logits in zip(maps, together, strict=True):
        alone = reader.logits(encoded_film(asked), places, version[None])
        assert torch.allclose(logits, alone[0], atol=1e-5)


def test_a_film_without_a_map_is_an_error_that_names_the_encoder(reader: FindingReader) -> None:
    with pytest.raises(ConfigError, match="encoder"):
        reader.read(without_map(question()))
    assert reader.read(without_map(question("spine"))) == []


def test_a_folder_reads_as_what_was_written(reader: FindingReader, tmp_path: Path) -> None:
    write_findings(tmp_path)
    opened = FindingReader(tmp_path)
    asked = question(values={(ZONE, "Lung Opacity"): PRESENT})
    for one, other in zip(opened.read(asked), reader.read(asked), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities)
        assert [f.presence for f in one.findings] == [f.presence for f in other.findings]
    assert set(opened.weights_sha256) == {"findings/model.safetensors", "findings/calibration.json"}


def test_a_calibration_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_findings(tmp_path)
    path = tmp_path / CALIBRATION
    table = json.loads(path.read_text())
    for text, message in (
        ("no JSON", "cannot read the calibration"),
        (json.dumps({**table, "Lung Opacity": {"slope": 1}}), "cannot read the calibration"),
        (json.dumps([1]), "cannot read the calibration"),
        (json.dumps({k: v for k, v in table.items() if k != "Pneumothorax"}), "of Pneumothorax"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            FindingReader(tmp_path)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot read the calibration"):
        read_calibrations(path, LABELS)


def test_what_a_question_brings_is_not_read_again(reader: FindingReader) -> None:
    asked = question(values={(ZONE, "Lung Opacity"): PRESENT})
    read = tuple(item for part in reader.read(asked) for item in part.found)
    brought = without_map(replace(asked, read=Findings(read)))  # there is nothing to read from
    assert [part.found for part in reader.read(brought)] == [p.found for p in reader.read(asked)]
    assert reader.read(replace(brought, asked=brought.found[[ZONE]], whole=False))[0].found


def test_a_drawn_box_is_read_beside_what_a_question_brings(reader: FindingReader) -> None:
    values = {(ZONE, "Lung Opacity"): PRESENT}
    read = tuple(item for part in reader.read(question(values=values)) for item in part.found)
    drawn = question(chest()[1][ZONE].box, values)
    [alone], [beside] = reader.read(drawn), reader.read(replace(drawn, read=Findings(read)))
    assert alone.found == beside.found
    assert alone.found[0].region == "marked area"


def test_a_finding_is_read_with_its_limits_also_where_it_may_not_be_stated(
    reader: FindingReader,
) -> None:
    [read] = reader.read(question("right lung", {("right lung", "Pneumothorax"): PRESENT}))
    [air] = [item for item in read.found if item.label == "Pneumothorax"]
    assert (air.presence, air.stated, air.region) == ("present", False, "right lung")
    assert air.probability == read.probabilities["Pneumothorax"]

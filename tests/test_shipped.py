"""The shipped preset with its weights: on the example film, and with lesions painted into it."""

import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

import grounded
from grounded import Box, GroundedReport, Heatmap, Image, Reporter
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.detectors.atlas_prior import AtlasPrior
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.faster_rcnn.net import RegionRCNN
from grounded.detectors.organs.detector import OrganDetector
from grounded.detectors.organs.encoder import FilmEncoder
from grounded.errors import ConfigError, InvalidValueError, RegionError
from grounded.explain.places import RegionBoxes
from grounded.language.labeller import Labeller
from grounded.nn.weights import parameters, read_config, sha256, write
from grounded.protocols import Question
from grounded.reporter import Reading
from grounded.synthetic import lesions
from grounded.train.findings.samples import rastered

FILM = Path(__file__).parent.parent / "examples" / "normal_pa.jpg"
ZONE = "right lower lung zone"
TINY = {"regions": 29, "side": 64, "head": 64, "sampled": 32}
SHIPPED = Path(str(files("grounded.configs"))) / "weights"


@pytest.fixture(scope="module")
def reporter() -> Reporter:
    return grounded.load()


@pytest.fixture(scope="module")
def reading(reporter: Reporter) -> Reading:
    return reporter.read(FILM)


@pytest.fixture(scope="module")
def report(reading: Reading) -> GroundedReport:
    return reading.report()


def test_loading_it_imports_no_library_that_takes_long() -> None:
    slow = ("transformers", "torchvision", "torch._dynamo", "scipy", "skimage", "matplotlib")
    code = f"import sys, grounded; grounded.load(); print([n for n in {slow} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def with_lesion(reading: Reading, kind: str, side: str) -> Image:
    """The example film with a large lesion that is plain to see."""
    image, regions = reading.image, reading.regions
    masks = {
        organ: (rastered(mask, np.ones(4), image.shape) / 255).astype(np.float32)
        for organ in (RIGHT_LUNG, LEFT_LUNG, HEART)
        if (mask := regions[organ].mask) is not None
    }
    for seed in range(100):
        rng = np.random.default_rng(seed)
        film, _, lesion = lesions.paint(image.pixels, masks, kind, rng, side=side, strength=1.0)
        if lesion.size == "large":
            return Image.of(np.clip(film, 0, 1), view="PA")
    raise AssertionError("no seed gives a large lesion")


def opaque_sides(report: GroundedReport) -> set[str]:
    return {
        finding.region.split()[0]
        for sentence in report.section("findings")
        for finding in sentence.findings
        if finding.label == "Lung Opacity" and finding.presence == "present"
    }


def test_the_normal_film_is_called_clear_on_both_sides(report: GroundedReport) -> None:
    clear = [
        sentence
        for sentence in report.section("findings")
        if {finding.label for finding in sentence.findings} == {"Lung Opacity"}
    ]
    [sentence] = clear
    assert sentence.regions == ("right lung", "left lung")
    assert {finding.presence for finding in sentence.findings} == {"absent"}


def test_every_finding_is_read_in_every_region_said_or_not(reading: Reading) -> None:
    effusion = reading.findings["Pleural Effusion"]
    assert {finding.region.split()[0] for finding in effusion} == {"right", "left"}
    assert not effusion.stated
    assert reading.findings.in_region("left lung")["Lung Opacity"].stated
    assert {finding.region for finding in reading.findings} <= set(reading.regions.names)


def test_a_report_is_made_from_what_was_read_once(reporter: Reporter) -> None:
    net, seen = reporter.generator.reader.net, []  # type: ignore[attr-defined]
    handle = net.register_forward_hook(lambda *_: seen.append(1))
    try:
        reading = reporter.read(FILM)
        read = len(seen)
        without_heat = replace(reporter, explainer=RegionBoxes())
        replace(reading, reporter=without_heat).report()
        replace(reading, reporter=without_heat).describe("left lung")
        assert (read, len(seen)) == (1, 1)
    finally:
        handle.remove()


def test_a_merged_sentence_has_a_place_for_each_region_and_one_heatmap(
    report: GroundedReport,
) -> None:
    [sentence] = [
        s for s in report.section("findings") if len(s.regions) == 2 and not s.measurements
    ]
    heats = [item for item in sentence.evidence if isinstance(item, Heatmap)]
    assert len(heats) == 1
    assert len(sentence.evidence) == 3


@pytest.mark.parametrize("side", ["right", "left"])
def test_an_opacity_is_found_on_its_side(reporter: Reporter, reading: Reading, side: str) -> None:
    assert opaque_sides(reporter(with_lesion(reading, "consolidation", side))) == {side}


def test_in_a_mirrored_film_an_opacity_lies_on_the_other_side(
    reporter: Reporter, reading: Reading
) -> None:
    film = with_lesion(reading, "consolidation", "right")
    mirrored = replace(film, pixels=np.ascontiguousarray(film.pixels[:, ::-1]))
    assert "left" in opaque_sides(reporter(mirrored))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_lung_with_a_large_effusion_is_not_called_clear(
    reporter: Reporter, reading: Reading, side: str
) -> None:
    """Effusion may not be stated; but neither may the lung be called clear."""
    report = reporter(with_lesion(reading, "effusion", side))
    for sentence in report.section("findings"):
        for finding in sentence.findings:
            if finding.label == "Lung Opacity" and finding.region.startswith(side):
                assert finding.presence != "absent", sentence.text
    assert "No abnormality" not in report.text


def test_every_sentence_says_what_it_carries(report: GroundedReport) -> None:
    labeller = Labeller.open()
    for sentence in report.section("findings"):
        said = {finding.label: finding.presence for finding in labeller.label(sentence.text)}
        for finding in sentence.findings:
            assert said.get(finding.label, finding.presence) == finding.presence, sentence.text


@pytest.mark.parametrize("label", ["Pleural Effusion", "Pneumothorax", "Atelectasis", "Edema"])
@pytest.mark.parametrize("presence", ["present", "absent", "uncertain"])
def test_a_reader_sets_a_finding_and_gets_its_sentence(
    reading: Reading, label: str, presence: str
) -> None:
    sentences = reading.describe("left lung", findings={label: presence})  # type: ignore[dict-item]
    [sentence] = [s for s in sentences if label in {finding.label for finding in s.findings}]
    said = {finding.label: finding.presence for finding in Labeller.open().label(sentence.text)}
    assert said[label] == presence
    assert "right" not in sentence.text
    assert any("set by the reader" in note for note in sentence.notes)


def test_a_box_drawn_by_hand_is_read_as_what_it_overlaps(reading: Reading) -> None:
    box = reading.regions[ZONE].box
    inner = Box(box.x0 + 5, box.y0 + 5, box.x1 - 5, box.y1 - 5)
    sentences = reading.describe(inner)
    assert all(inner in sentence.evidence for sentence in sentences)
    assert any(f"read as a {ZONE}" in note for s in sentences for note in s.notes)


def test_unknown_names_suggest_near_ones(reading: Reading) -> None:
    with pytest.raises(RegionError, match="did you mean 'left lung'"):
        reading.describe("left lungg")
    with pytest.raises(InvalidValueError, match="did you mean 'Pleural Effusion'"):
        reading.describe("left lung", findings={"pleural efusion": "present"})


def test_the_scope_states_a_figure_for_each_finding_that_is_stated(report: GroundedReport) -> None:
    assert "AUROC" in report.scope.assessed["Lung Opacity"]
    assert {"Pleural Effusion", "Pneumothorax", "Lung Lesion"} <= set(report.scope.not_assessed)
    stated = {finding.label for sentence in report.sentences for finding in sentence.findings}
    assert stated <= set(report.scope.assessed)


def test_a_batch_equals_films_one_by_one(reporter: Reporter, reading: Reading) -> None:
    films = [reading.image, with_lesion(reading, "consolidation", "left"), reading.image]
    batch = [report.text for report in reporter.report_all(films, batch_size=3)]
    assert batch == [reporter(film).text for film in films]


def test_the_report_survives_its_json_with_its_heatmaps(report: GroundedReport) -> None:
    again = GroundedReport.from_dict(report.to_dict())
    assert again.text == report.text
    assert again.to_dict() == report.to_dict()


def test_another_encoder_of_the_same_shape_is_refused(reporter: Reporter, tmp_path: Path) -> None:
    config = read_config(SHIPPED / "neural" / "encoder")
    torch.manual_seed(0)
    write(tmp_path, config, parameters(FilmEncoder(**config)))
    other = OrganDetector(SHIPPED / "organ_net", encoder=tmp_path)
    with pytest.raises(ConfigError, match=r"the preset's \[detector\] the encoder"):
        replace(reporter, detector=other)
    [regions] = other.detect([Image.open(FILM)])
    with pytest.raises(ConfigError, match="trained on the maps of the encoder"):
        reporter.generator.describe([Question.of_film(Image.open(FILM), regions)])


def test_a_detector_without_the_encoder_is_refused_when_a_reporter_is_put_together(
    reporter: Reporter, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="made no map of the film"):
        replace(reporter, detector=OrganDetector(SHIPPED / "organ_net"))
    with pytest.raises(ConfigError, match="made no map of the film"):
        replace(reporter, detector=AtlasPrior())
    folder = tmp_path / "faster_rcnn"
    write(folder, TINY, parameters(RegionRCNN(**TINY)))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="trained on the maps of the encoder"):
        replace(reporter, detector=FasterRCNNDetector(folder))


def test_every_weight_file_is_named_with_its_digest(report: GroundedReport) -> None:
    files_of = {
        "detector/organ_net": [SHIPPED / "organ_net/model.safetensors"],
        "detector/encoder": [SHIPPED / "neural/encoder/model.safetensors"],
        "generator": [
            SHIPPED / "neural" / name
            for name in (
                "mentioned.json",
                "findings/model.safetensors",
                "findings/calibration.json",
                "writer/model.safetensors",
                "writer/tokenizer.json",
            )
        ],
    }
    expected = {
        f"{part}/{path.relative_to(SHIPPED / 'neural') if part == 'generator' else path.name}": (
            sha256(path)
        )
        for part, paths in files_of.items()
        for path in paths
    }
    assert dict(report.provenance.weights_sha256) == expected

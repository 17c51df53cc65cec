"""The shipped preset with its weights: on the example films, and with lesions painted into it."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import grounded
from grounded import Box, GroundedReport, Image, Reporter
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.compose.guards import SIDES_IN_DOUBT
from grounded.detectors.atlas_prior import AtlasPrior
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.faster_rcnn.net import RegionRCNN
from grounded.detectors.organs.detector import OrganDetector
from grounded.detectors.organs.encoder import FilmEncoder
from grounded.errors import ConfigError, InvalidValueError, RegionError
from grounded.evidence import Heatmap, Mask
from grounded.export.json import encode
from grounded.generators.neural.borders import HEART_FIGURE
from grounded.generators.neural.finding_net import COMPOSITES
from grounded.generators.neural.planned import CLEAR
from grounded.language.labeller import Labeller
from grounded.language.mentions import names_a_side
from grounded.nn.weights import parameters, read_config, sha256, write
from grounded.protocols import Question
from grounded.report import GroundedSentence
from grounded.reporter import Reading
from grounded.synthetic import lesions
from grounded.viz.panel import draw_sentence

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


def test_the_example_with_opacities_says_what_the_readme_shows_and_its_heat_lies_on_them(
    reporter: Reporter,
) -> None:
    report = reporter(FILM.with_name("opacity_pa.jpg"))
    readme = FILM.parent.with_name("README.md").read_text(encoding="utf-8").split()
    assert " ".join(report.text.partition("Assessed:")[0].split()) in " ".join(readme)
    [impression] = report.section("impression")
    assert {(item.label, item.region) for item in impression.findings} == {
        ("Lung Opacity", RIGHT_LUNG),
        ("Lung Opacity", LEFT_LUNG),
    }
    [said] = [item for item in report.section("findings") if item.abnormal]
    [heat] = [item for item in said.evidence if isinstance(item, Heatmap)]
    drawn = heat.in_film((report.image.height, report.image.width))
    for side, columns in ((RIGHT_LUNG, slice(0, 320)), (LEFT_LUNG, slice(320, None))):
        box, half = report.regions[side].box, drawn[:, columns]
        row, column = np.unravel_index(half.argmax(), half.shape)
        assert half.max() > heat.strong
        assert box.x0 < column + (columns.start or 0) < box.x1
        assert (box.y0 + box.y1) / 2 < row < box.y1, "they are denser below"


@pytest.mark.parametrize("preset", ["neural", "measured", "baseline"])
def test_every_preset_names_a_side_of_a_doubtful_film_with_that_doubt(preset: str) -> None:
    upright = Image.open(FILM)
    mirrored = Image.of(np.ascontiguousarray(upright.pixels[:, ::-1]))
    if preset == "baseline":  # it has no gate that would see it
        mirrored = replace(mirrored, info=replace(mirrored.info, sides_in_doubt=True))
    reading = grounded.load(preset).read(mirrored)
    said = [*reading.report().sentences, *reading.describe("left lung")]
    if preset == "neural":
        said += reading.describe("left lung", findings={"Pleural Effusion": "present"})
    sided = [item.text for item in said if names_a_side(item.text)]
    assert sided
    assert all(SIDES_IN_DOUBT in text or "is mirrored or" in text for text in sided)


def test_a_mirrored_film_is_read_as_the_film_that_it_mirrors(
    reporter: Reporter, report: GroundedReport
) -> None:
    upright = Image.open(FILM)
    mirrored = reporter(Image.of(np.ascontiguousarray(upright.pixels[:, ::-1])))
    width = upright.shape[1]
    for name, other in ((RIGHT_LUNG, LEFT_LUNG), (LEFT_LUNG, RIGHT_LUNG), (HEART, HEART)):
        x0, y0, x1, y1 = mirrored.regions[other].box
        assert (width - x1, y0, width - x0, y1) == pytest.approx(
            tuple(report.regions[name].box), abs=1
        )
    said = {tuple((f.label, f.presence) for f in s.findings) for s in report.sentences}
    for sentence in mirrored.sentences:
        found = tuple((f.label, f.presence) for f in sentence.findings)
        assert "present" not in dict(found).values()
        assert "heart size" not in sentence.text.lower() or found in said


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 2), (3, 1), (3, 2), (8, 2)])
def test_reports_are_the_same_byte_for_byte_alone_in_a_batch_and_with_more_threads(
    reporter: Reporter, batch_size: int, threads: int
) -> None:
    pixels = Image.open(FILM).pixels
    films = [Image.of(pixels[n:, 2 * n :] ** (1 + n / 20)) for n in range(5)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = [encode(reporter(film)) for film in films]
        torch.set_num_threads(threads)
        together = [encode(r) for r in reporter.report_all(films, batch_size=batch_size)]
    finally:
        torch.set_num_threads(before)
    assert together == alone


def test_loading_it_imports_no_library_that_takes_long() -> None:
    slow = ("transformers", "torchvision", "torch._dynamo", "scipy", "skimage", "matplotlib")
    code = f"import sys, grounded; grounded.load(); print([n for n in {slow} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def one_processor_each() -> Iterator[None]:
    """torch gives no thread more than one processor: eight threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_processor_each")
def test_eight_threads_write_the_reports_that_one_writes(reporter: Reporter) -> None:
    pixels = Image.open(FILM).pixels
    films = [Image.of(pixels[row::2, row:].copy(), name="film") for row in range(4)]
    expected = [encode(reporter(film)) for film in films]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda film: encode(reporter(film)), 2 * films))
    assert found == 2 * expected
    assert len(set(expected)) == len(films)


def drawn(mask: Mask, shape: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A mask on the film's own grid (H, W), 0 or 1."""
    (height, width), extent = mask.values.shape, mask.extent
    to_film = np.array(
        [[extent.width / width, 0, extent.x0], [0, extent.height / height, extent.y0]]
    )
    grown = cv2.warpAffine(mask.values, to_film, shape[::-1], flags=cv2.INTER_LINEAR)
    return (np.asarray(grown) >= 0.5).astype(np.float32)


def with_lesion(reading: Reading, kind: str, side: str) -> Image:
    """The example film with a large lesion that is plain to see."""
    image, regions = reading.image, reading.regions
    masks = {
        organ: drawn(mask, image.shape)
        for organ in (RIGHT_LUNG, LEFT_LUNG, HEART)
        if (mask := regions[organ].mask) is not None
    }
    for seed in range(100):
        rng = np.random.default_rng(seed)
        film, _, lesion = lesions.paint(image.pixels, masks, kind, rng, side=side, strength=1.0)
        if lesion.size == "large":
            return Image.of(np.clip(film, 0, 1), view="PA")
    raise AssertionError("no seed gives a large lesion")


def test_the_normal_film_has_nothing_abnormal(report: GroundedReport) -> None:
    findings = [f for s in report.section("findings") for f in s.findings]
    assert {finding.presence for finding in findings} == {"absent"}
    assert not any(sentence.abnormal for sentence in report.sentences)


def test_clear_is_said_only_when_all_that_makes_a_lung_clear_is_assessed(
    report: GroundedReport,
) -> None:
    unassessed = set(CLEAR) & set(report.scope.not_assessed)
    assert ("clear" in report.text) == (not unassessed)
    assert ("Not assessed: " in report.section("findings")[-1].text) == bool(unassessed)


def test_a_mirrored_film_has_a_mirrored_map(reporter: Reporter, reading: Reading) -> None:
    film = reading.image
    other = replace(film, pixels=np.ascontiguousarray(film.pixels[:, ::-1]))
    encoding, mirrored = (r.regions.encoding for r in (reading, reporter.read(other)))
    assert encoding is not None
    assert mirrored is not None
    first, second = encoding.film[0], mirrored.film[0]
    alike = torch.corrcoef(torch.stack([m.flatten() for m in (second, first.flip(1), first)]))[0]
    assert alike[1] > max(0.7, float(alike[2]))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_lung_with_a_large_effusion_is_not_called_clear(
    reporter: Reporter, reading: Reading, side: str
) -> None:
    report = reporter(with_lesion(reading, "effusion", side))
    for sentence in report.section("findings"):
        regions = {finding.region.split()[0] for finding in sentence.findings}
        assert "clear" not in sentence.text or side not in regions


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


def test_a_box_drawn_by_hand_is_read_as_what_it_covers(reading: Reading) -> None:
    x, y = reading.regions[ZONE].box.center
    inner = Box(x - 3, y - 3, x + 3, y + 3)
    sentences = reading.describe(inner)
    assert all(inner in sentence.evidence for sentence in sentences)
    assert any(f"read as a part of the {ZONE}" in note for s in sentences for note in s.notes)


def test_a_box_on_the_shoulder_is_not_in_the_lungs(reading: Reading) -> None:
    [sentence] = reading.describe(Box(2, 2, 40, 40))
    assert sentence.text == "Not assessed: the marked area is not in the lungs."


def test_an_answer_about_a_drawn_box_is_saved_and_enters_the_report(
    reading: Reading, report: GroundedReport, tmp_path: Path
) -> None:
    x, y = reading.regions[ZONE].box.center
    answer = reading.answer(Box(x - 9, y - 9, x + 9, y + 9))
    answer.save(tmp_path / "answer.json")
    assert "marked area" in GroundedReport.open(tmp_path / "answer.json").regions
    sentence = answer.section("findings")[0]
    longer = report.add(sentence)
    assert sentence in longer.section("findings")
    assert draw_sentence(longer, sentence).ndim == 3


def _is_present(sentence: GroundedSentence, label: str) -> bool:
    return any((f.label, f.presence) == (label, "present") for f in sentence.findings)


def test_a_reader_sets_a_finding_of_the_report(reading: Reading) -> None:
    report = reading.report(findings={"left lung": {"Pleural Effusion": "present"}})
    [text] = [s.text for s in report.section("findings") if _is_present(s, "Pleural Effusion")]
    assert "left" in text
    assert not [s for s in report.sentences if "clear" in s.text and "left" in s.text]
    with pytest.raises(RegionError, match="did you mean 'left lung'"):
        reading.report(findings={"left lungg": {"Pleural Effusion": "present"}})


def test_unknown_names_suggest_near_ones(reading: Reading) -> None:
    with pytest.raises(RegionError, match="did you mean 'left lung'"):
        reading.describe("left lungg")
    with pytest.raises(InvalidValueError, match="did you mean 'Pleural Effusion'"):
        reading.describe("left lung", findings={"pleural efusion": "present"})


def test_the_scope_states_a_figure_for_each_finding_that_is_stated(report: GroundedReport) -> None:
    assert "AUROC" in report.scope.assessed["Lung Opacity"]
    assert report.scope.assessed["Cardiomegaly"].startswith(HEART_FIGURE)
    for label, composite in COMPOSITES.items():
        assert report.scope.assessed[label].endswith(composite.said)
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
        "check/gate": [SHIPPED / "gate/model.safetensors"],
        "check/sides": [SHIPPED / "sides/model.safetensors"],
        "detector/organ_net": [SHIPPED / "organ_net/model.safetensors"],
        "detector/encoder": [SHIPPED / "neural/encoder/model.safetensors"],
        "confidence": [SHIPPED / "neural/findings/confidence.json"],
        "generator": [
            SHIPPED / "neural" / name
            for name in (
                "findings/model.safetensors",
                "findings/calibration.json",
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

import numpy as np
import pytest
from PIL import Image as Picture

import grounded
from grounded import Box, Image, Reporter
from grounded.errors import InvalidValueError, RegionError


@pytest.fixture
def reporter() -> Reporter:
    return grounded.load("baseline")


def films(count: int) -> list[Image]:
    shapes = [(64, 48), (80, 100), (120, 120)]
    return [Image.of(np.full(shapes[i % 3], 0.1 * i, np.float32)) for i in range(count)]


def test_every_sentence_points_at_its_region(reporter: Reporter, film: Image) -> None:
    report = reporter(film)
    assert report.sentences
    for sentence in report.section("findings"):
        assert [report.regions[name].box for name in sentence.regions] == list(sentence.evidence)


def test_a_reading_gives_the_same_report_every_time(reporter: Reporter, film: Image) -> None:
    reading = reporter.read(film)
    assert reading.report().to_dict() == reading.report().to_dict() == reporter(film).to_dict()


def test_a_generator_that_reads_no_findings_has_none(reporter: Reporter, film: Image) -> None:
    assert not reporter.read(film).findings


def test_a_batch_equals_films_one_by_one(reporter: Reporter) -> None:
    images = films(5)
    batch = [report.to_dict() for report in reporter.report_all(images, batch_size=2)]
    assert batch == [reporter(image).to_dict() for image in images]


def test_no_films_give_no_reports(reporter: Reporter) -> None:
    assert list(reporter.report_all([])) == []


def test_an_alias_describes_the_region_of_its_name(reporter: Reporter, film: Image) -> None:
    reading = reporter.read(film)
    [heart] = reading.describe("heart")
    assert heart.regions == ("cardiac silhouette",)
    assert reading.describe("cardiac silhouette")[0].text == heart.text


def test_what_is_shown_of_a_drawn_box_is_that_box(reporter: Reporter, film: Image) -> None:
    box = Box(5, 6, 25, 36)
    for sentence in reporter.read(film).describe(box):
        assert box in sentence.evidence


def test_a_drawn_box_is_clipped_to_the_film(reporter: Reporter, film: Image) -> None:
    [sentence] = reporter.read(film).describe(Box(-10, -10, 30, 30))
    assert sentence.evidence == (Box(0, 0, 30, 30),)
    with pytest.raises(InvalidValueError, match="outside"):
        reporter.read(film).describe(Box(200, 200, 300, 300))


def test_an_unknown_region_suggests_a_near_one(reporter: Reporter, film: Image) -> None:
    with pytest.raises(RegionError, match=r"'hart'.*did you mean 'heart'"):
        reporter.read(film).describe("hart")


def test_what_a_reader_sets_is_a_label_of_the_vocabulary(reporter: Reporter, film: Image) -> None:
    with pytest.raises(InvalidValueError, match=r"'Edemas'.*did you mean 'Edema'"):
        reporter.read(film).describe("heart", findings={"Edemas": "present"})


def test_the_report_says_what_made_it(reporter: Reporter, film: Image) -> None:
    provenance = reporter(film).provenance
    assert provenance.version == grounded.__version__
    assert provenance.preset == "baseline"
    assert provenance.detector
    assert provenance.generator


def test_importing_grounded_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, grounded, grounded.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    loaded = {name.split(".")[0] for name in modules.split()}
    assert not loaded & {"torch", "torchvision", "cv2", "skimage", "pydicom", "PIL", "rich"}


def test_films_come_in_by_every_door(reporter: Reporter, tmp_path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (64, 48), np.uint8)
    path = tmp_path / "film.png"
    Picture.fromarray(grey).save(path)
    doors = (path, str(path), path.read_bytes(), Picture.fromarray(grey), grey, Image.open(path))
    with path.open("rb") as file:
        reports = list(reporter.report_all([*doors, file], batch_size=3))
    assert len({report.image.sha256 for report in reports}) == 1
    assert reporter(grey).text == reporter(path).text


@pytest.mark.parametrize("size", [0, -1, 1.5, "4", None])
def test_a_batch_size_is_a_whole_number_from_one_on(reporter: Reporter, size) -> None:
    with pytest.raises(InvalidValueError, match="batch_size is a whole number"):
        reporter.report_all(films(1), batch_size=size)


def test_one_film_is_not_taken_for_many(reporter: Reporter) -> None:
    with pytest.raises(InvalidValueError, match="expected several films, got one"):
        reporter.report_all("film.png")


@pytest.mark.parametrize("box", [(1, 2, 30, 40), [1.0, 2.0, 30.0, 40.0], np.array([1, 2, 30, 40])])
def test_a_box_may_be_four_numbers(reporter: Reporter, film: Image, box) -> None:
    reading = reporter.read(film)
    assert reading.describe(box) == reading.describe(Box(1, 2, 30, 40))


@pytest.mark.parametrize("box", [(1, 2, 3), (1, 2, 3, "a"), 7, None])
def test_what_is_no_box_is_an_error_of_ours(reporter: Reporter, film: Image, box) -> None:
    with pytest.raises(InvalidValueError, match="a Box, or four numbers"):
        reporter.read(film).describe(box)


def test_a_reading_is_shown_in_one_line_and_as_its_page(reporter: Reporter, film: Image) -> None:
    reading = reporter.read(film)
    assert repr(reading) == "<Reading of film: 29 regions, 0 findings read>"
    assert reading._repr_html_().startswith("<iframe")

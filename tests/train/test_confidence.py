"""Limits hold as often as they promise, on made-up statements; truth is what people outlined."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from grounded import Box, Finding, GroundedReport, GroundedSentence, Image, Regions
from grounded.compose.confidence import Known, log_odds, sort_of
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example, FilmReading, Mark
from grounded.data.nih import BOXES, RADIOLOGISTS, RSNA, TEXT
from grounded.data.regions import annotated_regions
from grounded.findings import Presence, ScoreKind
from grounded.provenance import Provenance, Scope
from grounded.synthetic.phantom import write_phantoms
from grounded.train.confidence import (
    FEWEST,
    counts,
    curve,
    fitted,
    limit,
    limits,
    one_each,
    sequence,
)
from grounded.train.confidence import _Part as Part
from grounded.train.judged import Judged, judge, measured_by_people, read_by_people
from grounded.view import Projection

pytest.importorskip("mapie", reason="fitting the confidence needs MAPIE")

OPACITY, EFFUSION = "Lung Opacity", "Pleural Effusion"
RIGHT, LEFT = "right lung", "left lung"
FOUND = Regions(
    (RIGHT, LEFT, "cardiac silhouette"),
    np.array([[10, 10, 90, 180], [110, 10, 190, 180], [70, 100, 140, 180]]),
    np.ones(3),
)
SORT = (OPACITY, "present", "probability")


def finding(
    label: str = OPACITY, presence: str = "present", region: str = RIGHT, score: float = 0.8
) -> Finding:
    return Finding(label, Presence(presence), region, score, ScoreKind.PROBABILITY)  # type: ignore[arg-type]


def sentence(*findings: Finding) -> GroundedSentence:
    regions = tuple(dict.fromkeys(item.region for item in findings))
    return GroundedSentence("Made up.", regions, (Box(0, 0, 9, 9),), "test", findings)


def made_up(
    count: int, seed: int = 0, patients: int = 0, view: Projection = Projection.PA
) -> list[Judged]:
    """Statements whose score is the probability that they are right."""
    random = np.random.default_rng(seed)
    scores = random.beta(4, 1, count)
    return [
        Judged(
            f"film {n}",
            f"patient {n % (patients or count)}",
            view,
            sentence(finding(score=float(score))),
            (float(random.random() < score),),
        )
        for n, score in enumerate(scores)
    ]


def part(score: float, right: bool, view: Projection = Projection.PA) -> Part:
    return Part(SORT, "patient", view, score, right)


def test_a_limit_fails_no_more_often_than_it_may() -> None:
    level, failing, random = 0.15, 0.1, np.random.default_rng(0)
    new = random.beta(4, 1, 100_000)
    failed = found = 0
    for _ in range(60):
        scores = random.beta(4, 1, 150)
        chosen = limit(scores, random.random(150) < scores, level, failing)
        if chosen is not None:
            found += 1
            failed += float(np.mean(1 - new[new >= chosen])) > level
    assert found > 30
    assert failed <= 60 * failing + 2 * np.sqrt(60 * failing)


def test_a_limit_is_lower_where_more_may_be_wrong() -> None:
    random = np.random.default_rng(1)
    scores = random.beta(4, 1, 400)
    right = random.random(400) < scores
    strict, lenient, none = (limit(scores, right, level, 0.05) for level in (0.1, 0.2, 0.005))
    assert none is None
    assert strict is not None
    assert lenient is not None
    assert lenient < strict < 1


def test_what_a_level_withholds_a_stricter_one_withholds_too() -> None:
    random, apart = np.random.default_rng(3), 0
    for _ in range(40):
        scores = random.beta(4, 1, 46)
        right = random.random(46) < scores
        found = limits(scores, right, 0.1)
        values = [found[level] for level in sorted(found)]
        assert values == sorted(values, reverse=True)
        alone = {level: limit(scores, right, level, 0.1) for level in found}
        apart += alone != found
    assert apart  # each level by itself would contradict another


def test_what_is_always_wrong_has_no_limit() -> None:
    assert limits(np.linspace(0.5, 1, 200), np.zeros(200, dtype=bool), 0.05) == {}


def test_too_few_statements_have_no_limit_however_right_they_are() -> None:
    scores = np.linspace(0.5, 1, 58)
    assert limit(scores, np.ones(58, dtype=bool), 0.05, 0.05) is None
    scores = np.linspace(0.5, 1, 59)
    assert limit(scores, np.ones(59, dtype=bool), 0.05, 0.05) == pytest.approx(0.5)


def test_what_is_tested_depends_on_the_number_of_statements_alone() -> None:
    assert counts(130, 0.05, 0.05)[:3] == [59, 93, 124]
    assert sequence(58, 0.05, 0.05) == ([], 1)
    assert sequence(100, 0.05, 0.05) == ([59, 93, 100], 1)
    assert sequence(100, 0.2, 0.05)[1] == 2


def test_a_level_that_is_less_strict_withholds_no_more_where_nothing_is_wrong() -> None:
    scores = np.linspace(0.5, 1, 29)
    held = limits(scores, np.ones(29, dtype=bool), 0.05)
    assert held[0.1] == held[0.2] == pytest.approx(0.5)


def test_one_wrong_statement_among_the_surest_is_not_the_end() -> None:
    scores = np.linspace(0.5, 1, 80)
    right = np.ones(80, dtype=bool)
    right[-1] = False
    assert limit(scores, right, 0.2, 0.05) is not None


def test_one_statement_of_each_patient_is_drawn_whatever_is_right() -> None:
    said = made_up(60, patients=12)
    wrong = [replace(item, right=(0.0,)) for item in said]
    [drawn] = one_each(said).values()
    [again] = one_each(wrong).values()
    assert len(drawn) == 12
    assert [score for score, _ in drawn] == [score for score, _ in again]


def test_the_curve_follows_the_scores() -> None:
    parts = [part(item.findings[0].score, item.right == (1.0,)) for item in made_up(3000)]
    found = curve(parts)
    assert found.at(0.6) == pytest.approx(0.6, abs=0.06)
    assert found.at(0.9) == pytest.approx(0.9, abs=0.04)


def test_the_curve_tells_the_views_apart_where_both_were_seen() -> None:
    views = Projection.AP, Projection.PA
    often = {"AP": 5, "PA": 9}
    parts = [part(0.8, n % 10 < often[view], view) for view in views for n in range(200)]
    found = curve(parts)
    assert found.at(0.8, Projection.AP) < 0.65 < 0.8 < found.at(0.8, Projection.PA)
    assert curve([part(0.8, True)] * 30).view == pytest.approx(0, abs=1e-5)


def test_a_few_right_statements_are_not_taken_for_certain() -> None:
    assert curve([part(0.9, True)] * 20).at(0.9) < 0.99


def test_what_is_known_of_a_sort_counts_patients_and_what_was_wrong() -> None:
    said = [replace(item, right=(float(n % 4 > 0),)) for n, item in enumerate(made_up(40))]
    known = fitted({"films": said}, {"generator/a": "0" * 64}).sorts[SORT]
    assert (known.patients, known.wrong) == (40, 10)
    assert known.curve is not None
    few: Known = fitted({"films": said[: FEWEST - 1]}, {}).sorts[SORT]
    assert few.curve is None


def test_statements_of_unknown_truth_are_left_out() -> None:
    said = [replace(item, right=(float("nan"),)) for item in made_up(40)]
    assert fitted({"films": said}, {}).sorts == {}


def test_sentences_of_several_findings_have_a_curve_of_their_own() -> None:
    random = np.random.default_rng(3)
    findings = finding(score=0.8), finding(EFFUSION, "absent", LEFT, 0.8)
    said = []
    for n in range(400):
        both = float(random.random() < 0.8)  # they are right together, or neither is
        said.append(Judged(f"{n}", f"{n}", Projection.PA, sentence(*findings), (both, both)))
    made = fitted({"films": said}, {})
    assert made.several["films"].at(0.8 * 0.8) == pytest.approx(0.8, abs=0.06)


@pytest.fixture
def film(tmp_path: Path) -> Example:
    """Opacity outlined in the right lung, no effusion, nothing known of other findings."""
    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.tile(np.arange(200, dtype=np.uint8), (200, 1)))
    inside = np.array([[30.0, 40.0], [70.0, 40.0], [70.0, 120.0], [30.0, 120.0]])
    reading = FilmReading(
        RADIOLOGISTS,
        {OPACITY: Presence.PRESENT, EFFUSION: Presence.ABSENT},
        marks=(Mark(OPACITY, inside),),
        located=frozenset({OPACITY}),
    )
    return Example("film", "made up", "one", path, view="AP", readings=(reading,))


def judged(film: Example, *findings: Finding) -> tuple[float, ...]:
    image = Image.open(film.path, force=True)
    report = GroundedReport(
        image.info, FOUND, (sentence(*findings),), Scope(), Provenance("", "", "", "", "", "")
    )
    [item] = judge(report, film)
    assert item.view is Projection.AP
    return item.right


def test_what_is_there_has_to_be_in_its_own_region(film: Example) -> None:
    assert judged(film, finding()) == (1.0,)
    assert judged(film, finding(region=LEFT)) == (0.0,)
    assert judged(film, finding(presence="uncertain", region=LEFT)) == (0.0,)
    assert judged(film, finding(EFFUSION)) == (0.0,)


def test_what_is_denied_of_one_lung_is_judged_there(film: Example) -> None:
    assert judged(film, finding(presence="absent", region=LEFT)) == (1.0,)
    assert judged(film, finding(presence="absent", region=RIGHT)) == (0.0,)


def test_what_is_denied_of_both_lungs_has_to_be_nowhere(film: Example) -> None:
    both = [finding(presence="absent", region=name) for name in (RIGHT, LEFT)]
    assert judged(film, *both) == (0.0, 0.0)
    none = [finding(EFFUSION, "absent", name) for name in (RIGHT, LEFT)]
    assert judged(film, *none) == (1.0, 1.0)


def test_what_nobody_speaks_of_is_not_known(film: Example) -> None:
    [right] = judged(film, finding("Emphysema", "absent", LEFT))
    assert np.isnan(right)
    [right] = judged(film, finding("Mediastinal Shift", "absent", "cardiac silhouette"))
    assert np.isnan(right)


def test_labels_mined_from_reports_are_nobody_who_saw_the_film(film: Example) -> None:
    said = {OPACITY: Presence.PRESENT}
    assert read_by_people(film)
    assert not read_by_people(replace(film, readings=(FilmReading(TEXT, said),)))
    assert not read_by_people(replace(film, readings=(FilmReading(BOXES, said),)))
    assert read_by_people(replace(film, readings=(FilmReading(RSNA, said), FilmReading(TEXT))))


def test_a_composite_is_judged_by_its_parts(film: Example) -> None:
    blunted = [finding("Blunted Costophrenic Angle", p, RIGHT) for p in ("present", "absent")]
    thick = dict(film.readings[0].findings) | {"Pleural Thickening": Presence.ABSENT}
    none = replace(film, readings=(replace(film.readings[0], findings=thick),))
    marked = replace(
        none,
        readings=(
            replace(
                none.readings[0],
                findings={**thick, EFFUSION: Presence.PRESENT},
                marks=(Mark(EFFUSION, film.readings[0].marks[0].shape),),
                located=frozenset({EFFUSION, "Pleural Thickening"}),
            ),
        ),
    )
    assert [judged(none, item) for item in blunted] == [(0.0,), (1.0,)]
    assert [judged(marked, item) for item in blunted] == [(1.0,), (0.0,)]
    assert judged(marked, replace(blunted[0], region=LEFT)) == (0.0,)
    assert np.isnan(judged(film, blunted[0]))  # nobody speaks of thickening


def test_the_challenge_s_denial_is_heard_where_nobody_reports_anything(film: Example) -> None:
    none = FilmReading(RSNA, {OPACITY: Presence.ABSENT}, located=frozenset({OPACITY}))
    quiet = FilmReading(TEXT, {OPACITY: Presence.ABSENT, EFFUSION: Presence.ABSENT})
    speaks = replace(quiet, findings={**quiet.findings, EFFUSION: Presence.PRESENT})
    for report, present, absent in ((quiet, 0.0, 1.0), (speaks, np.nan, np.nan)):
        read = replace(film, readings=(none, report))
        assert judged(read, finding()) == pytest.approx((present,), nan_ok=True)
        denied = judged(read, finding(presence="absent", region=LEFT))
        assert denied == pytest.approx((absent,), nan_ok=True)
    outlined = replace(film, readings=(*film.readings, none, speaks))
    assert judged(outlined, finding(region=LEFT)) == (0.0,)


def test_a_sentence_is_right_where_all_of_it_is() -> None:
    item = Judged("a", "b", Projection.PA, sentence(finding(), finding(EFFUSION)), (1.0, 0.0))
    assert item.is_right == 0
    assert item.by_sort()[SORT] == (0.8, 1.0)
    assert sort_of(item.findings[0]) == SORT
    assert np.isnan(replace(item, right=(1.0, float("nan"))).is_right)
    assert log_odds(0.5) == 0


@pytest.fixture(scope="module")
def outlined(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """A phantom with outlines of lungs and heart, in which nothing is out of its usual range."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 1, seed=3, side=256)
    [film] = chest_anatomy(folder)
    return film


def measured(label: str, presence: str, region: str) -> Finding:
    return replace(finding(label, presence, region), score_kind=ScoreKind.DISTANCE)


def test_what_was_measured_is_right_where_people_s_outlines_say_so(outlined: Example) -> None:
    image = Image.open(outlined.path, force=True)
    found = measured_by_people(outlined)
    assert set(found) >= {"Enlarged Cardiomediastinum", "Lung Volume Asymmetry"}
    there = found["Enlarged Cardiomediastinum"][""]
    regions = annotated_regions(outlined)
    said = [
        measured("Enlarged Cardiomediastinum", presence, "upper mediastinum")
        for presence in ("absent", "present", "uncertain")
    ]
    sentence_ = sentence(*said)
    report = GroundedReport(
        image.info, regions, (sentence_,), Scope(), Provenance("", "", "", "", "", "")
    )
    [item] = judge(report, outlined)
    assert item.right == (1 - there, there, there)


def test_what_was_read_is_not_judged_by_outlines(film: Example, outlined: Example) -> None:
    assert measured_by_people(film) == {}
    with_outlines = replace(film, outlines=outlined.outlines)
    [right] = judged(with_outlines, finding("Emphysema", "absent", LEFT))
    assert np.isnan(right)


def test_a_sort_is_known_by_the_first_films_that_have_enough_of_it() -> None:
    few, many = made_up(FEWEST - 1, view=Projection.AP), made_up(40, seed=1)
    known = fitted({"few": few, "many": many}, {}).sorts[SORT]
    assert (known.population, known.only, known.patients) == ("many", Projection.PA, 40)
    known = fitted({"few": few, "none": []}, {}).sorts[SORT]
    assert (known.population, known.only, known.curve) == ("few", Projection.AP, None)
    known = fitted({"first": made_up(30), "many": many}, {}).sorts[SORT]
    assert known.population == "first"

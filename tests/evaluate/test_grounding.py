"""Right words, right place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from grounded import Box
from grounded.errors import InvalidValueError
from grounded.evaluate.areas import Overlap
from grounded.evaluate.errors import Urgency
from grounded.evaluate.grounding import (
    LabelEntailment,
    Place,
    load_entailment,
    place_errors,
    places,
    radfact,
)
from grounded.evaluate.report_table import Statement
from grounded.evaluate.reports import Case, Reference, Written
from grounded.evaluate.rows import row_of
from grounded.language.labeller import Labeller

HERE, THERE = Box(0, 0, 10, 10), Box(50, 50, 60, 60)
OURS = LabelEntailment()


class SameWords:
    """Another entailment test: the very words."""

    name = "same words"

    def supporting(self, sentence: str, others: Sequence[str]) -> tuple[int, ...]:
        return tuple(row for row, other in enumerate(others) if other == sentence)


def test_overlapping_boxes_are_counted_once() -> None:
    overlap = Overlap.of([Box(0, 0, 10, 10), Box(5, 0, 15, 10)], [Box(10, 0, 20, 10)])
    assert (overlap.said, overlap.true, overlap.shared) == (150, 100, 50)
    assert overlap.iou == pytest.approx(0.25)
    assert Overlap.of([], [HERE]).precision == 0


def test_more_than_half_of_a_box_has_to_lie_in_the_evidence() -> None:
    true = [Statement("Left pleural effusion.", (Box(0, 0, 10, 10),))]
    for width, entailed in ((19, 1.0), (20, 0.0), (21, 0.0)):
        said = [Statement("Pleural effusion on the left.", (Box(0, 0, width, 10),))]
        assert radfact(said, true, OURS).spatial_precision == entailed


def test_radfact_counts_each_report_against_the_other() -> None:
    written = [
        Statement("Left effusion.", (HERE,)),
        Statement("Cardiomegaly.", (THERE,)),
        Statement("No pneumothorax."),
    ]
    reference = [Statement("Small left pleural effusion.", (HERE,)), Statement("No pneumothorax.")]
    found = radfact(written, reference, OURS)
    assert found.logical_precision == pytest.approx(2 / 3)
    assert found.logical_recall == 1
    assert found.spatial_precision == 0.5
    assert found.grounding_precision == 1
    assert math.isnan(radfact([Statement("Clear.")], reference, OURS).spatial_precision)


def test_the_entailment_test_can_be_replaced() -> None:
    said, true = [Statement("Left effusion.")], [Statement("Effusion on the left.")]
    assert radfact(said, true, OURS).logical_precision == 1
    assert radfact(said, true, SameWords()).logical_precision == 0
    loaded = load_entailment("grounded.evaluate.grounding:LabelEntailment")
    assert isinstance(loaded, LabelEntailment)
    for wrong in ("nowhere:X", "grounded.geometry:Box", "math"):
        with pytest.raises(InvalidValueError):
            load_entailment(wrong)


def test_a_denial_is_entailed_by_a_denial_alone() -> None:
    assert OURS.supporting("No pneumothorax.", ["No effusion or pneumothorax."]) == (0,)
    assert OURS.supporting("No pneumothorax.", ["Right pneumothorax."]) == ()
    assert OURS.supporting("No pneumothorax.", ["The heart is enlarged."]) == ()
    assert OURS.supporting("Left effusion.", ["Right effusion."]) == ()
    assert OURS.supporting("The spine is bent.", ["Clear lungs.", "the spine is bent."]) == (1,)


def _case(said: Box | None, true: Box, point: tuple[float, float] | None = None) -> Case:
    text = "Pleural effusion."
    written = Statement(text, () if said is None else (said,), point=point)
    return Case(
        "a",
        Written(text, statements=(written,)),
        Reference(text, statements=(Statement(text, (true,)),)),
    )


def test_the_right_finding_elsewhere_is_an_error_of_place() -> None:
    rules = Labeller.open()
    [error] = place_errors(places(_case(THERE, HERE), rules))
    assert (error.label, error.kind, error.attribute) == ("Pleural Effusion", "wrong", "place")
    around = Box(0, 0, 100, 100)  # the region's box around a small lesion
    assert place_errors(places(_case(around, HERE), rules)) == []
    assert place_errors(places(_case(None, HERE), rules)) == []


def test_the_pointing_game_takes_the_heatmap_before_the_box() -> None:
    rules = Labeller.open()
    [place] = places(_case(HERE, HERE), rules).values()
    assert place.pointed
    assert place.iou == 1
    [place] = places(_case(HERE, HERE, point=(55, 55)), rules).values()
    assert not place.pointed
    assert not Place((), (HERE,), None).pointed
    assert Place((), (HERE,), None).iou == 0


def _values(written: Written, reference: Reference, boxed: bool = True) -> set[str]:
    row = row_of(Case("a", written, reference), Labeller.open(), Urgency.open(), OURS, boxed)
    return {name.removeprefix("RadFact ") for name in row.values if name.startswith("RadFact")}


def test_radfact_judges_plain_text_by_its_words_alone() -> None:
    phrases = (Statement("Left pleural effusion.", (HERE,)),)
    text = Written("Left effusion. Clear right lung.")
    assert _values(text, Reference("Left effusion."), False) == {
        "logical precision",
        "logical recall",
    }
    placed = Written("", statements=phrases)
    assert _values(placed, Reference("", statements=phrases)) == {
        "logical recall",
        "spatial recall",
        "grounding recall",
    }
    assert len(_values(placed, Reference("Left pleural effusion.", statements=phrases))) == 6
    assert _values(text, Reference("")) == set()

"""The figures of reports that were written to files, each with its source, films and interval.

First the errors a report, counted; then where things are said to be; then the tables of the paper
on region-guided reports (Tanida et al., CVPR 2023, tables 1 to 4: regions found and their boxes,
selection and abnormality, the words of the report, its findings); then the probabilities. The
published figures beside them are of MIMIC-CXR with Chest ImaGenome's split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import REGIONS
from grounded.errors import InvalidValueError
from grounded.evaluate.calibration import NAMES, Scored
from grounded.evaluate.detection import average_precision, region_accuracy
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.errors import ATTRIBUTES, KINDS, Urgency
from grounded.evaluate.evaluation import BY_CHEXBERT, OURS, Curve, Evaluation, Figure
from grounded.evaluate.findings import (
    Uncertain,
    example_fourteen,
    finding_table,
    micro_five,
)
from grounded.evaluate.grounding import Entailment, LabelEntailment, RadFact
from grounded.evaluate.groups import group_figures
from grounded.evaluate.radeval import CHEXBERT, chexbert_tables, radeval_scores
from grounded.evaluate.reports import (
    Case,
    Reference,
    columns_left_alone,
    pair,
    read_references,
    read_written,
)
from grounded.evaluate.rows import ALL, PRIOR, WEIGHTED, Row, mean_of, row_of
from grounded.evaluate.scores import ScoreEstimates, example_scores, pooled_estimates
from grounded.evaluate.text import TextScore, Tokenizer, text_scores
from grounded.language.labeller import Labeller, Remembering

LabellerName = Literal["rules", "radeval"]
Done = Callable[[int, int], None]
EXAMPLE_F1 = "example-14 F1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How reports are judged.

    labeller: "rules", or "radeval" for CheXbert and RadGraph. uncertain: what an uncertain finding
    counts as. urgency: the table of weights that ships if None. entailment: of RadFact, the
    labeller's if None. metrics: of RadEval, beside; download: whether it may fetch their weights.
    Raises InvalidValueError for another labeller.
    """

    labeller: LabellerName = "rules"
    uncertain: Uncertain = "present"
    tokenizer: Tokenizer = "words"
    urgency: Urgency | None = None
    entailment: Entailment | None = None
    metrics: Sequence[str] = ()
    download: bool = False

    def __post_init__(self) -> None:
        if self.labeller not in get_args(LabellerName):
            raise InvalidValueError(f'labeller is "rules" or "radeval", got {self.labeller!r}')


def evaluate_files(
    reports: Path,
    reference: Path | Mapping[str, Reference],
    *,
    data: str = "",
    split: str = "",
    judging: Judging | None = None,
    done: Done = lambda *_: None,
) -> Evaluation:
    """Compare reports with references; see `read_written` and `read_references` for the files.

    reference: a file, or references by film. data: the data set in the user's words, for the
    heading. judging: as usual if None. done: as of `evaluate`.
    """
    written = read_written(reports)
    references = read_references(reference) if isinstance(reference, Path) else reference
    cases = pair(written, references)
    named = data or (reference.name if isinstance(reference, Path) else "")
    heading = (
        f"{named}{f', {split}' if split else ''}: {len(cases)} films with report and reference "
        f"({len(written) - len(cases)} reports without reference, "
        f"{len(references) - len(cases)} references without report)"
    )
    tables = [reports, *([reference] if isinstance(reference, Path) else [])]
    notes = [*_of_columns(tables), *_of_silence(cases)]
    found = evaluate(cases, data=heading, judging=judging, done=done)
    return replace(found, split=split, notes=tuple(notes))


def _of_columns(tables: Sequence[Path]) -> Iterator[str]:
    for table in tables:
        if names := columns_left_alone(table):
            yield f"columns of {table.name} that nothing is read from: {', '.join(names)}"


def _of_silence(cases: Sequence[Case]) -> Iterator[str]:
    """What says nothing is counted, so that a broken file is not taken for a bad generator."""
    empty = sum(not (case.written.text or case.written.findings) for case in cases)
    if empty:
        yield f"{empty} of {len(cases)} reports are empty: whatever their films show is missed"
    unknown = sum(case.reference.silent for case in cases)
    if unknown:
        yield f"{unknown} of {len(cases)} references say nothing; by these nothing is judged"


def evaluate(
    cases: Sequence[Case],
    *,
    data: str,
    judging: Judging | None = None,
    done: Done = lambda *_: None,
) -> Evaluation:
    """All figures that the cases allow; a table without any case to stand on is left out.

    done: is given how many reports are through, and of how many.
    """
    how = judging or Judging()
    table, rules = how.urgency or Urgency.open(), Remembering.of(Labeller.open())
    ours = how.labeller == "rules"
    chosen = (*(() if ours else (CHEXBERT, "radgraph")), *how.metrics)
    test = how.entailment or LabelEntailment(rules)
    boxed = [case for case in cases if case.written.regions is not None and case.reference.boxes]
    worded = [case for case in cases if case.reference.text and case.written.findings is None]
    scores = _text_scores(worded, how.tokenizer)
    by_report = {
        case.image: {score.name: score.each[row] for score in scores if score.each}
        for row, case in enumerate(worded)
    }
    tables = _finding_tables(worded, how.uncertain, rules) if ours and worded else None
    for case, each in zip(worded, example_scores(*tables) if tables else (), strict=False):
        by_report[case.image][EXAMPLE_F1] = each.f1
    placed = any(said.boxes for case in cases for said in case.written.statements)
    marked = placed or any(case.written.boxes for case in cases)
    rows = []
    for case in cases:
        row = row_of(case, rules, table, test, placed, marked)
        rows.append(replace(row, values={**row.values, **by_report.get(row.image, {})}))
        done(len(rows), len(cases))
    scored = Scored.of(cases, rules)
    figures = [
        *_errors(rows, table),
        *_places(rows, test),
        *_regions(boxed),
        *_finding_boxes(cases),
        *_choices(boxed),
        *_words(scores, rows, len(worded)),
        *(_findings(tables, worded, how.uncertain) if tables else ()),
        *_radeval(worded, chosen, how.download),
        *_probabilities(scored),
    ]
    return Evaluation(
        data,
        tuple(figures),
        groups=tuple(group_figures(rows)),
        curves=tuple(_curves(scored)),
        rows=tuple(rows),
        urgency=table,
    )


def _errors(rows: Sequence[Row], urgency: Urgency) -> Iterator[Figure]:
    table = "errors a report"
    how = f"{OURS} rule-based labeller; counted errors, the mean over the reports"
    tiers = f"{how}; by {urgency.name}"
    weights = ", ".join(f"{tier} {weight:g}" for tier, weight in urgency.weights.items())
    weighted = f"{how}; {weights}, times the attribute's part, by {urgency.name}"
    named = [(WEIGHTED, weighted), (ALL, how)]
    for kind in KINDS:
        named += [(f"{kind} findings", how), *((f"{kind}, {t}", tiers) for t in urgency.weights)]
    named += [(f"errors of {attribute}", how) for attribute in ATTRIBUTES]
    for name, by in named:
        yield from _mean(rows, table, name, by)
    prior = f"{OURS}; reports that compare with an earlier film where the reference does not"
    yield from _mean(rows, "prior studies", PRIOR, prior)


def _mean(rows: Sequence[Row], table: str, name: str, how: str) -> Iterator[Figure]:
    estimate, films, _ = mean_of(rows, name)
    if films:
        yield Figure.of(table, name, estimate, how, films)


def _places(rows: Sequence[Row], entailment: Entailment) -> Iterator[Figure]:
    table, how = "places", f"{OURS}; findings that both reports have, with boxes in the reference"
    for name in ("mIoU of findings", "pointing game"):
        yield from _mean(rows, table, name, how)
    by = f"{OURS}, RadFact's rules (arXiv:2406.04449); entailment by {entailment.name}"
    for part in RadFact.__slots__:
        yield from _mean(rows, table, f"RadFact {part.replace('_', ' ')}", by)


def _text_scores(cases: Sequence[Case], tokenizer: Tokenizer) -> list[TextScore]:
    if not cases:
        return []
    written = [case.written.text for case in cases]
    return text_scores(written, [case.reference.text for case in cases], tokenizer)


def _words(scores: Sequence[TextScore], rows: Sequence[Row], films: int) -> Iterator[Figure]:
    for score in scores:
        estimate, _, _ = mean_of(rows, score.name)
        low, high = (None, None) if math.isnan(estimate.low) else (estimate.low, estimate.high)
        yield Figure("words", score.name, score.value, score.how, films, low, high)


def _finding_boxes(cases: Sequence[Case]) -> Iterator[Figure]:
    """How well findings are boxed, in films whose reader marked every object of one."""
    pairs = []
    for case in cases:
        scores, known = case.written.scores, case.reference
        found = [
            (label, box, scores.get(label, 1.0))
            for label, boxes in case.written.boxes.items()
            for box in boxes
        ]
        true = {label: known.marks.get(label, ()) for label in known.located}
        if true:
            pairs.append((found, true))
    if any(found for found, _ in pairs):  # or else the generator says no places
        yield from _average_precision("findings marked", "finding", pairs)


def _average_precision(table: str, what: str, pairs: Sequence[Any]) -> Iterator[Figure]:
    found = average_precision(pairs)
    if found is not None:
        how = f"{found.by}, mean over the {what}s with a reference box"
        yield Figure(table, f"{what} mAP 50", found.at_half, how, found.films)
        yield Figure(table, f"{what} mAP 50-95", found.coco, how, found.films)


def _probabilities(scored: Scored) -> Iterator[Figure]:
    if not len(scored.scores):
        return
    table, films = "probabilities", len(set(scored.patients))
    how = f"{OURS}; {len(scored.scores)} probabilities of {films} patients, all findings together"
    for name, estimate in scored.estimates().items():
        by = f"{how}, ten bins" if name == NAMES[0] else how
        yield Figure.of(table, name, estimate, by, films)
    area = area_under_roc(scored.scores, scored.truth, scored.patients)
    yield Figure.of(table, "area under ROC", area, how, films)


def _curves(scored: Scored) -> Iterator[Curve]:
    if len(scored.scores):
        x, y, counts = zip(*scored.reliability(), strict=True)
        yield Curve("reliability", x, y, counts)
        coverage, risk = scored.risk_by_coverage()
        yield Curve("risk by coverage", tuple(coverage.tolist()), tuple(risk.tolist()))


def _regions(cases: Sequence[Case]) -> Iterator[Figure]:
    pairs = [
        (case.written.regions, case.reference.boxes)
        for case in cases
        if case.written.regions is not None and case.reference.boxes is not None
    ]
    if not pairs:
        return
    how = f"{OURS}; a region that is not found has IoU 0"
    number = float(np.mean([len(set(regions.names) & set(REGIONS)) for regions, _ in pairs]))
    yield Figure("regions", f"regions found of {len(REGIONS)}", number, how, len(pairs))
    accuracy = region_accuracy(pairs)
    weights = [item.count for item in accuracy.values()]
    mean = float(np.average([item.mean_iou for item in accuracy.values()], weights=weights))
    yield Figure("regions", "mean IoU", mean, how, len(pairs))
    for name in REGIONS:
        if name in accuracy:
            item = accuracy[name]
            yield Figure("regions", f"IoU {name}", item.mean_iou, how, item.count)
    yield from _average_precision(
        "regions",
        "region",
        [
            ([(r.name, r.box, r.score) for r in regions], {n: [b] for n, b in boxes.items()})
            for regions, boxes in pairs
        ],
    )


def _choices(cases: Sequence[Case]) -> Iterator[Figure]:
    if not cases:
        return
    table = "regions described"
    how = f"{OURS}; from the report's sentences, all 29 regions pooled"
    for name, which in (("selection", "described"), ("abnormality", "abnormal")):
        truth = [[r in getattr(case.reference, which) for r in REGIONS] for case in cases]
        said = [[r in getattr(case.written, which) for r in REGIONS] for case in cases]
        found = pooled_estimates(truth, said, [case.patient for case in cases])
        yield from _triple(table, name, found, how, len(cases))


Tables = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""What references and reports say: each (N, 14), the observations of CheXpert."""


def _finding_tables(cases: Sequence[Case], uncertain: Uncertain, rules: Labeller) -> Tables:
    references = finding_table([case.reference.text for case in cases], rules, uncertain)
    return references, finding_table([case.written.text for case in cases], rules, uncertain)


def _findings(tables: Tables, cases: Sequence[Case], uncertain: Uncertain) -> Iterator[Figure]:
    how = (
        f"{OURS} rule-based labeller, uncertain counts as {uncertain}; "
        f"the published figures are CheXbert's"
    )
    yield from _by_labels("", *tables, cases, how)


def _radeval(cases: Sequence[Case], metrics: Sequence[str], download: bool) -> Iterator[Figure]:
    if not cases or not metrics:
        return
    written = [case.written.text for case in cases]
    references = [case.reference.text for case in cases]
    if CHEXBERT in metrics:
        (truth, said), by = chexbert_tables([references, written], download)
        yield from _by_labels(BY_CHEXBERT, truth, said, cases, f"{by}, uncertain counts as present")
    if others := [name for name in metrics if name != CHEXBERT]:
        values, release = radeval_scores(written, references, others, download)
        for name, value in values.items():
            yield Figure("findings", name, value, f"{release}, {', '.join(others)}", len(written))


def _by_labels(
    before: str,
    truth: NDArray[np.bool_],
    said: NDArray[np.bool_],
    cases: Sequence[Case],
    how: str,
) -> Iterator[Figure]:
    """The paper's table of findings. truth, said: (N, 14). before: the figures' names."""
    patients = [case.patient for case in cases]
    for name, scores in (("micro-5", micro_five), ("example-14", example_fourteen)):
        found = scores(truth, said, patients)
        yield from _triple("findings", f"{before}{name}", found, how, len(cases))


def _triple(
    table: str, name: str, scores: ScoreEstimates, how: str, films: int
) -> Iterator[Figure]:
    for part, estimate in zip(("precision", "recall", "F1"), scores, strict=True):
        yield Figure.of(table, f"{name} {part}", estimate, how, films)

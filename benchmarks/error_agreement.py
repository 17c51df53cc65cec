"""How far the counted errors can be trusted: on real sentences, and against radiologists.

    python benchmarks/error_agreement.py --iu DIR [--reports 1500]
    python benchmarks/error_agreement.py --crimson FOLDER

DIR holds the report text of Indiana University (`indiana_reports.csv`, `sentences_by_region.json`).
From real reports of its validation and test part two things are made: the same report in other
words, of which no error may be counted, and a report with one known error, of which that error has
to be counted and no other. Rates are by kind of rewording and of error, intervals Wilson's.

FOLDER is a copy of github.com/rajpurkarlab/CRIMSON (MIT). RadJudge, its 30 ranking cases: whether
the weighted errors rank the candidates as expected; three of the ten topics need what the words do
not hold (age and indication, positions of tubes). RadPref, 100 reports with two candidates and the
errors that three radiologists found in them: rank correlation of the counted errors with
theirs, how often the preferred candidate is the one with fewer errors, and what is counted
of candidates in which no radiologist found any. BLEU-4 and ROUGE-L (pycocoevalcap) of the
same pairs stand beside.

The rules were written with RadJudge's cases in view and without RadPref's but for its first two.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau, spearmanr

from grounded.data.iu_text import TextReport, iu_text
from grounded.evaluate.errors import CountedError, Urgency, errors_of, stated, weight_of
from grounded.evaluate.intervals import Rate
from grounded.language.labeller import Labeller

RULES = Labeller.open()
URGENCY = Urgency.open()
SAME = 0.01  # weighted errors that count as equal, as RadJudge's own suite has it
FEEDBACK = "https://github.com/rajpurkarlab/CRIMSON"

Change = Callable[[str], str | None]
"""A sentence in other words, or None if this way of rewording does not apply to it."""


def swap(pattern: str, by: str) -> Change:
    words = re.compile(pattern, re.IGNORECASE)

    def change(sentence: str) -> str | None:
        new, count = words.subn(by, sentence, count=1)
        return new if count else None

    return change


def any_of(*changes: Change) -> Change:
    def change(sentence: str) -> str | None:
        found = (new for one in changes if (new := one(sentence)) is not None)
        return next(found, None)

    return change


REWORDINGS: Mapping[str, Change] = {
    "capitals": lambda sentence: sentence.upper(),
    "lower case": lambda sentence: sentence.lower(),
    "there is ... : ... is seen": swap(r"^there (?:is|are) (?!no\b)(.+?)\.?$", r"\1 is seen."),
    "no ... : no evidence of": swap(
        r"\bno (?!evidence|new|change|significant|large)", "no evidence of "
    ),
    "no ... : negative for": swap(
        r"^(?:there is |there are )?no (?!evidence|new|change)(\w+)\.?$", r"Negative for \1."
    ),
    "without : with no": swap(r"\bwithout\b", "with no"),
    "is not seen": swap(
        r"^no (pneumothorax|pleural effusion|effusion|consolidation)\.?$", r"\1 is not seen."
    ),
    "left X : X on the left": swap(
        r"\b(left|right) (pleural effusion|pneumothorax|effusion)\b", r"\2 on the \1"
    ),
    "left : left-sided": swap(r"\b(left|right) (?=pleural|pneumothorax|effusion)", r"\1-sided "),
    "lobes : abbreviations": any_of(
        swap(r"\bright upper lobe\b", "RUL"),
        swap(r"\bright lower lobe\b", "RLL"),
        swap(r"\bleft upper lobe\b", "LUL"),
        swap(r"\bleft lower lobe\b", "LLL"),
        swap(r"\bright middle lobe\b", "RML"),
    ),
    "basilar : at the base": swap(
        r"\b(left|right) (?:basilar|basal|bibasilar) (atelectasis|opacity)", r"\2 at the \1 base"
    ),
    "bilateral : on both sides": swap(
        r"\bbilateral (pleural effusions|effusions)\b", r"\1 on both sides"
    ),
    "bibasilar : both bases": swap(r"\bbibasilar (atelectasis|opacities)", r"\1 at both bases"),
    "cardiomegaly : enlarged heart": swap(r"\bcardiomegaly\b", "enlargement of the heart"),
    "heart : cardiac silhouette": swap(r"\bheart (?:size )?is\b", "cardiac silhouette is"),
    "enlarged heart : cardiomegaly": swap(
        r"\b(?:the )?(?:heart|cardiac silhouette) is (?:mildly |moderately )?enlarged\b",
        "there is cardiomegaly",
    ),
    "pleural effusion : fluid": swap(r"\b(?:pleural )?effusion\b(?! or| and|,)", "pleural fluid"),
    "pneumothorax : PTX": swap(r"\bpneumothorax\b", "PTX"),
    "edema : oedema": swap(r"\bedema\b", "oedema"),
    "opacity : opacification": swap(r"\bopacity\b", "opacification"),
    "opacity : density": swap(r"\bairspace opacit(?:y|ies)\b", "increased density"),
    "atelectasis : collapse": swap(r"\batelectasis\b", "partial collapse"),
    "consolidation : consolidative": swap(
        r"\bconsolidation\b(?! or| and|,)", "consolidative change"
    ),
    "nodule : nodular density": swap(r"(?<!calcified )\bnodule\b", "nodular density"),
    "small : mild": swap(r"\bsmall (?=\w* ?(?:pleural )?effusion)", "mild "),
    "large : sizeable": swap(r"\blarge (?=\w* ?(?:pleural )?effusion)", "massive "),
    "mild : slight": swap(r"\bmild(?=ly\b| )", "slight"),
    "possible : may represent": swap(
        r"\b(?:possible|possibly|probable) (atelectasis|pneumonia|scarring)", r"suspected \1"
    ),
    "lungs are clear": swap(r"\b(?:the )?lungs are clear\b", "lungs clear"),
    "mm : cm": lambda s: (
        re.sub(r"\b(\d+) ?mm\b", lambda m: f"{int(m[1]) / 10:g} cm", s)
        if re.search(r"\b\d+ ?mm\b", s)
        else None
    ),
    "since prior : compared with": swap(
        r"\b(?:since|from) (?:the )?prior(?: study| exam\w*)?\b", "compared to the prior study"
    ),
}

ADDED = {
    "Pneumothorax": "There is a pneumothorax.",
    "Pleural Effusion": "There is a pleural effusion.",
    "Edema": "There is pulmonary edema.",
    "Cardiomegaly": "The heart is enlarged.",
    "Fracture": "There is a fracture.",
}
INSERTED: Mapping[str, Change] = {
    "side": any_of(
        swap(r"\bleft\b", "right"), swap(r"\bright\b(?! (?:heart|atri|ventric))", "left")
    ),
    "place": any_of(
        swap(r"\bupper (?=lobe|lung|zone)", "lower "),
        swap(r"\blower (?=lobe|lung|zone)", "upper "),
        swap(r"\b(?:bibasilar|basilar|basal)\b", "apical"),
    ),
    "severity": any_of(
        swap(r"\b(?:small|tiny|trace)\b(?! calcif)", "large"), swap(r"\blarge\b", "small"),
        swap(r"\bmild(ly)?\b", r"severe\1"), swap(r"\bsevere(ly)?\b", r"mild\1"),
    ),
    "certainty": any_of(
        swap(r"\bthere is an? ", "There is a possible "),
        swap(r"\bthere is (?!no\b|an?\b)", "There may be "),
    ),
    "measurement": lambda s: re.sub(
        r"\b(\d+(?:\.\d+)?) ?(mm|cm)\b", lambda m: f"{float(m[1]) * 2.5:g} {m[2]}", s
    ) if re.search(r"\b\d+(?:\.\d+)? ?(?:mm|cm)\b", s) else None,
    "comparison": swap(r"^(.+?)\.?$", r"\1, increased since the prior study."),
}  # fmt: skip


def positive(sentence: str) -> bool:
    return bool(stated(sentence, RULES))


def reworded(reports: Sequence[TextReport]) -> dict[str, Rate]:
    """By rewording, the sentences of which an error is counted; all real sentences that it fits."""
    rates = {}
    sentences = list(dict.fromkeys(s for report in reports for s in report.sentences))
    for name, change in REWORDINGS.items():
        pairs = [(s, new) for s in sentences if (new := change(s)) is not None]
        pairs = [(s, new) for s, new in pairs if RULES.label(s)]
        hits = sum(bool(errors_of(new, s, RULES)) for s, new in pairs)
        rates[name] = Rate(hits, len(pairs))
    return rates


def reports_reworded(reports: Sequence[TextReport]) -> Rate:
    """Whole reports: every sentence in other words where one fits, in the opposite order."""
    hits = count = 0
    for number, report in enumerate(reports):
        changes = list(REWORDINGS.values())[2:]
        turn = number % len(changes)
        new = [any_of(*changes[turn:], *changes[:turn])(s) or s for s in report.sentences]
        if new == list(report.sentences) or not positive(" ".join(report.sentences)):
            continue
        count += 1
        hits += bool(errors_of(" ".join(reversed(new)), " ".join(report.sentences), RULES))
    return Rate(hits, count)


def inserted(reports: Sequence[TextReport]) -> dict[str, tuple[Rate, Rate]]:
    """By kind of error: found where one was put in; and with no other error beside it."""
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for report in reports:
        text = " ".join(report.sentences)
        said = stated(text, RULES)
        for label, sentence in ADDED.items():
            if label not in said:
                found["unsupported"].append(_judged(f"{text} {sentence}", text, "unsupported"))
        for at, sentence in enumerate(report.sentences):
            if not positive(sentence):
                continue
            rest = " ".join((*report.sentences[:at], *report.sentences[at + 1 :]))
            if set(stated(sentence, RULES)) - set(stated(rest, RULES)):
                found["missed"].append(_judged(rest, text, "missed"))
            for kind, change in INSERTED.items():
                new = change(sentence)
                if (
                    new is not None
                    and new != sentence
                    and set(stated(sentence, RULES)) - set(stated(rest, RULES))
                ):
                    found[kind].append(_judged(f"{rest} {new}", text, kind))
    return {
        kind: (Rate(sum(a for a, _ in rows), len(rows)), Rate(sum(b for _, b in rows), len(rows)))
        for kind, rows in found.items()
    }


def _judged(written: str, reference: str, kind: str) -> tuple[bool, bool]:
    kinds = {
        e.kind if e.kind != "wrong" else e.attribute for e in errors_of(written, reference, RULES)
    }
    return kind in kinds, bool(kinds - {kind})


def iu(console: Console, folder: Path, most: int) -> None:
    reports = [r for r in iu_text(folder) if r.split != "train"][:most]
    table = Table(
        "rewording", "an error is counted", title=f"{len(reports)} reports of IU, held out"
    )
    rates = reworded(reports)
    for name, value in rates.items():
        table.add_row(name, str(value))
    total = Rate(sum(r.hits for r in rates.values()), sum(r.count for r in rates.values()))
    table.add_row("all sentences together", str(total))
    table.add_row("whole reports", str(reports_reworded(reports)))
    console.print(table)
    table = Table("error put in", "counted", "others beside it", title="one known error a report")
    for kind, (hit, other) in inserted(reports).items():
        table.add_row(kind, str(hit), str(other))
    console.print(table)


def penalty(reference: str, written: str) -> float:
    return weight_of(errors_of(written, reference, RULES), URGENCY)


def judge(console: Console, folder: Path) -> None:
    text = (folder / "RadJudge" / "test_cases.py").read_text(encoding="utf-8")
    [value] = [node.value for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    table = Table("topic", "ranked as expected", "not", title=f"RadJudge, {FEEDBACK}")
    right = total = 0
    for topic in ast.literal_eval(value):
        passed = {test["id"]: ranks(test) for test in topic["tests"]}
        wrong = [key for key, good in passed.items() if not good]
        table.add_row(
            topic["category"], f"{sum(passed.values())} of {len(passed)}", " ".join(wrong)
        )
        right, total = right + sum(passed.values()), total + len(passed)
    table.add_row("all", f"{right} of {total}", "")
    console.print(table)


def ranks(test: Mapping[str, Any]) -> bool:
    found = {
        name: penalty(test["ground_truth"], candidate["text"])
        for name, candidate in test["candidates"].items()
    }
    expected = test["expected_ranking"]
    for rule in [expected] if isinstance(expected, str) else expected:
        first, sign, second = rule.split()
        apart = found[second] - found[first]
        if not (abs(apart) < SAME if sign == "=" else apart > 0):
            return False
    return True


def preferences(console: Console, folder: Path) -> None:
    cases = json.loads((folder / "RadPref" / "preference_data.json").read_text("utf-8"))
    readers = [
        json.loads(path.read_text("utf-8"))["annotations"]
        for path in sorted((folder / "RadPref" / "radiologist_annotations").glob("*.json"))
    ]
    rows = [row for case in cases for row in _pair_of(case, readers)]
    others = _other_figures([row["reference"] for row in rows], [row["written"] for row in rows])
    measures = {
        "counted errors": [-float(len(row["errors"])) for row in rows],
        "weighted errors": [-weight_of(row["errors"], URGENCY) for row in rows],
        **others,
    }
    table = Table(
        *("measure (higher is better)", "tau with errors found", "tau with rating, 1 to 5"),
        *("Spearman with rating", "preferred candidate found"),
        title=f"RadPref: {len(cases)} reports, {len(rows)} candidates, {len(readers)} radiologists",
    )
    errors, ratings = [-row["found"] for row in rows], [row["rating"] for row in rows]
    for name, values in measures.items():
        table.add_row(
            name,
            f"{kendalltau(values, errors).statistic:.3f}",
            f"{kendalltau(values, ratings).statistic:.3f}",
            f"{spearmanr(values, ratings).statistic:.3f}",
            str(_preferred(values, ratings)),
        )
    console.print(table)
    clean = [row for row in rows if not row["worst"]]
    counted = [len(row["errors"]) for row in clean]
    console.print(
        f"candidates in which no radiologist found an error: {len(clean)}; an error is counted in "
        f"{Rate(sum(map(bool, counted)), len(clean))}"
    )
    kinds = Counter((e.kind, e.attribute) for row in clean for e in row["errors"])
    console.print("of kind " + ", ".join(f"{k} {a} {n}" for (k, a), n in kinds.most_common()))


def _pair_of(case: Mapping[str, Any], readers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for candidate in ("C1", "C2"):
        read = [reader[case["id"]][candidate] for reader in readers if case["id"] in reader]
        read = [reading for reading in read if reading.get("rating")]
        if len(read) < len(readers):
            return []
        counts = [len(r["finding_errors"]) + len(r["missing_findings"]) for r in read]
        reference, written = case["ground_truth_report"], case[f"{candidate}_report"]
        errors: list[CountedError] = errors_of(written, reference, RULES)
        rows.append(
            {
                "reference": reference,
                "written": written,
                "errors": errors,
                "found": float(np.mean(counts)),
                "worst": max(counts),
                "rating": float(np.mean([r["rating"] for r in read])),
            }
        )
    return rows


def _preferred(values: Sequence[float], ratings: Sequence[float]) -> Rate:
    """How many of the pairs that are rated apart are ranked alike; a tie counts half, rounded."""
    hits = count = 0.0
    for at in range(0, len(values), 2):
        if ratings[at] != ratings[at + 1]:
            count += 1
            apart = (values[at] - values[at + 1]) * (ratings[at] - ratings[at + 1])
            hits += 1.0 if apart > 0 else 0.5 * (apart == 0)
    return Rate(round(hits), round(count))


def _other_figures(references: Sequence[str], written: Sequence[str]) -> dict[str, list[float]]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.rouge.rouge import Rouge

    from grounded.evaluate.text import tokens

    true = {n: [" ".join(tokens(text))] for n, text in enumerate(references)}
    said = {n: [" ".join(tokens(text))] for n, text in enumerate(written)}
    _, bleu = Bleu(4).compute_score(true, said, verbose=0)
    _, rouge = Rouge().compute_score(true, said)
    return {"BLEU-4": list(bleu[3]), "ROUGE-L": list(map(float, rouge))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iu", type=Path)
    parser.add_argument("--reports", type=int, default=1500)
    parser.add_argument("--crimson", type=Path)
    arguments = parser.parse_args()
    console = Console()
    if arguments.iu:
        iu(console, arguments.iu, arguments.reports)
    if arguments.crimson:
        judge(console, arguments.crimson)
        preferences(console, arguments.crimson)


if __name__ == "__main__":
    main()

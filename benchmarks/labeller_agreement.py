"""How far the rule-based labeller agrees with reference labels of real reports.

python benchmarks/labeller_agreement.py --data DIR

DIR holds `iu_text/front_label_list_chexpert.csv` (reports of the Indiana University collection with
0/1 for the 14 CheXpert observations) and `finding_phrases/labeled_reports.csv` (1, 0, -1 or empty).
The rules were written while looking at the reports with odd numbers; the figures are printed for
the even ones, on which no rule was made, unless --all says otherwise.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from pathlib import Path

from grounded.findings import CHEXPERT
from grounded.language.labeller import NO_FINDING, Labeller

SIGNS = {"1.0": "present", "0.0": "absent", "-1.0": "uncertain"}


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def scores(hits: int, extra: int, lost: int) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    return (
        ratio(hits, hits + extra),
        ratio(hits, hits + lost),
        ratio(2 * hits, 2 * hits + extra + lost),
    )


def indiana(path: Path, labeller: Labeller, every: bool) -> None:
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    numbers = [int(re.sub(r"\D.*", "", row["file_name"][3:])) for row in rows]
    rows = [row for row, number in zip(rows, numbers, strict=True) if every or number % 2 == 0]
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for row in rows:
        said = labeller.label_report(row["report"])
        for label in CHEXPERT:
            truth = row[label.lower().replace(" ", "-")] == "1"
            counts[label, said.get(label) == "present", truth] += 1
    which = "all" if every else "even-numbered, no rule was made on them"
    print(f"{path.name}: {len(rows)} reports ({which}); agreement on 'present'")
    print(f"{'':28s}{'P':>8s}{'R':>8s}{'F1':>8s}{'n':>6s}")
    total = [0, 0, 0]
    each: list[float] = []
    for label in CHEXPERT:
        cells = (counts[label, True, True], counts[label, True, False], counts[label, False, True])
        precision, recall, f1 = scores(*cells)
        print(f"{label:28s}{precision:8.3f}{recall:8.3f}{f1:8.3f}{cells[0] + cells[2]:6d}")
        if label != NO_FINDING:
            total = [before + cell for before, cell in zip(total, cells, strict=True)]
            each.append(f1)
    precision, recall, f1 = scores(*total)
    print(f"{'micro (without No Finding)':28s}{precision:8.3f}{recall:8.3f}{f1:8.3f}")
    print(f"{'macro (without No Finding)':44s}{sum(each) / len(each):8.3f}")


def signs(path: Path, labeller: Labeller) -> None:
    """The few reports whose labels also tell absent from uncertain."""
    same = total = 0
    for row in csv.DictReader(path.open(encoding="utf-8")):
        said = labeller.label_report(row["Reports"])
        for label in CHEXPERT:
            if row[label]:
                total += 1
                same += said.get(label) == SIGNS[row[label]]
    print(f"{path.name}: {same} of {total} labels (present, absent, uncertain) agree")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--all", action="store_true", help="odd-numbered reports too")
    arguments = parser.parse_args()
    labeller = Labeller.open()
    indiana(arguments.data / "iu_text" / "front_label_list_chexpert.csv", labeller, arguments.all)
    signs(arguments.data / "finding_phrases" / "labeled_reports.csv", labeller)


if __name__ == "__main__":
    main()

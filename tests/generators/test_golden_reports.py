"""Reports of made-up films say what they said: wording, order, findings, impression, evidence.

No trained weights stand behind them, so that another training changes nothing here; the sizes of
the organs and what is found are set by hand. After a change that is meant, keep the new ones, and
read them: pytest tests/generators/test_golden_reports.py --refresh-golden
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grounded.atlas import Atlas
from grounded.compose.composer import AnatomicalComposer
from grounded.evidence import evidence_box
from grounded.explain.places import RegionBoxes
from grounded.generators.measured.generator import Measured
from grounded.generators.neural.generator import Neural
from grounded.generators.template import Template
from grounded.protocols import Question, SentenceGenerator
from grounded.provenance import Provenance
from grounded.report import GroundedReport

from .reading import OPEN, PRESENT, question, write_findings

GOLDEN = Path(__file__).parent.parent / "golden" / "reports"
RELATIVE, PIXELS = 0.02, 1.0  # what another version of a library may change
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
OPACITIES = {
    ("right lower lung zone", "Lung Opacity"): PRESENT,
    ("left lower lung zone", "Lung Opacity"): PRESENT,
    ("left upper lung zone", "Lung Opacity"): OPEN,
    ("trachea", "Support Devices"): PRESENT,
}
FILMS = {
    "usual": question(),
    "large heart": question(ratio=0.58),
    "opacities": question(None, OPACITIES, ratio=0.58),
}
CASES = [
    ("template", "usual"),
    *(("measured", film) for film in ("usual", "large heart")),
    *(("neural", film) for film in FILMS),
]


def report_of(asked: Question, generator: SentenceGenerator) -> GroundedReport:
    [sentences] = generator.describe([asked])
    return AnatomicalComposer().compose(
        asked.image,
        asked.found,
        RegionBoxes().explain(asked, sentences, generator),
        Atlas.open("chest29"),
        generator.scope,
        Provenance("0", "test", "", "", "", ""),
    )


def said(report: GroundedReport) -> dict[str, Any]:
    """All that a reader of the report sees, evidence as the boxes around it."""
    return {
        "text": report.text.splitlines(),
        "sentences": [
            {
                "section": sentence.section,
                "text": sentence.text,
                "regions": list(sentence.regions),
                "abnormal": sentence.abnormal,
                "score": round(sentence.score, 3),
                "findings": [f"{f.label}, {f.presence}, {f.region}" for f in sentence.findings],
                "notes": list(sentence.notes),
                "evidence": [
                    [type(item).__name__, *(round(side, 1) for side in evidence_box(item))]
                    for item in sentence.evidence
                ],
            }
            for sentence in report.sentences
        ],
        "removed": [f"{gone.text} ({gone.reason})" for gone in report.removed],
    }


def alike(found: Any, golden: Any) -> bool:
    """Equal, but for numbers that differ by little, also where they stand in words."""
    if isinstance(golden, dict):
        return found.keys() == golden.keys() and all(alike(found[k], golden[k]) for k in golden)
    if isinstance(golden, list):
        return len(found) == len(golden) and all(map(alike, found, golden))
    if isinstance(golden, str):
        words = _NUMBER.split(found) == _NUMBER.split(golden)
        return words and all(
            float(a) == pytest.approx(float(b), rel=RELATIVE)
            for a, b in zip(_NUMBER.findall(found), _NUMBER.findall(golden), strict=True)
        )
    return found == (
        pytest.approx(golden, rel=RELATIVE, abs=PIXELS) if isinstance(golden, float) else golden
    )


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SentenceGenerator]:
    folder = tmp_path_factory.mktemp("neural")
    write_findings(folder / "findings")
    return {
        "template": Template(),
        "measured": Measured(),
        "neural": Neural(folder, words="plain"),
    }


@pytest.mark.parametrize(("generator", "film"), CASES, ids=" ".join)
def test_a_report_says_what_it_said(
    generator: str,
    film: str,
    generators: dict[str, SentenceGenerator],
    refresh_golden: bool,
) -> None:
    found = said(report_of(FILMS[film], generators[generator]))
    file = GOLDEN / f"{generator}_{film.replace(' ', '_')}.json"
    if refresh_golden:
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    golden = json.loads(file.read_text(encoding="utf-8"))
    for key, value in golden.items():
        assert alike(found[key], value), f"{key}: {found[key]} was {value}; see --refresh-golden"


@pytest.mark.parametrize(
    ("found", "golden", "expected"),
    [
        ("ratio 0.581", "ratio 0.58", True),
        ("ratio 0.61", "ratio 0.58", False),
        ("The left lung is clear.", "The right lung is clear.", False),
        ([10.4, 20.0], [10.0, 20.0], True),
        ([12.0, 20.0], [10.0, 20.0], False),
        (["one", "two"], ["two", "one"], False),
        (False, True, False),
    ],
)
def test_only_numbers_may_differ_a_little(found: Any, golden: Any, expected: bool) -> None:
    assert alike(found, golden) is expected

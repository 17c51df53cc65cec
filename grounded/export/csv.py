"""The scores of a report as a flat table, a row a finding and film, for those who audit."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from hashlib import sha256

from grounded.findings import Finding
from grounded.report import GroundedReport, GroundedSentence

COLUMNS = (
    "film", "study_uid", "instance_uid", "pixels_sha256", "view", "section", "sentence_number",
    "sentence", "finding", "code", "presence", "region", "side", "score", "score_kind", "right",
    "unrated", "abnormal", "origin", "version", "preset", "weights_sha256",
)  # fmt: skip


def encode(report: GroundedReport) -> bytes:
    """CSV in UTF-8; a sentence without findings is a row with its own score."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for number, sentence in enumerate(report.sentences, start=1):
        for finding in sentence.findings or (None,):
            table.writerow(dict(_row(report, number, sentence, finding)))
    return text.getvalue().encode()


def _row(
    report: GroundedReport, number: int, sentence: GroundedSentence, finding: Finding | None
) -> Iterator[tuple[str, object]]:
    image, provenance = report.image, report.provenance
    yield "film", _plain(image.name)
    yield "study_uid", image.reference.study_uid if image.reference else ""
    yield "instance_uid", image.reference.instance_uid if image.reference else ""
    yield "pixels_sha256", image.sha256
    yield "view", str(image.view)
    yield "section", sentence.section
    yield "sentence_number", number
    yield "sentence", _plain(sentence.text)
    yield from _of_finding(report, sentence, finding)
    yield "right", f"{sentence.right.probability:.6g}" if sentence.right else ""
    yield "unrated", sentence.unrated
    yield "abnormal", "yes" if sentence.abnormal else "no"
    yield "origin", sentence.origin
    yield "version", provenance.version
    yield "preset", provenance.preset
    weights = json.dumps(dict(provenance.weights_sha256), sort_keys=True).encode()
    yield "weights_sha256", sha256(weights).hexdigest() if provenance.weights_sha256 else ""


def _of_finding(
    report: GroundedReport, sentence: GroundedSentence, finding: Finding | None
) -> Iterator[tuple[str, object]]:
    if finding is None:
        yield "region", "; ".join(sentence.regions)
        yield "score", f"{sentence.score:.6g}"
        yield "score_kind", str(sentence.score_kind)
        return
    site = report.sites.get(finding.region)
    yield "finding", finding.label
    yield "code", f"{finding.code.scheme} {finding.code.value}" if finding.code else ""
    yield "presence", str(finding.presence)
    yield "region", finding.region
    yield "side", str(site.side) if site else ""
    yield "score", f"{finding.score:.6g}"
    yield "score_kind", str(finding.score_kind)


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

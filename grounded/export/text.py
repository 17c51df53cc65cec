"""The words of a report, as a reader sees them."""

from __future__ import annotations

from collections.abc import Iterator

from grounded.findings import ScoreKind
from grounded.report import GroundedReport


def encode(report: GroundedReport) -> bytes:
    """`report.text` in UTF-8, and how sure its sentences are where that is known."""
    return "\n".join((report.text, *how_sure(report))).encode()


def how_sure(report: GroundedReport) -> Iterator[str]:
    """Lines of the findings' sentences: the probability that each is right, or why it is not known,
    and why what is withheld is withheld. Nothing where nobody asked."""
    rated = [item for item in report.section("findings") if item.right or item.unrated]
    if rated:
        yield from (
            "",
            "HOW SURE",
            f"The {ScoreKind.RIGHT}, on films like those it was measured on:",
        )
    for sentence in rated:
        if sentence.right:
            yield f"{sentence.right.probability:.2f}  {sentence.text} ({sentence.right.population})"
        else:
            yield f"not measured  {sentence.text} ({sentence.unrated})"
    if report.withheld:
        yield from ("", "WITHHELD")
    for sentence in report.withheld:
        yield f"{sentence.text} ({'; '.join(sentence.notes)})"

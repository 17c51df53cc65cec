"""Sentences as short as a test needs them."""

from grounded import Box, Finding, Sentence
from grounded.atlas import Atlas
from grounded.evidence import Evidence
from grounded.findings import Presence

ATLAS = Atlas.open("chest29")
BOX = Box(0, 0, 9, 9)
OPACITY, EFFUSION, NODULE = "Lung Opacity", "Pleural Effusion", "Lung Lesion"


def say(
    text: str,
    region: str,
    found: dict[str, Presence] | None = None,
    *,
    score: float = 0.9,
    evidence: tuple[Evidence, ...] = (BOX,),
    impression: str = "",
) -> Sentence:
    """A sentence of one region; its findings are said of that region, with the same score."""
    findings = tuple(
        Finding(label, presence, region, score) for label, presence in (found or {}).items()
    )
    return Sentence(
        text=text,
        regions=(region,),
        origin="test",
        evidence=evidence,
        findings=findings,
        score=score,
        abnormal=any(finding.presence == "present" for finding in findings),
        impression=impression,
    )


def texts(sentences: tuple[Sentence, ...] | list[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]

"""Coded concepts as objects hold them: ours by their public codes, the rest by local ones."""

from __future__ import annotations

import hashlib
import re

from highdicom.sr import CodedConcept, FindingSite
from pydicom.sr.codedict import codes

from grounded.atlas import Side, Site
from grounded.codes import Code, finding_code, measurement_code
from grounded.findings import Presence, ScoreKind

LOCAL = "99GROUNDED"
LOCAL_NAME = "Grounded's own concepts, for which no public dictionary has a code that fits"
_SHORT = 16  # characters of a code value
_LONG = 64  # characters of a code's meaning

PRESENCE = {
    Presence.PRESENT: CodedConcept("52101004", "SCT", "Present"),
    Presence.ABSENT: CodedConcept("272519000", "SCT", "Absent"),
    Presence.UNCERTAIN: CodedConcept("415684004", "SCT", "Suspected"),
}
SIDES = {
    Side.RIGHT: CodedConcept("24028007", "SCT", "Right"),
    Side.LEFT: CodedConcept("7771000", "SCT", "Left"),
}
NORMAL = CodedConcept("17621005", "SCT", "Normal")
ABNORMAL = CodedConcept("263654008", "SCT", "Abnormal")
UNDETERMINED = CodedConcept("371934000", "SCT", "Normality Undetermined")
PROBABILITY = CodedConcept("122157", "DCM", "Probability")
FINDING = CodedConcept("121071", "DCM", "Finding")
IMPRESSION = CodedConcept("121073", "DCM", "Impression")
COMMENT = CodedConcept("121106", "DCM", "Comment")
SITE = CodedConcept("363698007", "SCT", "Finding Site")
METHOD = CodedConcept("370129005", "SCT", "Measurement Method")
CERTAINTY = CodedConcept("111012", "DCM", "Certainty of Finding")
CERTAINTY_OF_FEATURE = CodedConcept("111011", "DCM", "Certainty of Feature")
NORMALITY = CodedConcept("121402", "DCM", "Normality")
BOUNDED_BY = CodedConcept("75958009", "SCT", "Bounded by")
OUTLINE = CodedConcept("111041", "DCM", "Outline")
PURPOSE = CodedConcept("130400", "DCM", "Geometric purpose of region")
STRUCTURE = CodedConcept("91723000", "SCT", "Anatomical Structure")
RADIOGRAPHY = CodedConcept("168537006", "SCT", "Plain radiography")
PERCENT = CodedConcept("%", "UCUM", "Percent")
LEVELS = (  # of confidence, from the lowest probability of each
    (0.9, CodedConcept("75540009", "SCT", "High")),
    (0.7, CodedConcept("6736007", "SCT", "Moderate")),
    (0.0, CodedConcept("62482003", "SCT", "Low")),
)
_UNITS = {"1": "no units", "mm": "millimeter", "cm": "centimeter", "deg": "degree", "%": "Percent"}


def local(meaning: str) -> CodedConcept:
    """A concept of our own; its value is made from its meaning, and stays within 16 characters."""
    value = re.sub(r"[^a-z0-9]+", "-", meaning.lower()).strip("-")
    if len(value) > _SHORT:
        value = f"{value[:11]}-{hashlib.sha256(meaning.encode()).hexdigest()[:4]}"
    return CodedConcept(value or "x", LOCAL, meaning[:_LONG])


SECTION, CONFIDENCE, SCORE = local("Section"), local("Confidence"), local("Score")
REGION, ORIGIN, NOTE = local("Region"), local("Origin"), local("Note")
HEAT = local("Extent of a heatmap")
POPULATION, UNRATED = local("Measured on"), local("Why not rated")


def concept(code: Code | None, name: str) -> CodedConcept:
    """A public code, or a local one for `name`."""
    return CodedConcept(code.value, code.scheme, code.meaning) if code else local(name)


def finding_concept(label: str) -> CodedConcept:
    return concept(finding_code(label), label)


def measurement_concept(name: str) -> CodedConcept:
    """The code of a measurement, under its own name: several are a "Ratio"."""
    code = measurement_code(name)
    return CodedConcept(code.value, code.scheme, code.meaning) if code else local(name)


def unit_concept(unit: str) -> CodedConcept:
    """A UCUM unit."""
    return CodedConcept(unit, "UCUM", _UNITS.get(unit, unit))


def site_concept(site: Site | None, region: str) -> tuple[CodedConcept, CodedConcept | None]:
    """The anatomical site of a region and its side; a local code where the atlas has none."""
    if site is None or site.code is None:
        return local(region), SIDES.get(site.side) if site else None
    return concept(site.code, region), SIDES.get(site.side)


def finding_site(site: Site | None, region: str) -> FindingSite:
    anatomy, side = site_concept(site, region)
    return FindingSite(anatomic_location=anatomy, laterality=side)


def confidence(score: float, kind: ScoreKind) -> CodedConcept | None:
    """High, moderate or low; None for a score that says nothing of the film."""
    if kind not in (ScoreKind.DISTANCE, ScoreKind.PROBABILITY):
        return None
    return next(level for least, level in LEVELS if score >= least)


def score_concept(kind: ScoreKind) -> CodedConcept:
    """What a score is called: certainty only where it is one."""
    certain = kind in (ScoreKind.DISTANCE, ScoreKind.PROBABILITY)
    return CERTAINTY if certain else SCORE


def same(one: CodedConcept, other: CodedConcept) -> bool:
    pair = (one.value, one.scheme_designator)
    return pair == (other.value, other.scheme_designator)


IMAGING_REPORT = CodedConcept.from_code(codes.DCM.ImagingMeasurementReport)

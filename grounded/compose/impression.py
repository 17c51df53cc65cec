"""The impression: what is there, what matters most first; what is not sure only beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from grounded.atlas import Atlas, Side
from grounded.compose.merging import merge
from grounded.findings import UNSPECIFIED, Finding, Presence
from grounded.language.agreement import bilateral, name_places, polish
from grounded.language.attributes import strength_named
from grounded.language.finding_words import FindingWords
from grounded.report import WITHHELD, Sentence

NOTHING_ABNORMAL = "No abnormality among the findings assessed."
NOTHING_SURE = "No definite abnormality among the findings assessed."
SOME_WITHHELD = "Findings were withheld: what they are about can be neither stated nor denied."

# What has to be acted on first comes first; what is not in here comes last.
_URGENCY = (
    *("Pneumothorax", "Mass", "Pneumonia", "Consolidation", "Lung Opacity", "Pleural Effusion"),
    *("Edema", "Nodule", "Lung Lesion", "Atelectasis", "Fracture", "Cardiomegaly"),
    *("Enlarged Cardiomediastinum", "Mediastinal Shift", "Emphysema", "Fibrosis"),
    *("Pleural Thickening", "Pleural Other", "Calcification"),
)

# How the place of a finding is named: by its side alone, or not at all; else by the region.
_BY_SIDE = frozenset(
    (
        *("Pleural Effusion", "Pneumothorax", "Pleural Other"),
        *("Pleural Thickening", "Elevated Hemidiaphragm", "Blunted Costophrenic Angle"),
    )
)
_PLACELESS = frozenset(
    (
        *("Cardiomegaly", "Enlarged Cardiomediastinum", "Tracheal Deviation"),
        *("Mediastinal Shift", "Lung Volume Asymmetry", "Edema"),
    )
)
_STATES = ("blunted ", "elevated ")  # of a structure, which the side then stands before
_NOT_JUDGED = re.compile(r"\b(?:not|cannot be) judged\b", re.IGNORECASE)
_NO_ABNORMALITY = frozenset(("No Finding", "Support Devices"))


def impression(
    kept: Sequence[Sentence], given: Sequence[Sentence], atlas: Atlas, origin: str
) -> list[Sentence]:
    """The sentences of the impression: what is present, then what is uncertain beside it.

    What is uncertain is no impression by itself. kept: of the findings section. A sentence with a
    short form of its own gives that; for the findings of the others there is a fixed form, one for
    all regions of a finding. What was withheld comes last, and then nothing is called normal.
    given: all sentences from before the guards: only if none of them found anything is nothing
    abnormal. origin: of what is written here.
    """
    own = [replace(item, text=item.impression) for item in kept if item.impression]
    said = [*own, *(_fixed_form(pairs, atlas, origin) for pairs in _found(kept, atlas))]
    withheld = [item for item in kept if item.origin == WITHHELD]
    if any(_presence(item) == "present" for item in said):
        return [*sorted(said, key=_order), *_withheld(withheld)]
    if withheld:
        return _withheld(withheld)
    assessed = [item for item in kept if item.findings]
    unsure = any(_matters(item) or _NOT_JUDGED.search(item.text) for item in kept)
    if not assessed or any(_is_sure(item) if unsure else _matters(item) for item in given):
        return []
    text = NOTHING_SURE if unsure else NOTHING_ABNORMAL
    return [replace(_denied(assessed), text=text, origin=origin, impression="", notes=())]


def _denied(assessed: Sequence[Sentence]) -> Sentence:
    """One sentence for all, that claims what they deny: it is no surer of what is possible."""
    denying = [s for s in assessed if all(f.presence == "absent" for f in s.findings)]
    merged, claimed = merge(assessed), merge(denying or assessed)
    findings = tuple(f for f in claimed.findings if f.presence == "absent")
    return replace(merged, findings=findings, score=claimed.score, score_kind=claimed.score_kind)


def _withheld(sentences: Sequence[Sentence]) -> list[Sentence]:
    """One line for all that was withheld; none where that is nothing."""
    if not sentences:
        return []
    return [replace(merge(sentences), text=SOME_WITHHELD, impression="", notes=())]


def _order(sentence: Sentence) -> tuple[bool, int, int, float]:
    """What is present first, by what has to be acted on first, then the surest."""
    labels = {finding.label for finding in sentence.findings}
    urgency = min((_URGENCY.index(x) for x in labels if x in _URGENCY), default=len(_URGENCY))
    unsure = _presence(sentence) != "present"
    return unsure, urgency, sentence.score_kind.rank, -sentence.score


def _is_sure(sentence: Sentence) -> bool:
    """Whether it says that something is there."""
    return _matters(sentence) and _presence(sentence) == "present"


def _presence(sentence: Sentence) -> Presence:
    """What a sentence of the impression says; one without findings is taken by its word."""
    found = {finding.presence for finding in sentence.findings}
    return (
        Presence.UNCERTAIN
        if Presence.UNCERTAIN in found and Presence.PRESENT not in found
        else Presence.PRESENT
    )


def _matters(sentence: Sentence) -> bool:
    return sentence.abnormal or any(_is_abnormal(finding) for finding in sentence.findings)


def _is_abnormal(finding: Finding) -> bool:
    return finding.presence != "absent" and finding.label not in _NO_ABNORMALITY


def _on(sides: Iterable[Side], noun: str) -> str:
    """ "left pleural effusion", "blunted left costophrenic angle"."""
    if noun.startswith(_STATES):
        state, _, structure = noun.partition(" ")
        return " ".join((state, *sides, structure))
    return " ".join((*sides, noun))


def _found(sentences: Sequence[Sentence], atlas: Atlas) -> list[list[tuple[Sentence, Finding]]]:
    """What abnormal sentences say is there or may be, and has no short form yet: each finding with
    all that say so in one word (a rib's fracture is not a clavicle's)."""
    has_form = {
        _topic(finding) for item in sentences if item.impression for finding in item.findings
    }
    found: dict[tuple[str, Presence, str], list[tuple[Sentence, Finding]]] = {}
    for sentence in sentences:
        for finding in sentence.findings if not sentence.impression else ():
            abnormal = sentence.abnormal and _is_abnormal(finding)
            if abnormal and _topic(finding) not in has_form:
                kind = atlas.kind(finding.region)
                noun = FindingWords.open().named(finding.label, kind)
                key = (finding.label, finding.presence, noun)
                found.setdefault(key, []).append((sentence, finding))
    return list(found.values())


def _topic(finding: Finding) -> tuple[str, str]:
    """What one sentence of the impression is enough for."""
    return finding.label, "" if finding.label in _PLACELESS else finding.region


def _fixed_form(pairs: Sequence[tuple[Sentence, Finding]], atlas: Atlas, origin: str) -> Sentence:
    findings = tuple(dict.fromkeys(finding for _, finding in pairs))
    sentences = list(dict.fromkeys(sentence for sentence, _ in pairs))
    merged = merge(sentences)
    text = f"{polish(f'{_lead(findings[0], sentences)}{_placed(findings, atlas)}')}."
    return replace(
        merged, text=text, findings=findings, origin=origin, abnormal=True, impression="", notes=()
    )


def _lead(finding: Finding, sentences: Sequence[Sentence]) -> str:
    """Says a finding no more firmly than its sentences do; what one of several findings of a
    sentence appears to be is not known."""
    if finding.presence == "uncertain":
        return "possible "
    apparent = any(
        len(item.findings) == 1 and strength_named(item.text) == "apparent" for item in sentences
    )
    return "apparent " if apparent else ""


def _placed(findings: Sequence[Finding], atlas: Atlas) -> str:
    """ "left pleural effusion", "opacity in the right mid and lower lung zones", "cardiomegaly"."""
    label = findings[0].label
    regions = list(dict.fromkeys(finding.region for finding in findings))
    noun = FindingWords.open().named(label, atlas.kind(regions[0]))
    if label in _PLACELESS:
        return noun
    sides = {atlas.side(region) for region in regions} - {Side.UNPAIRED}
    if label in _BY_SIDE or (label == "Fracture" and atlas.kind(regions[0]) == "lung"):
        return bilateral(noun) if len(sides) == 2 else _on(sides, noun)
    if label == UNSPECIFIED:
        half = "both hemithoraces" if len(sides) == 2 else f"the {' '.join(sides)} hemithorax"
        return f"{noun} of {half}"
    held = {outer for region in regions if region in atlas for outer in atlas.ancestors(region)}
    inner = [region for region in regions if region not in held]
    inner.sort(key=lambda region: atlas.order(region) if region in atlas else len(atlas))
    return f"{noun} in {name_places(inner, atlas)}"

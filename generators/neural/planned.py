"""What a finding becomes on its way to a sentence: stated, drafted, put in words or in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grounded.chest.names import kind_of, side_of
from grounded.findings import Finding, Presence
from grounded.generators.neural.finding_reader import Read
from grounded.generators.neural.writer import Brief, Words, Written
from grounded.report import Sentence

ORIGIN = "neural"
SET = "neural, finding set by the reader"
BESIDE = ("Pleural Effusion", "Pneumothorax", "Lung Lesion", "Atelectasis")
"""What a lung without opacity may have and is not clear for it, whether it may be stated or not."""
SUSPECT = 0.8
"""From this probability on it may be there: of 103 lungs of clear films kept for calibration that
would be called clear, 3 reach it."""
HIDDEN = ("Elevated Hemidiaphragm", "Lung Volume Asymmetry", "Mediastinal Shift")
"""What is measured along the lungs' borders, which an opacity may hide."""


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """A finding that is stated, and what was read of its region if anything is read there."""

    finding: Finding
    read: Read | None

    @property
    def kind(self) -> str:
        return self.read.place.kind if self.read else kind_of(self.finding.region)

    @property
    def notes(self) -> tuple[str, ...]:
        """For a box drawn by hand: as what it was read."""
        if self.read is None or kind_of(self.finding.region) == self.kind:
            return ()
        side = f"{self.read.place.side} " if self.read.place.side else ""
        return (f"read as a {side}{self.kind}, which it overlaps most",)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A sentence to be written: what it says, and what becomes of its words."""

    brief: Brief
    finding: Finding
    origin: str
    notes: tuple[str, ...] = ()

    def sentence(self, words: Words) -> Sentence:
        """The sentence; put plainly when the words do not say what they should."""
        text, notes = words.text, self.notes
        written = Written(self.brief, words.template) if words.agrees else None
        if not words.agrees:
            text = plainly(self.finding)
            notes = (*notes, f"put plainly, as other words were written: {words.text}")
        return Sentence(
            text=text,
            regions=(self.finding.region,),
            origin=self.origin,
            findings=(self.finding,),
            score=self.finding.score,
            abnormal=self.finding.presence != "absent",
            notes=notes,
            written=written,
        )


def told(finding: Finding) -> dict[str, Presence]:
    """What the writer is told of a finding: a consolidation is an opacity too, and a lung without
    opacity has none."""
    said: dict[str, Presence] = {finding.label: finding.presence}
    if finding.label == "Consolidation" and finding.presence != "absent":
        said["Lung Opacity"] = finding.presence
    if finding.label == "Lung Opacity" and finding.presence == "absent":
        said["Consolidation"] = "absent"
    return said


def by_zone(stated: Sequence[Stated]) -> list[Stated]:
    """What is stated of a film, the opacities of a lung told by its zones.

    A zone says where. A lung as a whole is called opaque only if no zone of it may be, and then it
    is uncertain.
    """
    zones = {
        side_of(item.finding.region)
        for item in stated
        if item.kind.endswith("lung zone") and _is_opacity(item.finding)
    }
    kept = []
    for item in stated:
        finding = item.finding
        if item.kind != "lung" or not _is_opacity(finding):
            kept.append(item)
        elif side_of(finding.region) not in zones:
            kept.append(replace(item, finding=replace(finding, presence="uncertain")))
    return kept


def open_question(stated: Stated) -> Sentence:
    """In the place of a sentence that would call a region clear in which something else may be."""
    name = stated.finding.region
    return Sentence(
        text=f"Something that is not assessed may be seen in the {name}.",
        regions=(name,),
        origin=ORIGIN,
        score=0.5,
        abnormal=True,
        notes=("not called clear, as the network reads more there than it may state",),
    )


def _is_opacity(finding: Finding) -> bool:
    return finding.label == "Lung Opacity" and finding.presence != "absent"


def doubted(sentence: Sentence) -> Sentence:
    """A measured sentence whose lungs' borders an opacity may hide: no longer sure."""
    text = sentence.text[0].lower() + sentence.text[1:]
    return replace(
        sentence,
        text=f"As opacities may hide the borders of the lungs, it is uncertain whether {text}",
        findings=tuple(replace(finding, presence="uncertain") for finding in sentence.findings),
        abnormal=False,
        impression="",
        notes=(*sentence.notes, "in doubt, as an opacity was read in the lungs"),
    )


def is_misled(sentence: Sentence) -> bool:
    """Whether it is sure of something that is measured along the lungs' borders."""
    return any(f.label in HIDDEN and f.presence == "present" for f in sentence.findings)


def plainly(finding: Finding) -> str:
    """A finding in fixed words."""
    label = finding.label.lower()
    lead = {"present": label, "absent": f"no {label}", "uncertain": f"possible {label}"}
    said = lead[finding.presence]
    return f"{said[0].upper()}{said[1:]} in the {finding.region}."

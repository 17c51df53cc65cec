"""What a sentence has to pass before it stands in a report. A guard takes out, and says why.

Each takes a draft and gives a draft: nothing is lost between the sentences kept and those removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grounded.atlas import Atlas, Side
from grounded.compose.withholding import CLEAR
from grounded.evidence import Measurement
from grounded.findings import Finding, Presence
from grounded.language.agreement import Nouns
from grounded.language.labeller import Labeller
from grounded.language.mentions import (
    names_a_side,
    sides_named,
    words_for_both,
    words_of_comparison,
)
from grounded.report import Removed, Sentence

# A lung that is called clear has none of these (the part of CheXpert's hierarchy below opacity, and
# what is seen in the lung but not named there).
_OPACITIES = frozenset(
    (
        *("Lung Opacity", "Edema", "Consolidation", "Pneumonia", "Lung Lesion", "Atelectasis"),
        *("Nodule", "Mass", "Fibrosis", "Emphysema", "Calcification"),
    )
)
_OPAQUE = re.compile(r"\bclear\b|\bopaci", re.IGNORECASE)
# "Otherwise clear" leaves room for what other sentences say.
_RESERVED = re.compile(
    r"\b(?:otherwise|remainder|remaining|rest of|other|elsewhere|except|apart from|aside from)\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"(?<=cannot be judged), as\b.*")
_COUNTED = frozenset(  # there may be two in a place
    ("Lung Lesion", "Nodule", "Mass", "Calcification", "Fracture", "Support Devices")
)
Clash = Literal["none", "indirect", "direct"]  # indirect: they need not be of the same thing
SIDES_IN_DOUBT = "(right and left are in doubt)"
_CERTAINTY: dict[Presence, int] = {Presence.ABSENT: 0, Presence.UNCERTAIN: 1, Presence.PRESENT: 2}


@dataclass(frozen=True, slots=True)
class DraftReport:
    """The sentences of a report that is being composed, and those that were taken out."""

    sentences: tuple[Sentence, ...]
    removed: tuple[Removed, ...] = ()

    def guarded(self, objection: Callable[[Sentence], str]) -> DraftReport:
        """The draft without the sentences to which there is an objection, "" for none."""
        return self.without({index: objection(s) for index, s in enumerate(self.sentences)})

    def without(self, reasons: dict[int, str]) -> DraftReport:
        """The draft without the sentences for which there is a reason, by their place in it."""
        reasons = {index: reason for index, reason in reasons.items() if reason}
        taken = (
            Removed(self.sentences[index].text, self.sentences[index].regions, reasons[index])
            for index in sorted(reasons)
        )
        kept = (sentence for index, sentence in enumerate(self.sentences) if index not in reasons)
        return DraftReport(tuple(kept), (*self.removed, *taken))


def without_evidence(draft: DraftReport) -> DraftReport:
    """Takes out what has nothing to stand on."""
    return draft.guarded(lambda sentence: "" if sentence.evidence else "no evidence to stand on")


def without_prior_studies(draft: DraftReport) -> DraftReport:
    """Takes out what compares the film with an earlier one, which nobody gave."""

    def objection(sentence: Sentence) -> str:
        words = words_of_comparison(f"{sentence.text} {sentence.impression}")
        reason = f"it speaks of an earlier film, which was not given: {_quoted(words)}"
        return reason if words else ""

    return draft.guarded(objection)


def without_wrong_sides(draft: DraftReport, atlas: Atlas) -> DraftReport:
    """Takes out what names another side than it was read from.

    A sentence from right regions may not say "left" alone, nor speak of both lungs. One that was
    read from regions without a side (or from both sides, or from a box drawn by hand) may, and so
    may the reason why something cannot be judged.
    """
    nouns = Nouns.of(atlas).said_of_both

    def objection(sentence: Sentence) -> str:
        sides = {atlas.side(name) for name in sentence.regions}
        if len(sides) != 1 or Side.UNPAIRED in sides:
            return ""
        [side] = sides
        words = _REASON.sub("", f"{sentence.text} {sentence.impression}")
        named = sides_named(words)
        if named and side not in named:
            return f"it says {_quoted(sorted(named))} and was read from {_the(sentence.regions)}"
        if both := words_for_both(words, nouns):
            return f"it says {_quoted([both])} and was read from {_the(sentence.regions)} only"
        return ""

    return draft.guarded(objection)


def with_doubted_sides(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences of a film that is mirrored, or whose heart lies on the right: each that names a
    side says that the sides are in doubt.
    """
    return [replace(item, text=_doubted(item.text)) for item in sentences]


def _doubted(text: str) -> str:
    if not names_a_side(text) or SIDES_IN_DOUBT in text or "mirrored" in text:
        return text
    words = text.rstrip()
    said = words.rstrip(".")
    return f"{said} {SIDES_IN_DOUBT}{words[len(said) :]}"


def without_mismatched_findings(draft: DraftReport, labeller: Labeller) -> DraftReport:
    """Takes out what says that there is what its own findings deny, or denies what they say.

    Only findings that both the words and the sentence's findings speak of are compared.
    """

    def objection(sentence: Sentence) -> str:
        if not sentence.findings:
            return ""
        for said in labeller.label(sentence.text):
            carried = [item.presence for item in sentence.findings if item.label == said.label]
            denied = {presence == "absent" for presence in carried}
            if carried and (said.presence == "absent") not in denied:
                return (
                    f"its words say {said.label!r} is {said.presence}, "
                    f"its findings say {' and '.join(dict.fromkeys(carried))}"
                )
        return ""

    return draft.guarded(objection)


def without_contradictions(draft: DraftReport, atlas: Atlas, labeller: Labeller) -> DraftReport:
    """Takes out the weaker of two sentences of which one denies what the other says.

    What is denied of a region is denied of all regions in it, and by words that name no side also
    of the other side. The weaker is the one with the lower score, if the scores are of one kind.
    Where they are not, where they need not be about the same thing (a finding that is uncertain, a
    nodule in a lung called clear, the other side), and where the scores are equal, the denial goes.
    The labeller reads sentences without findings. "Otherwise clear" denies nothing that others say.
    """
    lost: dict[int, str] = {}
    for winner, loser in sorted(
        contradictions(draft.sentences, atlas, labeller),
        key=lambda pair: (*_surest(draft.sentences[pair[0]]), pair),
    ):
        if winner not in lost and loser not in lost:
            lost[loser] = _lost_to(draft.sentences[winner], draft.sentences[loser])
    return draft.without(lost)


def without_repetition(draft: DraftReport, atlas: Atlas) -> DraftReport:
    """Takes out what other sentences say already.

    What is there is said of the innermost region, what is not there of the outermost. A sentence
    stays when one of its findings is not in the others, or when it brings a measurement; and two
    sentences of a nodule, a fracture or a device in one region may mean two of them.
    """
    sentences = draft.sentences
    repeated: dict[int, str] = {}
    for index in sorted(
        range(len(sentences)), key=lambda i: (*_surest(sentences[i]), i), reverse=True
    ):
        sentence = sentences[index]
        others = [
            finding
            for other, item in enumerate(sentences)
            if other != index and other not in repeated
            for finding in item.findings
        ]
        by = [_said_by(finding, others, atlas) for finding in sentence.findings]
        measured = any(isinstance(item, Measurement) for item in sentence.evidence)
        if by and all(by) and not measured:
            repeated[index] = f"said of {_the(list(dict.fromkeys(f.region for f in by if f)))}"
    return draft.without(repeated)


def _surest(sentence: Sentence) -> tuple[int, float]:
    """In this order the surest comes first; kinds of score stand one after the other."""
    return sentence.score_kind.rank, -sentence.score


def _is_surer(one: Sentence, other: Sentence) -> bool:
    return one.score_kind == other.score_kind and one.score > other.score


def _lost_to(winner: Sentence, loser: Sentence) -> str:
    surer = f"score {winner.score:.2f} against {loser.score:.2f}"
    why = surer if _is_surer(winner, loser) else "what may be there stands before its denial"
    return (
        f"it contradicts {_quoted([winner.text])} on {_the(winner.regions)}, which is kept ({why})"
    )


def _claims(sentence: Sentence, labeller: Labeller) -> list[Finding]:
    """The findings of a sentence; if it has none, those of its words, said of all its regions.

    Words that deny a consolidation deny no other opacity, though the labeller counts it as one.
    """
    if sentence.findings:
        return list(sentence.findings)
    opaque = _OPAQUE.search(sentence.text) is not None
    return [
        replace(finding, region=region)
        for finding in labeller.label(sentence.text)
        for region in sentence.regions
        if opaque or (finding.label, finding.presence) != ("Lung Opacity", "absent")
    ]


def contradictions(
    sentences: Sequence[Sentence], atlas: Atlas, labeller: Labeller
) -> Iterator[tuple[int, int]]:
    """Pairs (winner, loser) of places among the sentences, of which one denies what the other says.

    Which of two is the weaker, see `without_contradictions`.
    """
    claims = [_claims(sentence, labeller) for sentence in sentences]
    for denying, denial in enumerate(sentences):
        if _RESERVED.search(denial.text):
            continue
        for saying, statement in enumerate(sentences):
            if denying == saying:
                continue
            clashes = {
                _clash(denial, denied, said, atlas)
                for denied in claims[denying]
                for said in claims[saying]
            }
            if "direct" in clashes and _is_surer(denial, statement):
                yield denying, saying
            elif clashes - {"none"}:
                yield saying, denying


def _clash(denial: Sentence, denied: Finding, said: Finding, atlas: Atlas) -> Clash:
    """How a finding that one sentence denies goes with a finding of another."""
    if denied.presence != "absent" or said.presence == "absent":
        return "none"
    same = denied.label == said.label
    clear = denied.label == "Lung Opacity" and CLEAR.search(denial.text) is not None
    if not same and not (clear and said.label in _OPACITIES):
        return "none"
    within = (said.region, *_ancestors(said.region, atlas))
    if denied.region in within:
        return "direct" if same and said.presence == "present" else "indirect"
    other_side = atlas.counterpart(denied.region) in within
    return "indirect" if other_side and not sides_named(denial.text) else "none"


def _said_by(finding: Finding, others: Sequence[Finding], atlas: Atlas) -> Finding | None:
    """The finding among the others that says as much or more, if one does."""
    for other in others:
        if other.label != finding.label:
            continue
        if finding.presence == "absent":
            wide = (finding.region, *_ancestors(finding.region, atlas))
            if other.presence == "absent" and other.region in wide:
                return other
        else:
            within = (other.region, *_ancestors(other.region, atlas))
            surer = _CERTAINTY[other.presence] >= _CERTAINTY[finding.presence]
            another = other.region == finding.region and finding.label in _COUNTED
            if surer and finding.region in within and not another:
                return other
    return None


def _ancestors(region: str, atlas: Atlas) -> tuple[str, ...]:
    return atlas.ancestors(region) if region in atlas else ()


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _the(regions: Sequence[str]) -> str:
    return " and ".join(f"the {name}" for name in regions)

"""The report that a reader works on: lines, and what each step makes of them. Values alone.

A draft is what the models wrote and the steps since; nothing is ever overwritten, so that a step
can be undone and everybody can see who did what. No step needs a model: what models made for one
is kept with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from grounded.errors import InvalidValueError
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.language.labeller import Labeller
from grounded.provenance import Acceptance, Review
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence, Removed, Section
from grounded.reporter import DRAWN
from grounded.serve.edits import (
    Accept,
    AcceptAll,
    Add,
    Change,
    Edit,
    Move,
    Place,
    Reject,
    Restore,
    Reveal,
    SetFindings,
    Sign,
    Take,
    Tie,
)
from grounded.serve.words import matters, relabelled, shortened

READER = "reader"  # the origin of what a reader wrote
Status = Literal["open", "accepted", "rejected", "supplemented"]
_ACTS: Mapping[str, str] = {
    **{"accept": "accepted", "accept_all": "accepted", "reject": "rejected", "edit": "edited"},
    **{"restore": "restored", "move": "moved", "add": "supplemented", "take": "supplemented"},
    **{"tie": "tied", "set": "set", "reveal": "revealed", "sign": "signed"},
}


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the draft or of the reader, and what was decided about it.

    draft: the sentence as the models wrote it, None for the reader's own. by, at: of the decision.
    early: written before the draft was seen.
    """

    id: str
    sentence: GroundedSentence
    draft: GroundedSentence | None = None
    status: Status = "open"
    reason: str = ""
    by: str = ""
    at: str = ""
    early: bool = False

    @property
    def edited(self) -> bool:
        return self.draft is not None and self.draft.text != self.sentence.text

    @property
    def draft_words(self) -> str:
        """The draft's words where the reader has changed them."""
        return self.draft.text if self.draft is not None and self.edited else ""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit. made: the sentences that models wrote for it, as JSON; revision: that it led to."""

    edit: Change
    by: str
    at: str
    revision: int
    made: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, for the history."""

    at: str
    by: str
    act: str
    text: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """The state of a report.

    base: the film, its regions, scope and provenance, and what the composer took out; without
    sentences. lines: in order, the rejected among them. hidden: what the models wrote, while the
    reader reads first. given: the findings that are set by hand. acceptance: who vouches for it as
    it stands.
    """

    base: GroundedReport
    lines: tuple[Line, ...]
    hidden: tuple[Line, ...] | None = None
    given: Mapping[str, Mapping[str, Presence]] = field(default_factory=dict)
    history: tuple[Act, ...] = ()
    acceptance: Acceptance | None = None

    @classmethod
    def of(cls, report: GroundedReport, *, read_first: bool = False) -> Draft:
        """What the models wrote, before any step."""
        lines = tuple(
            Line(f"0-{number}", sentence, draft=sentence)
            for number, sentence in enumerate(report.sentences, start=1)
        )
        base = replace(report, sentences=(), film=None)
        return cls(base, () if read_first else lines, hidden=lines if read_first else None)

    @property
    def revealed(self) -> bool:
        return self.hidden is None

    @property
    def kept(self) -> tuple[Line, ...]:
        """The lines of the report, findings first."""
        kept = [line for line in self.lines if line.status != "rejected"]
        return tuple(sorted(kept, key=lambda line: line.sentence.section == "impression"))

    @property
    def rejected(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.status == "rejected")

    def line(self, id: str) -> Line:
        """Raises InvalidValueError for a line that the report does not have (any more)."""
        for line in self.lines:
            if line.id == id:
                return line
        raise InvalidValueError("this sentence is no longer in the report; load it again")

    def drafted(self) -> GroundedReport:
        """What the models wrote, with all findings that are set, before any decision."""
        lines = self.lines if self.hidden is None else self.hidden
        said = tuple(line.draft for line in lines if line.draft is not None)
        return replace(self.base, sentences=said)

    def with_findings(
        self, findings: Mapping[str, Mapping[str, Presence | None]]
    ) -> dict[str, dict[str, Presence]]:
        """The findings that are set, with some more; None takes one back."""
        changed = {region: dict(labels) for region, labels in self.given.items()}
        for region, labels in findings.items():
            for label, presence in labels.items():
                if presence is None:
                    changed.get(region, {}).pop(label, None)
                else:
                    changed.setdefault(region, {})[label] = presence
        return {region: labels for region, labels in changed.items() if labels}

    def report(self) -> GroundedReport:
        """The report as it stands, with what was decided in its provenance; without its film."""
        taken = tuple(
            Removed(
                line.sentence.text,
                line.sentence.regions,
                "rejected by the reader" + (f": {line.reason}" if line.reason else ""),
            )
            for line in self.rejected
        )
        return replace(
            self.base,
            sentences=tuple(_said(line) for line in self.kept),
            removed=(*(self.base.removed if self.revealed else ()), *taken),
            provenance=replace(self.base.provenance, review=self._review()),
            acceptance=self.acceptance,
        )

    def _review(self) -> tuple[Review, ...]:
        return tuple(
            Review(line.status, line.sentence.text, line.by, line.at, line.draft_words, line.reason)
            for line in (*self.kept, *self.rejected)
            if line.status != "open"
        )

    def after(self, step: Step) -> Draft:
        """The draft after one more step. Raises InvalidValueError or RegionError if it cannot be
        taken.
        """
        changed = self._changed(step)
        acceptance = _acceptance(step.edit, step) if isinstance(step.edit, Sign) else None
        return replace(changed, history=(*self.history, self._act(step)), acceptance=acceptance)

    def after_all(self, steps: Iterable[Step]) -> Draft:
        draft = self
        for step in steps:
            draft = draft.after(step)
        return draft

    def _changed(self, step: Step) -> Draft:
        match step.edit:
            case Sign() if not self.revealed:
                raise InvalidValueError("finish your own reading before you sign the report")
            case Accept() | AcceptAll() | Reject() | Restore() | Edit() | Sign():
                return self._decided(step)
            case Move(line=id, before=before):
                line = self.line(id)
                rest = tuple(other for other in self.lines if other is not line)
                return replace(self, lines=self._with(line, before, rest))
            case Add() | Take() | Tie():
                return self._placed(step)
            case SetFindings(findings=findings):
                return self._set(findings, step)
            case Reveal():
                if self.hidden is None:
                    raise InvalidValueError("the draft is shown already")
                early = tuple(replace(line, early=True) for line in self.lines)
                return replace(self, lines=(*early, *self.hidden), hidden=None)

    def _decided(self, step: Step) -> Draft:
        """With a decision about a line, or about all that are open."""
        match step.edit:
            case AcceptAll() | Sign():
                lines = [
                    _signed(line, "accepted", step) if line.status == "open" else line
                    for line in self.lines
                ]
                return replace(self, lines=tuple(lines))
            case Accept(line=id):
                line = self.line(id)
                own = line.draft is None
                return self._put(_signed(line, "supplemented" if own else "accepted", step))
            case Reject(line=id, reason=reason):
                line = replace(self.line(id), reason=reason)
                return self._put(replace(_signed(line, "rejected", step), reason=reason))
            case Restore(line=id):
                return self._put(_restored(self.line(id), step))
            case Edit(line=id, text=text):
                line = self.line(id)
                said = relabelled(line.sentence, text, Labeller.open())
                status: Status = "supplemented" if line.draft is None else "accepted"
                return self._put(_signed(replace(line, sentence=said), status, step))
        raise TypeError(step.edit)

    def _placed(self, step: Step) -> Draft:
        """With a sentence that stands on a place of its own, which may be new in the report."""
        match step.edit:
            case Add() as edit:
                sentence = self.written(edit)
            case Take():
                sentence = replace(_read(step.made, self.base.regions)[0], section="findings")
            case Tie(line=id) as edit:
                line = self.line(id)
                return self._tied(line, edit)
        section = step.edit.section if isinstance(step.edit, Add) else "findings"
        draft, placed = self._grounded(sentence)
        line = Line(f"{step.revision}-1", replace(placed, section=section))
        line = replace(_signed(line, "supplemented", step), early=not self.revealed)
        before = step.edit.before if isinstance(step.edit, Add) else None
        return replace(draft, lines=self._with(line, before, draft.lines))

    def _tied(self, line: Line, place: Place) -> Draft:
        sentence = line.sentence
        regions, evidence = self._stands_on(place)
        own = tuple(item for item in sentence.measurements)
        findings = tuple(
            dict.fromkeys(replace(finding, region=regions[0]) for finding in sentence.findings)
        )
        moved = replace(sentence, regions=regions, evidence=(*evidence, *own), findings=findings)
        draft, placed = self._grounded(moved)
        return draft._put(replace(line, sentence=replace(placed, section=sentence.section)))

    def written(self, edit: Add) -> GroundedSentence:
        """The reader's own words as a sentence, with the findings that they speak of."""
        regions, evidence = self._stands_on(edit)
        findings = tuple(Labeller.open().label(edit.text, regions[0]))
        return GroundedSentence(
            text=edit.text,
            regions=regions,
            evidence=evidence,
            origin=READER,
            findings=findings,
            section=edit.section,
            abnormal=matters(findings),
        )

    def _stands_on(self, place: Place) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """The region of a place and its evidence."""
        if isinstance(target := place.target, Box):
            return (DRAWN,), (target.clip(self.base.image.frame),)
        region = self.base.regions[target]
        return (region.name,), (region.mask or region.box,)

    def _grounded(self, sentence: GroundedSentence) -> tuple[Draft, GroundedSentence]:
        """With the regions of the sentence, and the sentence with their names in this report."""
        added = self.base.add(sentence)
        return replace(self, base=replace(added, sentences=())), added.sentences[0]

    def _set(self, findings: Mapping[str, Mapping[str, Presence | None]], step: Step) -> Draft:
        """With the draft written anew; what the reader wrote, and decided in the same words, stays.

        Lines are known again by their section, words and regions as the models wrote them.
        """
        known = {_key(line.draft): line for line in self.lines if line.draft is not None}
        lines = []
        for number, sentence in enumerate(_read(step.made, self.base.regions), start=1):
            new = Line(f"{step.revision}-{number}", sentence, draft=sentence)
            before = known.get(_key(sentence))
            lines.append(replace(before, draft=sentence) if before else new)
        own = [line for line in self.lines if line.draft is None]
        return replace(self, lines=(*lines, *own), given=self.with_findings(findings))

    def _with(self, line: Line, before: str | None, rest: Sequence[Line]) -> tuple[Line, ...]:
        """The lines with one more, before another of its section or last."""
        if before is None:
            return (*rest, line)
        at = self.line(before)
        if at.sentence.section != line.sentence.section or at not in rest:
            raise InvalidValueError("a sentence is moved within its own section")
        place = rest.index(at)
        return (*rest[:place], line, *rest[place:])

    def _put(self, line: Line) -> Draft:
        lines = tuple(line if line.id == other.id else other for other in self.lines)
        return replace(self, lines=lines)

    def _act(self, step: Step) -> Act:
        text = ""
        if isinstance(step.edit, Accept | Reject | Restore | Edit | Move | Tie):
            text = self.line(step.edit.line).sentence.text
        if isinstance(step.edit, Add | Edit):
            text = step.edit.text
        if isinstance(step.edit, Take):
            text = str(step.made[0]["text"])
        if isinstance(step.edit, SetFindings):
            text = "; ".join(
                f"{label} {presence or 'as read'} in the {region}"
                for region, labels in step.edit.findings.items()
                for label, presence in labels.items()
            )
        if isinstance(step.edit, Sign):
            text = f"{step.edit.name}, {step.edit.institution}"
        reason = step.edit.reason if isinstance(step.edit, Reject) else ""
        return Act(step.at, step.by, _ACTS[step.edit.do], text, reason)


def words_for(edit: Change, draft: Draft) -> str:
    """What undo and redo say of an edit: its name, and the sentence that it is about."""
    name = edit.do.replace("_", " ")
    if isinstance(edit, Accept | Reject | Restore | Edit | Move | Tie):
        about = next((line for line in draft.lines if line.id == edit.line), None)
        return f"{name} “{shortened(about.sentence.text)}”" if about else name
    return f"{name} “{shortened(edit.text)}”" if isinstance(edit, Add) else name


def _acceptance(signed: Sign, step: Step) -> Acceptance:
    return Acceptance(signed.name, signed.institution, datetime.fromisoformat(step.at))


def _said(line: Line) -> GroundedSentence:
    """The line's sentence; a changed one keeps the draft's words in its notes."""
    if not line.edited:
        return line.sentence
    note = f"edited by the reader; the draft said “{line.draft_words}”"
    return replace(line.sentence, notes=(*line.sentence.notes, note))


def _signed(line: Line, status: Status, step: Step) -> Line:
    return replace(line, status=status, by=step.by, at=step.at, reason="")


def _restored(line: Line, step: Step) -> Line:
    """With the draft's words and nothing decided; the reader's own comes back as it is."""
    if line.draft is None:
        return _signed(line, "supplemented", step)
    return replace(line, sentence=line.draft, status="open", by="", at="", reason="")


def _read(made: Sequence[Mapping[str, Any]], regions: Regions) -> list[GroundedSentence]:
    return [GroundedSentence.from_dict(item, regions) for item in made]


def _key(sentence: GroundedSentence) -> tuple[Section, str, tuple[str, ...]]:
    return sentence.section, sentence.text, sentence.regions

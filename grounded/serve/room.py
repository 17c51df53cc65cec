"""The room: sessions that are read, asked, edited and kept. What the routes call."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from grounded.atlas import Atlas
from grounded.errors import GroundedError, ImageError, InvalidValueError, UnsuitableImageError
from grounded.explain.audit.reports import audited
from grounded.image import Image, ImageInfo
from grounded.language.labeller import Labeller
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence
from grounded.reporter import Reading, Reporter
from grounded.serve import answers, pixels
from grounded.serve.agreement import agreement
from grounded.serve.desk import Desk, FilmKey
from grounded.serve.draft import Draft, Line, Step
from grounded.serve.edits import (
    Add,
    AnyEdit,
    Ask,
    Change,
    Place,
    Redo,
    SetFindings,
    Take,
    Tie,
    Undo,
)
from grounded.serve.events import Events
from grounded.serve.guarding import TYPED, Warned, counted, warnings_of
from grounded.serve.models import (
    Agreement,
    Answer,
    Changed,
    Checked,
    Comparison,
    Hidden,
    SaidFinding,
    SessionState,
    WhatIfRequest,
)
from grounded.serve.store import ConflictError, Kept, Store, timestamp
from grounded.serve.views import agreement_state, session_state, warning_states
from grounded.serve.words import in_words, relabelled

T = TypeVar("T")
AUDIT = "audit"  # the stage of a session whose report is being audited
_LOG = logging.getLogger(__name__)


class HiddenError(GroundedError):
    """What a reader who reads first may not see yet."""


class NotReadyError(GroundedError):
    """The film was not read yet."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a room is kept.

    most_bytes: of a film's file. most_memory: bytes of films in memory. warm: whether the networks
    are tried once at the start, so that the first film does not wait for what they load.
    """

    read_first: bool = False
    feedback: bool = False
    keep_days: float = 30.0
    most_bytes: int = 200_000_000
    most_memory: int = 1 << 29
    most_waiting: int = 64
    workers: int = 1
    warm: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """One reporter, one folder of sessions, and everybody who looks at them."""

    reporter: Reporter
    store: Store
    rules: Rules = field(default_factory=Rules)
    events: Events = field(default_factory=Events)
    shelf: tuple[Path, ...] = ()
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        desk = Desk(
            self.reporter,
            self.store.film_bytes,
            workers=self.rules.workers,
            most_waiting=self.rules.most_waiting,
            most_bytes=self.rules.most_memory,
        )
        object.__setattr__(self, "desk", desk)

    @property
    def atlas(self) -> Atlas:
        return self.reporter.detector.atlas

    def close(self) -> None:
        self.desk.close()
        self.store.close()

    # Films in

    def take_in(
        self, part: Path, name: str, *, force: bool, view: str, read_first: bool | None
    ) -> Kept:
        """A film that was written to `part` becomes a session, and waits to be read.

        Raises ImageError and its kinds for what is no film; nothing is kept then.
        """
        try:
            with part.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            with self.store.keep_film(part, sha256):
                image = self.desk.image(FilmKey(sha256, name, view, force))
                kept = self.store.start(
                    sha256,
                    name,
                    image.info.to_dict(),
                    image.scale.to_dict(),
                    pixels.thumbnail(image),
                    forced=force,
                    view=view,
                    read_first=self.rules.read_first if read_first is None else read_first,
                )
        except BaseException:
            part.unlink(missing_ok=True)
            self.store.sweep_films()
            raise
        self._read_later(kept)
        return kept

    def take_from_shelf(self, number: int, *, force: bool, read_first: bool | None) -> Kept:
        """A film that was named at the start, by its place among them."""
        if number >= len(self.shelf):
            raise InvalidValueError("there is no such film on the shelf")
        path = self.shelf[number]
        part = self.store.part()
        try:
            part.write_bytes(path.read_bytes())
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ImageError(f"{path.name} cannot be opened: {error.strerror}") from error
        return self.take_in(part, path.stem, force=force, view="", read_first=read_first)

    def read_again(self, id: str, *, force: bool) -> None:
        """Read a film that was refused, or that failed."""
        kept = self.store.get(id)
        if kept.row.status not in ("refused", "failed"):
            raise InvalidValueError("the film is read already")
        forced = kept.row.forced or force
        self._put(id, status="reading", stage="waiting", reason="", can_force=False, forced=forced)
        self._read_later(self.store.get(id))

    def resume(self) -> None:
        """Read, and audit, what was waiting when the server was stopped."""
        for id in self.store.all_ids("reading"):
            self._read_later(self.store.get(id))
        for id in self.store.all_ids("ready", stage=AUDIT):
            self._put(id, stage="")
            with suppress(GroundedError):  # where too many wait it can be asked for again
                self.audit(id)

    def _read_later(self, kept: Kept) -> None:
        id, key = kept.row.id, key_of(kept)
        try:
            self.desk.submit(lambda: self._read(id, key))
        except GroundedError as error:
            self._put(id, status="failed", stage="", reason=str(error))
            raise

    def _read(self, id: str, key: FilmKey) -> None:
        """On the reading thread: the regions, then the report, each shown as soon as it is there.

        Whatever goes wrong stands in the session.
        """
        try:
            reading = self.desk.read(key)
            self._found(id, reading)
            self._written(id, reading.report())
        except UnsuitableImageError as error:
            self._put(id, status="refused", stage="", reason=in_words(error), can_force=True)
        except GroundedError as error:
            self._put(id, status="failed", stage="", reason=in_words(error))
        except Exception as error:
            # the words of a foreign error may quote the film's header
            _LOG.error("a film could not be read: %s", type(error).__name__)
            self._put(id, status="failed", stage="", reason="the film could not be read")

    def _found(self, id: str, reading: Reading) -> None:
        """The regions can be shown while the sentences are written."""
        regions = GroundedReport(
            image=reading.image.info,
            regions=reading.regions.without_networks(),
            sentences=(),
            scope=reading.reporter.generator.scope,
            provenance=reading.reporter.provenance,
        )
        self._put(
            id,
            stage="report",
            draft=json.dumps(regions.to_dict()),
            image=json.dumps(reading.image.info.to_dict()),
            greys=json.dumps(reading.image.scale.to_dict()),
            thumbnail=pixels.thumbnail(reading.image),
        )

    def _written(self, id: str, report: GroundedReport) -> None:
        kept = self.store.get(id)
        draft = Draft.of(report, read_first=kept.row.read_first)
        self._put(
            id,
            status="ready",
            stage="",
            draft=json.dumps(report.to_dict()),
            **_for_lists(kept, draft),
        )

    def audit(self, id: str) -> None:
        """Try what each sentence of the report as it stands rests on, after all films that wait.

        Raises HiddenError while the draft is hidden, BusyError where too much waits.
        """
        kept = self._seen(id)
        if kept.row.stage == AUDIT:
            raise InvalidValueError("the report is being audited already")
        self._put(id, stage=AUDIT)
        try:
            self.desk.submit(lambda: self._audit(id, key_of(kept)))
        except GroundedError:
            self._put(id, stage="")
            raise

    def _audit(self, id: str, key: FilmKey) -> None:
        """On the reading thread. A report that cannot be audited stays as it is."""
        try:
            reading = self.desk.read(key)
            kept, draft = self.draft(id)
            found = audited(draft.report(), reading.image, reading.reporter, reading=reading)
            written = GroundedReport.from_dict(json.loads(kept.row.draft))
            self._put(id, stage="", draft=json.dumps(replace(written, audit=found.audit).to_dict()))
        except Exception as error:
            _LOG.error("a report could not be audited: %s", type(error).__name__)
            self._put(id, stage="")

    # Sessions

    def state(self, id: str) -> SessionState:
        kept = self.store.get(id)
        draft = draft_of(kept)
        warned = warnings_of(draft.kept, self.atlas) if draft else {}
        return session_state(kept, draft, warned)

    def draft(self, id: str) -> tuple[Kept, Draft]:
        """A session that was read. Raises NotReadyError for another."""
        kept = self.store.get(id)
        draft = draft_of(kept)
        if draft is None or kept.row.status != "ready":
            raise NotReadyError("the film is still being read")
        return kept, draft

    def shown_film(self, id: str) -> Image:
        """The film as the session shows it."""
        kept = self.store.get(id)
        info = ImageInfo.from_dict(json.loads(kept.row.image))
        return self.desk.shown(key_of(kept), info.sha256)

    def report(self, id: str) -> GroundedReport:
        """The report as it stands, with its film and an answer for each region for who asks it.

        Raises HiddenError while the draft is hidden.
        """
        kept, draft = self._open(id)
        film, key = self.shown_film(id), key_of(kept)

        def answered() -> Mapping[str, GroundedReport]:
            return self.desk.ask(self.desk.reading(key).answers)

        return replace(draft.report(), image=film.info, film=film, answers=answered)

    def thumbnail(self, id: str) -> bytes:
        """A small picture of the film, PNG."""
        return self.store.thumbnail(id)

    def words(self, id: str) -> str:
        """The report as it stands, to be copied."""
        return self._open(id)[1].report().text

    def rename(self, id: str, name: str) -> None:
        kept = self.store.get(id)
        kept.row.name = name
        draft = draft_of(kept)
        known = _for_lists(kept, draft) if draft else {"words": name.lower()}
        self._put(id, name=name, **known)

    def remove(self, id: str) -> None:
        self.store.remove(id)
        self.events.publish(id=id, revision=0, status="deleted", stage="", by="")

    def sweep(self) -> int:
        """Forget the sessions that are older than the rules say."""
        return self.store.remove_older(self.rules.keep_days)

    # Asking

    def ask(self, id: str, ask: Ask) -> Answer:
        return self._asked(id, lambda reading: answers.answer(reading, ask))

    def compare(self, id: str, region: str) -> Comparison:
        return self._asked(id, lambda reading: answers.compare(reading, region))

    def what_if(self, id: str, request: WhatIfRequest) -> Changed:
        _, draft = self._open(id)
        drafted, given = draft.drafted(), draft.with_findings(request.findings)
        return self._asked(id, lambda reading: answers.what_if(reading, drafted, given))

    def hide(self, id: str, place: Place) -> Hidden:
        key = key_of(self._seen(id))
        return self.desk.submit(lambda: answers.without_place(self.desk.read(key), place)).result()

    def _asked(self, id: str, work: Callable[[Reading], T]) -> T:
        reading = self.desk.reading(key_of(self._seen(id)))
        return self.desk.ask(lambda: work(reading))

    def _open(self, id: str) -> tuple[Kept, Draft]:
        """A session whose draft may be seen, with the draft as it stands."""
        self._seen(id)
        return self.draft(id)

    def _seen(self, id: str) -> Kept:
        """A session whose draft may be seen. Without looking into the draft, which takes time."""
        kept = self.store.get(id)
        if kept.row.status != "ready":
            raise NotReadyError("the film is still being read")
        if kept.row.read_first and not kept.first_step:
            raise HiddenError("the draft is shown when you have finished your own reading")
        return kept

    def agreement(self, id: str) -> Agreement:
        _, draft = self._open(id)
        return agreement_state(agreement(draft, self.atlas))

    # Editing

    def edit(self, id: str, revision: int, by: str, edit: AnyEdit) -> None:
        """Change a session, if it still is at `revision`; else ConflictError."""
        kept, draft = self.draft(id)
        if kept.row.revision != revision:
            raise ConflictError("the session was changed in another window in the meantime")
        if isinstance(edit, Undo | Redo):
            self._turn(kept, -1 if isinstance(edit, Undo) else 1, by)
            return
        edit = self._resolved(edit, draft)
        made = self._made(kept, draft, edit)
        step = Step(edit, by, timestamp(), revision + 1, made)
        changed = draft.after(step)
        steps = kept.row.steps + 1
        self.store.step(id, revision, steps, step, **_for_lists(kept, changed))
        self._tell(id, by)

    def _turn(self, kept: Kept, way: int, by: str) -> None:
        """One step back, or forth again."""
        steps = kept.row.steps + way
        if not kept.first_step <= steps <= len(kept.steps):
            raise InvalidValueError(f"there is nothing to {'undo' if way < 0 else 'redo'}")
        changed = draft_at(kept, steps)
        assert changed is not None
        row = kept.row
        self.store.step(row.id, row.revision, steps, None, **_for_lists(kept, changed))
        self._tell(row.id, by)

    def _resolved(self, edit: Change, draft: Draft) -> Change:
        """With the regions' own names instead of aliases."""
        if isinstance(edit, Add | Tie) and edit.region is not None:
            return edit.model_copy(update={"region": self._name(edit.region, draft)})
        return edit

    def _name(self, region: str, draft: Draft) -> str:
        known = region in draft.base.regions or region not in self.atlas
        return region if known else self.atlas[region].name

    def _made(self, kept: Kept, draft: Draft, edit: Change) -> Sequence[dict[str, Any]]:
        """What models have to write for an edit."""
        if not isinstance(edit, Take | SetFindings):
            return ()
        if not draft.revealed:
            raise HiddenError("the draft is shown when you have finished your own reading")
        reading = self.desk.reading(key_of(kept))
        if isinstance(edit, Take):
            ask, number = edit.ask, edit.number
            said = self.desk.ask(lambda: answers.made_for(reading, ask, number))
            return _as_json(said, reading.regions)
        given = draft.with_findings(edit.findings)
        report = self.desk.ask(lambda: reading.report(given))
        return _as_json(report.sentences, reading.regions)

    def check(
        self, id: str, text: str, regions: Sequence[str], line: str | None, section: str
    ) -> Checked:
        """What the guards say of words while they are typed."""
        _, draft = self.draft(id)
        labeller = Labeller.open()
        words = " ".join(text.split())
        findings = [SaidFinding(label=f.label, presence=f.presence) for f in labeller.label(words)]
        if not words:
            return Checked(warnings=[], findings=[])
        typed = self._typed(draft, words, regions, line, section)
        others = [other for other in draft.kept if other.id != line]
        warned = warnings_of([*others, typed], self.atlas)[typed.id]
        return Checked(warnings=warning_states(_not_late(warned)), findings=findings)

    def _typed(
        self, draft: Draft, words: str, regions: Sequence[str], line: str | None, section: str
    ) -> Line:
        """The words as the line that they would become."""
        if line is not None:
            old = draft.line(line)
            sentence = relabelled(old.sentence, words, Labeller.open())
            return replace(old, sentence=sentence)
        names = [self._name(name, draft) for name in regions]
        known = [name for name in names if name in draft.base.regions]
        frame = draft.base.image.frame
        place = {"region": known[0]} if known else {"box": (frame.x0, frame.y0, frame.x1, frame.y1)}
        edit = Add.model_validate({"do": "add", "text": words, "section": section, **place})
        written = draft.written(edit)
        return Line(TYPED, replace(written, regions=tuple(known) or written.regions))

    def feedback(self) -> Iterator[str]:
        """What readers made of drafts, a line of JSON each: for training on preferences.

        A draft's sentence that was accepted, changed or rejected, and what readers added.
        """
        for id in self.store.all_ids("ready"):
            kept = self.store.get(id)
            draft = draft_of(kept)
            if draft is None or not draft.revealed:
                continue
            for line in draft.lines:
                if line.status != "open":
                    yield json.dumps(_feedback(line, draft)) + "\n"

    # What changed

    def _put(self, id: str, **values: Any) -> None:
        """Change a session without a reader; one that was removed meanwhile is left alone."""
        self.store.put(id, **values)
        self._tell(id, "")

    def _tell(self, id: str, by: str) -> None:
        row = self.store.get(id).row
        self.events.publish(id=id, revision=row.revision, status=row.status, stage=row.stage, by=by)


def key_of(kept: Kept) -> FilmKey:
    row = kept.row
    return FilmKey(row.film, row.file_name, row.view, row.forced)


def draft_of(kept: Kept) -> Draft | None:
    """The report as it stands; None before the regions are found."""
    return draft_at(kept, kept.row.steps)


def draft_at(kept: Kept, steps: int) -> Draft | None:
    """The report after so many steps."""
    if not kept.row.draft:
        return None
    report = GroundedReport.from_dict(json.loads(kept.row.draft))
    draft = Draft.of(report, read_first=kept.row.read_first)
    return draft.after_all(kept.steps[:steps])


def _for_lists(kept: Kept, draft: Draft) -> dict[str, Any]:
    """What lists and searches need of a session."""
    report = draft.report()
    said = [*report.section("impression"), *report.section("findings")]
    texts = [sentence.text for sentence in said]
    return {
        "headline": texts[0] if texts else "",
        "words": " ".join((kept.row.name, *texts)).lower(),
        "counts": json.dumps(counted(draft.lines)),
    }


def _feedback(line: Line, draft: Draft) -> dict[str, Any]:
    provenance = draft.base.provenance
    return {
        "film_sha256": draft.base.image.sha256,
        "regions": list(line.sentence.regions),
        "section": line.sentence.section,
        "draft": line.draft.text if line.draft else None,
        "accepted": None if line.status == "rejected" else line.sentence.text,
        "decision": line.status,
        "reason": line.reason,
        "findings": [finding.to_dict() for finding in line.sentence.findings],
        "preset": provenance.preset,
        "version": provenance.version,
    }


def _as_json(said: Sequence[GroundedSentence], regions: Regions) -> list[dict[str, Any]]:
    return [sentence.to_dict(regions) for sentence in said]


def _not_late(warned: Sequence[Warned]) -> list[Warned]:
    """Without what can only be said of a report that is done."""
    return [item for item in warned if "does not mention" not in item.words]

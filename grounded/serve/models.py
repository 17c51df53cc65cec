"""The answers of the server, as its OpenAPI schema describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from grounded.findings import Presence
from grounded.provenance import Acceptance
from grounded.serve.agreement import Verdict
from grounded.serve.draft import Status
from grounded.serve.edits import AnyEdit, LineId, Name, Set, Strict, Text
from grounded.serve.guarding import Kind
from grounded.viz.page import Document, Film

SessionStatus = Literal["reading", "ready", "refused", "failed"]
Stage = Literal["waiting", "regions", "report", "audit", ""]
Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class SessionFilm(Film):
    """id: of the film's file, its SHA-256."""

    id: str


class Problem(BaseModel):
    """What went wrong, in words for a reader."""

    detail: str


class FilmProblem(Problem):
    """can_force: whether the film can be read anyway."""

    can_force: bool = False


class Exporter(BaseModel):
    """A format that a report can be written in. name: also the end of the file's name."""

    name: str
    label: str
    media_type: str


class AtlasRegion(BaseModel):
    """A region that can be asked about. other: its counterpart, "" without one."""

    name: str
    side: str
    other: str
    parent: str
    kind: str


class Settings(BaseModel):
    """What the page has to know of the server."""

    version: str
    preset: str
    notice: str
    read_first: bool
    feedback: bool
    keep_days: float
    most_bytes: int
    most_pixels: int
    tile: int
    preview: int
    findings: list[str]
    presences: list[Presence]
    regions: list[AtlasRegion]
    exporters: list[Exporter]


class Shelved(BaseModel):
    """A film that was named when the server was started."""

    id: int
    name: str


class Warning_(BaseModel):  # noqa: N801 - the built-in has the name
    """A doubt of the guards about a line."""

    kind: Kind
    words: str
    line: str | None = None


class LineState(BaseModel):
    """What was decided about a sentence. draft: the draft's words, null for the reader's own."""

    id: str
    status: Status
    edited: bool
    draft: str | None
    reason: str
    by: str
    at: str
    early: bool
    warnings: list[Warning_]


class RejectedLine(LineState):
    text: str
    section: str
    regions: list[str]


class ActState(BaseModel):
    at: str
    by: str
    act: str
    text: str
    reason: str


class Summary(BaseModel):
    """A session in a list."""

    id: str
    name: str
    created: str
    changed: str
    status: SessionStatus
    revision: int
    width: int
    height: int
    view: str
    headline: str
    counts: Counts


class Summaries(BaseModel):
    total: int
    sessions: list[Summary]


class SessionState(BaseModel):
    """All of a session; `lines` are in the order of the document's sentences.

    acceptance: who has signed the report as it stands.
    """

    id: str
    revision: int
    name: str
    created: str
    changed: str
    status: SessionStatus
    stage: Stage
    reason: str
    can_force: bool
    read_first: bool
    revealed: bool
    film: SessionFilm
    document: Document | None
    lines: list[LineState]
    rejected: list[RejectedLine]
    set: dict[str, dict[str, Presence]]
    undo: str | None
    redo: str | None
    history: list[ActState]
    acceptance: Acceptance | None


class Conflict(Problem):
    """The session as it is now, for a change that was made on an older one."""

    session: SessionState


class EditRequest(Strict):
    """revision: of the session that the reader saw. by: as the reader wants to be called."""

    revision: Annotated[int, Field(ge=0, le=2**53)]
    by: Name = ""
    edit: AnyEdit


class ReadRequest(Strict):
    force: bool = False


class RenameRequest(Strict):
    name: Annotated[Name, Field(min_length=1)]


class CheckRequest(Strict):
    """Words that are being typed. line: the line that they would replace, null for a new one."""

    text: Text
    regions: Annotated[list[Name], Field(max_length=40)]
    line: LineId | None = None
    section: Literal["findings", "impression"] = "findings"


class SaidFinding(BaseModel):
    label: str
    presence: Presence


class Checked(BaseModel):
    """findings: what the words speak of."""

    warnings: list[Warning_]
    findings: list[SaidFinding]


class Answer(BaseModel):
    document: Document


class CompareRequest(Strict):
    region: Name


class Difference(BaseModel):
    label: str
    presences: tuple[Presence | None, Presence | None]


class Comparison(BaseModel):
    """A region and its counterpart: the answers for both, and the findings that they differ in."""

    names: tuple[str, str]
    documents: tuple[Document, Document]
    differences: list[Difference]


class WhatIfRequest(Strict):
    findings: Annotated[dict[Name, Set], Field(max_length=60)]


class Changed(BaseModel):
    """Another report, and the sentences that are new in it or gone."""

    document: Document
    gone: list[str]
    new: list[str]


class Hidden(Changed):
    hidden: tuple[float, float, float, float]


class ComparedFinding(BaseModel):
    label: str
    reader: Presence | None
    draft: Presence | None
    assessed: bool


class RegionCompared(BaseModel):
    region: str
    verdict: Verdict
    reader: list[str]
    draft: list[str]
    findings: list[ComparedFinding]


class Agreement(BaseModel):
    regions: list[RegionCompared]
    counts: dict[Verdict, int]

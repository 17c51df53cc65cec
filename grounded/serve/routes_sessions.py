"""Sessions: found again, shown, edited; what changes, as it changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from grounded.serve.models import (
    Checked,
    CheckRequest,
    Conflict,
    EditRequest,
    Problem,
    ReadRequest,
    RenameRequest,
    SessionState,
    Settings,
    Summaries,
)
from grounded.serve.routing import SessionId, TheRoom, problems
from grounded.serve.settings import settings_of
from grounded.serve.views import summary

sessions = APIRouter(tags=["sessions"], responses=problems(422))


@sessions.get("/settings")
def settings(room: TheRoom) -> Settings:
    """What the page has to know of this server."""
    return settings_of(room)


@sessions.get(
    "/events", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}}
)
async def events(
    room: TheRoom, session: Annotated[str, Query(max_length=40)] = ""
) -> StreamingResponse:
    """Changes of one session, or of all, as server-sent events."""
    return StreamingResponse(room.events.stream(session), media_type="text/event-stream")


@sessions.get("/sessions")
def find(
    room: TheRoom,
    q: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Summaries:
    """The sessions whose name or report has these words, the newest first."""
    total, rows = room.store.search(q, offset, limit)
    return Summaries(total=total, sessions=[summary(row) for row in rows])


@sessions.get("/sessions/{id}", responses=problems(404))
def session(id: SessionId, room: TheRoom) -> SessionState:
    """All of a session."""
    return room.state(id)


@sessions.delete("/sessions/{id}", status_code=204, responses=problems(404))
def remove(id: SessionId, room: TheRoom) -> None:
    """Forget a session, and its film if no other session has it."""
    room.remove(id)


@sessions.patch("/sessions/{id}", responses=problems(404, 422))
def rename(id: SessionId, request: RenameRequest, room: TheRoom) -> SessionState:
    """Call a session something else."""
    room.rename(id, request.name)
    return room.state(id)


@sessions.post("/sessions/{id}/read", status_code=202, responses=problems(404, 422, 503))
def read(id: SessionId, request: ReadRequest, room: TheRoom) -> SessionState:
    """Read a film that was refused or could not be read, once more."""
    room.read_again(id, force=request.force)
    return room.state(id)


@sessions.post("/sessions/{id}/audit", status_code=202, responses=problems(403, 404, 409, 422, 503))
def audit(id: SessionId, room: TheRoom) -> SessionState:
    """Try what each sentence rests on. It waits its turn; its verdicts then stand in the report."""
    room.audit(id)
    return room.state(id)


@sessions.post(
    "/sessions/{id}/edits",
    responses={409: {"model": Conflict | Problem}, **problems(403, 404, 422, 503)},
)
def edit(id: SessionId, request: EditRequest, room: TheRoom) -> SessionState:
    """Change the report: one edit, on the revision that the reader saw."""
    room.edit(id, request.revision, request.by, request.edit)
    return room.state(id)


@sessions.post("/sessions/{id}/check", responses=problems(404, 409, 422))
def check(id: SessionId, request: CheckRequest, room: TheRoom) -> Checked:
    """What the guards say of words while they are typed. Nothing is changed."""
    return room.check(id, request.text, request.regions, request.line, request.section)

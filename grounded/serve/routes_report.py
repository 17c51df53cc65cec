"""What is asked of a film, and its report as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from grounded.errors import GroundedError, ReportError
from grounded.export.exporters import Exporter, exporter
from grounded.report import GroundedReport
from grounded.serve.edits import Ask, Place
from grounded.serve.models import (
    Agreement,
    Answer,
    Changed,
    CompareRequest,
    Comparison,
    Hidden,
    WhatIfRequest,
)
from grounded.serve.room import HiddenError
from grounded.serve.routing import BINARY, SessionId, TheRoom, problems
from grounded.serve.settings import media_type

report = APIRouter(tags=["report"], responses=problems(422))
_ASKED = problems(403, 404, 409, 422, 503)
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}


@report.post("/sessions/{id}/ask", responses=_ASKED)
def ask(id: SessionId, request: Ask, room: TheRoom) -> Answer:
    """What is to be said of a region or a box, with its evidence."""
    return room.ask(id, request)


@report.post("/sessions/{id}/compare", responses=_ASKED)
def compare(id: SessionId, request: CompareRequest, room: TheRoom) -> Comparison:
    """A region beside its counterpart on the other side."""
    return room.compare(id, request.region)


@report.post("/sessions/{id}/whatif", responses=_ASKED)
def what_if(id: SessionId, request: WhatIfRequest, room: TheRoom) -> Changed:
    """The whole report with findings set by hand. Nothing is changed."""
    return room.what_if(id, request)


@report.post("/sessions/{id}/hide", responses=_ASKED)
def hide(id: SessionId, request: Place, room: TheRoom) -> Hidden:
    """The report of the film with one place hidden. Nothing is changed."""
    return room.hide(id, request)


@report.get("/sessions/{id}/agreement", responses=_ASKED)
def agreement(id: SessionId, room: TheRoom) -> Agreement:
    """Where a reader who read first and the draft agree."""
    return room.agreement(id)


@report.get(
    "/sessions/{id}/exports/{name}", response_class=Response, responses={200: BINARY, **_ASKED}
)
def export(id: SessionId, name: Annotated[str, Path(max_length=60)], room: TheRoom) -> Response:
    """The report as a file, by any exporter that is installed."""
    written = exporter(name)
    finished = room.report(id)
    file_name = f"report-{finished.image.sha256[:8]}.{name}"
    headers = {"content-disposition": f'attachment; filename="{file_name}"'}
    return Response(_written(written, name, finished), media_type=media_type(name), headers=headers)


@report.get(
    "/sessions/{id}/text",
    response_class=PlainTextResponse,
    responses={**_TEXT, **_ASKED},
)
def text(id: SessionId, room: TheRoom) -> PlainTextResponse:
    """The report's words, to be copied."""
    return PlainTextResponse(room.words(id))


@report.get(
    "/feedback",
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {}}}, **problems(403)},
)
def feedback(room: TheRoom) -> StreamingResponse:
    """What readers made of drafts, a line of JSON each."""
    if not room.rules.feedback:
        raise HiddenError("feedback is written when the server was started with --feedback")
    return StreamingResponse(room.feedback(), media_type="application/x-ndjson")


def _written(write: Exporter, name: str, finished: GroundedReport) -> bytes:
    """The file. Whatever goes wrong in an exporter, also in one that others wrote, is said."""
    try:
        return write(finished)
    except GroundedError:
        raise
    except Exception as error:  # its words may quote the film's header
        raise ReportError(
            f"this report cannot be written as {name} ({type(error).__name__})"
        ) from error

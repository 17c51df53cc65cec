"""Films in, and their pixels out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from grounded.films.source import name_of
from grounded.serve import pixels
from grounded.serve.edits import Name
from grounded.serve.models import FilmProblem, SessionState, Shelved
from grounded.serve.routing import BINARY, SessionId, TheRoom, problems
from grounded.view import known_view

films = APIRouter(tags=["films"], responses=problems(422))
_Pixel = Annotated[int, Query(ge=0, le=1_000_000)]
_PIXELS: dict[int | str, dict[str, Any]] = {
    200: {
        **BINARY,
        "description": "uint16, little endian, row by row, without padding; X-Width and X-Height "
        "say how many. 0 is dark, see the session's film.pixels for the window.",
    },
    **problems(404, 422),
}


@films.post(
    "/films",
    status_code=201,
    responses={422: {"model": FilmProblem}, **problems(413, 503)},
    openapi_extra={
        "requestBody": {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
            "required": True,
            "description": "The bytes of a DICOM, PNG, JPEG or TIFF file.",
        }
    },
)
async def add_film(
    request: Request,
    room: TheRoom,
    name: Name = "",
    force: bool = False,
    view: Annotated[str, Query(max_length=20)] = "",
    read_first: bool | None = None,
) -> SessionState:
    """A film's file becomes a session. force: read what its header says is no frontal film."""
    stated = known_view(view)
    part = await run_in_threadpool(room.store.part)
    try:
        with part.open("wb") as file:
            async for piece in request.stream():
                await run_in_threadpool(file.write, piece)
    except BaseException:  # the reader went away, or sent too much
        part.unlink(missing_ok=True)
        raise
    label = label_of(name)
    kept = await run_in_threadpool(
        room.take_in, part, label, force=force, view=stated, read_first=read_first
    )
    return await run_in_threadpool(room.state, kept.row.id)


@films.get("/shelf")
def shelf(room: TheRoom) -> list[Shelved]:
    """The films that were named when the server was started."""
    return [Shelved(id=number, name=path.name) for number, path in enumerate(room.shelf)]


@films.post(
    "/shelf/{number}",
    status_code=201,
    responses={422: {"model": FilmProblem}, **problems(503)},
)
def open_from_shelf(
    number: Annotated[int, PathParameter(ge=0, le=1_000_000)],
    room: TheRoom,
    force: bool = False,
    read_first: bool | None = None,
) -> SessionState:
    """One of the films that were named becomes a session."""
    kept = room.take_from_shelf(number, force=force, read_first=read_first)
    return room.state(kept.row.id)


@films.get("/sessions/{id}/preview", response_class=Response, responses=_PIXELS)
def preview(id: SessionId, room: TheRoom) -> Response:
    """The whole film with its longest side at most 1024 pixels."""
    image = room.shown_film(id)
    return _sent(pixels.preview(image), image.shape)


@films.get("/sessions/{id}/film", response_class=Response, responses=_PIXELS)
def film(
    id: SessionId,
    room: TheRoom,
    x0: _Pixel | None = None,
    y0: _Pixel | None = None,
    x1: _Pixel | None = None,
    y1: _Pixel | None = None,
) -> Response:
    """A part of the film, at most 2048 pixels wide and high; without numbers, all of it."""
    image = room.shown_film(id)
    height, width = image.shape
    whole = (x0 or 0, y0 or 0, width if x1 is None else x1, height if y1 is None else y1)
    return _sent(pixels.tile(image, *whole), image.shape)


@films.get(
    "/sessions/{id}/thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def thumbnail(id: SessionId, room: TheRoom) -> Response:
    """A small picture of the film."""
    return Response(room.thumbnail(id), media_type="image/png")


def label_of(name: str) -> str:
    """What a film is called: the end of the name that the browser gave, without a picture's suffix.

    It is shown to the reader, and never becomes part of a path.
    """
    last = PurePosixPath(name.replace("\\", "/").replace("\0", "")).name
    return name_of(Path(last))


def _sent(greys: NDArray[np.uint16], film: tuple[int, int]) -> Response:
    height, width = greys.shape
    headers = {
        "x-width": str(width),
        "x-height": str(height),
        "x-film-width": str(film[1]),
        "x-film-height": str(film[0]),
    }
    return Response(
        pixels.content_of(greys), media_type="application/octet-stream", headers=headers
    )

"""The application: routes under /api, the page at /, and the door before both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from grounded.errors import GroundedError, ImageError, UnsuitableImageError
from grounded.serve.desk import BusyError
from grounded.serve.room import HiddenError, NotReadyError, Room
from grounded.serve.routes_films import films
from grounded.serve.routes_read import read
from grounded.serve.routes_report import report
from grounded.serve.routes_sessions import sessions
from grounded.serve.security import Door, TooLargeError
from grounded.serve.store import ConflictError, UnknownSessionError
from grounded.serve.words import in_words
from grounded.version import VERSION

_LOG = logging.getLogger(__name__)
_SWEEP_SECONDS = 6 * 3600.0
_KINDS = {"room.js": "text/javascript", "room.css": "text/css"}
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownSessionError, 404),
    (HiddenError, 403),
    (NotReadyError, 409),
    (BusyError, 503),
    (GroundedError, 422),
)


def application(room: Room, token: str, hosts: Iterable[str] = ()) -> ASGIApp:
    """The server for one room. token: what opens it. hosts: names that it is called by, beside
    those of this computer.
    """
    app = FastAPI(
        title="Grounded reading room",
        version=VERSION,
        description="Films in, drafts asked and worked on, reports out. Not a medical device.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.room = room
    for router in (films, read, sessions, report):
        app.include_router(router, prefix="/api")
    app.add_exception_handler(GroundedError, _refused)
    app.add_exception_handler(TooLargeError, _too_large)
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unforeseen)
    _add_page(app)
    return Door(app, token, hosts, room.rules.most_bytes)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    room: Room = app.state.room
    room.events.start()
    if room.rules.warm:
        room.desk.warm_up()
    room.resume()
    sweeping = asyncio.create_task(_sweep(room))
    try:
        yield
    finally:
        sweeping.cancel()
        room.events.close()
        await asyncio.to_thread(room.close)


async def _sweep(room: Room) -> None:
    """Old sessions go when the server starts, and four times a day."""
    while True:
        gone = await asyncio.to_thread(room.sweep)
        if gone:
            _LOG.info("%d sessions were older than %g days", gone, room.rules.keep_days)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    body: dict[str, object] = {"detail": in_words(error)}
    if isinstance(error, ConflictError):
        room: Room = request.app.state.room
        state = await asyncio.to_thread(room.state, request.path_params["id"])
        return JSONResponse(body | {"session": state.model_dump(mode="json")}, 409)
    if isinstance(error, ImageError):
        body["can_force"] = isinstance(error, UnsuitableImageError)
    headers = {"retry-after": "30"} if status == 503 else None
    return JSONResponse(body, status, headers)


async def _too_large(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "this is too large"}, 413)


async def _unusable(request: Request, error: Exception) -> JSONResponse:
    """What was sent is not what is expected; where, and why, in one line."""
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(str(part) for part in item['loc'][1:]) or item['loc'][0]}: {item['msg']}"
        for item in error.errors()[:3]
    ]
    return JSONResponse({"detail": "; ".join(faults)}, 422)


async def _plain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s of a %s request", type(error).__name__, request.method)
    return JSONResponse({"detail": "something went wrong here; it is not your film's fault"}, 500)


def _add_page(app: FastAPI) -> None:
    """The built front end: one page whatever the address, one script, one sheet."""
    folder = Path(str(resources.files("grounded.viz"))) / "web" / "dist"
    index = folder / "index.html"

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in _KINDS or not (folder / name).is_file():
            raise HTTPException(404, "there is no such file")
        headers = {"cache-control": "no-cache"}
        return FileResponse(folder / name, media_type=_KINDS[name], headers=headers)

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return Response(status_code=204)  # browsers ask for one by themselves

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> Response:
        if path.startswith("api") or "." in path:
            raise HTTPException(404, "there is nothing here")
        if not index.is_file():
            raise HTTPException(503, "the page was not built; run make web, and install again")
        return FileResponse(index, media_type="text/html")

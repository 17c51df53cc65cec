"""What all routes share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from grounded.serve.models import Problem
from grounded.serve.room import Room

BINARY: dict[str, Any] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}
SessionId = Annotated[str, Path(max_length=40)]


def _the_room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


TheRoom = Annotated[Room, Depends(_the_room)]


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that say what went wrong."""
    return {code: {"model": Problem} for code in codes}

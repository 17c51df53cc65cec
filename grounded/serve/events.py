"""What changes in the room, as it changes: server-sent events for every window that is open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

_MOST_UNHEARD = 256  # events that a window may be behind; then it starts anew
_SILENCE = 15.0  # seconds, after which a comment keeps the connection open


class Events:
    """Publishes from any thread to the windows that listen on the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def start(self) -> None:
        """Called on the event loop, before anything is published."""
        self._loop = asyncio.get_running_loop()

    def publish(self, **event: Any) -> None:
        """Tell all who listen; nothing happens before `start` and after the loop's end."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._deliver, event)

    def close(self) -> None:
        """End every stream. On the event loop."""
        self._deliver(None)

    def _deliver(self, event: dict[str, Any] | None) -> None:
        for listener in tuple(self._listeners):
            if listener.full() or event is None:  # its window will connect and load again
                self._listeners.discard(listener)
                while not listener.empty():
                    listener.get_nowait()
                listener.put_nowait(None)
            else:
                listener.put_nowait(event)

    async def stream(self, session: str = "") -> AsyncIterator[bytes]:
        """The events of one session, or of all, in the format of EventSource."""
        listener: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_MOST_UNHEARD)
        self._listeners.add(listener)
        try:
            yield _frame("hello", {})
            while True:
                try:
                    event = await asyncio.wait_for(listener.get(), _SILENCE)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if event is None:
                    return
                if not session or event["id"] == session:
                    yield _frame("session", event)
        finally:
            self._listeners.discard(listener)


def _frame(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()

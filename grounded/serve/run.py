"""Starting the server: where it listens, what it prints, how it ends."""

from __future__ import annotations

import os
import secrets
import socket
import string
import webbrowser
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from grounded.errors import GroundedError, InvalidValueError
from grounded.reporter import Reporter
from grounded.serve.app import application
from grounded.serve.events import Events
from grounded.serve.room import Room, Rules
from grounded.serve.store import Store

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORT = 8765
_FILMS = (".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", "")
KEY = "GROUNDED_SERVE_KEY"
_SHORTEST_KEY = 24
_KEY_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_")
_MOST_ON_SHELF = 10_000


class AddressError(GroundedError):
    """The address cannot be listened on, or not without saying so."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens. names: by which it is called beside that, without a port.

    Raises AddressError for an address that other computers reach, unless `exposed`.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    exposed: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and not self.exposed:
            raise AddressError(
                f"other computers can reach {self.host}: films would go over the network without "
                f"encryption. If that is meant, say --expose; better, put a proxy with TLS before "
                f"127.0.0.1"
            )

    def open(self) -> socket.socket:
        """A socket that listens there. Raises AddressError when it is taken."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
            listening.listen(128)  # a browser that is faster than we are waits
        except (OSError, OverflowError) as error:
            listening.close()
            raise AddressError(
                f"cannot listen on {self.host} port {self.port}: {error}; choose another --port"
            ) from error
        return listening

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the Host of a request may be, beside the names of this computer itself."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        return (own, *self.names)


def key() -> str:
    """What opens the server: a new key with each start, or the one that programs were given.

    Raises InvalidValueError for one that can be guessed.
    """
    given = os.environ.get(KEY, "")
    if given and (len(given) < _SHORTEST_KEY or not set(given) <= _KEY_CHARACTERS):
        raise InvalidValueError(
            f"{KEY} needs at least {_SHORTEST_KEY} letters, digits, - and _; make one with: "
            f"python -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return given or secrets.token_urlsafe(24)


def default_folder() -> Path:
    """Where sessions are kept unless another folder is named (XDG base directories)."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "grounded" / "sessions"


def on_shelf(films: Iterable[Path]) -> tuple[Path, ...]:
    """The films that are named, and those in the folders that are, by their names.

    Raises InvalidValueError for what does not exist.
    """
    found: list[Path] = []
    for path in films:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file())
            found += [file for file in inside if _may_be_film(file)]
        elif path.is_file():
            found.append(path)
        else:
            raise InvalidValueError(f"{path}: no such file or folder; check the path")
    return tuple(dict.fromkeys(file.resolve() for file in found))[:_MOST_ON_SHELF]


def serve(
    load: Callable[[], Reporter],
    sessions: Path,
    address: Address,
    *,
    films: Sequence[Path] = (),
    rules: Rules | None = None,
    open_browser: bool = True,
    say: Callable[[str], None],
) -> None:
    """Serve until Ctrl-C.

    load: gives the reporter; it takes seconds, so what is wrong with the rest is said before. say:
    gets the address, with the key in it.
    """
    listening = address.open()
    token = key()
    shelf, store = on_shelf(films), Store(sessions)
    room = Room(load(), store, rules or Rules(), shelf=shelf)
    host = f"[{address.host}]" if ":" in address.host else address.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "[::]") else host
    url = f"http://{shown}:{listening.getsockname()[1]}/?token={token}"
    say(f"The reading room is open: {url}\nSessions are kept in {sessions}. Ctrl-C closes it.")
    if open_browser:
        webbrowser.open(url)
    server = _Server(
        uvicorn.Config(
            application(room, token, address.hosts),
            log_config=None,
            access_log=False,  # addresses hold search words
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="none",
        ),
        room.events,
    )
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends the streams of events first: windows that listen would keep it from ending."""

    def __init__(self, config: uvicorn.Config, events: Events) -> None:
        super().__init__(config)
        self._events = events

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._events.close()
        await super().shutdown(sockets)


def _may_be_film(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts[-2:])
    return path.suffix.lower() in _FILMS and not hidden

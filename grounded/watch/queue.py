"""The state of a watch: every film that came, what became of it, and each step, in SQLite.

All processes of a watch share the file. A film is in one state at a time; each change is one
transaction with its step in the audit trail, so that a kill at any moment leaves either the state
before or the one after.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grounded.errors import ReportError

_WAIT_SECONDS = 60  # for another process's transaction
_UNSURE_SECONDS = 3.0  # until what a killed watch had on the wire has come, or never will
_SCHEMA = """
CREATE TABLE IF NOT EXISTS films (
    instance_uid TEXT PRIMARY KEY, study_uid TEXT NOT NULL, path TEXT NOT NULL,
    received REAL NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    worker INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
    pixels_sha256 TEXT NOT NULL DEFAULT '', listed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS by_state ON films (state, received);
CREATE INDEX IF NOT EXISTS by_study ON films (study_uid);
CREATE TABLE IF NOT EXISTS steps (
    time REAL NOT NULL, instance_uid TEXT NOT NULL, step TEXT NOT NULL, detail TEXT NOT NULL);
"""


class State(StrEnum):
    """Where a film is on its way."""

    WAITING = "waiting"  # until its study is quiet, and a worker is free
    READING = "reading"
    WRITTEN = "written"  # its objects are on the disk, to be sent
    SENDING = "sending"  # being sent, or perhaps sent: only the PACS knows
    SENT = "sent"
    FAILED = "failed"  # with the reason
    LEFT = "left out"  # by a rule


DONE = (State.SENT, State.FAILED, State.LEFT)


@dataclass(frozen=True, slots=True)
class Film:
    """A film of the queue. path: its file. tries: how often a worker took it."""

    instance_uid: str
    study_uid: str
    path: Path
    state: State
    reason: str = ""
    tries: int = 0
    worker: int = 0
    seconds: float = 0.0
    pixels_sha256: str = ""


_COLUMNS = "instance_uid, study_uid, path, state, reason, tries, worker, seconds, pixels_sha256"


class Queue:
    """The films of one watch. Raises ReportError when the state cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._database = _opened(path)
        weakref.finalize(self, self._database.close)
        with self._changing() as database:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)

    def add(self, instance_uid: str, study_uid: str, path: Path) -> bool:
        """Note a film that was received; False for one that is known already."""
        with self._changing() as database:
            known = database.execute(
                "SELECT 1 FROM films WHERE instance_uid = ?", (instance_uid,)
            ).fetchone()
            if known:
                self._step(database, instance_uid, "duplicate")
                return False
            database.execute(
                "INSERT INTO films (instance_uid, study_uid, path, received, state)"
                " VALUES (?, ?, ?, ?, ?)",
                (instance_uid, study_uid, str(path), time.time(), State.WAITING),
            )
            self._step(database, instance_uid, "received")
            return True

    def take(self, worker: int, quiet_seconds: float) -> Film | None:
        """The next film of a study that has been quiet, for one worker; None without any."""
        now = time.time()
        with self._changing() as database:
            row = database.execute(
                f"SELECT {_COLUMNS} FROM films AS f WHERE state = ? AND next_try <= ?"
                " AND (SELECT max(received) FROM films WHERE study_uid = f.study_uid) <= ?"
                " ORDER BY received LIMIT 1",
                (State.WAITING, now, now - quiet_seconds),
            ).fetchone()
            if row is None:
                return None
            film = _film(row)
            database.execute(
                "UPDATE films SET state = ?, worker = ?, tries = tries + 1 WHERE instance_uid = ?",
                (State.READING, worker, film.instance_uid),
            )
            self._step(database, film.instance_uid, "reading", f"try {film.tries + 1}")
            return film

    def move(
        self,
        instance_uid: str,
        state: State,
        reason: str = "",
        *,
        seconds: float = 0.0,
        pixels_sha256: str = "",
        worker: int = 0,
    ) -> None:
        """A film is in another state now, with the reason in words.

        worker: who read it; nothing happens if it has been given to another one since.
        """
        with self._changing() as database:
            changed = database.execute(
                "UPDATE films SET state = ?, reason = ?, next_try = 0,"
                " seconds = max(seconds, ?), pixels_sha256 = max(pixels_sha256, ?)"
                " WHERE instance_uid = ? AND (? = 0 OR (worker = ? AND state = ?))",
                (
                    state,
                    reason,
                    seconds,
                    pixels_sha256,
                    instance_uid,
                    worker,
                    worker,
                    State.READING,
                ),
            )
            if changed.rowcount:
                self._step(database, instance_uid, str(state), reason)

    def later(self, film: Film, state: State, reason: str, seconds: float) -> None:
        """Try a film again after a while; that it was tried does not count against it."""
        with self._changing() as database:
            database.execute(
                "UPDATE films SET state = ?, reason = ?, next_try = ?, tries = max(tries - 1, 0)"
                " WHERE instance_uid = ?",
                (state, reason, time.time() + seconds, film.instance_uid),
            )
            self._step(database, film.instance_uid, "later", reason)

    def resume(self) -> None:
        """What a watch was reading when it was stopped or killed waits again, as if never taken.

        What it was sending is sent when the PACS was asked what it has of it.
        """
        for film in self.films(State.READING):
            self.later(film, State.WAITING, "the watch was stopped", 0)
        for film in self.films(State.SENDING):
            self.later(film, State.SENDING, "the watch was stopped", _UNSURE_SECONDS)

    def free(self, dead: set[int], tries: int) -> None:
        """What workers that are gone were reading waits again, or failed after so many tries."""
        for film in self.films(State.READING):
            if film.worker in dead:
                if film.tries >= tries:
                    reason = f"it made the reader crash {film.tries} times"
                    self.move(film.instance_uid, State.FAILED, reason)
                else:
                    self.move(film.instance_uid, State.WAITING, "its reader crashed")

    def films(self, *states: State) -> list[Film]:
        """Films in some states, as they came; all without a state."""
        marks = ", ".join("?" * len(states))
        where = f" WHERE state IN ({marks})" if states else ""
        with self._changing() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM films{where} ORDER BY received", states
            ).fetchall()
        return [_film(row) for row in rows]

    def to_send(self) -> list[Film]:
        """Films that are written, or perhaps sent, whose time to be sent has come."""
        with self._changing() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM films WHERE state IN (?, ?) AND next_try <= ?"
                " ORDER BY received",
                (State.WRITTEN, State.SENDING, time.time()),
            ).fetchall()
        return [_film(row) for row in rows]

    def unlisted(self) -> list[Film]:
        """Films that are done and not in the ledger yet."""
        marks = ", ".join("?" * len(DONE))
        with self._changing() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM films WHERE listed = 0 AND state IN ({marks})", DONE
            ).fetchall()
        return [_film(row) for row in rows]

    def mark_listed(self, instance_uid: str) -> None:
        """A film stands in the ledger now."""
        with self._changing() as database:
            database.execute("UPDATE films SET listed = 1 WHERE instance_uid = ?", (instance_uid,))

    def counts(self) -> Mapping[str, int]:
        """How many films are in each state."""
        with self._changing() as database:
            rows = database.execute("SELECT state, count(*) FROM films GROUP BY state").fetchall()
        return {str(state): int(count) for state, count in rows}

    def steps(self, instance_uid: str) -> list[tuple[float, str, str]]:
        """The audit trail of a film: time, step and detail."""
        with self._changing() as database:
            return database.execute(
                "SELECT time, step, detail FROM steps WHERE instance_uid = ? ORDER BY rowid",
                (instance_uid,),
            ).fetchall()

    def note(self, instance_uid: str, step: str, detail: str = "") -> None:
        """A step that changes no state."""
        with self._changing() as database:
            self._step(database, instance_uid, step, detail)

    @staticmethod
    def _step(database: sqlite3.Connection, instance_uid: str, step: str, detail: str = "") -> None:
        database.execute(
            "INSERT INTO steps VALUES (?, ?, ?, ?)", (time.time(), instance_uid, step, detail)
        )

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when it ends, or never was."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                raise ReportError(f"the state {self.path} cannot be used: {error}") from error
            finally:
                if self._database.in_transaction:
                    self._database.rollback()


def _opened(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(
            path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
    except (OSError, sqlite3.Error) as error:
        raise ReportError(f"the state {path} cannot be used: {error}") from error
    return database


def _film(row: tuple[object, ...]) -> Film:
    uid, study, path, state, reason, tries, worker, seconds, digest = row
    return Film(
        str(uid),
        str(study),
        Path(str(path)),
        State(str(state)),
        str(reason),
        int(str(tries)),
        int(str(worker)),
        float(str(seconds)),
        str(digest),
    )

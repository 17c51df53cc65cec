"""What is kept between visits: films by their hash, sessions and every step in them.

A folder that only its owner may open: `room.sqlite`, and `films/` with each film's file under its
SHA-256, once, however many sessions it has. No name and no path from outside ever becomes a path.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ForeignKey, create_engine, delete, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from grounded.errors import GroundedError
from grounded.serve.draft import Step
from grounded.serve.edits import Change, Reveal

DATABASE, FILMS = "room.sqlite", "films"
_CHANGE: TypeAdapter[Change] = TypeAdapter(Change)


class StoreError(GroundedError):
    """The sessions folder cannot be used."""


class UnknownSessionError(GroundedError):
    """There is no such session (any more)."""


class ConflictError(GroundedError):
    """Another window was faster: the session is no longer as it was when this change was made."""


class _Base(DeclarativeBase):
    pass


class FilmRow(_Base):
    """A film's file. sha256: of its bytes."""

    __tablename__ = "film"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]


class SessionRow(_Base):
    """One visit of a film.

    image: what is known of the film, as it was opened or turned. greys: how its pixels are served,
    see `grounded.serve.pixels`. draft: what the models wrote, as a report
    in JSON. steps: how many of the session's steps are in force; those above can be redone.
    words: what a search looks in. headline, counts: for lists.
    """

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(primary_key=True)
    film: Mapped[str] = mapped_column(ForeignKey("film.sha256"), index=True)
    name: Mapped[str]
    file_name: Mapped[str]
    created: Mapped[str]
    changed: Mapped[str] = mapped_column(index=True)
    revision: Mapped[int]
    status: Mapped[str]
    stage: Mapped[str]
    reason: Mapped[str]
    can_force: Mapped[bool]
    forced: Mapped[bool]
    view: Mapped[str]
    read_first: Mapped[bool]
    image: Mapped[str]
    greys: Mapped[str]
    thumbnail: Mapped[bytes] = mapped_column(deferred=True)
    draft: Mapped[str]
    steps: Mapped[int]
    words: Mapped[str]
    headline: Mapped[str]
    counts: Mapped[str]


class StepRow(_Base):
    """One edit of a session. made: what models wrote for it, as JSON."""

    __tablename__ = "step"

    session: Mapped[str] = mapped_column(
        ForeignKey("session.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    edit: Mapped[str]
    made: Mapped[str]
    by: Mapped[str]
    at: Mapped[str]
    revision: Mapped[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is stored, and its steps, those that were undone among them."""

    row: SessionRow
    steps: tuple[Step, ...]

    @property
    def in_force(self) -> tuple[Step, ...]:
        return self.steps[: self.row.steps]

    @property
    def first_step(self) -> int:
        """How far can be undone: the draft cannot be unseen."""
        reveals = [n for n, step in enumerate(self.in_force, 1) if isinstance(step.edit, Reveal)]
        return reveals[-1] if reveals else 0


class Store:
    """The folder of sessions. Raises StoreError when it cannot be made, or be kept private."""

    def __init__(self, folder: Path) -> None:
        self.films = folder / FILMS
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.films.mkdir(exist_ok=True, mode=0o700)
            for place in (folder, self.films):
                _make_private(place)
        except OSError as error:
            raise StoreError(
                f"cannot keep sessions in {folder}: {error.strerror}; choose another folder with "
                f"--sessions"
            ) from error
        self._engine = create_engine(f"sqlite:///{(folder / DATABASE).absolute()}")
        event.listen(self._engine, "connect", _prepare)
        _Base.metadata.create_all(self._engine)
        self._arriving: Counter[str] = Counter()  # films without a session yet, by hash
        self._sweeping = threading.Lock()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def part(self) -> Path:
        """A new file to write a film into before its hash is known."""
        path = self.films / f"{secrets.token_hex(16)}.part"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return path

    @contextmanager
    def keep_film(self, part: Path, sha256: str) -> Iterator[None]:
        """A film that was written becomes one that is kept, under its hash.

        Until the block ends, in which it gets its session, nobody sweeps it away.
        """
        with self._sweeping:
            self._arriving[sha256] += 1
        try:
            size = part.stat().st_size
            part.replace(self.films / sha256)
            with self._transaction() as session:
                session.merge(FilmRow(sha256=sha256, size=size))
            yield
        finally:
            with self._sweeping:
                self._arriving[sha256] -= 1

    def film_bytes(self, sha256: str) -> bytes:
        return (self.films / sha256).read_bytes()

    def start(
        self,
        film: str,
        name: str,
        image: Mapping[str, Any],
        greys: Mapping[str, Any],
        thumbnail: bytes,
        *,
        forced: bool,
        view: str,
        read_first: bool,
    ) -> Kept:
        """A new session of a film that is kept."""
        now = timestamp()
        row = SessionRow(
            id=secrets.token_hex(8),
            film=film,
            name=name,
            file_name=name,
            created=now,
            changed=now,
            revision=1,
            status="reading",
            stage="waiting",
            reason="",
            can_force=False,
            forced=forced,
            view=view,
            read_first=read_first,
            image=json.dumps(image),
            greys=json.dumps(greys),
            thumbnail=thumbnail,
            draft="",
            steps=0,
            words=name.lower(),
            headline="",
            counts="{}",
        )
        with self._transaction() as session:
            session.add(row)
        return Kept(row, ())

    def get(self, id: str) -> Kept:
        """Raises UnknownSessionError."""
        with self._transaction() as session:
            row = session.get(SessionRow, id)
            if row is None:
                raise UnknownSessionError("there is no such session any more")
            found = session.scalars(
                select(StepRow).where(StepRow.session == id).order_by(StepRow.number)
            )
            return Kept(row, tuple(_step(item) for item in found))

    def thumbnail(self, id: str) -> bytes:
        """Raises UnknownSessionError."""
        with self._transaction() as session:
            found = session.scalar(select(SessionRow.thumbnail).where(SessionRow.id == id))
            if found is None:
                raise UnknownSessionError("there is no such session any more")
            return found

    def put(self, id: str, **values: Any) -> int:
        """Change what is known of a session, whatever its revision is; the new revision.

        Raises UnknownSessionError.
        """
        with self._transaction() as session:
            raised = update(SessionRow).where(SessionRow.id == id)
            raised = raised.values(revision=SessionRow.revision + 1, changed=timestamp(), **values)
            found = session.scalar(raised.returning(SessionRow.revision))
            if found is None:
                raise UnknownSessionError("there is no such session any more")
            return int(found)

    def step(self, id: str, revision: int, steps: int, new: Step | None, **values: Any) -> None:
        """Go to another number of steps in force, in one transaction, or not at all.

        new: a step behind those in force; what was undone is then gone. Raises ConflictError unless
        the session is still at `revision`.
        """
        with self._transaction() as session:
            raised = update(SessionRow).where(SessionRow.id == id, SessionRow.revision == revision)
            raised = raised.values(
                revision=revision + 1, changed=timestamp(), steps=steps, **values
            )
            if session.scalar(raised.returning(SessionRow.revision)) is None:
                raise ConflictError("the session was changed elsewhere in the meantime")
            if new is not None:
                undone = delete(StepRow).where(StepRow.session == id, StepRow.number >= steps - 1)
                session.execute(undone)
                session.add(_row_of(id, steps, new))

    def search(self, words: str, offset: int, limit: int) -> tuple[int, Sequence[SessionRow]]:
        """How many sessions there are with these words, and some of them, the newest first."""
        chosen = select(SessionRow)
        for word in words.lower().split():
            chosen = chosen.where(SessionRow.words.contains(word, autoescape=True))
        with self._transaction() as session:
            total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
            newest = chosen.order_by(SessionRow.changed.desc(), SessionRow.id)
            return total, session.scalars(newest.offset(offset).limit(limit)).all()

    def all_ids(self, status: str = "", stage: str = "") -> Sequence[str]:
        """The sessions of a status and a stage, or all, the oldest first."""
        chosen = select(SessionRow.id)
        if status:
            chosen = chosen.where(SessionRow.status == status)
        if stage:
            chosen = chosen.where(SessionRow.stage == stage)
        with self._transaction() as session:
            return session.scalars(chosen.order_by(SessionRow.created)).all()

    def remove(self, id: str) -> None:
        """Forget a session, and its film if no other has it. Raises UnknownSessionError."""
        with self._transaction() as session:
            row = session.get(SessionRow, id)
            if row is None:
                raise UnknownSessionError("there is no such session any more")
            session.execute(delete(SessionRow).where(SessionRow.id == id))
        self.sweep_films()

    def remove_older(self, days: float) -> int:
        """Forget what was not changed for so many days; how many sessions that were."""
        limit = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        with self._transaction() as session:
            old = delete(SessionRow).where(SessionRow.changed < limit)
            gone = session.scalars(old.returning(SessionRow.id)).all()
        self.sweep_films()
        return len(gone)

    def sweep_films(self) -> None:
        """Remove the films that no session has, and that do not arrive just now."""
        unused = select(FilmRow).where(FilmRow.sha256.not_in(select(SessionRow.film)))
        with self._sweeping, self._transaction() as session:
            for row in session.scalars(unused).all():
                if not self._arriving[row.sha256]:
                    session.delete(row)
                    (self.films / row.sha256).unlink(missing_ok=True)


def timestamp() -> str:
    """Now, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _make_private(folder: Path) -> None:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)


def _prepare(connection: Any, _: Any) -> None:
    """Readers do not wait for a writer; what a session has goes with it."""
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=5000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _step(row: StepRow) -> Step:
    edit = _CHANGE.validate_json(row.edit)
    return Step(edit, row.by, row.at, row.revision, json.loads(row.made))


def _row_of(session: str, steps: int, step: Step) -> StepRow:
    return StepRow(
        session=session,
        number=steps - 1,
        edit=step.edit.model_dump_json(),
        made=json.dumps(list(step.made)),
        by=step.by,
        at=step.at,
        revision=step.revision,
    )

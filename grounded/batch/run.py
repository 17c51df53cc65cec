"""Many films through a reporter. A film that fails is written down, and the others go on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from grounded.batch.ledger import Entry, Ledger, Status
from grounded.batch.plan import Job
from grounded.data.film_table import Stated, whole_path
from grounded.errors import GroundedError, InvalidValueError, NotAFilmError, UnsuitableImageError
from grounded.export.exporters import EVERYTHING, save_all, write_whole
from grounded.films.source import name_of
from grounded.image import BURNED_IN, Image
from grounded.report import GroundedReport
from grounded.reporter import Reporter
from grounded.view import FRONTAL_VIEWS, View

if TYPE_CHECKING:
    from grounded.dicom.wrap.film import Patient


@dataclass(frozen=True, slots=True)
class Options:
    """How a batch is read and written.

    force: read films that their header says are no frontal chest films. anonymous: leave file names
    and unique identifiers out of the reports, their folders and the manifest. batch_size: how many
    films go through the models, and are held in memory, at once. view: PA or AP, of all films,
    whatever their headers say. stated: what a table states of single films, by their paths as
    `grounded.data.film_table.stated_films` has them; it counts before `view`. uids: of DICOM
    objects, "new" or "hash". patient: whose the films are that come from other files: source.dcm
    beside the report is then the film that the objects refer to. audit: also say of each sentence
    what it rests on. pool: a folder of films for that, None for the one that ships.
    """

    formats: tuple[str, ...] = EVERYTHING
    force: bool = False
    anonymous: bool = False
    batch_size: int = 4
    view: str = ""
    stated: Mapping[Path, Stated] = field(default_factory=dict)
    uids: str = "new"
    patient: Patient | None = None
    audit: bool = False
    pool: Path | None = None

    @property
    def exporting(self) -> dict[str, str]:
        """What exporters are given beside the report."""
        return {"uids": self.uids}

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InvalidValueError(f"batch_size is at least 1, got {self.batch_size}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one film. skipped: it had been reported before, and was left as it is.

    burned_in: its report has no names, but its pixels may have text.
    """

    job: Job
    entry: Entry
    skipped: bool = False
    burned_in: bool = False


def report_films(
    reporter: Reporter, jobs: Sequence[Job], out: Path, options: Options, *, resume: bool = False
) -> Iterator[Outcome]:
    """Report each film into its folder; what became of it, as soon as that is known.

    Whatever goes wrong with a film, also an error that nobody foresaw, is that film's failure. What
    was written stays. resume: leave films as they are that the manifest of `out` says were reported
    with the same pixels by the same model in the same formats. Raises ReportError when the manifest
    itself cannot be read or written.
    """
    run = _Run(reporter, out, options, Ledger(out, resume=resume), _digest(reporter, options))
    source = iter(jobs)
    while batch := list(islice(source, options.batch_size)):
        yield from run.report(batch)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A film in memory. file: what the manifest calls it. model: the digest of all that its report
    follows from, beside the pixels. seconds: that it took so far. source: the DICOM file that was
    made of a film from another file.
    """

    job: Job
    image: Image
    file: str
    instance_uid: str
    model: str
    seconds: float
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class _Run:
    """model: the digest of all that reports follow from, beside what is known of their films."""

    reporter: Reporter
    out: Path
    options: Options
    ledger: Ledger
    model: str

    def report(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        opened: list[_Opened] = []
        for job in jobs:
            clock = _Clock()
            try:
                film = self._open(job, clock)
            except Exception as error:
                yield self._failed(job, error, clock.seconds)
                continue
            if self.ledger.is_done(film.file, film.image.info.sha256, film.model):
                yield Outcome(job, self.ledger.entries[film.file], skipped=True)
            else:
                opened.append(film)
        clock = _Clock()
        reports = self._reports(opened)
        share = clock.seconds / max(len(opened), 1)
        for film, report in zip(opened, reports, strict=True):
            yield self._written(replace(film, seconds=film.seconds + share), report)

    def _open(self, job: Job, clock: _Clock) -> _Opened:
        stated = self.options.stated.get(whole_path(job.film), _NOTHING)
        image = self._image(job, stated)
        model = self.model
        if stated != _NOTHING:
            model = _digest_of([model, stated.view, stated.age])
        image, source = with_context(image, self.options.patient)
        reference = image.info.reference
        if not self.options.anonymous:
            uid = reference.instance_uid if reference else ""
            return _Opened(job, image, job.name, uid, model, clock.seconds, source)
        name = f"film-{image.info.sha256[:16]}"
        image = image.anonymous()
        folder = self.out if job.folder == self.out else self.out / name
        return _Opened(replace(job, folder=folder), image, name, "", model, clock.seconds)

    def _image(self, job: Job, stated: Stated) -> Image:
        """The film, with what is stated of it. Raises UnsuitableImageError for a lateral one."""
        view, force = stated.view or self.options.view, self.options.force
        if stated.view not in (View.UNKNOWN, *FRONTAL_VIEWS) and not force:
            raise UnsuitableImageError(
                f"{job.film}: the table says that its view is {stated.view}, no frontal one. If it "
                f"is one, read it with --force"
            )
        return Image.open(job.film, view=view, age=stated.age, force=force)

    def _reports(self, opened: Sequence[_Opened]) -> list[GroundedReport | Exception]:
        """All reports at once; or, if that fails, one by one, so that one film fails alone."""
        images = [film.image for film in opened]
        try:
            reports = self.reporter.report_all(images, batch_size=max(len(images), 1))
            return [self._audited(report) for report in reports]
        except Exception as error:
            if len(images) == 1:
                return [error]
            return [report for film in opened for report in self._reports([film])]

    def _audited(self, report: GroundedReport) -> GroundedReport:
        if not self.options.audit:
            return report
        from grounded.explain.audit.reports import audited

        assert report.film is not None
        return audited(report, report.film, self.reporter, self.options.pool)

    def _written(self, film: _Opened, report: GroundedReport | Exception) -> Outcome:
        clock, folder = _Clock(), film.job.folder
        try:
            if isinstance(report, Exception):
                raise report
            save_all(report, folder, self.options.formats, self.options.exporting)
            if film.source:
                write_whole(folder / SOURCE, film.source)
        except Exception as error:
            return self._failed(film.job, error, film.seconds + clock.seconds)
        entry = Entry(
            file=film.file,
            status=Status.REPORTED,
            folder=folder.relative_to(self.out).as_posix(),
            instance_uid=film.instance_uid,
            pixels_sha256=film.image.info.sha256,
            model_sha256=film.model,
            seconds=round(film.seconds + clock.seconds, 3),
        )
        self.ledger.add(entry)
        burned_in = self.options.anonymous and BURNED_IN in film.image.info.warnings
        return Outcome(film.job, entry, burned_in=burned_in)

    def _failed(self, job: Job, error: Exception, seconds: float) -> Outcome:
        file, reason = job.name, _reason(job, error)
        if self.options.anonymous:
            file = f"file-{hashlib.sha256(os.fsencode(job.name)).hexdigest()[:16]}"
            reason = reason.replace(str(job.film), file)
        stray = isinstance(error, NotAFilmError) and not job.named
        status = Status.LEFT_OUT if stray else Status.FAILED
        entry = Entry(file, status, reason=reason, seconds=round(seconds, 3))
        self.ledger.add(entry)
        return Outcome(job, entry)


def with_context(image: Image, patient: Patient | None) -> tuple[Image, bytes]:
    """The film with a DICOM context, and the file made for it; as it is without a patient."""
    if patient is None:
        return image, b""
    from grounded.dicom.wrap.film import wrapped

    return wrapped(image, patient)


_NOTHING = Stated()
SOURCE = "source.dcm"


class _Clock:
    """Measures from when it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started


def _reason(job: Job, error: Exception) -> str:
    if isinstance(error, GroundedError):
        said = str(error)
        if str(job.film) in said:
            return said
        return f"{job.film}: {said.removeprefix(f'{name_of(job.film)}: ')}"
    # the words of a foreign error may quote the file, a patient's name among them
    return f"{job.film}: it could not be reported ({type(error).__name__})"


def _digest(reporter: Reporter, options: Options) -> str:
    trust = reporter.confidence
    made_by = [
        reporter.provenance.to_dict(),
        trust.scope(reporter.generator.scope).guarantee if trust else "",
        sorted(options.formats),
        options.force,
        options.anonymous,
        options.view,
        options.uids,
        asdict(options.patient) if options.patient else None,
    ]
    if options.audit:
        made_by.append(["audit", str(options.pool or "")])
    return _digest_of(made_by)


def _digest_of(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

"""A reporter's own report, audited."""

from __future__ import annotations

import os
from dataclasses import replace

from grounded.explain.audit.examine import audit
from grounded.explain.audit.pool import read_pool
from grounded.explain.audit.subjects import ReporterSubject
from grounded.image import Image
from grounded.report import GroundedReport
from grounded.reporter import Reading, Reporter


def audited(
    report: GroundedReport,
    image: Image,
    reporter: Reporter,
    pool: str | os.PathLike[str] | None = None,
    reading: Reading | None = None,
) -> GroundedReport:
    """The report with its audit; the reporter is asked whether it says the same of other films.

    reading: of the film by that reporter, so that it is not encoded again. pool: a folder of other
    patients' films, None for the one that ships. Raises DataError for a folder that holds none.
    """
    subject = ReporterSubject(reporter, report, reading)
    return replace(report, audit=audit(image, subject, read_pool(pool)))

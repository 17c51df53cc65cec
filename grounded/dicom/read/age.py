"""Whether a film is a child's: what is normal for adults does not hold for it."""

from __future__ import annotations

import re

from grounded.dicom.read.header import Header
from grounded.films.age import ADULT, NOT_FOR_CHILDREN, YOUNG, years_of

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WORDS = re.compile(
    r"BABYGRAM|\bP(A)?EDIATRIC|\bINFANT|\bNEONAT|\bNEWBORN|\bBABY\b|\bCHILD\b|\bKINDER|\bSAEUGLING"
)
_DESCRIPTIONS = ("BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription")


def childhood(header: Header) -> tuple[str, ...]:
    """Why a film is a child's, in words; () for an adult's, or if the header does not say.

    By Patient Age (PS3.5 table 6.2-1, AS), else by the dates of birth and study, else by what the
    examination is called. An age of 0 years, which some systems write for unknown, does not count.
    """
    age = _age(header)
    if age is not None:
        return (YOUNG,) if age < ADULT else ()
    words = " ".join(header.text(keyword) for keyword in _DESCRIPTIONS).replace("_", " ")
    if not _WORDS.search(words):
        return ()
    return (f"The examination is called one of a child: {NOT_FOR_CHILDREN}",)


def _age(header: Header) -> float | None:
    """In years."""
    stated = years_of(header.text("PatientAge"))
    if stated is not None:
        return stated
    born, taken = (_DATE.match(header.text(key)) for key in ("PatientBirthDate", "StudyDate"))
    if not born or not taken:
        return None
    (year, month, day), (year_now, month_now, day_now) = (
        tuple(map(int, date.groups())) for date in (born, taken)
    )
    age = year_now - year - ((month_now, day_now) < (month, day))
    return float(age) if 0 <= age <= 120 and (year, month, day) != (1900, 1, 1) else None

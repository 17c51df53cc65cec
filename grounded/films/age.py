"""A patient's age: what is normal for adults does not hold for a child."""

from __future__ import annotations

import re

from grounded.errors import InvalidValueError

ADULT = 16  # years; the heart's share of the chest is an adult's well before, other things are not
NOT_FOR_CHILDREN = "limits for adults are not applied, and the findings were learnt from adults."
YOUNG = f"The patient is younger than {ADULT} years: {NOT_FOR_CHILDREN}"

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_OLDEST = 130


def years_of(text: str) -> float | None:
    """The years that an age such as 018M or 034Y means (DICOM PS3.5 table 6.2-1, AS); None for what
    is no age, and for 0 years, which some systems write for unknown.
    """
    stated = _AGE.fullmatch(text)
    if not stated or (stated[2] == "Y" and int(stated[1]) == 0):
        return None
    return int(stated[1]) * _YEARS[stated[2]]


def age_stated(text: str) -> float | None:
    """The years that a cell of a table means: 34, 1.5, or as `years_of`; None for an empty one.

    Raises InvalidValueError for what is no age.
    """
    if not text:
        return None
    years = years_of(text.upper().zfill(4))
    if years is None:
        try:
            years = float(text)
        except ValueError:
            years = -1.0
    return checked_age(years, text)


def checked_age(years: float, said: object = None) -> float:
    """An age in years as a user states it. Raises InvalidValueError for one that nobody has."""
    if not 0 <= years <= _OLDEST:
        raise InvalidValueError(
            f"an age is 0 to {_OLDEST} years, as 34, 1.5 or 018M, got {said or years!r}"
        )
    return float(years)

"""How regions and quantities are worded in pictures and pages."""

from __future__ import annotations

from collections.abc import Iterable

from grounded.chest.names import chest_atlas
from grounded.evidence import Measurement

_SHORT = {
    "upper lung zone": "upper zone",
    "mid lung zone": "mid zone",
    "lower lung zone": "lower zone",
    "hilar structures": "hilum",
    "apical zone": "apex",
    "costophrenic angle": "CP angle",
    "hemidiaphragm": "diaphragm",
    "cardiac silhouette": "heart",
    "upper mediastinum": "upper mediast.",
    "cavoatrial junction": "cavoatrial",
    "right atrium": "R atrium",
    "svc": "SVC",
}
_UNITS = {"1": "", "mm": " mm", "cm": " cm", "deg": "°", "%": " %", "{pixels}": " px"}


def short_name(name: str) -> str:
    """A region's name as it fits on a film: "right hilar structures" is "R hilum".

    Regions of other atlases than the chest's keep their names.
    """
    atlas = chest_atlas()
    if name not in atlas.names:
        return name
    kind, side = atlas.kind(name), atlas.paired_side(name)
    return f"{side[:1].upper()} {_SHORT.get(kind, kind)}".lstrip()


def side_of(name: str) -> str:
    """The patient's side that a region of a pair lies on, else ""."""
    atlas = chest_atlas()
    return atlas.paired_side(name) if name in atlas.names else ""


def body_part(names: Iterable[str]) -> str:
    """ "Chest" for regions of the chest atlas, else "", as a report does not say its atlas."""
    return "Chest" if set(names) <= set(chest_atlas().names) else ""


def number(value: float, unit: str) -> str:
    """With as many digits as such a value deserves: a ratio two, a length over 10 mm none."""
    small = abs(value) < 10 and unit != "{pixels}"
    digits = {"1": 2, "cm": 1}.get(unit, 1 if small else 0)
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0 turns -0.0 into 0.0


def quantity(value: float, unit: str) -> str:
    """A value with its unit (UCUM), for people: "0.52", "143 mm", "12°"."""
    return number(value, unit) + _UNITS.get(unit, f" {unit}")


def normal_range(measurement: Measurement) -> str:
    """ "0.40 to 0.50", "up to 0.50" for a range from zero, or "" without a range."""
    if measurement.normal is None:
        return ""
    low, high = measurement.normal
    if low == 0:
        return f"up to {quantity(high, measurement.unit)}"
    return f"{number(low, measurement.unit)} to {quantity(high, measurement.unit)}"


def tolerance(measurement: Measurement) -> str:
    """ "± 0.02", or "" where none is stated."""
    if not measurement.tolerance:
        return ""
    value, unit = measurement.tolerance, _UNITS.get(measurement.unit, f" {measurement.unit}")
    digits = 3 if value < 0.1 else 2 if value < 1 else 1 if value < 10 else 0
    return f"± {round(value, digits):g}{unit}"


def is_normal(measurement: Measurement) -> bool | None:
    """Whether the value lies in its normal range; None where there is no range."""
    if measurement.normal is None:
        return None
    return measurement.normal[0] <= measurement.value <= measurement.normal[1]


def heat_unit(method: str) -> str:
    """What heat is measured in, by the method that it was made with; "" where that is not known."""
    if "words" in method:
        return "log-probability of the words"
    return "log-odds of the finding" if method else ""

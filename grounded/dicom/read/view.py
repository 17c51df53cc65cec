"""Which view a header states, and how the patient lies in the picture."""

from __future__ import annotations

import re

from grounded.dicom.read.header import Header
from grounded.view import View, view_from_words

# PS3.16 CID 4010 "DX View": SNOMED CT code values, and the retired SRT ones
_VIEW_CODES = {
    "272479007": "PA", "R-10214": "PA", "R-40888": "PA",
    "399348003": "AP", "R-10206": "AP",
    "399173006": "LL", "R-10236": "LL",
    "399198007": "RL", "R-10232": "RL",
    "399067008": "LATERAL", "R-10230": "LATERAL",
}  # fmt: skip
_MIRRORED = "stored mirrored: the patient's left is on the left of the picture"
_TURNED = "stored turned by 90 degrees"
_UPSIDE_DOWN = "stored upside down"
FROM_THE_SIDE = "taken from the side"
_ORIENTATIONS = {
    "LF": "", "RF": _MIRRORED, "LH": _UPSIDE_DOWN, "RH": _UPSIDE_DOWN,
    "HL": _TURNED, "HR": _TURNED, "FL": _TURNED, "FR": _TURNED,
}  # fmt: skip


def view_of(header: Header) -> View:
    """The view as a DICOM defined term (PS3.3 C.8.1.1, View Position): PA, AP, LL, RL, LLD ...

    Lateral, decubitus and oblique views without a side are LATERAL, DECUBITUS and OBLIQUE; the
    free spellings of vendors are recognised. The coded view (C.8.11.5.1.4) counts where View
    Position says nothing. Unknown when the view is not stated or not known here.
    """
    stated = view_from_words(header.text("ViewPosition"))
    if stated:
        return stated
    for item in header.items("ViewCodeSequence"):
        view = View(_VIEW_CODES.get(item.text("CodeValue"), ""))
        return view or view_from_words(item.text("CodeMeaning"))
    return View.UNKNOWN


def laterality_of(header: Header) -> str:
    """R, L, B (both) or U (unpaired) as the header states it (PS3.3 C.7.3.1, C.8.11.2), or ''."""
    side = header.text("ImageLaterality") or header.text("Laterality")
    return side if side in ("R", "L", "B", "U") else ""


def disorientation(header: Header) -> str:
    """How the film differs from the usual: rows towards the patient's left, columns to the feet.

    From Patient Orientation (PS3.3 C.7.6.1.1.1), whose first letters count; without it, from Image
    Orientation (Patient) (C.7.6.2.1.1) in the plane of a frontal film, as converters put the plane
    of a slice there for want of another. Empty when the film lies as usual or the header does not
    say.
    """
    directions = "\\".join(header.texts("PatientOrientation")).split("\\")
    if len(directions) != 2 or not all(directions):
        return _ORIENTATIONS.get(_by_cosines(header), "")
    first = directions[0][0] + directions[1][0]
    if {"A", "P"} & set(first):
        return FROM_THE_SIDE
    return _ORIENTATIONS.get(first, "")


def _by_cosines(header: Header) -> str:
    """Where rows and columns lead in the patient (x to the left, z to the head), as two letters; ""
    without their direction cosines, or with those of another plane.
    """
    cosines = header.numbers("ImageOrientationPatient")
    return "".join(map(_direction, (cosines[:3], cosines[3:]))) if len(cosines) == 6 else ""


def _direction(cosines: tuple[float, ...]) -> str:
    x, y, z = cosines
    if max(abs(x), abs(z)) <= 0.7 or abs(y) > 0.5:
        return ""
    return ("L" if x > 0 else "R") if abs(x) > abs(z) else ("H" if z > 0 else "F")


def positions(header: Header) -> tuple[str, ...]:
    """What the header says on how the film was taken, in words for `ImageInfo.warnings`."""
    words = " ".join(
        header.text(keyword)
        for keyword in ("ViewPosition", "SeriesDescription", "ProtocolName", "PatientPosition")
    )
    modifiers = header.items("PatientOrientationCodeSequence") + tuple(
        modifier
        for view in header.items("ViewCodeSequence")
        for modifier in view.items("ViewModifierCodeSequence")
    )
    words += " " + " ".join(item.text("CodeMeaning") for item in modifiers)
    notes: tuple[str, ...] = ()
    if re.search(r"SUPINE|RECUMBENT|LIEGEND|\b[HF]FS\b", words):
        notes += ("Taken lying down: the heart and the mediastinum look wider.",)
    if re.search(r"PORTABLE|BEDSIDE|MOBILE|\bPORT\b|\bBETT", words):
        notes += ("A portable film: projection and inspiration differ from a standing one.",)
    return notes

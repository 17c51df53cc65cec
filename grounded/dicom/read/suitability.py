"""Whether a header describes a frontal chest film.

Only what is clearly something else is an objection: empty and unknown values are none, and free
text (descriptions, protocol names) can excuse a doubtful code but never condemns a film.
"""

from __future__ import annotations

import re

from grounded.dicom.read.header import Header, coded
from grounded.dicom.read.view import FROM_THE_SIDE, disorientation, view_of
from grounded.view import (
    DECUBITUS_VIEWS,
    FRONTAL_VIEWS,
    LATERAL_VIEWS,
    OBLIQUE_VIEWS,
    view_from_words,
)

# PS3.3 C.7.3.1.1.1: computed, digital and fluoroscopic radiography, scanned sheets, "other"; DR and
# XR are no defined terms but sent by some departments.
_MODALITIES = ("", "CR", "DX", "DR", "XR", "RG", "RF", "HC", "SC", "OT", "XC")
_VAGUE_MODALITIES = ("", "SC", "OT")
_FILM_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography, Digital X-Ray: the next two
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.12.2",  # X-Ray Radiofluoroscopic
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture, and its multi-frame kinds
    "1.2.840.10008.5.1.4.1.1.7.1",
    "1.2.840.10008.5.1.4.1.1.7.2",
    "1.2.840.10008.5.1.4.1.1.7.3",
    "1.2.840.10008.5.1.4.1.1.7.4",
)
_CHEST = re.compile(
    r"CHEST|CHST|\bCXR|THORAX|THORAC|TORAX|TORACE|TORACIC|LUNG|PULMO|POUMON|POLMON|\bRIBS?\b"
    r"|HEART|CARDIAC|MEDIASTIN|BRUSTKORB|RIPPEN|KLATKA|HRUDNIK|MELLKAS|BABYGRAM"
)
_NOT_CHEST = re.compile(r"SPINE|VERTEBRA|WIRBEL|\b[BT]?WS\b|RACHIS|COLUMNA|STERNUM|CLAVIC")
_UNSPECIFIC = re.compile(
    r"UNKNOWN|UNDEFINED|UNSPEC\w*|OTHER|NONE|N/?A|STANDARD|DEFAULT|MISC\w*|(UPPER )?TRUNK|BODY|\W*"
)
_CHEST_CODES = (  # PS3.16 CID 4009: thorax or chest, lung, rib, heart, mediastinum
    "816094009", "51185008", "T-D3000", "39607008", "T-28000", "113197003", "T-11300",
    "80891009", "T-32000", "72410000", "T-D3300",
)  # fmt: skip
_IMAGE_WORDS = ("SeriesDescription", "ProtocolName", "AcquisitionProtocolName")


def objections(header: Header) -> tuple[str, ...]:
    """Why this is clearly no frontal chest film as usually stored, in words; () if it may be."""
    return (*_modality(header), *_body_part(header), *_view(header), *_orientation(header))


def hints(header: Header) -> tuple[str, ...]:
    """Doubts that are no objections, for `ImageInfo.warnings`."""
    notes: tuple[str, ...] = ()
    part = header.text("BodyPartExamined")
    if _is_elsewhere(part) and _is_described_as_chest(header):
        notes += (f"The body part is given as {coded(part)}, but the description says chest.",)
    view = view_of(header)
    position = header.text("ViewPosition")
    if position and not view and "FRONTAL" not in position:
        notes += (f"The view is given as {coded(position)}: taken as frontal.",)
    described = {view_from_words(header.text(keyword)) for keyword in _IMAGE_WORDS}
    if not view and described & {*LATERAL_VIEWS, *DECUBITUS_VIEWS, *OBLIQUE_VIEWS}:
        notes += ("The view is not stated, and the description suggests that it is not frontal.",)
    return notes


def _modality(header: Header) -> tuple[str, ...]:
    modality = header.text("Modality")
    if modality not in _MODALITIES:
        return (f"modality {coded(modality)}",)
    stored_as = header.text("SOPClassUID")
    uid = getattr(header.value("SOPClassUID"), "name", "")
    known = bool(uid) and uid != stored_as
    if modality in _VAGUE_MODALITIES and known and stored_as not in _FILM_CLASSES:
        return (f"stored as {uid}",)
    return ()


def _body_part(header: Header) -> tuple[str, ...]:
    if _is_described_as_chest(header):
        return ()
    part = header.text("BodyPartExamined")
    if _is_elsewhere(part):
        return (f"body part {coded(part)}",)
    regions = header.items("AnatomicRegionSequence")
    if regions and not _is_chest(part) and not any(_is_chest_code(region) for region in regions):
        return (f"anatomic region {coded(regions[0].text('CodeMeaning'))}",)
    return ()


def _view(header: Header) -> tuple[str, ...]:
    view = view_of(header)
    kinds = (
        (LATERAL_VIEWS, "a lateral view"),
        (DECUBITUS_VIEWS, "a decubitus view"),
        (OBLIQUE_VIEWS, "an oblique view"),
    )
    return tuple(f"{name} ({view})" for views, name in kinds if view in views)


def _orientation(header: Header) -> tuple[str, ...]:
    """A film that lies otherwise would get its sides or its zones wrong, so it is an objection.

    It is not turned here: boxes are in the file's own pixels.
    """
    difference = disorientation(header)
    if not difference or (difference == FROM_THE_SIDE and view_of(header) in FRONTAL_VIEWS):
        return ()
    return (f"{difference} (by its orientation in the patient)",)


def _is_elsewhere(part: str) -> bool:
    return not _is_chest(part) and not _UNSPECIFIC.fullmatch(part)


def _is_described_as_chest(header: Header) -> bool:
    return any(_is_chest(header.text(keyword)) for keyword in _IMAGE_WORDS)


def _is_chest(words: str) -> bool:
    spaced = words.replace("_", " ")
    return bool(_CHEST.search(spaced)) and not _NOT_CHEST.search(spaced)


def _is_chest_code(region: Header) -> bool:
    return region.text("CodeValue") in _CHEST_CODES or _is_chest(region.text("CodeMeaning"))

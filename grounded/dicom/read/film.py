"""A chest film from a DICOM file."""

from __future__ import annotations

import copy
import io
import re

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from grounded.dicom.context import kept_context
from grounded.dicom.read.age import childhood
from grounded.dicom.read.grey import Shown, greyscale
from grounded.dicom.read.header import Header, open_header
from grounded.dicom.read.pixels import Stored, frames_of, stored_values
from grounded.dicom.read.spacing import spacing_of
from grounded.dicom.read.suitability import hints, objections
from grounded.dicom.read.view import laterality_of, positions, view_of
from grounded.errors import UnsuitableImageError
from grounded.films.framing import blank_warning
from grounded.films.greyscale import grey_of_colour
from grounded.films.quiet import silenced
from grounded.films.source import Source
from grounded.image import DicomReference, Image

_UID = re.compile(r"[0-9.]{1,64}")


def read_dicom(source: Source, *, force: bool = False) -> Image:
    """The (first) film of a DICOM file, on its own pixel grid, air dark.

    Grey scale: see `grounded.dicom.read.grey`; spacing: `grounded.dicom.read.spacing`; what is
    taken for a frontal chest film: `grounded.dicom.read.suitability`. A film that is stored
    mirrored or turned (by its Patient Orientation) is refused, not turned: boxes are in the file's
    own pixels, and its sides would be named wrongly. Names and numbers of the patient are kept in
    `Image.header` alone, for the objects that are made from the film; they are never repeated.

    Raises ImageError, UnsuitableImageError (which `force` turns into a warning) and
    MissingExtraError; see `grounded.films.open.open_film`.
    """
    with silenced():
        header = open_header(source)
        frames = frames_of(header)
        notes = _fitness(header, source.label, force=force)
        stored = stored_values(header, source.label)
        if frames > 1:
            notes += (f"The file holds {frames} frames: the first was read.",)
        shown = _shown(stored, header, source.label, force=force)
        pixels = shown.pixels
        spacing = spacing_of(header, *pixels.shape)
        child = childhood(header)
        return Image.of(
            pixels,
            spacing_mm=spacing.mm,
            spacing_kind=spacing.kind,
            view=view_of(header),
            laterality=laterality_of(header),
            name=source.name,
            reference=_reference(header),
            header=kept_context(header, stored.values, pixels),
            aspect=spacing.aspect,
            child=bool(child),
            unwindowed=shown.greys,
            warnings=notes
            + stored.warnings
            + shown.warnings
            + blank_warning(pixels)
            + spacing.warnings
            + child,
        )


def file_of(dataset: Dataset) -> bytes:
    """A data set as the bytes of a file, to be read as any other."""
    buffer = io.BytesIO()
    with silenced():
        stated = "TransferSyntaxUID" in getattr(dataset, "file_meta", ())
        encoding = {} if stated else {"implicit_vr": False, "little_endian": True}
        dcmwrite(buffer, copy.copy(dataset), **encoding)
    return buffer.getvalue()


def _fitness(header: Header, what: str, *, force: bool) -> tuple[str, ...]:
    """What to tell about a header that leaves doubts. Raises UnsuitableImageError unless `force`.

    A file without pixels is left to the decoder, which says what it is: forcing would not help.
    """
    reasons = "; ".join(objections(header)) if "PixelData" in header else ""
    if reasons and not force:
        raise UnsuitableImageError(
            f"{what} is no frontal chest film by its header: {reasons}. If the header is wrong, "
            "read it with force (force=True, --force)"
        )
    forced = (f"Read by force, although no frontal chest film by its header: {reasons}.",)
    return (forced if reasons else ()) + hints(header) + positions(header)


def _shown(stored: Stored, header: Header, what: str, *, force: bool) -> Shown:
    values = stored.values
    if values.ndim == 2:
        return greyscale(values, header)
    grey, notes = grey_of_colour(values, what=what, force=force)
    white = stored.white or 2.0 ** (header.whole("BitsStored") or 8) - 1
    pixels = np.clip(grey / np.float32(white), 0, 1)
    return Shown(pixels.astype(np.float32), warnings=notes)


def _reference(header: Header) -> DicomReference | None:
    """The identifiers that derived objects refer to; None unless all four are there."""
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
    study, series, instance, sop_class = uids = [header.text(keyword) for keyword in keywords]
    if not all(_UID.fullmatch(uid) for uid in uids):
        return None
    return DicomReference(study, series, instance, sop_class)

"""A film that is no DICOM, written as a Secondary Capture of a given patient."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid

from grounded.dicom.context import encoded
from grounded.dicom.identity import hashed_uid
from grounded.errors import ConfigError, InvalidValueError, MissingExtraError
from grounded.films.quiet import silenced
from grounded.image import Image

_VIEWS = ("PA", "AP")


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose a film is, and of which study, as the user states it.

    birth_date, study_date: YYYYMMDD. study_uid: of the study that the film belongs to; a new one
    for each film without it. Raises InvalidValueError for an empty id or a value that is no date.
    """

    id: str
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession: str = ""
    study_uid: str = ""
    study_date: str = ""

    def __post_init__(self) -> None:
        if not self.id.strip():
            raise InvalidValueError("a patient needs an id")
        if self.sex not in ("", "F", "M", "O"):
            raise InvalidValueError(f"sex is F, M or O, got {self.sex!r}")
        for date in (self.birth_date, self.study_date):
            try:
                datetime.strptime(date or "20000101", "%Y%m%d")
            except ValueError:
                raise InvalidValueError(f"a date is YYYYMMDD, got {date!r}") from None

    @classmethod
    def read(cls, path: Path) -> Patient:
        """A patient from a TOML file with these keys. Raises ConfigError for another file."""
        known = [field.name for field in fields(cls)]
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            if unknown := set(data) - set(known):
                raise ConfigError(f"{path} has {sorted(unknown)}; known are: {', '.join(known)}")
            return cls(**data)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"{path} describes no patient: {error}") from error


def wrapped(image: Image, patient: Patient) -> tuple[Image, bytes]:
    """The film as it is read from a DICOM file made of it, and that file; see `wrap`.

    A film that came from DICOM stays as it is; its file is b"".
    """
    if image.header:
        return image, b""
    made = wrap(image, patient)
    read, info = Image.open(made, force=True), image.info
    known = replace(
        read.info,
        name=info.name,
        view=info.view,
        warnings=info.warnings,
        child=info.child,
        content=info.content,
    )
    return replace(read, info=known, forced=image.forced), made


@silenced()  # highdicom warns of a name of one word, and quotes it
def wrap(image: Image, patient: Patient) -> bytes:
    """The film as a DICOM file: a Secondary Capture of 8 bits, or 16 where it holds more.

    It is read back with the same greys. What was turned when it was read stays upright. Raises
    MissingExtraError without the extra "dicom".
    """
    try:
        from highdicom.sc import SCImage
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a DICOM film is made with {error.name}: pip install 'grounded[dicom]'"
        ) from error
    levels = image.pixels * 255
    deep = not np.allclose(levels, np.rint(levels), atol=1e-3)
    white = 65535 if deep else 255
    stored = np.rint(image.pixels * white).astype(np.uint16 if deep else np.uint8)
    now = datetime.now()
    made = SCImage(
        pixel_array=stored,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=16 if deep else 8,
        coordinate_system="PATIENT",
        study_instance_uid=patient.study_uid or generate_uid(prefix=None),
        series_instance_uid=generate_uid(prefix=None),
        series_number=1,
        sop_instance_uid=hashed_uid(f"{asdict(patient)} {image.info.sha256} {now.isoformat()}"),
        instance_number=1,
        manufacturer="",
        patient_id=patient.id,
        patient_name=patient.name or None,
        patient_birth_date=patient.birth_date or None,
        patient_sex=patient.sex or None,
        accession_number=patient.accession or None,
        study_id=None,
        study_date=patient.study_date or f"{now:%Y%m%d}",
        study_time=f"{now:%H%M%S}",
        pixel_spacing=image.info.spacing_mm,
        patient_orientation=("L", "F"),
        specific_character_set="ISO_IR 192",
    )
    made.ConversionType = "DF"
    made.BodyPartExamined = "CHEST"
    if image.info.view in _VIEWS:
        made.ViewPosition = str(image.info.view)
    made.WindowCenter, made.WindowWidth = (white + 1) / 2, white + 1
    return encoded(made)

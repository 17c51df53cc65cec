"""A DICOM header read defensively: wrong types, broken values and private names never get out."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from grounded.errors import ImageError
from grounded.films.source import Source

# Words of defined terms and codes that a message may repeat: modalities (PS3.3 C.7.3.1.1.1), views,
# photometric interpretations, body parts (PS3.16 Annex L). Anything else may be a name.
_REPEATED = frozenset(
    re.findall(
        r"\w+",
        """
    AR ASMT AU BDUS BI BMD CR CT CTPROTOCOL DG DMS DOC DX ECG EPS ES FID GM HC HD IO IOL IVOCT
    IVUS KER KO LEN LS MG MR NM OAM OCT OP OPM OPT OPTENF OPV OT OSS PA PLAN POS PR PT PX REG
    RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM
    SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC XR DR AP LL RL LLD RLD LLO RLO RAO
    LAO RPO LPO LATERAL LAT OBLIQUE OBL DECUBITUS DECUB FRONTAL AXIAL SUPINE ERECT UPRIGHT
    PRONE ANTERIOR POSTERIOR SUPERIOR INFERIOR LORDOTIC MONOCHROME1 MONOCHROME2 PALETTE COLOR
    RGB HSV ARGB CMYK YBR FULL 422 420 PARTIAL ICT RCT XYB ABDOMEN ANKLE AORTA ARM AXILLA BACK
    BLADDER BONE BRAIN BREAST CALCANEUS CALF CEREBRAL CHEST CLAVICLE COCCYX COLON CSPINE ELBOW
    ESOPHAGUS EXTREMITY EYE FACE FACIAL FEMUR FIBULA FINGER FOOT FOREARM HAND HEAD HEART HEEL
    HIP HUMERUS ILIUM JAW JOINT KIDNEY KNEE LEG LIMB LIVER LSPINE LUNG MANDIBLE MASTOID MAXILLA
    MEDIASTINUM MOUTH NECK NOSE ORBIT PANCREAS PATELLA PELVIS PROSTATE RADIUS RIB RIBS SACRUM
    SCAPULA SELLA SHOULDER SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THIGH THORAX THUMB
    THYROID TIBIA TMJ TOE TRACHEA TSPINE TLSPINE ULNA URETER UTERUS VERTEBRA WHOLEBODY WRIST
    ZYGOMA CERVICAL LUMBAR THORACIC THORACOLUMBAR LUMBOSACRAL SACROILIAC UPPER LOWER LEFT RIGHT
    BOTH BILATERAL L R C T S OF AND THE REGION STRUCTURE ENTIRE PORTION PART BODY
    """,
    )
)
_LONGEST = 1 << 18  # bytes of a value; the longest that is needed is a table of 65,536 entries
_MOST_WINDOWS = 8  # that are tried; headers state one to three
_DICOMDIR = "1.2.840.10008.1.3.10"


class Header:
    """The attributes of one DICOM data set, by keyword.

    An attribute that is missing, empty or cannot be read as what is asked for gives an empty text,
    an empty tuple or None, so that a broken optional value never stops a reading.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.dataset

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values as upper-case text without surrounding spaces; empty values are kept."""
        return tuple(str(value).strip(" \0").upper() for value in self._values(keyword))

    def text(self, keyword: str) -> str:
        """The first value as upper-case text, or ''."""
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as finite numbers; () when one is not."""
        try:
            values = tuple(float(value) for value in self._values(keyword))
        except (TypeError, ValueError):
            return ()
        return values if all(math.isfinite(value) for value in values) else ()

    def each(self, keyword: str) -> tuple[float | None, ...]:
        """Each of the first values as a finite number, None for one that is not: the others may
        still be used.
        """
        raw = self._raw(keyword)
        values = raw[:_LONGEST].split(b"\\") if isinstance(raw, bytes) else self._values(keyword)
        return tuple(_number(value) for value in values[:_MOST_WINDOWS])

    def number(self, keyword: str) -> float | None:
        """The first value as a finite number."""
        return next(iter(self.numbers(keyword)), None)

    def whole(self, keyword: str) -> int | None:
        """The first value as an integer; None when it has a fraction."""
        number = self.number(keyword)
        return int(number) if number is not None and number.is_integer() else None

    def items(self, keyword: str) -> tuple[Header, ...]:
        """The items of a sequence."""
        return tuple(Header(item) for item in self._values(keyword) if isinstance(item, Dataset))

    def value(self, keyword: str) -> Any:
        """The value as pydicom gives it, or None."""
        try:
            return self.dataset.get(keyword)
        except Exception:  # pydicom converts on access, and a broken value fails in any way
            return None

    def put(self, keyword: str, value: int | str) -> None:
        """Set an attribute, whatever stood there before."""
        tag = tag_for_keyword(keyword)
        if tag is not None:
            self.dataset.add_new(tag, dictionary_VR(tag), value)

    def _raw(self, keyword: str) -> Any:
        """The bytes of a value that nobody has asked for yet; else None."""
        element = self.dataset.get_item(keyword) if keyword in self.dataset else None
        return element.value if isinstance(element, RawDataElement) else None

    def _values(self, keyword: str) -> tuple[Any, ...]:
        raw = self._raw(keyword)
        if isinstance(raw, bytes) and len(raw) > _LONGEST:
            return ()
        value = self.value(keyword)
        if value is None or isinstance(value, bytes):
            return ()
        several = isinstance(value, Iterable) and not isinstance(value, (str, Dataset))
        return tuple(value) if several else (value,)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def coded(value: str) -> str:
    """A coded value for a message, quoted; anything that may be free text is not repeated."""
    words = re.split(r"[ _/.&+-]+", value.strip())
    known = value and len(value) <= 32 and all(word in _REPEATED for word in words)
    return f"'{value}'" if known else "a value that is no known code"


def open_header(source: Source) -> Header:
    """The data set of a DICOM file, with or without preamble and file meta information.

    Raises ImageError for a file that holds no data set, and for a DICOMDIR.
    """
    try:
        dataset = pydicom.dcmread(io.BytesIO(source.data), force=True)
        length = len(dataset)
    except Exception as error:  # a damaged file makes the parser fail in any way
        raise ImageError(
            f"{source}: the DICOM file is damaged ({type(error).__name__} while parsing); send or "
            "export it again"
        ) from None
    if not length:
        raise ImageError(f"{source}: the DICOM file is cut short or empty; send or export it again")
    if Header(dataset.file_meta).text("MediaStorageSOPClassUID") == _DICOMDIR:
        raise ImageError(
            f"{source} is a DICOMDIR, an index of files; expected one film of its list"
        )
    _set_transfer_syntax(dataset)
    return Header(dataset)


def _set_transfer_syntax(dataset: FileDataset) -> None:
    """What the parser found stands in for a transfer syntax that the file does not state."""
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit

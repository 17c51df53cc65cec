"""A chest film from DICOM, and a report of it with every kind of evidence."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from grounded import (
    Atlas,
    Box,
    Finding,
    GroundedReport,
    GroundedSentence,
    Heatmap,
    Image,
    Line,
    Mask,
    Measurement,
    Regions,
)
from grounded.audit import Answer, Audit, Check, Interval, SentenceAudit, Share, Verdict
from grounded.findings import ScoreKind
from grounded.provenance import Provenance, Scope
from grounded.report import WITHHELD, Removed, Right

Maker = Callable[..., Dataset]
Reporter = Callable[..., GroundedReport]
AUDIT = Audit(
    "a generator",
    (
        SentenceAudit(
            "There is a small right pleural effusion.",
            (
                Check(
                    "Pleural Effusion present, right lung",
                    Verdict.WEAK,
                    Interval(1.5, 1.0, 2.0),
                    conditions={"the film": Answer(True, 0.93)},
                ),
            ),
        ),
    ),
    {"causal grounding rate": Share(1, 1)},
    notes=("a note",),
)
FILM = {
    "SOPClassUID": DigitalXRayImageStorageForPresentation,
    "SOPInstanceUID": "1.3.6.1.4.1.99999.77.3",
    "StudyInstanceUID": "1.3.6.1.4.1.99999.77.1",
    "SeriesInstanceUID": "1.3.6.1.4.1.99999.77.2",
    "PatientName": "Doe^Jane",
    "PatientID": "SECRET77",
    "PatientBirthDate": "19600101",
    "PatientSex": "F",
    "StudyDate": "20260102",
    "StudyTime": "101010",
    "AccessionNumber": "ACC4711",
    "StudyID": "STUDY9",
    "ReferringPhysicianName": "Referrer^Rita",
    "InstitutionName": "Hidden Hospital",
    "Modality": "DX",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "PA",
    "PatientOrientation": ["L", "F"],
    "ImageLaterality": "U",
    "PixelSpacing": [2.0, 2.0],
    "ImagerPixelSpacing": [2.0, 2.0],
    "PhotometricInterpretation": "MONOCHROME2",
    "SamplesPerPixel": 1,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": 2048,
    "WindowWidth": 4096,
    "PresentationLUTShape": "IDENTITY",
    "BurnedInAnnotation": "NO",
    "SeriesNumber": 1,
    "InstanceNumber": 1,
}


@pytest.fixture
def dx() -> Maker:
    """dx(height, width, **attributes): a DX film that rises to the right, 12 of 16 bits.

    An attribute given as None is left out.
    """

    def make(height: int = 80, width: int = 100, **attributes: Any) -> Dataset:
        pixels = np.tile(np.linspace(0, 4095, width), (height, 1)).astype(np.uint16)
        made = Dataset()
        values = FILM | {"Rows": height, "Columns": width, "PixelData": pixels.tobytes()}
        for keyword, value in (values | attributes).items():
            if value is not None:
                setattr(made, keyword, value)
        made["PixelData"].VR = "OW"
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        return made

    return make


def regions_of(info: Any) -> Regions:
    """Two lungs and a heart with an outline, in a film of any size."""
    parts = np.array([[0.1, 0.1, 0.4, 0.75], [0.6, 0.1, 0.9, 0.75], [0.35, 0.45, 0.7, 0.8]])
    boxes = parts * np.tile((info.width, info.height), 2)
    y, x = np.mgrid[0:20, 0:20]
    disc = np.clip(1.5 - np.hypot(x - 9.5, y - 9.5) / 8, 0, 1).astype(np.float32)
    return Regions(
        ("right lung", "left lung", "cardiac silhouette"),
        boxes,
        np.array([0.9, 0.8, 0.7]),
        masks=(None, None, Mask(disc, Box(*boxes[2]))),
        missing={"carina": "hidden"},
        notes=("", "cut off at the edge", ""),
    )


def sentences_of(found: Regions, info: Any) -> tuple[GroundedSentence, ...]:
    width, height = info.width, info.height
    right, left = found["right lung"].box, found["left lung"].box
    heat = np.arange(12, dtype=np.float32).reshape(3, 4)
    heatmap = Heatmap(heat, Box(-5, -5, width + 5, height + 5), "gradient", 3.0)
    ratio = Measurement(
        "cardiothoracic ratio",
        0.44,
        "1",
        (
            Line(0.35 * width, 0.6 * height, 0.7 * width, 0.6 * height, "heart"),
            Line(0.1 * width, 0.7 * height, 0.9 * width, 0.7 * height, "thorax"),
        ),
        (0.0, 0.5),
        0.02,
        "a book",
    )
    sure = ScoreKind.PROBABILITY
    effusion = Finding("Pleural Effusion", "present", "right lung", 0.93, sure)
    outline = found["cardiac silhouette"].mask
    return (
        GroundedSentence(
            "There is a small right pleural effusion.",
            ("right lung",),
            (right, heatmap),
            origin="test",
            findings=(effusion, Finding("Pneumothorax", "absent", "right lung", 0.99, sure)),
            score=0.93,
            score_kind=sure,
            abnormal=True,
            notes=("a note", "another"),
            right=Right(0.87, "films of a test, PA"),
        ),
        GroundedSentence(
            "The lungs are of equal height.", ("right lung", "left lung"), (right, left), "test"
        ),
        GroundedSentence(
            "The heart is not enlarged.",
            ("cardiac silhouette",),
            (ratio, outline),
            origin="test",
            findings=(Finding("Cardiomegaly", "absent", "cardiac silhouette", 0.9),),
            score=0.9,
            score_kind=ScoreKind.DISTANCE,
            unrated="Cardiomegaly: nobody measured it",
        ),
        GroundedSentence(
            "Withheld: opacities in the left lung cannot be stated or denied at the 5 % level.",
            ("left lung",),
            (left,),
            WITHHELD,
            score=0.5,
            notes=("Lung Opacity: no score holds it",),
        ),
        GroundedSentence(
            "Right pleural effusion.",
            ("right lung",),
            (right,),
            origin="test",
            findings=(effusion,),
            score=0.93,
            score_kind=sure,
            abnormal=True,
            section="impression",
        ),
    )


@pytest.fixture
def report_of() -> Reporter:
    """report_of(image): a report of a film, with every kind of evidence."""

    def make(image: Image) -> GroundedReport:
        found = regions_of(image.info)
        return GroundedReport(
            image=image.info,
            regions=found,
            sentences=sentences_of(found, image.info),
            scope=Scope({"Cardiomegaly": "measured"}, ("Edema",), "At most 5 % is wrong"),
            provenance=Provenance(
                "0.1", "test", "detector", "generator", "explainer", "composer", {"a": "f" * 64}
            ),
            removed=(Removed("The film is fine.", ("left lung",), "says nothing"),),
            film=image,
            sites=Atlas.open("chest29").sites(found.names),
            audit=AUDIT,
        )

    return make


@pytest.fixture
def reported(dx: Maker, report_of: Reporter) -> GroundedReport:
    """A report of a plain DX film."""
    return report_of(Image.open(dx()))


@pytest.fixture
def valid() -> Callable[[Path], None]:
    """valid(path, beside=film): dicom3tools find no error in an object, nor beside its film."""
    if not (shutil.which("dciodvfy") and shutil.which("dcentvfy")):
        pytest.skip("the validators are not installed (Debian: dicom3tools)")

    def check(*paths: Path, beside: tuple[Path, ...] = ()) -> None:
        for path in paths:
            run = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
            errors = [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line]
            assert not errors, "\n".join(errors)
        run = subprocess.run(
            ["dcentvfy", *paths, *beside], capture_output=True, text=True, check=False
        )
        assert "Error" not in run.stdout + run.stderr, run.stdout + run.stderr

    return check

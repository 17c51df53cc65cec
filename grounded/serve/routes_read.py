"""A film in, its findings out, for routers and other programs: nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from grounded.evidence import evidence_box
from grounded.export.exporters import export, exporter
from grounded.findings import Presence
from grounded.image import Image
from grounded.report import NOTICE, GroundedReport, GroundedSentence
from grounded.serve.edits import Name
from grounded.serve.models import FilmProblem
from grounded.serve.routing import BINARY, TheRoom, problems
from grounded.serve.settings import media_type
from grounded.version import VERSION
from grounded.view import known_view

read = APIRouter(tags=["read"])
_FILM: dict[str, Any] = {
    "requestBody": {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/dicom", "application/octet-stream", "image/png", "image/jpeg")
        },
        "required": True,
        "description": "The bytes of a DICOM, PNG, JPEG or TIFF file.",
    }
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {422: {"model": FilmProblem}, **problems(413, 503)}
_View = Annotated[str, Query(max_length=20, description="PA or AP, where the file does not say.")]
_Force = Annotated[bool, Query(description="Read what its header says is no frontal chest film.")]
_Hide = Annotated[bool, Query(description="Without patient, dates, names and identifiers.")]


class FoundFinding(BaseModel):
    """A finding that a sentence states. sentence: its number, from 1."""

    label: str
    presence: Presence
    region: str
    side: str
    score: float
    score_kind: str
    sentence: int


class FoundSentence(BaseModel):
    """boxes: x0, y0, x1, y1 of what it stands on, in pixels of the film as it was read."""

    text: str
    section: str
    regions: list[str]
    abnormal: bool
    boxes: list[tuple[float, float, float, float]]


class Findings(BaseModel):
    """What was found in a film; study_uid and instance_uid are those of DICOM, else empty."""

    version: str
    preset: str
    notice: str
    study_uid: str
    instance_uid: str
    pixels_sha256: str
    view: str
    width: int
    height: int
    warnings: list[str]
    findings: list[FoundFinding]
    sentences: list[FoundSentence]
    assessed: list[str]
    not_assessed: list[str]


@read.post("/read", responses=_PROBLEMS, openapi_extra=_FILM)
async def findings(
    request: Request,
    room: TheRoom,
    name: Name = "",
    view: _View = "",
    force: _Force = False,
    deidentify: _Hide = False,
) -> Findings:
    """A film's file in, its findings out. It is read after those that wait, and is not kept."""
    data = await request.body()
    made = await run_in_threadpool(_report, room, data, name, view, force, deidentify)
    return findings_of(made)


@read.post(
    "/read/{format}",
    response_class=Response,
    responses={200: BINARY, **_PROBLEMS},
    openapi_extra=_FILM,
)
async def as_file(
    request: Request,
    format: Annotated[str, Path(max_length=60, description="json, sr.dcm, fhir.json ...")],
    room: TheRoom,
    name: Name = "",
    view: _View = "",
    force: _Force = False,
    deidentify: _Hide = False,
) -> Response:
    """A film's file in, its report out in any format that is installed."""
    exporter(format)  # before the film is read for nothing
    data = await request.body()
    made = await run_in_threadpool(_report, room, data, name, view, force, deidentify)
    content = await run_in_threadpool(export, made, format)
    return Response(content, media_type=media_type(format))


def findings_of(report: GroundedReport) -> Findings:
    image = report.image
    return Findings(
        version=VERSION,
        preset=report.provenance.preset,
        notice=NOTICE,
        study_uid=image.reference.study_uid if image.reference else "",
        instance_uid=image.reference.instance_uid if image.reference else "",
        pixels_sha256=image.sha256,
        view=str(image.view),
        width=image.width,
        height=image.height,
        warnings=list(image.warnings),
        findings=[
            FoundFinding(
                label=finding.label,
                presence=finding.presence,
                region=finding.region,
                side=str(site.side) if (site := report.sites.get(finding.region)) else "",
                score=finding.score,
                score_kind=str(finding.score_kind),
                sentence=number,
            )
            for number, sentence in enumerate(report.sentences, start=1)
            for finding in sentence.findings
        ],
        sentences=[_sentence(sentence) for sentence in report.sentences],
        assessed=list(report.scope.assessed),
        not_assessed=list(report.scope.not_assessed),
    )


def _sentence(sentence: GroundedSentence) -> FoundSentence:
    boxes = [evidence_box(item) for item in sentence.evidence]
    return FoundSentence(
        text=sentence.text,
        section=sentence.section,
        regions=list(sentence.regions),
        abnormal=sentence.abnormal,
        boxes=[(box.x0, box.y0, box.x1, box.y1) for box in dict.fromkeys(boxes)],
    )


def _report(
    room: TheRoom, data: bytes, name: str, view: str, force: bool, deidentify: bool
) -> GroundedReport:
    """Read a film on the reading thread, and wait for it. Raises BusyError when too much waits."""
    stated = known_view(view)

    def reading() -> GroundedReport:
        image = Image.open(data, view=stated, name=name, force=force)
        image = image.anonymous() if deidentify else image
        return room.reporter.read(image, force=force).report()

    return room.desk.submit(reading).result()

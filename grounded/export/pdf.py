"""The report as a PDF document of A4 pages: words first, then the picture of the film."""

from __future__ import annotations

import io
from typing import Any

from grounded.export.fonts import markup
from grounded.export.text import how_sure
from grounded.report import GroundedReport

_TITLE = "AI-generated draft - not for diagnosis"
_DPI = 150  # of the picture on its page


def encode(report: GroundedReport) -> bytes:
    """The report alone, without anything of the patient. Raises ReportError without its film."""
    return document(report, "")


def encode_in_dicom(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The document as an Encapsulated PDF (`.pdf.dcm`), headed by the patient's name and number.

    uids: as for `.sr.dcm`. Raises ReportError for a film that did not come from DICOM.
    """
    from grounded.dicom.context import context_of
    from grounded.dicom.pdf.encapsulated import encapsulated

    context = context_of(report.film)
    names = str(context.PatientName or "").split("=")  # in Latin, ideographic, phonetic letters
    named = " = ".join(name.replace("^", " ").strip() for name in names if name)
    whose = f"{named}  {context.PatientID or ''}  {context.StudyDate or ''}"
    return encapsulated(report, document(report, whose.strip()), uids)


def document(report: GroundedReport, whose: str) -> bytes:
    """The pages; `whose` stands above the report."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

    styles, buffer = getSampleStyleSheet(), io.BytesIO()
    pages = SimpleDocTemplate(buffer, pagesize=A4, title=_TITLE, invariant=1, pageCompression=0)
    story: list[Any] = [Paragraph(_TITLE, styles["Title"])]
    if whose:
        story.append(Paragraph(markup(whose), styles["Heading3"]))
    for line in [*report.text.split("\n"), *how_sure(report)]:
        heading = line.isupper() and len(line) < 20
        style = styles["Heading2" if heading else "BodyText"]
        story.append(Paragraph(markup(line), style) if line else Spacer(0, 6))
    story += [PageBreak(), _picture(report, pages.width, pages.height - 12)]
    pages.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return buffer.getvalue()


def _foot(canvas: Any, pages: Any) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(pages.pagesize[0] / 2, 24, f"{_TITLE} - page {pages.page}")


def _picture(report: GroundedReport, width: float, height: float) -> Any:
    """The overlay as large as the page allows (points), not finer than a printer shows."""
    from PIL import Image as Picture
    from reportlab.platypus import Image as Placed

    picture = Picture.fromarray(report.overlay())
    scale = min(width / picture.width, height / picture.height)
    shown = picture.width * scale, picture.height * scale
    most = round(shown[0] * _DPI / 72), round(shown[1] * _DPI / 72)
    picture.thumbnail(most)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    buffer.seek(0)
    return Placed(buffer, width=shown[0], height=shown[1])

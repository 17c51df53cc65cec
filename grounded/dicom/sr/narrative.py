"""The report as prose in a structured report of TID 2000 (`.narrative.sr.dcm`).

Viewers that show no measurement groups show this one as a report to read; each sentence is inferred
from its places in the film.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    CodedConcept,
    ComprehensiveSR,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    LanguageOfContentItemAndDescendants,
)
from pydicom.sr.codedict import codes

from grounded.dicom import concepts as say
from grounded.dicom.context import context_of, encoded
from grounded.dicom.frame import StoredFrame
from grounded.dicom.identity import Identity
from grounded.dicom.sr.content import Writer
from grounded.dicom.sr.document import equipment, local_scheme, states, verify
from grounded.dicom.sr.items import MODIFIER, code, container, text, with_children
from grounded.report import GroundedReport, GroundedSentence

_NUMBER = 8
_TITLE = CodedConcept("18748-4", "LN", "Diagnostic Imaging Report")
_FINDINGS = CodedConcept("121070", "DCM", "Findings")
_IMPRESSIONS = CodedConcept("121072", "DCM", "Impressions")
_ENGLISH = CodedConcept("en", "RFC5646", "English")


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The report as one document to read.

    uids: as for `.sr.dcm`. Raises ReportError for a film that did not come from DICOM.
    """
    context = context_of(report.film)
    identity = Identity.of(report, context, "TID 2000", uids)
    writer = Writer(report, context, identity, StoredFrame.of(report.image))
    made = ComprehensiveSR(
        evidence=[context],
        content=_content(writer),
        is_complete=True,
        **states(report),
        **identity.series(_NUMBER, "Narrative"),
        **identity.times,
        coding_schemes=[local_scheme()],
        contributing_equipment=equipment(report, identity),
        specific_character_set="ISO_IR 192",
    )
    verify(made, report)
    return encoded(identity.dated(made))


def _content(writer: Writer) -> ContainerContentItem:
    report = writer.report
    root = ContainerContentItem(name=_TITLE, template_id="2000", is_content_continuous=False)
    findings = [_said(writer, s, say.FINDING) for s in report.section("findings")]
    impression = [_said(writer, s, say.IMPRESSION) for s in report.section("impression")]
    sections = [
        container(name, said)
        for name, said in ((_FINDINGS, findings), (_IMPRESSIONS, impression))
        if said
    ]
    notice = text(say.COMMENT, f"{report.scope.text} {report.notice}")
    head = [
        *LanguageOfContentItemAndDescendants(_ENGLISH),
        *writer.observers(),
        code(_reported(), say.RADIOGRAPHY, MODIFIER),
    ]
    # a section of its own, since the root holds sections only
    about = container(CodedConcept("121111", "DCM", "Summary"), [notice])
    root.ContentSequence = ContentSequence([*head, *sections, about])
    return root


def _said(writer: Writer, sentence: GroundedSentence, name: CodedConcept) -> ContentItem:
    return with_children(text(name, sentence.text), list(_places(writer, sentence)))


def _places(writer: Writer, sentence: GroundedSentence) -> Iterator[ContentItem]:
    for item in sentence.evidence:
        yield from writer.places(item)


def _reported() -> CodedConcept:
    return CodedConcept.from_code(codes.DCM.ProcedureReported)

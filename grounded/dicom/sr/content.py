"""What a structured report says: TID 1500 with a group for each sentence and each region.

A sentence is a measurement group of TID 1501: its text is the comment, its places are what its
score was inferred from, since that is where viewers look for boxes with words. A region is a planar
group of TID 1410: its box, and another one for its outline. What only we write stands under local
concepts beside what the templates ask for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContentItem,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from grounded.dicom import concepts as say
from grounded.dicom.frame import StoredFrame
from grounded.dicom.identity import MANUFACTURER, Identity, weights_digest
from grounded.dicom.sr.items import (
    MODIFIER,
    PROPERTY,
    closed,
    code,
    container,
    number,
    shape,
    text,
    with_children,
)
from grounded.evidence import Evidence, Heatmap, Mask
from grounded.evidence import Measurement as Measured
from grounded.findings import Finding, Presence
from grounded.geometry import Box
from grounded.regions import Region
from grounded.report import GroundedReport, GroundedSentence

_Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations
_LONGEST_OUTLINE = 800  # corners; more than a viewer draws
ABOUT = say.local("About the report")
RANGE_LOW, RANGE_HIGH = say.local("Normal from"), say.local("Normal to")
TOLERANCE, SOURCE, LINE = say.local("Tolerance"), say.local("Source"), say.local("Line")


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the content of one report. film: the instance that places refer to."""

    report: GroundedReport
    context: Dataset
    identity: Identity
    frame: StoredFrame

    @property
    def film(self) -> SourceImageForRegion:
        return SourceImageForRegion(self.context.SOPClassUID, self.context.SOPInstanceUID)

    def content(self) -> MeasurementReport:
        """The whole tree, from its root on."""
        sentences = enumerate(self.report.sentences, start=1)
        groups: list[_Group] = [self.sentence(number, sentence) for number, sentence in sentences]
        for region in self.report.regions:
            groups += self.region(region)
        root = MeasurementReport(
            observation_context=self.observers(),
            procedure_reported=say.RADIOGRAPHY,
            imaging_measurements=groups or [self.nothing()],
            title=say.IMAGING_REPORT,
            referenced_images=[self.context] if self.is_described else None,
        )
        with_children(root[0], [container(ABOUT, list(self.about()))])
        return root

    @property
    def is_described(self) -> bool:
        """Whether the film's header has what its entry in an image library needs (TID 1603)."""
        return all(self.context.get(key) for key in ("PatientOrientation", "ImagerPixelSpacing"))

    def observers(self) -> ObservationContext:
        """The device; and the person who accepted the report, if one has."""
        device = DeviceObserverIdentifyingAttributes(
            uid=self.identity.device_uid,
            name="grounded",
            manufacturer_name=MANUFACTURER,
            model_name=self.identity.equipment["manufacturer_model_name"],
            serial_number=self.identity.equipment["device_serial_number"],
        )
        context = ObserverContext(codes.DCM.Device, device)
        acceptance = self.report.acceptance
        if acceptance is None:
            return ObservationContext(observer_device_context=context)
        person = PersonObserverIdentifyingAttributes(
            name=person_name(acceptance.name), organization_name=acceptance.institution
        )
        return ObservationContext(
            observer_person_context=ObserverContext(codes.DCM.Person, person),
            observer_device_context=context,
        )

    def algorithm(self, origin: str) -> AlgorithmIdentification:
        digest = weights_digest(self.report.provenance)
        return AlgorithmIdentification(
            name=f"grounded {origin}".strip(),
            version=self.report.provenance.version or "unknown",
            parameters=[f"weights SHA-256 {digest}"] if digest else None,
            manufacturer=MANUFACTURER,
        )

    def tracking(self, name: str) -> TrackingIdentifier:
        return TrackingIdentifier(uid=self.identity.uid(name), identifier=name)

    def sentence(
        self, number: int, sentence: GroundedSentence
    ) -> MeasurementsAndQualitativeEvaluations:
        """A group of TID 1501.

        Only what is present or suspected is its Finding: viewers show that word without the
        presence beside it.
        """
        there = [item for item in sentence.findings if item.presence != Presence.ABSENT]
        sites = self.report.sites
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=self.tracking(f"sentence {number}"),
            finding_type=say.finding_concept(there[0].label) if there else None,
            finding_sites=[say.finding_site(sites.get(name), name) for name in sentence.regions],
            algorithm_id=self.algorithm(sentence.origin),
            measurements=[
                self.score(sentence),
                *self.right(sentence),
                *map(self.measurement, sentence.measurements),
            ],
            source_images=[
                SourceImageForMeasurementGroup(
                    self.context.SOPClassUID, self.context.SOPInstanceUID
                )
            ],
        )
        with_children(group[0], list(self.said(sentence)))
        return group

    def said(self, sentence: GroundedSentence) -> Iterator[ContentItem]:
        """What stands in a sentence's group beside its numbers."""
        yield text(say.COMMENT, sentence.text)
        section = say.IMPRESSION if sentence.section == "impression" else say.FINDING
        yield code(say.SECTION, section)
        yield code(say.NORMALITY, normality(sentence))
        if level := say.confidence(sentence.score, sentence.score_kind):
            yield code(say.CONFIDENCE, level)
        for finding in sentence.findings:
            yield self.finding(finding)
        for name in sentence.regions:
            yield text(say.REGION, name)
        if sentence.origin:
            yield text(say.ORIGIN, sentence.origin)
        for note in sentence.notes:
            yield text(say.NOTE, note)
        if sentence.unrated:
            yield text(say.UNRATED, sentence.unrated)

    def finding(self, finding: Finding) -> ContentItem:
        """A qualitative evaluation: the finding's concept is present, absent or suspected."""
        item = code(say.finding_concept(finding.label), say.PRESENCE[finding.presence])
        anatomy, side = say.site_concept(self.report.sites.get(finding.region), finding.region)
        site = code(say.SITE, anatomy, MODIFIER)
        if side is not None:
            with_children(site, [code(say_laterality(), side, MODIFIER)])
        certainty = number(
            say.score_concept(finding.score_kind), 100 * finding.score, say.PERCENT, PROPERTY
        )
        children = [
            site,
            text(say.REGION, finding.region, PROPERTY),
            with_children(certainty, [method(finding.score_kind)]),
        ]
        if level := say.confidence(finding.score, finding.score_kind):
            children.append(code(say.CONFIDENCE, level, PROPERTY))
        return with_children(item, children)

    def score(self, sentence: GroundedSentence) -> Measurement:
        """The sentence's score, inferred from the places that it stands on."""
        score = Measurement(
            name=say.score_concept(sentence.score_kind),
            value=100 * sentence.score,
            unit=say.PERCENT,
        )
        places = [item for kept in sentence.evidence for item in self.places(kept)]
        with_children(score[0], [method(sentence.score_kind), *places])
        return score

    def right(self, sentence: GroundedSentence) -> Iterator[Measurement]:
        """The probability that all that the sentence claims is right, where it was measured."""
        if sentence.right is not None:
            value = 100 * sentence.right.probability
            item = Measurement(name=say.PROBABILITY, value=value, unit=say.PERCENT)
            films = text(say.POPULATION, sentence.right.population, PROPERTY)
            with_children(item[0], [method(sentence.right.kind), films])
            yield item

    def places(self, evidence: Evidence) -> Iterator[ContentItem]:
        """Where a piece of evidence lies in the stored film; nothing of a measurement."""
        match evidence:
            case Box():
                yield self.box(say.BOUNDED_BY, evidence)
            case Mask():
                for outline in self.outlines(evidence):
                    yield shape(say.OUTLINE, outline, self.film)
            case Heatmap():
                yield self.box(say.HEAT, evidence.extent.clip(self.report.image.frame))
            case Measured():
                pass

    def box(self, name: CodedConcept, box: Box) -> ContentItem:
        return shape(name, closed(self.frame.corners(box)), self.film)

    def outlines(self, mask: Mask) -> list[NDArray[np.float64]]:
        """The closed outlines in the stored film; the mask's extent when it has none."""
        found = [self.frame.to_stored(inside(line, self.report)) for line in mask.outlines()]
        shortened = [line[:: -(-len(line) // _LONGEST_OUTLINE)] for line in found if len(line) > 3]
        if not shortened:
            shortened = [self.frame.corners(mask.extent.clip(self.report.image.frame))]
        return [closed(line) for line in shortened]

    def measurement(self, measured: Measured) -> Measurement:
        unit = say.unit_concept(measured.unit)
        item = Measurement(name=say.local(measured.name), value=measured.value, unit=unit)
        children: list[ContentItem] = [text(say.NOTE, measured.name, PROPERTY)]
        if measured.normal is not None:
            low, high = measured.normal
            children.append(number(RANGE_LOW, low, unit, PROPERTY))
            children.append(number(RANGE_HIGH, high, unit, PROPERTY))
        if measured.tolerance:
            children.append(number(TOLERANCE, measured.tolerance, unit, PROPERTY))
        if measured.source:
            children.append(text(SOURCE, measured.source, PROPERTY))
        for line in measured.lines:
            ends = self.frame.to_stored([[line.x0, line.y0], [line.x1, line.y1]])
            children.append(shape(say.local(line.label or "line"), ends, self.film))
            children.append(text(LINE, line.label or "line", PROPERTY))
        with_children(item[0], children)
        return item

    def region(self, region: Region) -> list[PlanarROIMeasurementsAndQualitativeEvaluations]:
        """A planar group for the region's box, and one for each of its outlines."""
        score = Measurement(say.CERTAINTY_OF_FEATURE, 100 * region.score, say.PERCENT)
        box = closed(self.frame.corners(region.box))
        groups = [self.planar(region.name, region, box, say.BOUNDED_BY, [score])]
        if region.note:
            with_children(groups[0][0], [text(say.NOTE, region.note)])
        for count, outline in enumerate(self.outlines(region.mask) if region.mask else (), start=1):
            name = f"{region.name}, outline {count}"
            groups.append(self.planar(name, region, outline, say.OUTLINE, []))
        return groups

    def planar(
        self,
        tracked: str,
        region: Region,
        corners: NDArray[np.float64],
        purpose: CodedConcept,
        measurements: list[Measurement],
    ) -> PlanarROIMeasurementsAndQualitativeEvaluations:
        """A group of TID 1410; its geometric purpose is a modifier, as the template has it."""
        site = self.report.sites.get(region.name)
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=self.tracking(tracked),
            referenced_region=ImageRegion("POLYLINE", corners, source_image=self.film),
            finding_category=say.STRUCTURE,
            finding_type=say.site_concept(site, region.name)[0],
            finding_sites=[say.finding_site(site, region.name)],
            algorithm_id=self.algorithm(self.report.provenance.detector),
            measurements=measurements or None,
        )
        extra = [code(say.PURPOSE, purpose, MODIFIER), text(say.REGION, region.name)]
        with_children(group[0], extra)
        return group

    def nothing(self) -> MeasurementsAndQualitativeEvaluations:
        """The group of a report without sentences and regions: the template asks for one."""
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=self.tracking("nothing"),
            algorithm_id=self.algorithm(self.report.provenance.generator),
        )
        with_children(group[0], [text(say.COMMENT, "No sentence, and no region was found.")])
        return group

    def about(self) -> Iterator[ContentItem]:
        """What is to be known of the report as a whole, under local concepts."""
        report = self.report
        yield text(say.local("Notice"), report.notice)
        if report.scope.guarantee:
            yield text(say.local("Guarantee"), report.scope.guarantee)
        for name, figure in report.scope.assessed.items():
            children = [text(say.local("Figure"), figure, PROPERTY)] if figure else []
            yield with_children(text(say.local("Assessed"), name), children)
        for name in report.scope.not_assessed:
            yield text(say.local("Not assessed"), name)
        for name, reason in report.regions.missing.items():
            why = [text(say.local("Reason"), reason, PROPERTY)] if reason else []
            yield with_children(text(say.local("Region not found"), name), why)
        for removed in report.removed:
            children = [text(say.REGION, name, PROPERTY) for name in removed.regions]
            children.append(text(say.local("Reason"), removed.reason, PROPERTY))
            yield with_children(text(say.local("Removed sentence"), removed.text), children)
        for key, value in _facts(report):
            yield text(say.local(key), value)


def normality(sentence: GroundedSentence) -> CodedConcept:
    """Undetermined where it claims nothing, as of what is withheld or was not assessed."""
    if sentence.abnormal:
        return say.ABNORMAL
    return say.NORMAL if sentence.findings else say.UNDETERMINED


def method(kind: object) -> ContentItem:
    """What a score is of, as its method."""
    return code(say.METHOD, say.local(str(kind)), MODIFIER)


def say_laterality() -> CodedConcept:
    return CodedConcept.from_code(codes.SCT.Laterality)


def inside(line: NDArray[np.float64], report: GroundedReport) -> NDArray[np.float64]:
    """Points of an outline, none outside of the film."""
    return np.clip(line, 0, (report.image.width, report.image.height))


def person_name(name: str) -> str:
    """A name as DICOM writes it: a plain "Jane Doe" becomes "Doe^Jane"."""
    if "^" in name or " " not in name.strip():
        return name.strip()
    *given, family = name.split()
    return f"{family}^{' '.join(given)}"


def _facts(report: GroundedReport) -> Iterator[tuple[str, str]]:
    """What is known of the film and of the makers, a JSON each: nobody else needs their parts."""
    yield "Film", json.dumps(report.image.to_dict())
    yield "Provenance", json.dumps(report.provenance.to_dict())
    if report.acceptance is not None:
        yield "Acceptance", json.dumps(report.acceptance.to_dict())
    if report.audit is not None:
        yield "Audit", json.dumps(report.audit.to_dict())

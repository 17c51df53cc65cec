"""What is asked of a reading, and what comes back for the page."""

from __future__ import annotations

from collections.abc import Mapping

from grounded.errors import RegionError
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.report import GroundedReport, GroundedSentence
from grounded.reporter import Reading
from grounded.serve.edits import Ask, Place
from grounded.serve.hiding import hidden
from grounded.serve.models import Answer, Changed, Comparison, Difference, Hidden
from grounded.serve.words import new_and_gone
from grounded.viz.document import document


def answer(reading: Reading, ask: Ask) -> Answer:
    """What is to be said of a region or a box."""
    return Answer(document=document(reading.answer(ask.target, findings=ask.findings)))


def compare(reading: Reading, name: str) -> Comparison:
    """A region beside its counterpart. Raises RegionError for one that has none in this film."""
    region = reading.resolve(name)
    other = reading.reporter.detector.atlas.counterpart(region)
    if not other:
        raise RegionError(f"the {region} has no counterpart on the other side")
    one, two = reading.answer(region), reading.answer(reading.resolve(other))
    labels = dict.fromkeys((*_presences(one), *_presences(two)))
    pairs = [(label, _presences(one).get(label), _presences(two).get(label)) for label in labels]
    return Comparison(
        names=(region, other),
        documents=(document(one), document(two)),
        differences=[
            Difference(label=label, presences=(mine, others))
            for label, mine, others in pairs
            if mine != others
        ],
    )


def what_if(
    reading: Reading, drafted: GroundedReport, findings: Mapping[str, Mapping[str, Presence]]
) -> Changed:
    """The report with findings set by hand, and how it differs from what was drafted."""
    return _changed(reading.report(findings), drafted)


def without_place(reading: Reading, place: Place) -> Hidden:
    """The report of the film with one place hidden, which is read anew; and how it differs from
    that of the whole film, whatever was set by hand.
    """
    if isinstance(target := place.target, Box):
        box = target.clip(reading.image.info.frame)
        film = hidden(reading.image, box)
    else:
        region = reading.regions[reading.resolve(target)]
        box = region.box
        film = hidden(reading.image, region.mask or box)
    report = reading.reporter.read(film, force=True).report()
    changed = _changed(report, reading.report())
    return Hidden(
        document=changed.document,
        gone=changed.gone,
        new=changed.new,
        hidden=(box.x0, box.y0, box.x1, box.y1),
    )


def made_for(reading: Reading, ask: Ask, number: int) -> list[GroundedSentence]:
    """Sentence `number` of an answer. Raises RegionError if the answer has no such sentence."""
    report = reading.answer(ask.target, findings=ask.findings)
    if number > len(report.sentences):
        raise RegionError(f"the answer has {len(report.sentences)} sentences, not {number}")
    return [report.sentences[number - 1]]


def _changed(report: GroundedReport, drafted: GroundedReport) -> Changed:
    before = [sentence.text for sentence in drafted.sentences]
    new, gone = new_and_gone(before, [sentence.text for sentence in report.sentences])
    return Changed(document=document(report), new=new, gone=gone)


def _presences(report: GroundedReport) -> dict[str, Presence]:
    """What an answer says of each finding."""
    return {
        finding.label: finding.presence
        for sentence in report.section("findings")
        for finding in sentence.findings
    }

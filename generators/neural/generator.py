"""The shipped generator: findings of each region are read from the film and put in words.

A straight line: what has to be seen is read from the encoder's map in the region's own box
(`finding_reader`), a sentence is written for each finding that is worth one (`writer`), for all
regions of all films in one pass, and what can be measured is measured (`measured`). A reader may
set findings; the sentence for them is written in the same way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from grounded.chest.measures import CARDIOTHORACIC_RATIO
from grounded.chest.names import side_of
from grounded.errors import ConfigError, InvalidValueError
from grounded.evidence import Measurement
from grounded.findings import VOCABULARY, Finding, Presence, ReadFinding
from grounded.generators.measured.generator import ASSESSED, Measured
from grounded.generators.neural.finding_net import COARSE
from grounded.generators.neural.finding_reader import FindingReader, Place, Read
from grounded.generators.neural.planned import (
    BESIDE,
    ORIGIN,
    SET,
    SUSPECT,
    Draft,
    Stated,
    by_zone,
    doubted,
    is_misled,
    open_question,
    told,
)
from grounded.generators.neural.writer import Brief, Writer, Written
from grounded.language.labeller import Labeller
from grounded.nn.weights import check_belongs, sha256
from grounded.protocols import Question, Target
from grounded.report import Scope, Sentence

MENTIONED = "mentioned.json"
WORTH = 0.5  # a sentence is worth saying when reports say it at least as often


@dataclass(frozen=True)
class _Film:
    """What is read of a question's film, once however often it is asked."""

    reader: FindingReader
    question: Question

    @cached_property
    def asked(self) -> list[Read]:
        """In the regions that are asked about."""
        return self.reader.read(self.question)

    @cached_property
    def whole(self) -> list[Read]:
        """In all regions of the film."""
        if self.question.whole:
            return self.asked
        return self.reader.read(replace(self.question, asked=self.question.found))


class Neural:
    """weights: a folder with `findings`, `writer` and mentioned.json. beams: of the writer.

    It needs a detector that makes the encoder's map of the film, and outlines for what is measured.
    Its scope holds what is measured, and those findings that are read well enough on real films.
    encoder_sha256: of the encoder that its weights belong to. Raises ConfigError for weights that
    cannot be used, or that do not belong together.
    """

    name = "neural"

    def __init__(self, weights: str | os.PathLike[str], beams: int = 1) -> None:
        folder = Path(weights)
        self.reader = FindingReader(folder / "findings")
        self.writer = Writer(folder / "writer")
        self.measured = Measured()
        self.mentioned = read_mentioned(folder / MENTIONED)
        self.encoder_sha256 = self.reader.encoder_sha256
        if self.writer.features:  # it sees what the encoder shows
            check_belongs(folder / "writer", "encoder", self.encoder_sha256)
        self.weights_sha256: Mapping[str, str] = {
            **self.reader.weights_sha256,
            **self.writer.weights_sha256,
            MENTIONED: sha256(folder / MENTIONED),
        }
        self._beams = beams
        self._labeller = Labeller.open()
        assessed = {**ASSESSED, **self.reader.assessed}
        self.scope = Scope(assessed, tuple(x for x in VOCABULARY if x not in assessed))

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        """See `grounded.protocols.FindingsReader`; what is measured is not among it.

        Raises ConfigError when the detector made no map.
        """
        return [
            tuple(item for read in self.reader.read(question) for item in read.found)
            for question in questions
        ]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question: what was read, then what was measured.

        Of a whole film: the findings that are there or may be, and the absent ones that most
        reports mention. Of single regions: everything that is assessed there, and that nothing
        else is. Raises ConfigError when the detector made no map, InvalidValueError when findings
        are set for a whole film, or one that there are no words for.
        """
        films = [_Film(self.reader, question) for question in questions]
        stated = [self._stated(film) for film in films]
        doubtful = [self._not_clear(*parts) for parts in zip(films, stated, strict=True)]
        measured = [
            self._measured(film, {item.finding.region for item in items})
            for film, items in zip(films, stated, strict=True)
        ]
        drafts = [
            self._drafts(question, [item for item in items if item not in doubts], answer)
            for question, items, doubts, answer in zip(
                questions, stated, doubtful, measured, strict=True
            )
        ]
        briefs = [draft.brief for of_question in drafts for draft in of_question]
        written = iter(self.writer.write(briefs, self._beams, verify=self._labeller))
        return [
            [
                *(draft.sentence(next(written)) for draft in of_question),
                *(open_question(item) for item in doubts),
                *(sentence for sentence in answer if not _is_set(sentence, question.findings)),
            ]
            for question, of_question, doubts, answer in zip(
                questions, drafts, doubtful, measured, strict=True
            )
        ]

    def support(
        self, question: Question, sentences: Sequence[Sentence], maps: Tensor, of: Target
    ) -> Tensor:
        """See `grounded.protocols.Attributable`. Sentences that were measured have none.

        Nor have the words of a writer that sees nothing.
        """
        values = maps.new_full((len(sentences), len(maps)), torch.nan)
        places = self._followed_back(question, sentences, of)
        if not places:
            return values.T
        chosen = [sentences[row] for row in places]
        of_rows = list(places.values())
        if of == "words":
            found = self._log_probabilities(question, chosen, of_rows, maps)  # (B, N)
        else:
            found = self._log_odds(question, chosen, of_rows, maps, of == "finding")
        return values.index_put((torch.tensor(list(places)),), found.T).T

    def attention(self, question: Question, sentences: Sequence[Sentence]) -> Tensor:
        """See `grounded.protocols.Attentive`; the grid is 4 x 4."""
        looked = torch.full((len(sentences), COARSE, COARSE), torch.nan)
        places = self._followed_back(question, sentences, "words")
        if not places:
            return looked
        of_rows = list(places.values())
        vectors = self.reader.seen(self.reader.encoding(question), of_rows)[0]  # (N, 16, D)
        grid = self.writer.attention(*_written(sentences[row] for row in places), vectors)
        left = torch.tensor([place.side == "left" for place in of_rows])[:, None, None]
        grid = grid.view(-1, COARSE, COARSE)
        looked[list(places)] = torch.where(left, grid.flip(2), grid)  # they are read mirrored
        return looked

    def _followed_back(
        self, question: Question, sentences: Sequence[Sentence], of: Target
    ) -> dict[int, Place]:
        """The rows of the sentences that stand on the map, and where each was read."""
        places = {place.name: place for place in self.reader.places(question)}
        read, worded = self.reader.net.labels, self.writer.labels if self.writer.features else ()
        labels = worded if of == "words" else read
        return {
            row: places[sentence.regions[0]]
            for row, sentence in enumerate(sentences)
            if sentence.origin in (ORIGIN, SET)
            and sentence.regions[0] in places
            and (of != "words" or isinstance(sentence.written, Written))
            and any(finding.label in labels for finding in sentence.findings)
        }

    def _log_odds(
        self,
        question: Question,
        sentences: Sequence[Sentence],
        places: Sequence[Place],
        maps: Tensor,
        film_given: bool,
    ) -> Tensor:
        logits = self.reader.logits(
            self.reader.encoding(question), places, maps, film_given
        )  # (B, S, F)
        labels = [s.findings[0].label for s in sentences]
        chosen = logits[:, range(len(labels)), [self.reader.net.labels.index(x) for x in labels]]
        calibrations = [self.reader.calibrations[label] for label in labels]
        slopes = logits.new_tensor([calibration.slope for calibration in calibrations])
        return chosen * slopes + logits.new_tensor([c.intercept for c in calibrations])

    def _log_probabilities(
        self,
        question: Question,
        sentences: Sequence[Sentence],
        places: Sequence[Place],
        maps: Tensor,
    ) -> Tensor:
        seen = self.reader.seen(self.reader.encoding(question), places, maps)  # (B, S, 16, D)
        briefs, templates = _written(sentences)

        def of_words(vectors: Tensor) -> Tensor:
            return self.writer.log_probability(briefs, templates, vectors)

        return torch.stack([_first_order(of_words, vectors) for vectors in seen])

    def _stated(self, film: _Film) -> list[Stated]:
        """What was read and may be stated, and what the reader has set in its place."""
        given = film.question.findings
        if given and film.question.whole:
            raise InvalidValueError(
                f"expected a region for the findings {dict(given)}, got a whole film; "
                f"ask for one region, or for a box"
            )
        reads = {read.place.name: read for read in film.asked}
        stated = []
        for name in film.question.asked.names:
            read = reads.get(name)
            findings = [Finding(label, given[label], name) for label in given]
            findings += [f for f in (read.findings if read else ()) if f.label not in given]
            stated += [Stated(finding, read) for finding in findings]
        return stated

    def _not_clear(self, film: _Film, stated: Sequence[Stated]) -> list[Stated]:
        """What would be called clear though something else may be there, on the same side."""
        clear = [
            item
            for item in stated
            if item.read
            and item.finding.label == "Lung Opacity"
            and item.finding.presence == "absent"
            and item.finding.label not in film.question.findings
            and (item.kind == "lung" or not film.question.whole)
        ]
        if not clear:
            return []
        suspect = {
            read.place.side
            for read in film.whole
            if any(read.probabilities.get(label, 0) >= SUSPECT for label in BESIDE)
        }
        return [item for item in clear if item.read and item.read.place.side in suspect]

    def _measured(self, film: _Film, spoken: Collection[str]) -> list[Sentence]:
        """What is measured; what opacities may have misled is put in doubt."""
        answer = self.measured.answer(_as_read(film.question), spoken)
        if not any(is_misled(sentence) for sentence in answer):
            return answer
        opaque = any(
            finding.label == "Lung Opacity" and finding.presence == "present"
            for read in film.whole
            for finding in read.findings
        )
        return [doubted(s) if opaque and is_misled(s) else s for s in answer]

    def _drafts(
        self, question: Question, stated: Sequence[Stated], measured: Sequence[Sentence]
    ) -> list[Draft]:
        if question.whole:
            stated = [
                item for item in by_zone(stated) if self._is_worth_it(item.finding, item.kind)
            ]
        seen, ratio = self._seen(question, stated), _ratio(measured)
        drafts = []
        for item in stated:
            is_set = item.finding.label in question.findings
            brief = self._brief(item.finding, item.kind, ratio)
            if not is_set:  # a reader's finding is put in words by itself
                brief = replace(brief, seen=seen.get(item.finding.region))
            notes = (*item.notes, *(_against(item, measured) if is_set else ()))
            drafts.append(Draft(brief, item.finding, SET if is_set else ORIGIN, notes))
        return drafts

    def _seen(self, question: Question, stated: Sequence[Stated]) -> dict[str, Tensor]:
        """What is seen in each region (16, D), if the writer can see."""
        places = {item.read.place.name: item.read.place for item in stated if item.read}
        if not self.writer.features or not places:
            return {}
        with torch.inference_mode():
            vectors = self.reader.seen(self.reader.encoding(question), list(places.values()))[0]
        return dict(zip(places, vectors, strict=True))

    def _is_worth_it(self, finding: Finding, kind: str) -> bool:
        if finding.presence != "absent":
            return True
        return self.mentioned.get(kind, {}).get(finding.label, 0.0) >= WORTH

    def _brief(self, finding: Finding, kind: str, ratio: float | None) -> Brief:
        """What the writer is told; in words for another kind where it has none for this one."""
        kind = self.writer.terms.kind_for(finding.label, kind)
        return Brief(finding.region, kind, told(finding), _known(ratio, finding))


def read_mentioned(path: Path) -> dict[str, dict[str, float]]:
    """How often reports mention the absence of a finding, by kind of region and label.

    Raises ConfigError for a file that is none.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(kind): {str(label): float(part) for label, part in labels.items()}
            for kind, labels in table.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} does not say how often findings are mentioned: {error}"
        ) from error


def _written(sentences: Iterable[Sentence]) -> tuple[list[Brief], list[str]]:
    """What the writer was given for sentences that it wrote, and what it wrote, with blanks."""
    written = [s.written for s in sentences if isinstance(s.written, Written)]
    return [item.brief for item in written], [item.template for item in written]


def _first_order(value: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """value(rows), (N,), each of its own row alone; to be followed back once.

    With the slopes found for all rows in one go, a row is followed back without the graph of
    `value`, which all rows share.
    """
    if not rows.requires_grad:
        return value(rows)
    at = rows.detach().requires_grad_()
    values = value(at)
    [slopes] = torch.autograd.grad(values.sum(), at)
    return values.detach() + ((rows - at.detach()) * slopes).flatten(1).sum(1)


def _as_read(question: Question) -> Question:
    return replace(question, findings={})


def _against(item: Stated, measured: Iterable[Sentence]) -> tuple[str, ...]:
    """What the film says of a finding that a reader has set."""
    said = [*(item.read.findings if item.read else ()), *(f for s in measured for f in s.findings)]
    label, side = item.finding.label, side_of(item.finding.region)
    own = [f for f in said if f.label == label and side_of(f.region) == side]
    if not own:
        return ("set by the reader; not assessed in the film",)
    return (f"set by the reader; read from the film: {own[0].presence} ({own[0].score:.2f})",)


def _is_set(sentence: Sentence, told: Mapping[str, Presence]) -> bool:
    return any(finding.label in told for finding in sentence.findings)


def _known(ratio: float | None, finding: Finding) -> float | None:
    """The ratio that the sentence on a finding may state: of the heart, and not against it."""
    if ratio is None or finding.label != "Cardiomegaly":
        return None
    large = ratio > CARDIOTHORACIC_RATIO.normal[1]
    return None if large != (finding.presence == "present") else ratio


def _ratio(measured: Iterable[Sentence]) -> float | None:
    """The cardiothoracic ratio, if it was measured."""
    values = (
        item.value
        for sentence in measured
        for item in sentence.evidence
        if isinstance(item, Measurement) and item.name == "cardiothoracic ratio"
    )
    return next(values, None)

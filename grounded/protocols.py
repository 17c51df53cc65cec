"""What the parts of the flow promise each other. What fits the shape fits; nothing inherits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from grounded.atlas import Atlas
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Findings, ReadFinding, SetFindings
from grounded.image import Image, ImageInfo
from grounded.provenance import Provenance, Scope
from grounded.regions import Encoded, Regions
from grounded.report import GroundedReport, GroundedSentence, Sentence
from grounded.view import Projection, projection

if TYPE_CHECKING:
    from torch import Tensor

Target = Literal["finding", "finding in the film", "words"]
"""What is explained: the finding behind a sentence, or its words.

Followed back, a "finding" is what its own place shows: what the film looks like as a whole, which
has no place, counts as given. The "finding in the film" is followed back all the way.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a generator is asked: to describe `asked`, in a film in which `found` was found.

    asked: regions of the atlas, or one box drawn by hand. findings: what a reader has set, by
    region and label, for generators that can be steered. whole: whether the film as a whole is
    asked about, which is answered in another way than its regions one by one. read: what was read
    of the film already, by a generator that is a `FindingsReader`; it is not read again.
    """

    image: Image
    found: Regions
    asked: Regions
    findings: SetFindings = field(default_factory=dict)
    whole: bool = False
    read: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        if self.whole and self.asked.names != self.found.names:
            raise InvalidValueError("a question about a whole film asks about all its regions")

    @classmethod
    def of_film(
        cls,
        image: Image,
        found: Regions,
        read: Findings | None = None,
        findings: SetFindings | None = None,
    ) -> Question:
        """About a film as a whole."""
        return cls(image, found, found, findings or {}, whole=True, read=read or Findings())


@runtime_checkable
class FilmCheck(Protocol):
    """Decides whether a picture is what the models were made for, and how it is to be read."""

    name: str
    weights_sha256: Mapping[str, str]

    def check(self, image: Image) -> Image:
        """The film as it is to be read: turned over or back, with notes in its warnings.

        Raises UnsuitableImageError for a picture of something else, unless `image.forced`.
        """
        ...

    def confirm(self, image: Image, regions: Regions) -> None:
        """Raises UnsuitableImageError if what was found in a film says that it is no such film."""
        ...


@runtime_checkable
class RegionDetector(Protocol):
    """Finds the regions of its atlas in films.

    name: for the provenance. weights_sha256: by file name, empty without weights.
    """

    name: str
    atlas: Atlas
    weights_sha256: Mapping[str, str]

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The regions of each film, image frame; the same for a batch as one by one."""
        ...


@runtime_checkable
class FindsAlone(Protocol):
    """A detector that can find the regions of films without encoding them, in half the time."""

    def find(self, images: Sequence[Image]) -> list[Regions]:
        """What `detect` finds, without a map of the film."""
        ...


@runtime_checkable
class SentenceGenerator(Protocol):
    """Says what is to be seen in regions. `scope` states which findings it assesses."""

    name: str
    scope: Scope
    weights_sha256: Mapping[str, str]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question; the same for a batch as one by one."""
        ...


@runtime_checkable
class FindingsReader(Protocol):
    """A generator that reads findings before it puts any in words."""

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        """Every finding that is read in each of the regions asked about, by question.

        Also what the scope does not let a sentence say. What a question brings as `read` already is
        given back, not read anew.
        """
        ...


@runtime_checkable
class UsesEncoder(Protocol):
    """A detector that hands on an encoder's map of the film, or a generator that reads one.

    encoder_sha256: of the encoder's weights; "" for a detector that makes no map. A network that
    was trained on one encoder's maps reads nonsense from those of another.
    """

    encoder_sha256: str


@runtime_checkable
class Attributable(Protocol):
    """A generator that reads an encoded film and can say how far what it said depends on it."""

    def support(
        self, question: Question, sentences: Sequence[Sentence], maps: Tensor, of: Target
    ) -> Tensor:
        """How far maps support each of S sentences, (B, S), differentiable in the maps.

        maps: (B, D, h, w), versions of the question's encoded film. of: "words" gives the
        log-probability of a sentence's words, the others the log-odds of the finding behind it.
        NaN for sentences that do not stand on the map.
        """
        ...


@runtime_checkable
class Localised(Protocol):
    """A generator whose map of the film holds, cell by cell, what speaks for each finding."""

    def evidence(self, question: Question, sentences: Sequence[Sentence]) -> Tensor:
        """What each cell says for the finding behind each of S sentences: (S, h, w) log-odds.

        The map is that of the question's encoded film. NaN for sentences that do not stand on it.
        """
        ...


@runtime_checkable
class ReadsView(Protocol):
    """A generator that sees whether a film was taken from front to back."""

    def view(self, question: Question) -> Projection:
        """The projection that the film itself shows; "unknown" where that is not sure."""
        ...


@runtime_checkable
class Trust(Protocol):
    """Says how probable it is that sentences are right, and withholds what is not so enough.

    weights_sha256: of its own file. fitted_on: of the weights whose sentences it was fitted on, by
    the names that a report's provenance gives their files; it is true of no others.
    """

    name: str
    weights_sha256: Mapping[str, str]
    fitted_on: Mapping[str, str]

    def scope(self, scope: Scope) -> Scope:
        """The scope with what is promised of the statements."""
        ...

    def withhold(
        self,
        question: Question,
        sentences: Sequence[Sentence],
        atlas: Atlas,
        projection: Projection,
    ) -> list[Sentence]:
        """The sentences of a film of a view that may be said, and those that say what may not."""
        ...

    def rate(
        self, info: ImageInfo, sentences: Sequence[GroundedSentence], projection: Projection
    ) -> tuple[GroundedSentence, ...]:
        """The sentences of a film's report with the probability that each is right, or why that is
        not known."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """Says where in the film a sentence comes from."""

    name: str

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """Add evidence to the sentences, in their order. generator: what wrote them."""
        ...


@runtime_checkable
class Composer(Protocol):
    """Makes a report from sentences: order, merging, checks, sections."""

    name: str

    def compose(
        self,
        image: Image,
        regions: Regions,
        sentences: Sequence[Sentence],
        atlas: Atlas,
        scope: Scope,
        provenance: Provenance,
    ) -> GroundedReport: ...


def read_findings(generator: SentenceGenerator, questions: Sequence[Question]) -> list[Findings]:
    """What a generator reads in each film; nothing for a generator that reads no findings."""
    if isinstance(generator, FindingsReader):
        read = generator.read(questions)
    else:
        read = [()] * len(questions)
    return [
        Findings(items, question.found.names)
        for items, question in zip(read, questions, strict=True)
    ]


def view_of(generator: SentenceGenerator, question: Question) -> Projection:
    """How a film was taken: by its header, or by what the generator sees of it."""
    stated = projection(question.image.info.view)
    if stated is Projection.UNKNOWN and isinstance(generator, ReadsView):
        return generator.view(question)
    return stated


def check_trust(trust: Trust, provenance: Provenance) -> None:
    """Raise ConfigError if a confidence was fitted on the sentences of other weights."""
    loaded = provenance.weights_sha256
    other = [name for name, digest in trust.fitted_on.items() if loaded.get(name) != digest]
    if other:
        raise ConfigError(
            f"the preset's confidence was fitted on other weights ({', '.join(sorted(other))}); "
            f"fit it again: grounded train confidence PRESET --data DIR (or leave it out: a "
            f"reporter with confidence=None)"
        )


def check_encoder(detector: RegionDetector, generator: SentenceGenerator) -> None:
    """Raise ConfigError if a generator would read the map of another encoder, or none."""
    if not isinstance(generator, UsesEncoder):
        return
    made = detector.encoder_sha256 if isinstance(detector, UsesEncoder) else ""
    if not made:
        raise ConfigError(NO_MAP)
    if made != generator.encoder_sha256:
        raise ConfigError(_of_another(made, generator.encoder_sha256))


def encoded_film(question: Question, encoder: str = "") -> Encoded:
    """The encoding of the question's film.

    encoder: the SHA-256 of the weights that must have made it, "" for any. Raises ConfigError if
    the detector made none, or by another encoder.
    """
    encoding = question.found.encoding
    if encoding is None:
        raise ConfigError(NO_MAP)
    if encoder and encoding.encoder != encoder:
        raise ConfigError(_of_another(encoding.encoder, encoder))
    return encoding


NO_MAP = (
    "the detector made no map of the film to read findings from; give the preset's "
    '[detector] an encoder = "folder of FilmEncoder weights"'
)


def _of_another(got: str, expected: str) -> str:
    return (
        f"the generator was trained on the maps of the encoder {expected[:12]}, the detector's "
        f"come from {got[:12] or 'an unknown one'} (SHA-256 of the weights); give the preset's "
        f"[detector] the encoder that belongs to the generator's weights, or train the generator "
        f"on this one"
    )

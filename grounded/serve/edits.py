"""What a reader can do to a report, as the JSON that says so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    WithJsonSchema,
    model_validator,
)

from grounded.findings import VOCABULARY, Presence
from grounded.geometry import Box
from grounded.report import Section

MOST_TEXT = 2000  # characters of a sentence; a whole report has fewer


def _said(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise ValueError("a sentence needs text")
    return words


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a character") from None
    return text


Text = Annotated[str, Field(max_length=MOST_TEXT), AfterValidator(_encodable)]
Words = Annotated[Text, AfterValidator(_said)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_encodable)]
LineId = Annotated[str, Field(max_length=40)]
Corners = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


def _known(label: str) -> str:
    if label not in VOCABULARY:
        raise ValueError(f"no finding {label!r}; there are: {', '.join(VOCABULARY)}")
    return label


Settable = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(VOCABULARY)}),
]
Set = dict[Settable, Presence]


class Strict(BaseModel):
    """A request: a key that is not known is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(Strict):
    """A region by name or alias, or a box x0, y0, x1, y1 in pixels of the film; one of the two."""

    region: Name | None = None
    box: Corners | None = None

    @model_validator(mode="after")
    def _one(self) -> Place:
        if (self.region is None) == (self.box is None):
            raise ValueError("give a region or a box, one of the two")
        return self

    @property
    def target(self) -> str | Box:
        """What `Reading.answer` takes. Raises InvalidValueError for a box that spans nothing."""
        return self.region if self.box is None and self.region is not None else Box(*self._corners)

    @property
    def _corners(self) -> Corners:
        return self.box or (0.0, 0.0, 0.0, 0.0)


class Ask(Place):
    """A question about a place; findings: what the reader has set there."""

    findings: Set = Field(default_factory=dict)


class Accept(Strict):
    do: Literal["accept"]
    line: LineId


class AcceptAll(Strict):
    """Accept every line about which nothing was decided yet."""

    do: Literal["accept_all"]


class Reject(Strict):
    do: Literal["reject"]
    line: LineId
    reason: Text = ""


class Restore(Strict):
    """Take a decision back: the draft's words, and nothing decided."""

    do: Literal["restore"]
    line: LineId


class Edit(Strict):
    do: Literal["edit"]
    line: LineId
    text: Words


class Move(Strict):
    """Put a line before another one of its section; null: last."""

    do: Literal["move"]
    line: LineId
    before: LineId | None = None


class Add(Place):
    """The reader's own sentence about a place."""

    do: Literal["add"]
    text: Words
    section: Section = "findings"
    before: LineId | None = None


class Take(Strict):
    """Put sentence `number` of an answer into the report, with its evidence."""

    do: Literal["take"]
    ask: Ask
    number: Annotated[int, Field(ge=1, le=1000)]


class Tie(Place):
    """Let a line stand on another place."""

    do: Literal["tie"]
    line: LineId


class SetFindings(Strict):
    """Set findings by region and label; null takes one back. The draft is written anew."""

    do: Literal["set"]
    findings: Annotated[dict[Name, dict[Settable, Presence | None]], Field(max_length=60)]


class Reveal(Strict):
    """Show the draft to a reader who has read first."""

    do: Literal["reveal"]


class Sign(Strict):
    """Take the whole report over, as who vouches for it: every line that is open is accepted.

    name: as DICOM writes a person's name ("Doe^Jane"), or plain. Later changes take it back.
    """

    do: Literal["sign"]
    name: Annotated[Name, Field(pattern=r"\S")]
    institution: Annotated[Name, Field(pattern=r"\S")]


class Undo(Strict):
    do: Literal["undo"]


class Redo(Strict):
    do: Literal["redo"]


Change = (
    Accept
    | AcceptAll
    | Reject
    | Restore
    | Edit
    | Move
    | Add
    | Take
    | Tie
    | SetFindings
    | Reveal
    | Sign
)
AnyEdit = Annotated[Change | Undo | Redo, Field(discriminator="do")]

"""Content items: the smallest pieces of a structured report, and how they are found again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    GraphicTypeValues,
    NumContentItem,
    RelationshipTypeValues,
    ScoordContentItem,
    SourceImageForRegion,
    TextContentItem,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from grounded.dicom.concepts import same

Item = TypeVar("Item", bound=Dataset)
CONTAINS = RelationshipTypeValues.CONTAINS
PROPERTY = RelationshipTypeValues.HAS_PROPERTIES
MODIFIER = RelationshipTypeValues.HAS_CONCEPT_MOD
INFERRED = RelationshipTypeValues.INFERRED_FROM


def text(
    name: CodedConcept, value: str, relation: RelationshipTypeValues = CONTAINS
) -> TextContentItem:
    return TextContentItem(name=name, value=value, relationship_type=relation)


def code(
    name: CodedConcept, value: CodedConcept, relation: RelationshipTypeValues = CONTAINS
) -> CodeContentItem:
    return CodeContentItem(name=name, value=value, relationship_type=relation)


def number(
    name: CodedConcept,
    value: float,
    unit: CodedConcept,
    relation: RelationshipTypeValues = CONTAINS,
) -> NumContentItem:
    return NumContentItem(name=name, value=float(value), unit=unit, relationship_type=relation)


def shape(
    name: CodedConcept,
    points: NDArray[np.float64],
    film: SourceImageForRegion,
    relation: RelationshipTypeValues = INFERRED,
) -> ScoordContentItem:
    """A line through points (N, 2) of the stored film, x first; closed when it ends where it began.

    A single point is a POINT.
    """
    kind = GraphicTypeValues.POINT if len(points) == 1 else GraphicTypeValues.POLYLINE
    item = ScoordContentItem(
        name=name, graphic_type=kind, graphic_data=points, relationship_type=relation
    )
    item.ContentSequence = ContentSequence([film])
    return item


def closed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of a polygon (N, 2), the first one again at the end."""
    return points if np.array_equal(points[0], points[-1]) else np.concatenate([points, points[:1]])


def container(name: CodedConcept, children: Sequence[ContentItem]) -> ContainerContentItem:
    item = ContainerContentItem(name=name, relationship_type=CONTAINS)
    item.ContentSequence = ContentSequence(children)
    return item


def with_children(item: Item, children: Sequence[ContentItem]) -> Item:
    """The item with more children, in place."""
    held = [*getattr(item, "ContentSequence", ()), *children]
    if held:
        item.ContentSequence = ContentSequence(held)
    return item


def children_of(
    item: Dataset, *, kind: str = "", name: CodedConcept | None = None
) -> list[Dataset]:
    """The children of an item of one value type, or with one concept name, or both."""
    return [
        child
        for child in item.get("ContentSequence", ())
        if (not kind or child.ValueType == kind) and (name is None or is_called(child, name))
    ]


def is_called(item: Dataset, name: CodedConcept) -> bool:
    names = item.get("ConceptNameCodeSequence")
    return bool(names) and same(CodedConcept.from_dataset(names[0]), name)


def text_of(item: Dataset, name: CodedConcept) -> str:
    """The text of the first child of that name, "" without one."""
    return next(iter(texts_of(item, name)), "")


def texts_of(item: Dataset, name: CodedConcept) -> tuple[str, ...]:
    found = children_of(item, kind="TEXT", name=name)
    return tuple(str(child.TextValue) for child in found)


def value_of(item: Dataset) -> float:
    """The number that a NUM item holds, in double precision where it is there."""
    measured = item.MeasuredValueSequence[0]
    return float(measured.get("FloatingPointValue", measured.NumericValue))


def coded_value(item: Dataset) -> CodedConcept:
    found: CodedConcept = CodedConcept.from_dataset(item.ConceptCodeSequence[0])
    return found


def points_of(item: Dataset) -> NDArray[np.float64]:
    """The points (N, 2) of a SCOORD item, x first, in the stored film."""
    return np.array(item.GraphicData, dtype=np.float64).reshape(-1, 2)


def walk(item: Dataset) -> Iterator[Dataset]:
    """The item and all below it, in the order of the document."""
    yield item
    for child in item.get("ContentSequence", ()):
        yield from walk(child)

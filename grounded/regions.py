"""The regions that were found in a film: a struct of arrays, one row a region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from grounded.atlas import RegionName
from grounded.errors import InvalidValueError, RegionError
from grounded.evidence import Mask, evidence_from_dict, evidence_to_dict
from grounded.geometry import Box, Placement

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Encoded(Protocol):
    """The encoding of a film: a map of all of it, from which any box can be read.

    film: (D, h, w) float32 over the model frame. placement: how the film lies in it. encoder: the
    SHA-256 of the weights that made it, "" if unknown. encode: the maps (B, D, h, w) of changed
    versions (H, W) of the film, all of one shape; None if whoever made the map gives no way to do
    so again.
    """

    @property
    def film(self) -> Tensor: ...
    @property
    def placement(self) -> Placement: ...
    @property
    def encoder(self) -> str: ...
    @property
    def encode(self) -> Callable[[Sequence[NDArray[np.float32]]], Tensor] | None: ...


class Features(Protocol):
    """What was read of a film inside each of N boxes; a row a region. Opaque to the core."""

    def pool(self, boxes: NDArray[np.float64]) -> Self:
        """What is read inside other boxes (M, 4), image frame. Nothing is encoded again."""
        ...

    def take(self, rows: NDArray[np.intp]) -> Self:
        """The given rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One region found in a film: its box (image frame), its outline and a note where there are."""

    name: str
    box: Box
    score: float
    mask: Mask | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """N regions of one film.

    names: (N,), unique. boxes: (N, 4) float64 x0 y0 x1 y1 in the image frame. scores: (N,) in
    0..1. masks: (N,), None where a region has no outline. features: what was read in each region;
    its rows follow the regions. encoding: the film as a whole, the same for any choice of regions.
    missing: the regions that were looked for and not found, each with the reason in words.
    notes: (N,), what a reader should know of a region that was found, "" for nothing.
    An empty `Regions` is a fine answer. Raises InvalidValueError for arrays that do not align.
    """

    names: tuple[RegionName, ...]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    masks: tuple[Mask | None, ...] = ()
    features: Features | None = None
    missing: Mapping[RegionName, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    encoding: Encoded | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        boxes = np.array(self.boxes, dtype=np.float64).reshape(-1, 4)
        scores = np.array(self.scores, dtype=np.float64).reshape(-1)
        masks = tuple(self.masks) or (None,) * count
        notes = tuple(self.notes) or ("",) * count
        if not len(boxes) == len(scores) == len(masks) == len(notes) == count:
            raise InvalidValueError(
                f"{count} names need as many boxes, scores, masks and notes, "
                f"got {len(boxes)}, {len(scores)}, {len(masks)} and {len(notes)}"
            )
        if len(set(self.names)) != count:
            raise InvalidValueError(f"a region is named twice in {self.names}")
        if both := set(self.names) & set(self.missing):
            raise InvalidValueError(f"found and missing at once: {sorted(both)}")
        if count and not (scores.min() >= 0 and scores.max() <= 1):
            raise InvalidValueError(f"scores lie in 0..1, got {scores}")
        for row in boxes:
            Box(*row)  # each row must be a box
        boxes.flags.writeable = scores.flags.writeable = False
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "masks", masks)
        object.__setattr__(self, "notes", notes)

    @classmethod
    def none(cls, missing: Mapping[str, str] | None = None) -> Regions:
        """No regions."""
        return cls((), np.empty((0, 4)), np.empty(0), missing=missing or {})

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Region]:
        return (self._row(index) for index in range(len(self)))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @overload
    def __getitem__(self, key: str) -> Region: ...
    @overload
    def __getitem__(self, key: list[str] | NDArray[np.bool_]) -> Regions: ...
    def __getitem__(self, key: str | list[str] | NDArray[np.bool_]) -> Region | Regions:
        """`regions["left lung"]` is a Region; a list of names or a boolean (N,) gives Regions.

        Raises RegionError for a name that was not found; the message says why it was not.
        """
        if isinstance(key, str):
            return self._row(self._index(key))
        if isinstance(key, np.ndarray):
            return self._take(np.flatnonzero(key))
        return self._take(np.array([self._index(name) for name in key], dtype=np.intp))

    def at(self, x: float, y: float) -> Regions:
        """The regions at a point of the image frame: inside the outline, or the box without one."""
        inside = [(r.mask or r.box).contains(x, y) for r in self]
        return self[np.array(inside, dtype=bool)]

    def drawn(self, name: str, box: Box) -> Regions:
        """One box drawn by hand in the same film: its features are pooled on that very box."""
        boxes = np.array([tuple(box)])
        pooled = self.features.pool(boxes) if self.features is not None else None
        return Regions((name,), boxes, np.ones(1), features=pooled, encoding=self.encoding)

    def without_networks(self) -> Regions:
        """Names, places and notes alone, as a report keeps them."""
        return replace(self, features=None, encoding=None)

    def joined(self, others: Regions) -> Regions:
        """These regions, then those of the others that are not among them, without features."""
        new = [name for name in others.names if name not in self]
        if not new:
            return self
        added = others[new]
        return Regions(
            (*self.names, *added.names),
            np.concatenate([self.boxes, added.boxes]),
            np.concatenate([self.scores, added.scores]),
            (*self.masks, *added.masks),
            missing={name: why for name, why in self.missing.items() if name not in new},
            notes=(*self.notes, *added.notes),
        )

    def to_dict(self) -> list[dict[str, Any]]:
        return [
            {
                "name": region.name,
                "box": list(region.box),
                "score": region.score,
                **({"mask": evidence_to_dict(region.mask)} if region.mask else {}),
                **({"note": region.note} if region.note else {}),
            }
            for region in self
        ]

    @classmethod
    def from_dict(
        cls, rows: Sequence[Mapping[str, Any]], missing: Mapping[str, str] | None = None
    ) -> Regions:
        masks = [evidence_from_dict(row["mask"]) if "mask" in row else None for row in rows]
        return cls(
            names=tuple(row["name"] for row in rows),
            boxes=np.array([row["box"] for row in rows], dtype=np.float64),
            scores=np.array([row["score"] for row in rows], dtype=np.float64),
            masks=tuple(mask if isinstance(mask, Mask) else None for mask in masks),
            missing=dict(missing or {}),
            notes=tuple(str(row.get("note", "")) for row in rows),
        )

    def _index(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        if name in self.missing:
            raise RegionError(f"{name!r} was not found in this film: {self.missing[name]}")
        raise RegionError(f"no region {name!r} here; found: {', '.join(self.names) or 'none'}")

    def _row(self, index: int) -> Region:
        box = Box(*self.boxes[index])
        score = float(self.scores[index])
        return Region(self.names[index], box, score, self.masks[index], self.notes[index])

    def _take(self, rows: NDArray[np.intp]) -> Regions:
        return Regions(
            names=tuple(self.names[row] for row in rows),
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            masks=tuple(self.masks[row] for row in rows),
            features=self.features.take(rows) if self.features is not None else None,
            notes=tuple(self.notes[row] for row in rows),
            encoding=self.encoding,
        )

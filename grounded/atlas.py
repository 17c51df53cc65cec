"""The named anatomical regions of a body part, read from TOML: a new body part is a new file."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, get_args

from grounded.codes import Code
from grounded.errors import ConfigError, InvalidValueError, RegionError
from grounded.geometry import Box

RegionName = str
"""A region's name in its atlas, or what a box drawn by hand is called; not one of its aliases."""


class Side(StrEnum):
    """The patient's side on which a region lies, never the picture's."""

    RIGHT = "right"
    LEFT = "left"
    UNPAIRED = "unpaired"


SIDES = (Side.RIGHT, Side.LEFT)
PairedSide = Side | Literal[""]
_OTHER: Mapping[str, Side] = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
Source = Literal["annotated", "derived"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a region lies in the body, in codes: the anatomical site, and the patient's side."""

    code: Code | None
    side: Side = Side.UNPAIRED

    def to_dict(self) -> dict[str, Any]:
        return {"side": str(self.side), **({"code": self.code.to_dict()} if self.code else {})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Site:
        """The site that `to_dict` wrote. Raises ValueError for an unknown side."""
        return cls(Code(**data["code"]) if "code" in data else None, Side(data["side"]))


@dataclass(frozen=True, slots=True)
class RegionSpec:
    """One region of an atlas.

    side: the patient's, not the picture's. kind: what it shares with its counterpart on the other
    side, by default the name without the side in front; the name itself for a region that lies on
    one side and has no counterpart ("right atrium"). parent: the region that holds it, "" for none.
    written: the name as a sentence writes it, by default the name itself.
    plural: whether sentences say "are" of it. source: whether people outlined it in the training
    films ("annotated") or its place follows from organs that they outlined ("derived").
    usual_place: where it usually lies, as fractions of the film (x0, y0, x1, y1).
    """

    name: RegionName
    side: Side
    source: Source
    usual_place: Box
    parent: str = ""
    aliases: tuple[str, ...] = ()
    code: Code | None = None
    plural: bool = False
    derivation: str = ""
    kind: str = ""
    written: str = ""

    def __post_init__(self) -> None:
        if self.side not in tuple(Side):
            raise InvalidValueError(
                f"region {self.name!r}: side is one of {', '.join(Side)}; got {self.side!r}"
            )
        object.__setattr__(self, "side", Side(self.side))
        if self.source not in get_args(Source):
            raise InvalidValueError(
                f"region {self.name!r}: source is one of {get_args(Source)}, got {self.source!r}"
            )
        object.__setattr__(self, "kind", self.kind or self.name.removeprefix(f"{self.side} "))
        object.__setattr__(self, "written", self.written or self.name)

    @property
    def site(self) -> Site:
        return Site(self.code, self.side)

    @property
    def paired_side(self) -> PairedSide:
        """The side that tells it from its counterpart; "" for a region that is one of its kind.

        The right atrium lies on the right, but no left region is of its kind.
        """
        return "" if self.side is Side.UNPAIRED or self.kind == self.name else self.side


@dataclass(frozen=True, slots=True)
class Atlas:
    """The regions of one body part, in anatomical order.

    `atlas["heart"]` finds a region by name or alias, in any case; `"heart" in atlas` asks.
    """

    name: str
    body_part: str
    regions: tuple[RegionSpec, ...]
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, int] = {}
        for order, region in enumerate(self.regions):
            for word in (region.name, *region.aliases):
                if index.setdefault(_key(word), order) != order:
                    raise InvalidValueError(f"atlas {self.name!r} names {word!r} twice")
        for region in self.regions:
            if region.parent and _key(region.parent) not in index:
                raise InvalidValueError(
                    f"region {region.name!r} has the unknown parent {region.parent!r}"
                )
        pairs = [(region.kind, region.side) for region in self.regions]
        if twice := [pair for pair in pairs if pairs.count(pair) > 1]:
            raise InvalidValueError(f"atlas {self.name!r} has two regions of {twice[0]}")
        object.__setattr__(self, "_index", index)

    @classmethod
    def open(cls, source: str | os.PathLike[str]) -> Atlas:
        """An atlas by the name of a shipped one ("chest29") or from a TOML file.

        Raises ConfigError for an unknown name or a file that is not an atlas.
        """
        file = _locate(source)
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            regions = tuple(_region(name, entry) for name, entry in data["regions"].items())
            return cls(data["name"], data["body_part"], regions)
        except (tomllib.TOMLDecodeError, KeyError, TypeError, InvalidValueError) as error:
            raise ConfigError(f"{file} is no atlas: {error!r}") from error

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(region.name for region in self.regions)

    def __len__(self) -> int:
        return len(self.regions)

    def __iter__(self) -> Iterator[RegionSpec]:
        return iter(self.regions)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._index

    def __getitem__(self, name: str) -> RegionSpec:
        """The region of this name or alias. Raises RegionError that suggests near ones."""
        return self.regions[self.order(name)]

    def order(self, name: str) -> int:
        """The place of a region in anatomical order, from 0."""
        try:
            return self._index[_key(name)]
        except KeyError:
            raise RegionError(self._unknown(name)) from None

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The regions that hold this one, from the innermost. Raises RegionError as `[name]`."""
        found: list[str] = []
        parent = self[name].parent
        while parent and self[parent].name not in found:
            found.append(self[parent].name)
            parent = self[parent].parent
        return tuple(found)

    def side(self, name: str) -> Side:
        """The side of a region; a name that the atlas does not have is unpaired."""
        return self[name].side if name in self else Side.UNPAIRED

    def paired_side(self, name: str) -> PairedSide:
        """The side that tells a region from its counterpart, "" if it needs none or is unknown."""
        return self[name].paired_side if name in self else ""

    def sites(self, names: Iterable[str]) -> dict[str, Site]:
        """The site of each region that the atlas has, by its name among `names`."""
        return {name: self[name].site for name in names if name in self}

    def kind(self, name: str) -> str:
        """What right and left regions share; a name that the atlas does not have is its own."""
        return self[name].kind if name in self else name

    def written(self, name: str) -> str:
        """The name as a sentence writes it; one that the atlas does not have stays as it is."""
        return self[name].written if name in self else name

    def counterpart(self, name: str) -> str:
        """The region of the same kind on the other side, "" without one."""
        other = _OTHER.get(self.paired_side(name))
        kind = self.kind(name)
        return next((r.name for r in self.regions if (r.kind, r.paired_side) == (kind, other)), "")

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(_key(name), self._index, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(repr(word) for word in near)}? " if near else ""
        return f"no region {name!r} in atlas {self.name!r}; {hint}It has: {', '.join(self.names)}"


def _key(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _locate(source: str | os.PathLike[str]) -> Traversable:
    shipped = resources.files("grounded.configs") / "atlases"
    named = shipped / f"{os.fspath(source)}.toml"
    if named.is_file():
        return named
    path = Path(source)
    if path.is_file():
        return path
    names = sorted(f.name.removesuffix(".toml") for f in shipped.iterdir())
    raise ConfigError(
        f"no atlas {os.fspath(source)!r}: expected a TOML file or one of {', '.join(names)}"
    )


def _region(name: str, entry: dict[str, Any]) -> RegionSpec:
    entry = dict(entry)
    code = entry.pop("code", None)
    place = Box(*entry.pop("usual_place"))
    aliases = tuple(entry.pop("aliases", ()))
    return RegionSpec(
        name=name,
        usual_place=place,
        aliases=aliases,
        code=Code(**code) if code else None,
        **entry,
    )

"""Presets: TOML in, a `Reporter` out. The constructors are the schema; there is no registry.

A preset has a table for each part, `detector`, `generator`, `explainer` and `composer`, and may
have one for `check` and one for `confidence`, with `use = "module:Class"` and that constructor's
keywords. A text that begins with "./" is a path beside the preset. A table with `use` inside a
part's table is a part of the same kind, that is handed to its constructor.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import itertools
import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from grounded.errors import ConfigError, GroundedError
from grounded.preset import FILE
from grounded.protocols import (
    Composer,
    Explainer,
    FilmCheck,
    RegionDetector,
    SentenceGenerator,
    Trust,
)
from grounded.reporter import Reporter
from grounded.version import VERSION

PARTS: dict[str, type] = {
    "detector": RegionDetector,
    "generator": SentenceGenerator,
    "explainer": Explainer,
    "composer": Composer,
}
OPTIONAL: dict[str, type] = {"check": FilmCheck, "confidence": Trust}
DEFAULT = "neural"
CONFIDENCE = "confidence.json"


def load(
    preset: str | os.PathLike[str] = DEFAULT,
    *,
    device: str = "auto",
    dtype: str = "float32",
    trust: bool = False,
    wrong: float | None = None,
    missed: float | None = None,
) -> Reporter:
    """A reporter from a shipped preset by name, a TOML file, or a folder that holds `preset.toml`.

    device, dtype: where the networks compute ("auto" is a GPU if there is one, else the CPU) and in
    which type ("float32", "bfloat16", "float16"); a part that the preset gives its own keeps it.
    trust: let the preset use classes from outside of this package, which runs their code. wrong:
    the most of what a report states that may be wrong (0.05 is 5 %), missed: the most of what it
    denies that may be there, as `wrong` if not given; what does not hold that is withheld, see
    `grounded.compose.confidence`. Raises ConfigError that says what is wrong with the preset and
    what would be right, InvalidValueError for a level that is not between 0 and 1.
    """
    file = locate(preset)
    tables = _with_levels(_read(file), file, {"wrong": wrong, "missed": missed})
    return _made(tables, file, {"device": device, "dtype": dtype}, trust)


def load_unrated(preset: str | os.PathLike[str], *, trust: bool = False) -> tuple[Reporter, Path]:
    """The reporter without its confidence, to fit one, and the file that this is written to.

    That is the file that the preset names, or a new one beside the preset. Raises as `load`.
    """
    file = locate(preset)
    tables = _read(file)
    named = _resolve(tables.pop("confidence", {}).get("fitted", f"./{CONFIDENCE}"), file)
    reporter = _made(tables, file, {"device": "auto", "dtype": "float32"}, trust)
    return reporter, Path(named)


def _made(
    tables: Mapping[str, dict[str, Any]], file: Path, usual: Mapping[str, str], trust: bool
) -> Reporter:
    parts = {part: _build(part, table, file, usual, trust) for part, table in tables.items()}
    return Reporter(**parts, preset=file.stem, version=VERSION)


def presets() -> tuple[str, ...]:
    """The names of the shipped presets."""
    return tuple(sorted(file.stem for file in _shipped().glob("*.toml")))


def purpose(preset: str) -> str:
    """What a shipped preset is made for: the comment that its file begins with."""
    lines = (_shipped() / f"{preset}.toml").read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return " ".join(line.lstrip("# ") for line in comment)


def _shipped() -> Path:
    return Path(str(resources.files("grounded.configs"))) / "presets"


def locate(preset: str | os.PathLike[str]) -> Path:
    """The file of a preset. Raises ConfigError that lists those that ship."""
    path = Path(preset)
    for file in (_shipped() / f"{preset}.toml", path / FILE, path):
        if file.is_file():
            return file
    raise ConfigError(
        f"no preset {os.fspath(preset)!r}: expected a TOML file, a folder with preset.toml, "
        f"or one of {', '.join(presets())}"
    )


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is no TOML file: {error}") from error
    if set(tables) - set(OPTIONAL) != set(PARTS):
        raise ConfigError(
            f"{file}: a preset has the tables {', '.join(PARTS)}, and may have "
            f"{' and '.join(OPTIONAL)}; got {', '.join(tables) or 'none'}"
        )
    for part, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f'{file}: [{part}] should be a table with use = "module:Class", got {table!r}'
            )
    return tables


def _with_levels(
    tables: dict[str, dict[str, Any]], file: Path, levels: Mapping[str, float | None]
) -> dict[str, dict[str, Any]]:
    """The tables with the levels of the confidence. Raises ConfigError for a file without."""
    given = {name: level for name, level in levels.items() if level is not None}
    if not given:
        return tables
    if "confidence" not in tables:
        raise ConfigError(
            f"{file} has no [confidence], so how often it is wrong is not known; fit it: "
            f"grounded train confidence {file} --data DIR"
        )
    return {**tables, "confidence": {**tables["confidence"], **given}}


def _build(
    part: str, table: Mapping[str, Any], file: Path, usual: Mapping[str, str], trust: bool
) -> Any:
    """usual: keywords for a part that takes them and whose table leaves them out."""
    where = f"{file} [{part}]"
    keywords = {
        key: _build(part, value, file, usual, trust) if _is_part(value) else _resolve(value, file)
        for key, value in table.items()
        if key != "use"
    }
    constructor = _find(str(table.get("use", "")), where, trust)
    _check(constructor, keywords, where)
    takes = inspect.signature(constructor).parameters
    keywords = {key: usual[key] for key in usual if key in takes} | keywords
    try:
        made = constructor(**keywords)
    except GroundedError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
    if not isinstance(made, (PARTS | OPTIONAL)[part]):
        raise ConfigError(f"{where}: {constructor.__name__} cannot be used as {part}")
    return made


def _is_part(value: Any) -> bool:
    """Whether a keyword is itself a part of the same kind, that another one is made around."""
    return isinstance(value, dict) and "use" in value


def _resolve(value: Any, file: Path) -> Any:
    return (
        file.parent / value if isinstance(value, str) and value.startswith(("./", "../")) else value
    )


def _find(use: str, where: str, trust: bool) -> type:
    module, _, name = use.partition(":")
    if not module or not name:
        raise ConfigError(f'{where}: expected use = "module:Class", got {use!r}')
    if not trust and not module.startswith("grounded."):
        raise ConfigError(
            f"{where}: {module!r} is not part of grounded; loading it runs its code. "
            f"If you trust the preset, say load(..., trust=True) or --trust"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not module.startswith(str(error.name)):
            raise  # something that the module itself needs is missing
        raise ConfigError(f"{where}: there is no {use!r}") from error
    if not isinstance(found, type):
        raise ConfigError(f"{where}: {use!r} is not a class")
    return found


def _check(constructor: type, keywords: Mapping[str, Any], where: str) -> None:
    known = inspect.signature(constructor).parameters
    for key in keywords:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"{where}: {constructor.__name__} takes no {key!r}{hint} "
                f"It takes: {', '.join(known) or 'nothing'}"
            )

"""Presets: TOML in, a `Reporter` out. The constructors are the schema; there is no registry.

A preset has a table for each part, `detector`, `generator`, `explainer` and `composer`, and may
have one for `check`, with `use = "module:Class"` and that constructor's keywords. A text that
begins with "./" is a path beside the preset. A table with `use` inside a part's table is a part of
the same kind, that is handed to its constructor.
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
from grounded.protocols import Composer, Explainer, FilmCheck, RegionDetector, SentenceGenerator
from grounded.reporter import Reporter
from grounded.version import VERSION

PARTS: dict[str, type] = {
    "detector": RegionDetector,
    "generator": SentenceGenerator,
    "explainer": Explainer,
    "composer": Composer,
}
OPTIONAL: dict[str, type] = {"check": FilmCheck}
DEFAULT = "neural"


def load(
    preset: str | os.PathLike[str] = DEFAULT,
    *,
    device: str = "auto",
    dtype: str = "float32",
    trust: bool = False,
) -> Reporter:
    """A reporter from a shipped preset by name, a TOML file, or a folder that holds `preset.toml`.

    device, dtype: where the networks compute ("auto" is a GPU if there is one, else the CPU) and in
    which type ("float32", "bfloat16", "float16"); a part that the preset gives its own keeps it.
    trust: let the preset use classes from outside of this package, which runs their code.
    Raises ConfigError that says what is wrong with the preset and what would be right.
    """
    file = locate(preset)
    tables = _read(file)
    usual = {"device": device, "dtype": dtype}
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
            f"{file}: a preset has the tables {', '.join(PARTS)}, and {', '.join(OPTIONAL)} if "
            f"films are to be checked; got {', '.join(tables) or 'none'}"
        )
    for part, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f'{file}: [{part}] should be a table with use = "module:Class", got {table!r}'
            )
    return tables


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

"""Training configurations: a TOML file in, a checked dataclass out.

pydantic checks the file against the dataclass itself, so that a configuration is written once and
everything that is wrong with a file is said at once, by key. It reads plain dataclasses, whole and
nested, which msgspec (no unknown keys of dataclasses) and cattrs (one error a field, no limits) do
not.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo

from grounded.errors import ConfigError
from grounded.train.engine import Precision

Config = TypeVar("Config")
Count = Annotated[int, Field(ge=1)]
Part = Annotated[float, Field(ge=0, le=1)]


def _beside(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context) / path if info.context else path


Beside = Annotated[Path, AfterValidator(_beside)]
"""A path; one that is relative starts from the configuration's folder."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every training run has; each network adds its own.

    steps: of the optimizer; each takes `accumulate` batches of `batch` samples in every process.
    warmup: part of the steps in which the learning rate rises. clip: the largest norm of the
    gradient. ema: decay per step of the smoothed copy that is kept, 0 for none. precision: of the
    network's arithmetic. device: "auto" takes a GPU if there is one. threads: of torch on the CPU.
    workers: processes that make samples. log_every, measure_every, save_every: steps; save_every 0
    saves whenever it is measured. tensorboard: write curves.
    """

    seed: int = 0
    steps: Count = 1000
    batch: Count = 16
    accumulate: Count = 1
    learning_rate: Annotated[float, Field(ge=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Part = 0.05
    clip: Annotated[float, Field(gt=0)] = 5.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    precision: Precision = "float32"
    device: str = "auto"
    threads: Count = 1
    workers: Annotated[int, Field(ge=0)] = 1
    log_every: Count = 50
    measure_every: Count = 500
    save_every: Annotated[int, Field(ge=0)] = 0
    tensorboard: bool = False


def read_configuration(path: Path) -> dict[str, Any]:
    """A TOML file's table. Raises ConfigError for a file that is missing or misshapen."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the training configuration {path}: {error}") from error


def configured(kind: type[Config], table: Mapping[str, Any], file: Path) -> Config:
    """The table as `kind`, a dataclass; nested tables are the dataclasses that its fields name.

    file: where the table is from, for messages and for relative paths. Raises ConfigError that
    lists everything that does not fit, with its key, what was got and what was expected.
    """
    adapter = TypeAdapter(tuple[kind], config=ConfigDict(extra="forbid"))  # type: ignore[valid-type]
    try:
        # as JSON, where a list is a tuple and a text is a path, but "3" is no number
        text = json.dumps([dict(table)], default=str)
        return adapter.validate_json(text, strict=True, context=str(file.parent))[0]
    except ValidationError as error:
        lines = [_line(kind, found["loc"][1:], found) for found in error.errors()]
        raise ConfigError(f"{file} does not fit: " + "; ".join(lines)) from error


def _line(kind: type, where: Sequence[int | str], error: Mapping[str, Any]) -> str:
    """What is wrong with one key."""
    *tables, key = (str(part) for part in where)
    heading = f"[{'.'.join(tables)}] " if tables else ""
    if error["type"] == "unexpected_keyword_argument":
        return f"{heading}has no key {key!r}{_suggestion(_table_of(kind, tables), key)}"
    if error["type"] == "missing":
        return f"{heading}{key} is missing"
    expected = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{heading}{key}: got {error['input']!r}, expected {expected}"


def _table_of(kind: type, tables: Sequence[str]) -> type | None:
    """The dataclass of a nested table."""
    for name in tables:
        hint = get_type_hints(kind).get(name) if is_dataclass(kind) else None
        candidates = [hint, *get_args(hint)]
        found = next((item for item in candidates if is_dataclass(item)), None)
        if not isinstance(found, type):
            return None
        kind = found
    return kind


def _suggestion(kind: type | None, key: str) -> str:
    known = [item.name for item in fields(kind)] if is_dataclass(kind) else []
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(known)}"

"""What a watch does, from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from grounded.config import DEFAULT
from grounded.dicom.pacs.address import Address
from grounded.errors import ConfigError, InvalidValueError
from grounded.export.exporters import exporter

_FORMATS = ("sr.dcm", "gsps.dcm")
_ACTIONS = ("read", "leave")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which films are read, and as what their reports go back; the first that fits decides.

    station, modality, body_part, view: patterns as of file names, "" for anything. action: "read",
    or "leave" for films that are none of ours. formats: () for those of all.
    """

    station: str = ""
    modality: str = ""
    body_part: str = ""
    view: str = ""
    action: str = "read"
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.action not in _ACTIONS:
            raise InvalidValueError(f"action is one of {_ACTIONS}, got {self.action!r}")
        _check(self.formats)

    def fits(self, header: Dataset) -> bool:
        """Whether a film's header is as this rule has it."""
        asked = {
            "StationName": self.station,
            "Modality": self.modality,
            "BodyPartExamined": self.body_part,
            "ViewPosition": self.view,
        }
        return all(
            fnmatchcase(str(header.get(keyword) or "").upper(), pattern.upper())
            for keyword, pattern in asked.items()
            if pattern
        )


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """Where films come from, where results go, and how.

    folder: of films, results and state. host, port, title: of our storage service; port 0 for none.
    to: the PACS that gets results. quiet_seconds: after which a study counts as complete. workers:
    processes that read. most_waiting: films that may wait; a sender is asked to come again later
    above it. least_free_mb: of the disk; the same below it. tries: how often a film may crash a
    worker. poll: a PACS that is asked for films instead, or as well, every poll_seconds, with what
    they have to be (`wanted`, by keyword).
    """

    folder: Path
    to: Address
    host: str = "127.0.0.1"
    port: int = 11112
    title: str = "GROUNDED"
    quiet_seconds: float = 10.0
    formats: tuple[str, ...] = _FORMATS
    rules: tuple[Rule, ...] = ()
    preset: str = DEFAULT
    device: str = "auto"
    workers: int = 1
    most_waiting: int = 1000
    least_free_mb: int = 500
    tries: int = 3
    poll: Address | None = None
    poll_seconds: float = 30.0
    wanted: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.workers < 1 or self.tries < 1 or self.most_waiting < 1:
            raise InvalidValueError("workers, tries and most_waiting are at least 1")
        _check(self.formats)

    @classmethod
    def read(cls, path: Path) -> WatchConfig:
        """Raises ConfigError for a file that cannot be read, or with a key that is not known."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            rules = tuple(_rule(entry) for entry in data.pop("rule", []))
            data["folder"] = (path.parent / data["folder"]).absolute()
            for name in ("to", "poll"):
                if name in data:
                    data[name] = Address.parse(data[name])
            if "formats" in data:
                data["formats"] = tuple(data["formats"])
            return cls(rules=rules, **data)
        except KeyError as error:
            raise ConfigError(f"{path} lacks {error}; a watch needs folder and to") from error
        except (OSError, TypeError, ValueError) as error:
            raise ConfigError(f"{path} describes no watch: {error}") from error

    def rule(self, header: Dataset) -> Rule | None:
        """The first rule that fits; without any rules, one that reads all. None: no rule fits."""
        if not self.rules:
            return Rule()
        return next((rule for rule in self.rules if rule.fits(header)), None)


def _rule(entry: dict[str, Any]) -> Rule:
    return Rule(**{**entry, "formats": tuple(entry.get("formats", ()))})


def _check(formats: tuple[str, ...]) -> None:
    """A PACS takes DICOM objects alone."""
    for name in formats:
        if not name.endswith(".dcm"):
            raise InvalidValueError(f"a PACS takes formats that end with .dcm, got {name!r}")
        exporter(name)

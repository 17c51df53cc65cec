"""Coded concepts: which finding and which measurement has one, without pydicom."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: scheme ("SCT" for SNOMED CT, "DCM", "RADLEX"), value and meaning."""

    scheme: str
    value: str
    meaning: str

    def to_dict(self) -> dict[str, str]:
        return {"scheme": self.scheme, "value": self.value, "meaning": self.meaning}


def finding_code(label: str) -> Code | None:
    """The code of a finding by its label, None where no public dictionary has one that fits."""
    return codes()["findings"].get(label)


def measurement_code(name: str) -> Code | None:
    """The code of a measurement by its name, None without one."""
    return codes()["measurements"].get(name)


@cache
def codes() -> Mapping[str, Mapping[str, Code]]:
    """All codes of configs/findings/codes.toml: of findings by label, of measurements by name."""
    file = resources.files("grounded.configs") / "findings" / "codes.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        table: {name: Code(**entry) for name, entry in entries.items()}
        for table, entries in tables.items()
    }

"""Plain sentences of our own, for what reports say too seldom: `configs/train/phrases.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grounded.language.agreement import polish
from grounded.train.configuration import read_configuration


def own_sentences(file: Path) -> Iterator[tuple[str, str]]:
    """Each sentence with blanks, and the kind of region that it is said of; each pair once.

    Raises ConfigError for a file that is missing or no TOML.
    """
    table = read_configuration(file)
    pairs = (
        (polish(frame.format(**words)), kind)
        for group in table["group"]
        for frame, words in _combinations(group, table["frames"])
        for kind in group["kinds"]
    )
    yield from dict.fromkeys(pairs)


def _combinations(
    group: Mapping[str, Any], frames: Mapping[str, list[str]]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Every frame of the group with every name that it can hold."""
    for text in group.get("texts", ()):
        yield text, {}
    for name in group.get("frames", ()):
        many = name.endswith("present") or name.endswith("uncertain")
        for frame in frames[name]:
            for noun in group["nouns"]:
                for adjective in ("", *group.get("adjectives", ())) if many else ("",):
                    described = f"{adjective} {noun}".strip()
                    article = "" if noun in group.get("uncounted", ()) else "a "
                    yield frame, {"a": f"{article}{described}", "n": described}

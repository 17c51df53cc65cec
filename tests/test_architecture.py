"""The picture in the contributing guide is true: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# what may import anything; nobody else imports it
FREE = {"config", "export", "cli", "batch", "convert", "__main__", "__init__", "train", "evaluate"}
PARTS = {"detectors", "generators", "viz", "dicom", "explain", "data"}  # never each other
CORE = (
    {"errors", "silence"},
    {"geometry", "tone", "weights", "wording", "comparison", "laterality"},
    {"image", "atlas", "evidence", "findings", "plural"},
    {"regions", "labeller", "raster", "films"},
    {"report"},
    {"protocols", "guards", "merging"},
    {"impression"},
    {"compose", "reporter"},
)
RANK = {name: rank for rank, names in enumerate(CORE) for name in names}
SOURCES = [
    *(ROOT / "grounded").rglob("*.py"),
    *(
        path
        for folder in ("detectors", "generators", "viz")
        for path in (ROOT / folder).rglob("*.py")
    ),
]


def part_of(path: Path) -> str:
    return (
        path.relative_to(ROOT)
        .with_suffix("")
        .parts[1 if path.is_relative_to(ROOT / "grounded") else 0]
    )


def _plain_names(node: ast.stmt) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def imports(path: Path) -> set[str]:
    """The parts of grounded that a module imports at its top level."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("grounded."):
            found.add(node.module.split(".")[1])
        elif "grounded" in (getattr(node, "module", ""), *_plain_names(node)):
            found.add("__init__")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    part = part_of(path)
    for other in imports(path) - {part}:
        if part in RANK:
            assert other in RANK, f"{part} is core and imports {other}"
            assert RANK[other] < RANK[part] or part == "reporter", f"{part} imports {other}"
        elif part in PARTS:
            assert other in RANK, f"{part} may import the core only, not {other}"
        elif part not in FREE:
            raise AssertionError(f"{part} has no place in the architecture: give it one")
        if other in FREE:
            assert part in FREE, f"{part} imports {other}, which nobody imports"

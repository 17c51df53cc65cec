"""The picture in the contributing guide is true: which room may import which."""

import ast
import inspect
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import FrameType

import pytest

import grounded

ROOT = Path(__file__).parent.parent
# Each row may import the rows above it; the names of one row never import each other.
LAYERS = (
    {"errors", "version"},
    {"codes", "geometry", "greys", "preset", "table", "view"},
    {"atlas"},
    {"image", "evidence", "findings"},
    {"regions", "audit", "provenance"},
    {"report"},
    {"protocols"},
    {"films", "language", "chest", "nn"},
    {"dicom", "reporter"},
    {"compose", "explain", "data"},
    {"synthetic", "evaluate", "detectors", "generators", "viz", "export"},
    {"train"},
    {"config", "convert", "batch", "serve"},
    {"watch"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The doors of the public values: a method that opens or writes imports its room when it is called.
DOORS = {
    ("image", "films"): "Image.open",
    ("image", "dicom"): "Image.anonymous, when the film has a DICOM header",
    ("films", "dicom"): "open_film, when the file is DICOM",
    ("report", "dicom"): "GroundedReport.from_sr",
    ("report", "export"): "GroundedReport.save",
    ("reporter", "explain"): "Reading.audit",
    ("report", "viz"): "GroundedReport.overlay, ._repr_html_",
    ("export", "viz"): "the exporters of pictures and pages",
}
# What takes the atlas of the detector, of whatever body part; see tests/test_second_atlas.py.
ANY_ATLAS = {
    *("atlas", "audit", "evidence", "findings", "regions", "report", "protocols", "reporter"),
    *("language", "compose", "explain", "export", "config", "batch", "serve", "cli", "watch"),
}
SOURCES = [
    path
    for folder in ("grounded", "detectors", "generators", "viz")
    for path in (ROOT / folder).rglob("*.py")
]


def room_of(path: Path) -> str:
    """The folder, or the flat file, that a module belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "grounded" else parts[0]


def imports(path: Path) -> set[tuple[str, bool]]:
    """The rooms that a module imports, and whether it does so inside of a function.

    What is imported for type checkers alone counts as any other import.
    """
    tree = ast.parse(path.read_text())
    inner = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grounded."):
            found.add(((node.module or "").split(".")[1], node in inner))
        elif isinstance(node, ast.ImportFrom) and node.module == "grounded":
            rooms = {alias.name if alias.name in RANK else "__init__" for alias in node.names}
            found |= {(room, node in inner) for room in rooms}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "grounded":
                    found.add(([*alias.name.split("."), "__init__"][1], node in inner))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_rooms_above_its_own(path: Path) -> None:
    room = room_of(path)
    assert room in RANK, f"{room} has no place in the architecture: give it one"
    for other, inner in imports(path):
        if other == room or (inner and (room, other) in DOORS):
            continue
        assert RANK[other] < RANK[room], f"{path.relative_to(ROOT)} imports {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_works_with_any_atlas_does_not_know_the_chest(path: Path) -> None:
    if room_of(path) in ANY_ATLAS:
        assert "chest" not in {other for other, _ in imports(path)}


def test_no_rooms_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        room = room_of(path)
        others = {other for other, _ in imports(path) if (room, other) not in DOORS}
        graph.setdefault(room, set()).update(others - {room})
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        raise AssertionError(f"these rooms import each other: {circle.args[1]}") from None


def test_no_files_of_a_room_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        name = _module(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grounded."):
                graph.setdefault(name, set()).add(node.module or "")
    doors = {(a, b) for a in graph for b in graph[a] if (_room(a), _room(b)) in DOORS}
    graph = {a: {b for b in others if (a, b) not in doors} for a, others in graph.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        raise AssertionError(f"these files import each other: {circle.args[1]}") from None


@pytest.mark.parametrize("door", DOORS, ids=" to ".join)
def test_every_door_is_still_used(door: tuple[str, str]) -> None:
    used = {(room_of(path), other) for path in SOURCES for other, inner in imports(path) if inner}
    assert door in used


def test_every_folder_of_code_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = [
        file.parent.relative_to(ROOT)
        for top in ("grounded", "detectors", "generators", "viz", "configs")
        for file in (ROOT / top).rglob("__init__.py")
    ]
    names = {".".join(folder.parts) for folder in folders}
    names = {name if name.startswith("grounded") else f"grounded.{name}" for name in names}
    assert set(settings["tool"]["setuptools"]["packages"]) == names


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in SOURCES}),
    ids=lambda folder: str(folder.relative_to(ROOT)),
)
def test_a_folder_says_in_its_first_line_what_it_is_for(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    assert text.splitlines()[0].endswith("."), f"{folder} does not say what it is for"


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "grounded" else ("grounded", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


# A ceiling, so that a film's way through the code does not grow longer unnoticed. With the shipped
# preset ten are values and the flow, five read the picture, nine are the networks and what they
# share, eight measure, three say what was read, the others are words, composer and explainer. Each
# is on one topic, and most serve others as well (a detector without the generator, measurements
# without any network), so they stay apart: fewer files would mean to mix topics. A film that stores
# more than 8 bits passes through `films/greyscale.py` as well.
MOST_FILES = {"baseline": 25, "measured": 38, "neural": 47}


@pytest.mark.parametrize("preset", MOST_FILES)
def test_one_film_passes_through_few_files(preset: str) -> None:
    reporter = grounded.load(preset)
    ran: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        _, package, file = frame.f_code.co_filename.rpartition("/grounded/")
        function = frame.f_code.co_flags & inspect.CO_NEWLOCALS  # a class's body runs on import
        if event == "call" and package and function:
            ran.add(file)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        reporter(ROOT / "examples" / "normal_pa.jpg")
    finally:
        sys.setprofile(before)
    assert len(ran) <= MOST_FILES[preset], f"{len(ran)} files: {sorted(ran)}"

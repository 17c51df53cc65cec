"""How many small faults in the code the tests notice: `make mutants`, or a room by name.

    python benchmarks/mutants.py geometry marks

mutmut changes one thing at a time in the functions of a room (a sign, a limit, an argument) and
runs that room's fast tests. What they do not notice survives. `tests/mutants.toml` says of some
changes why no test can or need notice them; the other survivors are printed, and the command fails
where less than 95 % of the rest is killed. Lines that raise an error are left out: they are words
for people. Needs the extra `mutants`. Takes minutes a room on one core.

    python benchmarks/mutants.py films --sample 200 --seed 1

runs 200 of a large room's mutants, drawn at random, and prints the 95 % confidence interval of the
part that is killed of all; another seed draws others.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST = 0.95
NOTHING = "none"  # a name that no mutant has: mutmut makes the mutants and runs none
EXPLAINED = ROOT / "tests" / "mutants.toml"
INSIDE = ("detectors", "generators", "viz", "configs")  # installed as grounded.detectors and so on
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider")
CAUGHT = ("killed", "timeout", "suspicious", "segfault")


@dataclass(frozen=True, slots=True)
class Room:
    """Files of the installed package that are changed, and the tests that should notice.

    slow: of these tests, those that take seconds each and are left out.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    slow: tuple[str, ...] = ()


ROOMS = {
    "geometry": Room(("grounded/geometry.py",), ("tests/test_geometry.py",)),
    "films": Room(
        ("grounded/films/*",),
        ("tests/films", "tests/test_image.py"),
        slow=(
            "tests/films/test_child.py::test_a_data_set_that_unpacks_to_gigabytes_ends_in_one_line",
            "tests/films/test_raster.py::test_absurd_sizes_are_refused",
            "tests/films/test_child.py::test_flipped_bits_end_in_an_error_of_our_own_or_in_a_film",
        ),
    ),
    "dicom": Room(
        ("grounded/dicom/read/*", "grounded/view.py"),
        ("tests/dicom/read", "tests/test_view.py"),
        slow=(
            "tests/dicom/read/test_pixels.py::test_a_value_too_long_to_be_meant_is_not_converted",
            "tests/dicom/read/test_film.py::test_damaged_files_end_in_an_error_of_our_own_or_in_a_film",
        ),
    ),
    "compose": Room(("grounded/compose/*",), ("tests/compose", "tests/test_second_atlas.py")),
    "language": Room(
        ("grounded/language/*",), ("tests/language", "tests/evaluate/test_attributes.py")
    ),
    "chest": Room(
        ("grounded/chest/*",),
        ("tests/chest", "tests/generators/test_measured.py", "tests/generators/test_statements.py"),
    ),
    "marks": Room(
        ("grounded/viz/marks.py", "grounded/viz/words.py"),
        ("tests/viz/test_marks.py", "tests/viz/test_words.py", "tests/viz/test_html.py"),
    ),
}

SETTINGS = """
[tool.mutmut]
source_paths = ["grounded"]
only_mutate = {files}
pytest_add_cli_args = {options}
pytest_add_cli_args_test_selection = {tests}
also_copy = ["grounded", "benchmarks", "examples"]
do_not_mutate_patterns = ["^ *raise "]
track_dependencies = false
use_git_change_detection = false

"""


@dataclass(frozen=True, slots=True)
class RoomResult:
    """What became of the mutants of a room.

    survivors: names with what was changed. explained: how many others survived for a known reason.
    total: the mutants of the room, of which a sample may have been run.
    """

    killed: int
    explained: int
    survivors: dict[str, str]
    total: int

    @property
    def part(self) -> float:
        """Killed, of all but those that are explained."""
        return self.killed / max(1, self.killed + len(self.survivors))

    def __str__(self) -> str:
        ran = self.killed + self.explained + len(self.survivors)
        drawn, sure = "", ""
        if ran < self.total:
            low, high = interval(self.killed, self.killed + len(self.survivors))
            drawn = f", drawn from {self.total}"
            sure = f" (95 % confidence interval {low:.1%} to {high:.1%})"
        return (
            f"{ran} mutants{drawn}, {self.killed} killed, {self.explained} explained, "
            f"{len(self.survivors)} survived: {self.part:.1%} killed of what a test can notice"
            f"{sure}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(ROOMS)}; all by default")
    parser.add_argument("--sample", type=int, help="how many mutants of a room; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants")
    options = parser.parse_args()
    reasons = _reasons()
    failed = False
    for name in options.rooms or ROOMS:
        draw = partial(sample, count=options.sample, seed=options.seed)
        outcome = examine(ROOMS[name], options.folder / name, draw, options.children, reasons)
        print(f"{name}: {outcome}", flush=True)
        for survivor, change in outcome.survivors.items():
            print(f"  {survivor}\n      {change}")
        failed |= outcome.part < LEAST
    sys.exit(f"fewer than {LEAST:.0%} killed" if failed else 0)


def sample(names: Sequence[str], count: int | None, seed: int) -> list[str]:
    """Some of the mutants, drawn at random; all of them without a count."""
    if count is None or count >= len(names):
        return list(names)
    return random.Random(seed).sample(sorted(names), count)


def interval(killed: int, total: int) -> tuple[float, float]:
    """The 95 % confidence interval of a part, by Wilson (JASA 1927)."""
    if not total:
        return 0.0, 1.0
    z, part = 1.96, killed / total
    middle = (part + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(part * (1 - part) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return middle - half, middle + half


def examine(
    room: Room,
    folder: Path,
    draw: Callable[[Sequence[str]], list[str]],
    children: int,
    reasons: Sequence[str],
) -> RoomResult:
    """Runs mutants of a room in a copy of the package as it is installed.

    draw: chooses those that are run from the names of all.
    """
    _lay_out(room, folder)
    _mutmut(folder, "run", "--max-children", str(children), NOTHING, fails="nothing matches")
    names = list(_results(folder))
    drawn = draw(names)
    _mutmut(folder, "run", "--max-children", str(children), *drawn)
    found = _results(folder)
    missed = [name for name in drawn if found[name] not in CAUGHT]
    changes = {name: _change(_mutmut(folder, "show", name)) for name in missed}
    survivors = {
        name: change
        for name, change in changes.items()
        if not any(re.search(reason, f"{name}: {change}") for reason in reasons)
    }
    killed, explained = len(drawn) - len(missed), len(missed) - len(survivors)
    return RoomResult(killed, explained, survivors, len(names))


def _results(folder: Path) -> dict[str, str]:
    """What became of each mutant, by name."""
    lines = _mutmut(folder, "results", "--all", "true").splitlines()
    return dict(line.strip().rsplit(": ", 1) for line in lines if ": " in line)


def _mutmut(folder: Path, *words: str, fails: str = "") -> str:
    """What mutmut prints; it runs its tests with one thread a library.

    fails: what it says where it is expected to fail.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and not (fails and fails in done.stdout + done.stderr):
        raise SystemExit(f"mutmut {' '.join(words)} failed:\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def _change(diff: str) -> str:
    """The changed lines of a diff: what stood there -> what stands there now."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    was, now = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return f"{was} -> {now}"


def _lay_out(room: Room, folder: Path) -> None:
    """The package as it is installed, its tests, and mutmut's settings."""
    shutil.rmtree(folder, ignore_errors=True)
    skipped = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "grounded", folder / "grounded", ignore=skipped)
    for name in INSIDE:
        shutil.copytree(ROOT / name, folder / "grounded" / name, ignore=skipped)
    for name in ("tests", "benchmarks", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    left_out = tuple(f"--deselect={test}" for test in room.slow)
    settings = SETTINGS.format(
        files=_list(room.files), tests=_list(room.tests), options=_list((*OPTIONS, *left_out))
    )
    own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pytest_part = own[own.index("[tool.pytest.ini_options]") :]
    (folder / "pyproject.toml").write_text(settings + pytest_part, encoding="utf-8")


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _reasons() -> list[str]:
    """Patterns of the changes of which the reason is known why no test notices them."""
    table = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    return [pattern for entry in table["explained"] for pattern in entry["changes"]]


if __name__ == "__main__":
    main()

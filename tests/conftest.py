"""Small real things that many tests start from, and the browser that some need."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grounded import (
    Box,
    Finding,
    GroundedReport,
    GroundedSentence,
    Image,
    Line,
    Mask,
    Measurement,
    Regions,
)
from grounded.cli import main
from grounded.provenance import Provenance, Scope
from grounded.report import Removed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--use-angle=swiftshader",  # WebGL2 without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = Path(__file__).parents[1] / "viz" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PROVENANCE = Provenance(
    "0.1", "test", "detector", "generator", "explainer", "composer", {"a": "f" * 64}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden",
        action="store_true",
        help="keep the pictures in tests/golden as they are drawn now",
    )


@pytest.fixture
def refresh_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--refresh-golden"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command line and gives its exit status, output and errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["grounded", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def film() -> Image:
    """A plain film, 80 high and 100 wide, dark at the left and light at the right."""
    return Image.of(np.tile(np.linspace(0, 1, 100, dtype=np.float32), (80, 1)), name="film")


@pytest.fixture
def found() -> Regions:
    """Two lungs, and a heart with an outline."""
    boxes = np.array([[10, 5, 40, 60], [60, 5, 90, 60], [35, 35, 70, 62]])
    outline = Mask(np.full((3, 4), 0.9, np.float32), Box(*boxes[2]))
    return Regions(
        ("right lung", "left lung", "cardiac silhouette"),
        boxes,
        np.array([0.9, 0.8, 0.7]),
        masks=(None, None, outline),
        missing={"carina": "hidden"},
    )


@pytest.fixture
def report(film: Image, found: Regions) -> GroundedReport:
    """A finished report with a merged sentence, a measurement and an impression."""
    diameters = (Line(35, 50, 70, 50, "heart"), Line(10, 55, 90, 55, "thorax"))
    ratio = Measurement("cardiothoracic ratio", 0.44, "1", diameters, (0.0, 0.5), 0.02, "a book")
    lungs = GroundedSentence(
        "The lungs are of equal height.",
        ("right lung", "left lung"),
        (found["right lung"].box, found["left lung"].box),
        origin="test",
    )
    heart = GroundedSentence(
        "The heart is not enlarged.",
        ("cardiac silhouette",),
        (ratio, Mask(np.ones((2, 2), np.float32), found["cardiac silhouette"].box)),
        origin="test",
        findings=(Finding("Cardiomegaly", "absent", "cardiac silhouette", 0.9),),
        score=0.9,
    )
    return GroundedReport(
        image=film.info,
        regions=found,
        sentences=(lungs, heart, replace(heart, section="impression", text="Normal heart size.")),
        scope=Scope({"Cardiomegaly": "measured"}, ("Edema",)),
        provenance=PROVENANCE,
        removed=(Removed("The film is fine.", ("left lung",), "says nothing"),),
        film=film,
    )


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium; the tests that use it are skipped without one."""
    if CHROMIUM is None:
        pytest.skip("needs the system's Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def axe():
    """What finds barriers in a page: gives the rules that it breaks in earnest."""
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci in viz/web")

    def broken(page):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        return [
            (item["id"], node["html"][:120])
            for item in found
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]

    return broken

"""The page in the system's Chromium. Skipped where there is none."""

import shutil

import pytest

from grounded.viz.html import render_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs the system's Chromium"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, drawn, tmp_path):
    (tmp_path / "report.html").write_text(render_page(drawn), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on("console", lambda message: page.failures.append(message.text))
    page.goto((tmp_path / "report.html").as_uri())
    yield page
    assert page.failures == []
    context.close()


def lit(page, kind):
    found = page.locator(f"{kind}.lit")
    key = "data-sentence" if kind == ".sentence" else "data-region"
    return {found.nth(at).get_attribute(key) for at in range(found.count())}


def test_pointing_at_a_sentence_lights_its_regions_and_its_evidence(page):
    page.hover("#sentence-3")
    assert lit(page, ".region") == {"1", "3"}
    assert page.locator('.evidence.lit[data-sentence="3"]').count() == 1
    page.mouse.move(2, 2)
    assert lit(page, ".region") == set()


def test_pointing_at_a_region_of_the_film_lights_its_sentences(page):
    box = page.locator("#sheet").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 150 / 640, box["y"] + box["height"] * 350 / 720)
    assert lit(page, ".sentence") == {"1", "3", "4"}


def test_pointing_at_the_list_of_regions_lights_film_and_sentences(page):
    page.hover("#region-2")
    assert lit(page, ".region") == {"2"}
    assert lit(page, ".sentence") == {"2"}


def test_a_click_pins_and_escape_clears(page):
    page.click("#sentence-2 .says")
    page.mouse.move(2, 2)
    assert page.get_attribute("#sentence-2 .says", "aria-pressed") == "true"
    assert lit(page, ".region") == {"2"}
    assert page.inner_text("#status") == "Sentence 2 points at left lung."
    page.keyboard.press("Escape")
    assert lit(page, ".region") == set()


def test_the_keyboard_reaches_moves_pins_and_clears(page):
    page.focus("#stage")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('li').id") == "sentence-1"
    assert lit(page, ".region") == {"1"}
    page.keyboard.press("ArrowDown")
    assert lit(page, ".region") == {"2"}
    page.keyboard.press("Enter")
    assert page.get_attribute("#sentence-2 .says", "aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.get_attribute("#sentence-2 .says", "aria-pressed") == "false"


def test_a_finger_taps_a_region_of_the_film(browser, drawn, tmp_path):
    (tmp_path / "report.html").write_text(render_page(drawn), encoding="utf-8")
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = phone.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    box = page.locator("#sheet").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.4)
    assert lit(page, ".sentence") == {"2"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()


def test_the_film_is_not_distorted(page):
    box = page.locator("#film").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(640 / 720, rel=0.01)


def test_labels_in_sight_do_not_cover_one_another(page):
    shown = page.locator(".label.shown rect")
    boxes = [shown.nth(at).bounding_box() for at in range(shown.count())]
    assert len(boxes) == 3
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            apart_x = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            apart_y = (
                one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            )
            assert apart_x or apart_y

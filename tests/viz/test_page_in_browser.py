"""The static page in the system's Chromium. Skipped where there is none."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from grounded.audit import Audit, Check, SentenceAudit, Share, Verdict
from grounded.greys import Greys, Scale, Window
from grounded.report import WITHHELD, GroundedSentence, Right
from grounded.viz.html import render_fragment, render_page

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report as a file; nothing may fail or be said on the console."""

    @contextmanager
    def open_report(report, width=1280, height=800, **context):
        path = tmp_path / "report.html"
        path.write_text(render_page(report), encoding="utf-8")
        still = {"reduced_motion": "reduce", **context}
        context = browser.new_context(viewport={"width": width, "height": height}, **still)
        page = context.new_page()
        failures = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda message: failures.append(message.text))
        page.goto(path.as_uri())
        if report.film is not None:
            page.wait_for_selector("canvas[data-drawn]")
        yield page
        context.close()
        assert [text for text in failures if "GPU stall" not in text] == []

    return open_report


@pytest.fixture
def page(opened, drawn):
    with opened(drawn) as page:
        yield page


def lit(page, what):
    key = {"region": "data-region", "sentence": "data-sentence"}[what]
    found = page.locator(f"[{key}].lit")
    return {found.nth(at).get_attribute(key) for at in range(found.count())}


def on_film(page, x, y):
    """A point of the film on the screen. The film, 640 x 720, is fitted into its stage."""
    box = page.locator(".stage").bounding_box()
    scale = min(box["width"] / 640, box["height"] / 720)
    left = box["x"] + (box["width"] - 640 * scale) / 2
    top = box["y"] + (box["height"] - 720 * scale) / 2
    return left + x * scale, top + y * scale


def grey_at(page, x, y):
    """What is seen of the film at a point of it, 0..255."""
    return page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
          const copy = document.createElement("canvas");
          [copy.width, copy.height] = [canvas.width, canvas.height];
          const pen = copy.getContext("2d");
          pen.drawImage(canvas, 0, 0);
          return pen.getImageData(x - box.left, y - box.top, 1, 1).data[0];
        }""",
        list(on_film(page, x, y)),
    )


def test_the_film_is_shown_in_its_own_greys(page, drawn):
    for x, y in ((100, 100), (320, 360), (600, 700), (30, 650)):
        assert grey_at(page, x, y) == pytest.approx(255 * drawn.film.pixels[y, x], abs=3)


def test_on_opening_only_what_matters_is_drawn(page):
    drawn = page.locator(".region:not(.unseen)")
    assert [drawn.nth(at).get_attribute("data-region") for at in range(drawn.count())] == [
        "right lung"
    ]
    assert page.locator(".card").count() == 1
    assert "The left lung is clear." in page.inner_text("div.normal")


def test_pointing_at_a_sentence_lights_its_regions_and_its_evidence(page):
    page.hover('div.normal [data-sentence="3"]')
    assert lit(page, "region") == {"cardiac silhouette", "right lung"}
    assert page.locator(".rulers .ruler").count() == 2
    page.mouse.move(2, 2)
    assert lit(page, "region") == set()


def test_pointing_at_a_sentence_shows_its_heat(page):
    assert page.locator(".heat").count() == 0
    page.hover(".card .says")
    assert page.locator(".heat").count() == 1


def test_pointing_at_a_region_of_the_film_lights_its_sentences(page):
    page.mouse.move(*on_film(page, 150, 350))
    assert lit(page, "region") == {"right lung"}
    assert {"1", "3", "4"} <= lit(page, "sentence")


@pytest.mark.parametrize("answer", [None, "abnormal", "open"])
def test_the_list_says_what_the_report_has_of_each_region(opened, drawn, answer):
    place = (drawn.regions["spine"].box,)
    unassessed = GroundedSentence("Not assessed: fractures.", ("spine",), place, "test")
    answers = {
        "abnormal": {"spine": drawn},
        "open": {"spine": replace(drawn, sentences=(unassessed,))},
    }
    with opened(replace(drawn, answers=lambda: answers.get(answer, {}))) as page:
        page.click(".regions summary")
        standing = page.locator("[data-entry]").evaluate_all(
            "all => Object.fromEntries(all.map((e) => [e.dataset.entry, e.lastChild.innerText]))"
        )
    assert standing == {
        "right lung": "see findings",
        "left lung": "described",
        "cardiac silhouette": "described",
        "spine": {None: "no sentence", "abnormal": "see findings", "open": "not assessed"}[answer],
    }


def test_a_click_on_the_film_answers_for_the_smallest_region_there(page):
    page.mouse.click(*on_film(page, 320, 450))
    assert page.inner_text(".answer h2").lower() == "spine"
    assert "No sentence of the report is about this region." in page.inner_text(".answer")
    page.keyboard.press("n")
    assert page.inner_text(".answer h2").lower() == "cardiac silhouette"
    assert "The heart is not enlarged." in page.inner_text(".answer")
    page.keyboard.press("Escape")
    assert page.locator(".answer").count() == 0


def test_the_answers_of_a_reading_are_told_in_place_of_the_reports(opened, drawn):
    own = replace(drawn.sentences[1], text="Only the left lung was asked about.")
    with_answers = replace(drawn, answers=lambda: {"left lung": replace(drawn, sentences=(own,))})
    with opened(with_answers) as page:
        page.mouse.click(*on_film(page, 500, 300))
        assert "Only the left lung was asked about." in page.inner_text(".answer")


def test_a_click_pins_and_escape_clears(page):
    page.click(".card .says")
    page.mouse.move(2, 2)
    assert page.get_attribute(".card .says", "aria-pressed") == "true"
    assert lit(page, "region") == {"right lung"}
    assert "Stands on: right lung." in page.inner_text('[role="status"]')
    page.keyboard.press("Escape")
    assert lit(page, "region") == set()


def test_the_keyboard_alone_reads_the_report_and_asks(page):
    page.focus(".stage")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.region") == "right lung"
    page.keyboard.press("ArrowRight")
    assert lit(page, "region") == {"left lung"}
    page.keyboard.press("Enter")
    assert page.inner_text(".answer h2").lower() == "left lung"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert lit(page, "sentence") == {"4"}  # the impression comes first
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert "next sentence" in page.inner_text("dialog")


def test_the_wheel_zooms_and_keeps_the_point_under_it(page):
    at = on_film(page, 200, 200)
    before = grey_at(page, 200, 200)
    page.mouse.move(*at)
    for _ in range(4):
        page.mouse.wheel(0, -200)
    page.locator(".stage:not(.whole)").wait_for()
    page.wait_for_timeout(100)
    assert grey_at(page, 200, 200) == pytest.approx(before, abs=3)
    page.keyboard.press("0")
    assert page.locator(".stage.whole").count() == 1


def test_dragging_with_the_right_button_windows_and_reset_takes_it_back(page):
    before = grey_at(page, 320, 360)
    x, y = on_film(page, 320, 360)
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x, y + 120, steps=4)
    page.mouse.up(button="right")
    page.wait_for_timeout(100)
    assert grey_at(page, 320, 360) < before - 10
    page.keyboard.press("r")
    page.wait_for_timeout(100)
    assert grey_at(page, 320, 360) == before


def test_greys_beyond_the_films_own_window_come_back(opened, drawn):
    greys = np.tile(np.linspace(0, 65535, 640).astype(np.uint16), (720, 1))
    for window in (Window(30_000, 34_000), Window(20_000, 40_000, (0.0, 0.1, 0.9, 1.0))):
        film = drawn.film.with_pixels(window.shown(greys), unwindowed=Greys(greys, Scale(window)))
        with opened(replace(drawn, film=film, image=film.info)) as page:
            for x in (100, 310, 330, 500):
                shown = 255 * film.pixels[650, x]
                assert grey_at(page, x, 650) == pytest.approx(shown, abs=5)
            x, y = on_film(page, 320, 360)
            page.mouse.move(x, y)
            page.mouse.down(button="right")
            page.mouse.move(x + 600, y, steps=4)
            page.mouse.up(button="right")
            page.wait_for_timeout(100)
            assert 20 < grey_at(page, 100, 650) < grey_at(page, 500, 650) < 235


def test_in_a_notebook_the_page_stands_in_a_frame_and_its_regions_answer(browser, drawn):
    answers = {"left lung": replace(drawn, sentences=drawn.sentences[1:2])}
    page = browser.new_page()
    page.set_content(render_fragment(replace(drawn, answers=lambda: answers)))
    frame = page.frame_locator("iframe")
    frame.locator("canvas[data-drawn]").wait_for()
    frame.locator(".regions summary").click()
    frame.locator('[data-entry="left lung"]').click()
    assert "left lung is clear" in frame.locator(".answer li").inner_text()
    page.close()


def test_inverting_turns_black_to_white(page):
    before = grey_at(page, 320, 360)
    page.keyboard.press("i")
    page.wait_for_timeout(100)
    assert grey_at(page, 320, 360) == pytest.approx(255 - before, abs=1)


def test_a_lost_context_comes_back_with_the_film(page):
    before = grey_at(page, 320, 360)
    page.evaluate(
        """() => new Promise((done) => {
          const canvas = document.querySelector("canvas");
          const lost = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
          canvas.addEventListener("webglcontextrestored", () => setTimeout(done, 200));
          lost.loseContext();
          setTimeout(() => lost.restoreContext(), 100);
        })"""
    )
    assert grey_at(page, 320, 360) == before


def test_without_webgl_the_film_is_the_same(opened, drawn, browser):
    script = (
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind === 'webgl2' ? null : real.call(this, kind, ...rest); };"
    )
    with opened(drawn) as page:
        page.add_init_script(script)
        page.reload()
        page.wait_for_selector('canvas[data-drawn^="canvas"]')
        assert grey_at(page, 320, 360) == pytest.approx(255 * drawn.film.pixels[360, 320], abs=3)


def test_a_ruler_is_drawn_in_millimetres(opened, drawn):
    info = replace(drawn.image, spacing_mm=(0.5, 0.5), spacing_kind="patient")
    with opened(replace(drawn, image=info, film=replace(drawn.film, info=info))) as page:
        page.keyboard.press("m")
        page.mouse.move(*on_film(page, 100, 100))
        page.mouse.down()
        page.mouse.move(*on_film(page, 300, 100), steps=4)
        page.mouse.up()
        assert "100 mm" in page.text_content(".labels")
        assert page.locator(".scalebar").count() == 1


def test_pixels_that_are_not_square_are_shown_square(opened, drawn):
    info = replace(drawn.image, aspect=2.0)
    with opened(replace(drawn, image=info, film=replace(drawn.film, info=info))) as page:
        box = page.locator('[data-region="spine"]').bounding_box()  # 60 x 680 pixels
        assert box["height"] / box["width"] == pytest.approx(2 * 680 / 60, rel=0.1)


def test_a_finger_taps_a_region_of_the_film(opened, drawn):
    with opened(drawn, width=390, height=844, has_touch=True) as page:
        page.touchscreen.tap(*on_film(page, 480, 300))
        assert page.inner_text(".answer h2").lower() == "left lung"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_labels_in_sight_do_not_cover_one_another(page):
    page.keyboard.press("o")  # all regions
    shown = page.locator(".label rect")
    boxes = [shown.nth(at).bounding_box() for at in range(shown.count())]
    assert len(boxes) == 4
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert (
                one["x"] + one["width"] <= other["x"]
                or other["x"] + other["width"] <= one["x"]
                or one["y"] + one["height"] <= other["y"]
                or other["y"] + other["height"] <= one["y"]
            )


def test_paper_shows_film_and_heat_on_white(page):
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(100)
    assert page.locator(".heat").count() == 1
    assert not page.locator(".tools").is_visible()
    assert page.locator(".notice").is_visible()


def test_the_report_is_copied_as_text(opened, drawn):
    with opened(drawn, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.keyboard.press("c")
        page.locator("[role=status]", has_text="copied").wait_for(state="attached")


def test_a_report_without_film_says_so(opened, drawn):
    with opened(replace(drawn, film=None)) as page:
        page.wait_for_selector("[data-region]")
        assert "The film is not in this report" in page.inner_text(".frame")
        assert page.locator("[data-region]").count() == 4


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_puts_up_no_serious_barrier(page, axe, theme):
    if theme == "light":
        page.keyboard.press("t")
    page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
    page.mouse.click(*on_film(page, 320, 450))
    assert axe(page) == []


def test_nothing_moves_for_whoever_wants_less_motion(opened, drawn):
    with opened(drawn, reduced_motion="reduce") as page:
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.card')).transitionDuration")
            == "0s"
        )


def test_colours_follow_the_audit_and_stand_with_words_and_a_legend(opened, drawn):
    told = [sentence for sentence in drawn.section("findings") if sentence.abnormal]
    check = Check("Lung Opacity present", Verdict.SUPPORTED)
    audit = Audit("a network", tuple(SentenceAudit(s.text, (check,)) for s in told))
    with opened(replace(drawn, audit=audit)) as page:
        cards = page.locator(".card.verdict.supported")
        assert cards.count() == len(told) > 0
        assert "● supported" in cards.first.inner_text()
        line = cards.first.evaluate("card => getComputedStyle(card).borderLeftColor")
        assert line == "rgb(86, 180, 233)"
        assert page.locator(".audited .legend li").count() == len(Verdict)


def rated_and_audited(drawn):
    """A verdict of each kind, a probability, what has none, and what is withheld."""
    of_findings = [sentence for sentence in drawn.section("findings") if sentence.abnormal]
    told = [
        replace(of_findings[0], text=f"Opacity, {verdict}.", right=Right(0.87, "films of a test"))
        for verdict in Verdict
    ]
    told[1] = replace(told[1], right=None, unrated="Lung Opacity: nobody measured it")
    why = ("Lung Opacity: no score holds it",)
    gap = replace(drawn.sentences[1], text="Withheld: opacities.", origin=WITHHELD, notes=why)
    audit = Audit(
        "a network",
        tuple(
            SentenceAudit(sentence.text, (Check("Lung Opacity present, right lung", verdict),))
            for sentence, verdict in zip(told, Verdict, strict=True)
        ),
        {"causal grounding rate": Share(3, 5)},
        notes=("one condition was left out",),
    )
    scope = replace(drawn.scope, guarantee="Of each finding at most 5 % is wrong")
    sentences = (*told, gap, *drawn.sentences[1:])
    return replace(drawn, sentences=sentences, audit=audit, scope=scope)


def test_a_card_says_how_probable_it_is_right_or_that_nobody_knows(opened, drawn):
    with opened(rated_and_audited(drawn)) as page:
        said = page.locator(".card .trust").all_inner_texts()
    assert said[0] == "probability that the sentence is right 0.87"
    assert said[1] == "probability that the sentence is right not measured"


@pytest.mark.parametrize("width", [1440, 820, 390])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_an_audited_page_puts_up_no_serious_barrier(opened, drawn, axe, theme, width):
    with opened(rated_and_audited(drawn), width, 900) as page:
        if theme == "light":
            page.keyboard.press("t")
        page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

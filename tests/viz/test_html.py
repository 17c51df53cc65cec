import hashlib
import json
import re
import zlib
from base64 import b64decode, b64encode
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from grounded import GroundedReport, Image, Regions
from grounded.greys import Greys, Scale, Window
from grounded.provenance import Scope
from grounded.viz.document import document
from grounded.viz.html import render_fragment, render_page


class Page(HTMLParser):
    """The elements of a page as (tag, attributes), and the text inside of each kind of element."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inside, self.open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append((tag, dict(attrs).get("id", "")))

    def handle_endtag(self, tag):
        if tag in [name for name, _ in self.open]:
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        key = self.open[-1] if self.open else ("", "")
        self.inside[key] = self.inside.get(key, "") + data

    @property
    def document(self):
        return json.loads(self.inside["script", "document"])


@pytest.fixture
def page(drawn):
    return Page(render_page(drawn))


def film_in(page):
    encoded = np.frombuffer(b64decode(page.inside["script", "film"]), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)


def test_the_document_of_the_report_stands_in_the_page(page, drawn):
    assert page.document == json.loads(document(drawn).to_json())


def test_what_comes_from_the_report_is_inert(drawn):
    text = render_page(drawn)
    page = Page(text)
    assert page.document["film"]["name"] == '<script>alert("film")</script>'
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert "<script>alert" not in text
    assert "<b>now" not in text


@pytest.mark.parametrize("part", ["name", "warning", "missing", "scope", "origin"])
def test_no_part_of_a_report_can_bring_in_an_element(drawn, part):
    bad = '"></script><img src=x onerror=alert(1)><!--'
    page = Page(render_page(spoiled(drawn, part, bad)))
    assert not [item for tag, item in page.elements if "onerror" in item or tag == "img"]
    assert [tag for tag, _ in page.elements].count("script") == 3


def spoiled(report: GroundedReport, part: str, bad: str) -> GroundedReport:
    if part == "missing":
        return replace(report, regions=replace(report.regions, missing={bad: bad}))
    if part == "scope":
        return replace(report, scope=Scope({bad: bad}, (bad,)))
    if part == "origin":
        sentences = tuple(replace(item, origin=bad, notes=(bad,)) for item in report.sentences)
        return replace(report, sentences=sentences)
    info = replace(report.image, **({"warnings": (bad,)} if part == "warning" else {part: bad}))
    return replace(report, image=info, film=replace(report.film, info=info))


def test_the_page_loads_nothing(page):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base")
        assert not {"src", "href"} & set(attributes)


def test_the_page_lets_only_its_own_script_and_sheet_run(page):
    [policy] = [item["content"] for _, item in page.elements if item.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        digest = hashlib.sha256(page.inside[tag, ""].encode()).digest()
        assert rules[rule] == f"'sha256-{b64encode(digest).decode()}'"


def test_the_page_is_the_same_every_time(drawn):
    assert render_page(drawn) == render_page(drawn)


def test_without_scripts_the_text_of_the_report_is_there(page, drawn):
    assert page.inside["pre", ""] == drawn.text


def test_a_film_of_8_bits_comes_back_as_it_was(drawn):
    steps = np.arange(640 * 720, dtype=np.int64).reshape(720, 640) % 256
    film = Image.of((steps / 255).astype(np.float32))
    page = Page(render_page(replace(drawn, film=film, image=film.info)))
    assert np.array_equal(film_in(page), steps)
    assert film_in(page).dtype == np.uint8


def test_a_film_of_more_bits_keeps_ten_of_them(page, drawn):
    found = film_in(page)
    assert found.dtype == np.uint16
    assert np.abs(found / 65535 - drawn.film.pixels).max() < 1 / 1023


def test_a_narrow_window_keeps_ten_bits_of_its_own(drawn):
    greys = np.tile(np.arange(30_000, 30_640, dtype=np.uint16), (720, 1))
    scale = Scale(Window(30_000, 30_600))
    film = replace(drawn.film, unwindowed=Greys(greys, scale))
    assert np.abs(film_in(Page(render_page(replace(drawn, film=film)))) - greys).max() <= 1


def test_a_large_film_is_made_smaller(drawn):
    film = Image.of(np.zeros((40, 2000), np.float32))
    report = replace(drawn, film=film, image=film.info, regions=Regions.none(), sentences=())
    assert film_in(Page(render_page(report))).shape == (32, 1600)


def test_the_answers_of_a_reading_stand_in_the_page(drawn):
    report = replace(drawn, answers=lambda: {"left lung": replace(drawn, sentences=())})
    assert set(Page(render_page(report)).document["answers"]) == {"left lung"}


def test_a_report_without_film_has_none_in_its_page(drawn):
    assert not Page(render_page(replace(drawn, film=None))).inside.get(("script", "film"))


def test_a_fragment_stands_alone_inside_of_another_page(drawn):
    [(tag, frame)] = Page(render_fragment(drawn)).elements
    assert tag == "iframe"
    assert "allow-same-origin" not in frame["sandbox"]
    assert len(Page(frame["srcdoc"]).document["sentences"]) == len(drawn.sentences)


def test_a_notebook_shows_the_fragment(drawn):
    assert drawn._repr_html_() == render_fragment(drawn)


def test_the_script_weighs_at_most_60_kilobytes(page):
    script = page.inside["script", ""].encode()
    assert len(zlib.compress(script, 9)) < 60_000
    assert not re.search(rb"https?://(?!www\.w3\.org/)", script)

from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Picture

from grounded import GroundedReport, Regions
from grounded.report import Scope
from grounded.viz.html import render_fragment, render_page
from grounded.viz.palette import heat_table

PNG = "data:image/png;base64,"


class Page(HTMLParser):
    """The elements of a page as (tag, attributes), and its visible text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    def having(self, **wanted):
        """Attributes of the elements that have these classes or ids."""
        return [
            attributes
            for _, attributes in self.elements
            if all(value in (attributes.get(key) or "").split() for key, value in wanted.items())
        ]


@pytest.fixture
def page(drawn):
    return Page(render_page(drawn))


def with_class(page, name):
    return page.having(**{"class": name})


def test_every_sentence_names_regions_that_name_it_back(page, drawn):
    there = {
        (item["data-sentence"], region)
        for item in with_class(page, "sentence")
        for region in item["data-regions"].split()
    }
    back = {
        (sentence, item["data-region"])
        for item in with_class(page, "entry")
        for sentence in item["data-sentences"].split()
    }
    assert there == back
    assert len(there) == sum(len(sentence.regions) for sentence in drawn.sentences)


def test_every_region_is_in_the_list_and_on_the_film(page, drawn):
    numbers = {str(number) for number in range(1, len(drawn.regions) + 1)}
    assert {item["data-region"] for item in with_class(page, "entry")} == numbers
    assert {item["data-region"] for item in with_class(page, "region")} == numbers


def test_regions_with_sentences_lie_above_those_without(page):
    drawn_order = ["cited" in item["class"] for item in with_class(page, "region")]
    assert drawn_order == sorted(drawn_order)


def test_what_comes_from_the_report_is_inert(drawn):
    text = render_page(drawn)
    page = Page(text)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert '<script>alert("film")</script>' in page.text
    assert "<b>now</b>" in page.text
    assert "alert(" not in text.replace("alert(&#34;film&#34;)", "")


@pytest.mark.parametrize("part", ["name", "view", "warning", "missing", "scope", "origin"])
def test_no_part_of_a_report_can_bring_in_an_element(drawn, part):
    bad = '"><img src=x onerror=alert(1)>'
    report = spoiled(drawn, part, bad)
    page = Page(render_page(report))
    assert not [item for _, item in page.elements if "onerror" in item]
    assert bad in page.text


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


def test_the_page_loads_nothing(page, drawn):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base")
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:image/png").startswith("data:image/png")
    text = render_page(drawn)
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text


def test_the_page_forbids_itself_to_load_anything(page):
    [policy] = [item["content"] for _, item in page.elements if item.get("http-equiv")]
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    )


def test_the_page_is_the_same_every_time(drawn):
    assert render_page(drawn) == render_page(drawn)


def test_the_page_tells_what_a_reader_has_to_know(page, drawn):
    for words in (
        "AI-generated, unverified",
        drawn.notice,
        "patient's right",
        "left clavicle : outside of the film",
        "Lung Opacity : measured on 10 films",
        "Not assessed: Fracture",
        "0.40 to 0.50",
        "± 0.02",
        "a book",
        "abababababab",
        "Taken out: “Nothing.” (no evidence to stand on)",
    ):
        assert words in page.text


def test_coordinates_are_those_of_the_film(page):
    [overlay] = page.having(id="overlay")
    assert overlay["viewbox"] == "0 0 640 720"
    paths = [item["d"] for _, item in page.elements if item.get("class") == "line"]
    assert "M400.0 120.0 570.0 120.0 570.0 590.0 400.0 590.0Z" in paths


def test_sentences_can_be_reached_and_pinned_from_the_keyboard(page, drawn):
    buttons = with_class(page, "says")
    assert len(buttons) == len(drawn.sentences)
    assert all(item["aria-pressed"] == "false" and item["type"] == "button" for item in buttons)
    ids = {item["id"] for _, item in page.elements if "id" in item}
    assert all(item["aria-describedby"] in ids for item in buttons)


def test_no_id_is_used_twice(page):
    ids = [item["id"] for _, item in page.elements if "id" in item]
    assert len(ids) == len(set(ids))


def test_heat_on_the_page_has_the_colours_of_the_scale(page, drawn):
    """Red, green and blue stand in the PNG in this order; cv2, which writes it, has another."""
    uri = with_class(page, "heat")[0]["href"]
    pixels = np.asarray(Picture.open(BytesIO(b64decode(uri.removeprefix(PNG)))))  # (h, w, 4)
    hottest = pixels[np.unravel_index(pixels[:, :, 3].argmax(), pixels.shape[:2])]
    assert np.abs(hottest[:3].astype(int) - heat_table()[255]).max() <= 10


def test_heat_belongs_to_its_sentence(page):
    assert [item["data-sentence"] for item in with_class(page, "heat")] == ["1", "2"]


def test_a_report_without_film_shows_its_outlines_and_says_so(drawn):
    page = Page(render_page(replace(drawn, film=None)))
    assert not page.having(id="film")
    assert "The film is not in this report" in page.text
    assert len(with_class(page, "region")) == len(drawn.regions)


def test_an_empty_report_is_a_page(drawn):
    page = Page(render_page(replace(drawn, regions=Regions.none(), sentences=(), removed=())))
    assert "No region was found." in page.text
    assert "No sentence: see the scope" in page.text


def test_a_fragment_stands_alone_inside_of_another_page(drawn):
    [(tag, frame)] = Page(render_fragment(drawn)).elements
    assert tag == "iframe"
    assert frame["sandbox"] == "allow-scripts"
    assert len(with_class(Page(frame["srcdoc"]), "sentence")) == len(drawn.sentences)


def test_a_notebook_shows_the_fragment(drawn):
    assert drawn._repr_html_() == render_fragment(drawn)

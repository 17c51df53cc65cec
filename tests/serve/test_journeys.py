"""The reading room as a reader uses it: the server, the shipped preset, the system's Chromium."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import cv2
import numpy as np
import pydicom
import pytest

from grounded import Image

from .conftest import dicom, lookup

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.browser

EXAMPLE = Path(__file__).parents[2] / "examples" / "normal_pa.jpg"
SIDE = 512  # of films made here
NEGATIVE = {"WindowCenter": 2200, "WindowWidth": 800, "PhotometricInterpretation": "MONOCHROME1"}
DISPLAYS = {
    "a narrow window": {"WindowCenter": 1900, "WindowWidth": 800},
    "a window of MONOCHROME1": NEGATIVE,
    "a sigmoid": {"WindowCenter": 1900, "WindowWidth": 300, "VOILUTFunction": "SIGMOID"},
    "a table": {"VOILUTSequence": [lookup([min(v // 8, 255) for v in range(4096)])]},
}
RUN = "import sys; from grounded.cli import main; main()"


def wait_for(address):
    """Until somebody listens there."""
    url = urlsplit(address)
    for _ in range(300):
        with socket.socket() as door:
            if door.connect_ex((url.hostname, url.port)) == 0:
                return
        time.sleep(0.1)


@contextmanager
def running(sessions, *more):
    """The server as a process of its own; gives the address with its key."""
    words = [sys.executable, "-P", "-u", "-c", RUN, "serve", "--no-open", "--port", "0"]
    process = subprocess.Popen(
        [*words, "--sessions", str(sessions), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"COLUMNS": "400"},
    )
    try:
        said = iter(process.stdout.readline, "")
        address = next(found.group() for line in said if (found := re.search(r"http://\S+", line)))
        wait_for(address)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    with running(tmp_path_factory.mktemp("sessions"), str(EXAMPLE)) as address:
        yield address


@pytest.fixture
def opened(browser, address):
    """Open the room; nothing may fail in the page, and no policy may be broken."""
    contexts = []

    def open_room(width=1280, height=800, at=address, **more):
        still = {"reduced_motion": "reduce", **more}
        context = browser.new_context(viewport={"width": width, "height": height}, **still)
        context.set_default_timeout(90_000)  # on two busy cores
        page = context.new_page()
        page.failures = []
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        page.on(
            "console",
            lambda message: (
                page.failures.append(message.text) if "Content Security" in message.text else None
            ),
        )
        contexts.append((context, page))
        page.goto(at)
        page.wait_for_selector(".shelf")
        return page

    yield open_room
    for context, page in contexts:
        assert page.failures == []
        context.close()


@pytest.fixture
def page(opened):
    return opened()


def until(page, script, seconds=90):
    """Wait until a script in the page is true; its policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(script):
        assert time.monotonic() < end, script
        page.wait_for_timeout(50)


def drop(page, path):
    page.set_input_files("input[type=file]", path)


def read(page, path=EXAMPLE):
    """Open a film and wait for its report."""
    drop(page, path)
    page.wait_for_selector(".report .impression .says")
    page.wait_for_selector(".report .add")


def on_stage(page, x, y):
    """A point of the stage, in parts of its size."""
    box = page.locator(".stage").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw_box(page, x0, y0, x1, y1):
    page.keyboard.press("b")
    page.mouse.move(*on_stage(page, x0, y0))
    page.mouse.down()
    page.mouse.move(*on_stage(page, x1, y1), steps=4)
    page.mouse.up()
    page.wait_for_selector(".answer li, .answer p.open")


def add_sentence(page, text, region="left lung"):
    page.click(".report .add")
    page.fill(".editor textarea", text)
    page.select_option(".editor select >> nth=0", region)
    page.click(".editor button.main")
    page.wait_for_selector(f'.says:has-text("{text}")')


def test_a_film_is_dropped_and_a_click_and_a_box_are_answered(page):
    read(page)
    page.mouse.click(*on_stage(page, 0.36, 0.6))
    page.wait_for_selector(".answer li")
    assert "lung" in page.inner_text(".answer h2").lower()
    page.keyboard.press("Escape")
    draw_box(page, 0.55, 0.5, 0.65, 0.62)
    assert page.inner_text(".answer h2").lower() == "marked area"
    assert page.locator(".handle").count() == 8


@pytest.mark.parametrize("asked", DISPLAYS)
def test_a_dicom_film_opens_as_it_asks_and_clipped_greys_come_back(page, tmp_path, asked):
    path, attributes = tmp_path / "film.dcm", DISPLAYS[asked]
    example = cv2.resize(cv2.imread(str(EXAMPLE), cv2.IMREAD_GRAYSCALE), (SIDE, SIDE))
    greys = cv2.GaussianBlur(example, (0, 0), 6).astype(np.uint16) * 16
    path.write_bytes(dicom(4095 - greys if attributes == NEGATIVE else greys, **attributes))
    drop(page, path)
    page.wait_for_selector("canvas[data-drawn]")
    film = Image.open(path).pixels
    places = [(x, y) for x in range(60, SIDE, 80) for y in range(60, SIDE, 80)]
    wanted = np.array([255 * film[y, x] for x, y in places])
    end = time.monotonic() + 60
    while abs(greys_at(page, places) - wanted).mean() > 4:
        assert time.monotonic() < end, (greys_at(page, places), wanted)
        page.wait_for_timeout(100)
    middle = on_stage(page, 0.3, 0.5)
    page.mouse.move(*middle)
    page.mouse.down(button="right")
    page.mouse.move(middle[0] + 400, middle[1], steps=4)
    page.mouse.up(button="right")
    page.wait_for_timeout(100)
    clipped = (wanted < 1) | (wanted > 254)
    assert clipped.sum() > 8
    assert len(np.unique(np.array(greys_at(page, places))[clipped])) > clipped.sum() / 2


def greys_at(page, places):
    """What is seen at points of a film of SIDE x SIDE, 0..255."""
    return page.evaluate(
        """([places, side]) => {
          const canvas = document.querySelector("canvas"), copy = document.createElement("canvas");
          [copy.width, copy.height] = [canvas.width, canvas.height];
          const pen = copy.getContext("2d"), scale = Math.min(canvas.width, canvas.height) / side;
          pen.drawImage(canvas, 0, 0);
          const [left, top] = [canvas.width, canvas.height].map((n) => (n - side * scale) / 2);
          return places.map(([x, y]) =>
            pen.getImageData(left + (x + 0.5) * scale, top + (y + 0.5) * scale, 1, 1).data[0]);
        }""",
        [places, SIDE],
    )


def test_a_box_is_moved_resized_and_asked_from_the_keyboard(page):
    read(page)
    page.keyboard.press("b")
    while page.locator(".handle").count() == 0:  # no box before the film is seen
        page.keyboard.press("b")
        page.wait_for_timeout(100)
    before = page.locator(".own").get_attribute("d")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    until(page, f"document.querySelector('.own').getAttribute('d') !== '{before}'")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer li, .answer p.open")


def test_a_report_is_worked_on_undone_and_done_again(page):
    read(page)
    add_sentence(page, "Calcified granuloma in the left lung.")
    row = page.locator('[data-sentence]:has-text("Calcified granuloma")').first
    assert "reader" in row.inner_text()
    page.keyboard.press("u")
    until(page, "!document.body.innerText.includes('Calcified granuloma')")
    page.keyboard.press("Shift+U")
    page.wait_for_selector('.says:has-text("Calcified granuloma")')
    page.click(".open .says >> nth=0")
    page.keyboard.press("x")
    page.fill(".reason input", "looked for elsewhere")
    page.keyboard.press("Enter")
    page.wait_for_selector(".rejected")
    assert "looked for elsewhere" in page.inner_text(".rejected")
    page.click(".rejected .link")
    page.wait_for_selector(".rejected", state="detached")
    page.click(".impression .says >> nth=0")
    page.keyboard.press("a")
    page.wait_for_selector(".impression .status.accepted")


def test_a_sentence_is_dragged_to_another_place(page):
    read(page)
    add_sentence(page, "Nodule in the left lung.")
    add_sentence(page, "Nodule in the right lung.", "right lung")
    order = "[...document.querySelectorAll('.card .says')].map((each) => each.textContent)"
    before = page.evaluate(order)
    assert before[-2:] == ["Nodule in the left lung.", "Nodule in the right lung."]
    cards = page.locator(".card")
    cards.last.scroll_into_view_if_needed()
    cards.last.hover()
    grip, target = cards.last.locator(".grip").bounding_box(), cards.nth(-2).bounding_box()
    page.mouse.move(grip["x"] + 10, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 60, target["y"] + 4, steps=5)
    assert page.locator(".drop-before").count() == 1
    page.mouse.up()
    until(page, f"{order}.at(-1) === 'Nodule in the left lung.'")
    page.keyboard.press("u")
    until(page, f"{order}.at(-1) === 'Nodule in the right lung.'")


def test_a_guard_warns_while_a_sentence_is_written(page):
    read(page)
    page.click(".report .add")
    page.select_option(".editor select >> nth=0", "left lung")
    page.fill(".editor textarea", "Opacity in the right lung, unchanged from the prior study.")
    page.wait_for_selector(".editor .warnings li")
    page.keyboard.press("Escape")


def test_what_a_guard_says_pushes_no_button_of_the_editor_out_of_sight(opened):
    page = opened(height=420)
    read(page)
    page.click(".report .add")
    page.fill(".editor textarea", "Opacity in the right lung, unchanged from the prior study.")
    page.wait_for_selector(".editor .warnings li")
    reached = """(button) => {
      const { x, y, width, height } = button.getBoundingClientRect();
      return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    assert page.locator(".editor button.main").evaluate(reached)
    page.keyboard.press("Escape")


def test_an_edited_sentence_keeps_its_place(page):
    read(page)
    says = page.locator(".impression .says").first
    says.click()
    before = page.locator(".region.lit").count()
    page.keyboard.press("e")
    page.fill(".editor textarea", "Nothing that needs to be acted on.")
    page.keyboard.press("Enter")
    page.wait_for_selector('.impression .says:has-text("Nothing that needs")')
    assert page.locator(".impression .status", has_text="edited").count() == 1
    if page.locator(".region.lit").count() == 0:
        page.locator(".impression .says").first.click()
    assert page.locator(".region.lit").count() == before > 0


@pytest.mark.parametrize("region", ["left lower lung zone", "right upper lung zone"])
def test_an_answer_from_the_list_leaves_its_region_in_sight(page, region):
    read(page)
    page.click(".regions summary")
    entry = page.locator(f'[data-entry="{region}"]')
    assert entry.inner_text().split("\n")[-1] == "ask"
    entry.click()
    page.wait_for_selector(".answer li")
    answer = page.locator(".answer").bounding_box()
    asked = page.locator(f'[data-region="{region}"] path').first.bounding_box()
    beside = (
        answer["x"] >= asked["x"] + asked["width"] or answer["x"] + answer["width"] <= asked["x"]
    )
    assert beside


def test_sides_are_compared_and_a_finding_is_set_by_hand(page):
    read(page)
    page.click(".regions summary")
    page.click('[data-entry="left lower lung zone"]')
    page.wait_for_selector(".answer li")
    page.click("text=Compare sides")
    page.wait_for_selector(".sides section >> nth=1")
    page.click("text=Set a finding")
    page.select_option('.set [aria-label="Finding"]', "Pleural Effusion")
    page.click("text=What would it say?")
    page.wait_for_selector(".changes ins")
    page.click("text=Take over")
    until(page, "document.querySelector('.impression').innerText.includes('effusion')")
    assert "No pleural effusion" not in page.inner_text(".report .impression")


def test_a_hidden_region_says_what_the_report_would_lose(page):
    read(page)
    page.click(".regions summary")
    page.click('[data-entry="cardiac silhouette"]')
    page.wait_for_selector(".answer li")
    page.click("text=Hide")
    page.wait_for_selector('.changes:has-text("Without cardiac silhouette")')
    assert page.locator(".hiding").count() == 1


def test_whoever_reads_first_sees_the_draft_after_their_own_marks(page):
    page.check("text=Read first")
    drop(page, EXAMPLE)
    page.wait_for_selector(".blind")
    page.wait_for_selector(".report .add")
    assert "pleural effusion" not in page.inner_text(".words")
    add_sentence(page, "No left pleural effusion.")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click(".blind button")
    page.wait_for_selector(".compared li")
    assert page.locator(".impression .says").count() > 0


def test_a_session_is_found_again_after_the_server_was_restarted(opened, browser, tmp_path):
    with running(tmp_path / "sessions") as address:
        page = opened(at=address)
        read(page)
        add_sentence(page, "A sentence that stays.")
        page.goto("about:blank")
    with running(tmp_path / "sessions") as address:
        page.goto(address)
        page.fill('input[type="search"]', "normal")
        page.click(".saved-film")
        page.wait_for_selector('.says:has-text("A sentence that stays.")')
        page.mouse.click(*on_stage(page, 0.36, 0.6))
        page.wait_for_selector(".answer li")


def test_every_export_of_a_signed_report_can_be_opened(page, tmp_path):
    grey = cv2.imread(str(EXAMPLE), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
    (tmp_path / "film.dcm").write_bytes(dicom(grey, PixelSpacing=[0.35, 0.35]))
    read(page, tmp_path / "film.dcm")
    page.click("text=Sign the report")
    page.fill('.signature [name="name"]', "Doe^Jane")
    page.fill('.signature [name="institution"]', "Ward 3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".signed")
    page.click(".menu summary")
    wanted = page.locator("[data-export]").evaluate_all("all => all.map((e) => e.dataset.export)")
    page.click(".menu summary")
    downloads, refused = [], []
    page.on("download", lambda download: downloads.append(download))
    for count, name in enumerate(wanted, start=1):
        page.click(".menu summary")
        with page.expect_response(lambda answer: "/exports/" in answer.url) as answered:
            page.click(f'[data-export="{name}"]')
        if answered.value.status == 422:
            page.wait_for_selector(".trouble")
            refused.append(name)
            continue
        while len(downloads) + len(refused) < count:
            page.wait_for_timeout(20)
        path = tmp_path / downloads[-1].suggested_filename
        downloads[-1].save_as(path)
        assert opens(path), path.name
    assert set(refused) <= {"ko.dcm"}  # of a film without any critical finding
    assert {"json", "txt", "html", "png", "sr.dcm"} <= set(wanted)
    structured = pydicom.dcmread(next(tmp_path.glob("*.sr.dcm")))
    assert structured.VerifyingObserverSequence[0].VerifyingObserverName == "Doe^Jane"


def opens(path):
    """Whether a file is what its name says, to a program that reads such files."""
    content, end = path.read_bytes(), path.name.rpartition(".")[2]
    match end:
        case "dcm":
            return bool(pydicom.dcmread(path).SOPClassUID)
        case "zip":
            return ZipFile(path).testzip() is None
        case "json":
            return isinstance(json.loads(content), dict | list)
        case "png":
            return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
        case "pdf":
            return content.startswith(b"%PDF") and b"%%EOF" in content[-1024:]
        case "html":
            return content.startswith(b"<!DOCTYPE html") and b"</html>" in content
    return len(content.decode()) > 20


def test_a_picture_of_something_else_is_refused_and_read_anyway(page, tmp_path):
    rows, columns = np.mgrid[0:600, 0:500]
    leaf = np.uint8(127 + 120 * np.sin(rows / 9) * np.cos(columns / 5))
    cv2.imwrite(str(tmp_path / "leaf.png"), leaf)
    drop(page, tmp_path / "leaf.png")
    page.wait_for_selector(".refused")
    assert "chest" in page.inner_text(".refused")
    page.click("text=Read anyway")
    page.wait_for_selector(".report")
    page.wait_for_selector(".refused", state="detached")


def test_200_files_of_garbage_are_refused_with_a_reason(page, tmp_path):
    generator = np.random.default_rng(0)
    heads = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", bytes(128) + b"DICM")
    for at in range(200):
        body = heads[at % 5] + generator.bytes(int(generator.integers(0, 4000)))
        (tmp_path / f"garbage{at}.dcm").write_bytes(body)
    drop(page, sorted(tmp_path.glob("garbage*")))
    until(page, "document.querySelectorAll('.uploads li.refused').length === 200")
    assert all(text.strip() for text in page.locator(".uploads .problem").all_inner_texts())
    page.click("text=Dismiss all")
    assert page.locator(".uploads").count() == 0
    read(page)


def test_two_windows_show_the_same_report(opened):
    one, other = opened(), opened()
    read(one)
    other.goto(one.url)
    other.wait_for_selector(".report .add")
    add_sentence(one, "Seen in both windows.")
    other.wait_for_selector('.says:has-text("Seen in both windows.")')
    other.keyboard.press("u")
    until(one, "!document.body.innerText.includes('Seen in both')")


def test_a_large_film_of_16_bits_is_shown_in_full(page, tmp_path):
    small = cv2.imread(str(EXAMPLE), cv2.IMREAD_GRAYSCALE)
    large = cv2.resize(small, (4000, 4000), interpolation=cv2.INTER_CUBIC).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "large.png"), large, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    drop(page, tmp_path / "large.png")
    # the preview and four tiles
    page.wait_for_selector('canvas[data-drawn$=" 5"]')
    page.wait_for_selector(".report .add")
    page.keyboard.press("1")
    until(page, "!document.querySelector('.stage').classList.contains('whole')")


def test_a_finger_opens_reads_and_asks(opened):
    page = opened(width=390, height=844, has_touch=True)
    read(page)
    page.touchscreen.tap(*on_stage(page, 0.35, 0.6))
    page.wait_for_selector(".answer li")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap('.answer [aria-label="Close the answer"]')
    page.wait_for_selector(".answer", state="detached")


def test_two_fingers_enlarge_the_film_where_they_are(opened):
    page = opened(width=820, height=1180, has_touch=True)
    read(page)
    touch = page.context.new_cdp_session(page)
    x, y = on_stage(page, 0.4, 0.5)
    before = page.locator('[data-region="right lung"]').bounding_box()
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 120)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until(page, "!document.querySelector('.stage').classList.contains('whole')")
    after = page.locator('[data-region="right lung"]').bounding_box()
    assert after["width"] == pytest.approx(3 * before["width"], rel=0.05)
    assert (x - after["x"]) == pytest.approx(3 * (x - before["x"]), abs=6)
    assert page.locator(".answer").count() == 0


def test_the_keyboard_alone_opens_asks_and_accepts(page):
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent") != "normal_pa.jpg":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".report .add")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.wait_for_selector(".impression .status.accepted")
    page.focus(".stage")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer li, .answer p.open")


def test_the_room_puts_up_no_serious_barrier(page, axe):
    assert axe(page) == []
    read(page)
    page.mouse.click(*on_stage(page, 0.36, 0.6))
    page.wait_for_selector(".answer li")
    page.click(".report .add")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.wait_for_selector(".drawer")
    assert axe(page) == []

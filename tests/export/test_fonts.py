"""A name in a PDF keeps its letters, whatever script they are of, or is written as numbers."""

from pathlib import Path

import pytest

pytest.importorskip("reportlab")
pytest.importorskip("fontpkg_noto_sans")
import grounded
from grounded.errors import InvalidValueError
from grounded.export.fonts import FONTS, markup
from grounded.export.pdf import document

NAMES = {
    "Latin": "Müller Æsa Œuvre",
    "Greek": "Παπαδόπουλος Γιώργος",
    "Cyrillic": "Иванова Ольга Ёжикова",
    "Vietnamese": "Nguyễn Thị Hồng",
    "Japanese": "山田 太郎 やまだ たろう ヤマダ",
    "Korean": "김희중",
    "Chinese": "王小东",
}


def words_of(pdf: bytes) -> str:
    pdfium = pytest.importorskip("pypdfium2")
    with pdfium.PdfDocument(pdf) as opened:
        return " ".join(opened[0].get_textpage().get_text_range().split())


@pytest.fixture(scope="module")
def report():
    film = Path(__file__).parent.parent.parent / "examples" / "normal_pa.jpg"
    return grounded.load("baseline")(film)


@pytest.mark.parametrize("script", NAMES)
def test_a_name_keeps_its_letters(report, script) -> None:
    assert NAMES[script] in words_of(document(report, NAMES[script]))
    assert "[U+" not in markup(NAMES[script])


@pytest.mark.parametrize("name", ["محمد", "אברהם", "अनिल", "ทองดี", "\U0001f642", "x̂", "\ue000"])
def test_a_letter_that_cannot_be_set_is_a_number_and_no_other_letter(name) -> None:
    set_ = markup(name)
    assert "[U+" in set_
    assert "?" not in set_


def test_what_is_latin_stays_in_the_standard_font_and_is_escaped() -> None:
    assert markup("A & B <i>") == "A &amp; B &lt;i&gt;"


def test_fonts_of_ones_own_are_asked_first(monkeypatch, tmp_path) -> None:
    import fontpkg_noto_sans

    own = Path(fontpkg_noto_sans.__file__).parent / "files" / "NotoSans-Italic[wdth,wght].ttf"
    monkeypatch.setenv(FONTS, str(own))
    assert 'name="grounded0"' in markup("Ж")
    (tmp_path / "no.ttf").write_bytes(b"no font")
    monkeypatch.setenv(FONTS, str(tmp_path / "no.ttf"))
    with pytest.raises(InvalidValueError, match=r"no\.ttf"):
        markup("Ж")

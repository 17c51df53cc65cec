import pytest

from grounded.viz.lettering import plain, shortened, width_of, wrapped


@pytest.mark.parametrize("size", [11, 24, 60])
def test_no_line_is_wider_than_asked_and_no_word_is_lost(size):
    text = "The heart is enlarged, with a cardiothoracic ratio of 0.56."
    lines = wrapped(text, size, size * 9)
    assert max(width_of(line, size) for line in lines) <= size * 9
    assert " ".join(lines) == text


def test_a_word_that_is_too_long_is_broken():
    lines = wrapped("electroencephalographically", 20, 80)
    assert len(lines) > 1
    assert "".join(lines) == "electroencephalographically"


def test_no_text_has_no_lines():
    assert wrapped("  ", 20, 80) == []


def test_letters_that_the_typeface_lacks_are_replaced():
    assert plain("0.4–0.5 ≥ 3×\tJosé 张") == "0.4-0.5 >= 3x Jose ?"


def test_letters_that_the_typeface_has_are_kept():
    assert plain("12° ± 3 · “right”") == '12° ± 3 · "right"'


def test_a_shortened_text_fits():
    text = shortened("right costophrenic angle", 20, 120)
    assert text.endswith("...")
    assert width_of(text, 20) <= 120


def test_a_text_that_fits_is_not_shortened():
    assert shortened("svc", 20, 120) == "svc"

"""Ages as headers and tables write them."""

import pytest

from grounded.errors import InvalidValueError
from grounded.films.age import age_stated, years_of


@pytest.mark.parametrize(
    ("text", "years"),
    [("034Y", 34), ("018M", 1.5), ("000D", 0), ("000Y", None), ("34", None), ("", None)],
)
def test_an_age_of_a_header_is_read(text: str, years: float | None) -> None:
    assert years_of(text) == years


@pytest.mark.parametrize(
    ("cell", "years"), [("34", 34), ("34.0", 34), ("1.5", 1.5), ("18M", 1.5), ("6y", 6), ("", None)]
)
def test_an_age_of_a_table_is_read(cell: str, years: float | None) -> None:
    assert age_stated(cell) == years


@pytest.mark.parametrize("cell", ["old", "-3", "400", "nan", "000Y years"])
def test_what_is_no_age_is_named(cell: str) -> None:
    with pytest.raises(InvalidValueError, match="an age is 0 to 130 years") as error:
        age_stated(cell)
    assert str(error.value).endswith(f", got {cell!r}")

"""Rows of a report or a reading as a table of pandas, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grounded.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd


def dataframe(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table with these columns, also without any row. Raises MissingExtraError."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError(
            "a DataFrame needs pandas, which is not installed: pip install 'grounded[tables]'; "
            "to_rows() gives the same rows without it"
        ) from error
    return pd.DataFrame([[row[key] for key in columns] for row in rows], columns=list(columns))

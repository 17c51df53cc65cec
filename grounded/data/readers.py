"""The published data sets that films and references are read from, by the names that commands
use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from grounded.data.chestx_det import chestx_det
from grounded.data.example import Example
from grounded.data.iu_xray import iu_xray
from grounded.data.ms_cxr import ms_cxr
from grounded.data.nih import nih_films
from grounded.data.nih_published import nih_published
from grounded.data.padchest_gr import padchest_gr
from grounded.data.region_table import read_table
from grounded.data.tb import tuberculosis_seen
from grounded.data.vindr_cxr import vindr_cxr
from grounded.errors import DataError

READERS: Mapping[str, Callable[[Path], list[Example]]] = {
    "chest-imagenome": read_table,  # a table that `grounded data chest-imagenome` built
    "chestx-det": chestx_det,
    "iu-xray": iu_xray,
    "ms-cxr": ms_cxr,
    "nih": nih_published,
    "nih-read": nih_films,
    "padchest-gr": padchest_gr,
    "tbx11k": tuberculosis_seen,
    "vindr-cxr": vindr_cxr,
}


def read_films(reader: str, folder: Path, split: str = "") -> list[Example]:
    """The films of a data set; split: train, calibration or held, all of them for "".

    Raises DataError for an unknown reader, for what it cannot read, and for a split without films.
    """
    if reader not in READERS:
        raise DataError(f"no reader {reader!r}; there are: {', '.join(READERS)}")
    films = READERS[reader](folder)
    chosen = [film for film in films if not split or film.split == split]
    if not chosen:
        raise DataError(f"{folder} has no film of the split {split!r}")
    return chosen

"""Reports as files: the suffix of the path chooses the form."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from grounded.errors import ReportError
from grounded.protocols import Exporter
from grounded.report import GroundedReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DECIMALS = 6
_PNG_LEVEL = 3  # fast; the files are a few per cent larger than at the highest level
# A list of numbers that json.dumps has put one to a line. No text matches: JSON escapes newlines.
_NUMBERS = re.compile(r"\[\n\s+(-?[\d.eE+-]+(?:,\n\s+-?[\d.eE+-]+)*)\n\s*\]")


def save(report: GroundedReport, path: Path) -> None:
    """Write the report as .json, .txt, .png (the overlay) or .html.

    The file appears whole or not at all; missing folders are made. Raises ReportError for another
    suffix, for a picture of a report without film, and when the file cannot be written.
    """
    exporter = EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        raise ReportError(
            f"cannot write {os.fspath(path)!r}: the suffix {path.suffix!r} is not known; "
            f"known are {', '.join(EXPORTERS)}"
        )
    exporter(report, path)


def save_all(report: GroundedReport, folder: Path, *, pictures: bool = True) -> tuple[Path, ...]:
    """Write every form into a folder and return the paths.

    report.json and report.txt; report.html; with a film also overlay.png and a panel for each
    sentence, sentence_01.png and on. What an earlier report left there of these is removed.
    pictures: whether to write more than report.json and report.txt.
    """
    names = ["report.json", "report.txt"]
    if pictures:
        names.append("report.html")
    if pictures and report.film is not None:
        names.append("overlay.png")
    paths = [folder / name for name in names]
    for path in paths:
        save(report, path)
    panels = _save_panels(report, folder) if "overlay.png" in names else []
    written = (*paths, *panels)
    ours = {folder / "report.html", folder / "overlay.png", *folder.glob("sentence_[0-9]*.png")}
    for old in ours - set(written):
        old.unlink(missing_ok=True)
    return written


def _save_panels(report: GroundedReport, folder: Path) -> list[Path]:
    from grounded.viz.panel import draw_sentence

    panels = []
    for number, sentence in enumerate(report.sentences, start=1):
        panels.append(folder / f"sentence_{number:02d}.png")
        _write(panels[-1], _png(draw_sentence(report, sentence)))
    return panels


def write_json(report: GroundedReport, path: Path) -> None:
    """The whole report but for the pixels; `GroundedReport.open` reads it. UTF-8, indented.

    Numbers are rounded to six decimals; masks and heatmaps are packed as base64.
    """
    text = json.dumps(_rounded(report.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
    compact = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    _write(path, f"{compact}\n".encode())


def write_text(report: GroundedReport, path: Path) -> None:
    """The words only, UTF-8."""
    _write(path, report.text.encode())


def write_png(report: GroundedReport, path: Path) -> None:
    """The overlay. Raises ReportError for a report without film."""
    _write(path, _png(report.overlay()))


def write_html(report: GroundedReport, path: Path) -> None:
    """The page that links sentences and places; one file that loads nothing."""
    from grounded.viz.html import render_page

    _write(path, render_page(report).encode())


EXPORTERS: Mapping[str, Exporter] = MappingProxyType(
    {".json": write_json, ".txt": write_text, ".png": write_png, ".html": write_html}
)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _png(pixels: NDArray[np.uint8]) -> bytes:
    import cv2

    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    return encoded.tobytes()


def _write(path: Path, content: bytes) -> None:
    """Write beside the path and move into place, so that no reader ever sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ReportError(f"cannot write {os.fspath(path)!r}: {error}") from error

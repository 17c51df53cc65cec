"""What validators and other readers say of each of our objects.

    python benchmarks/validators.py film.dcm            # make validate: examples/normal_pa.jpg
    python benchmarks/validators.py film.png --words    # all their output, not only a table

Debian: dicom3tools (dciodvfy, dcentvfy), dcmtk (dsrdump, dcmp2pgm, dcmdump). The exit status is 1
when one of them finds an error.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import highdicom
import pydicom
from PIL import Image as Picture

import grounded
from grounded.config import load
from grounded.dicom.wrap.film import Patient, wrapped
from grounded.export.exporters import export
from grounded.findings import Presence

OBJECTS = (
    *("sr.dcm", "narrative.sr.dcm", "seg.dcm", "heat.seg.dcm"),
    *("gsps.dcm", "sc.dcm", "pdf.dcm", "ko.dcm"),
)
CRITICAL = {"right lung": {"Pneumothorax": Presence.PRESENT}}  # set by hand, so that there is a KO
SYNTAX = "1.2.840.10008.1.2.4"  # of a film that is compressed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--words", action="store_true", help="print all that is said")
    asked = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        film, files = written(asked.film, asked.preset, Path(folder))
        print("| object | bytes | dciodvfy | dcentvfy | dcmtk | pydicom, highdicom |")
        print("|---|---|---|---|---|---|")
        for name, path in files.items():
            checks = [said("dciodvfy", path), said("dcentvfy", path, film), dcmtk(name, path, film)]
            errors = [judged(words) for words in checks]
            bad += sum(not error.startswith("no error") for error in errors[:2])
            size = path.stat().st_size
            print(f"| `.{name}` | {size} | {' | '.join(errors)} | {read(name, path)} |", flush=True)
            if asked.words:
                print("\n".join(checks), "\n")
    return 1 if bad else 0


def written(film: Path, preset: str, folder: Path) -> tuple[Path, dict[str, Path]]:
    """The film as DICOM, and the objects of its report."""
    image, made = wrapped(grounded.Image.open(film), Patient("VALID", name="Valid^Test"))
    source = folder / "film.dcm"
    source.write_bytes(made or film.read_bytes())
    reading = load(preset).read(image)
    report, critical = reading.report(), reading.report(CRITICAL)
    files = {}
    for name in OBJECTS:
        files[name] = folder / f"report.{name}"
        files[name].write_bytes(export(critical if name == "ko.dcm" else report, name))
    return source, files


def said(*command: object) -> str:
    run = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    return f"{run.stdout}{run.stderr}".strip()


def judged(words: str) -> str:
    """How many errors and warnings; what a reader of dcmtk says stays as it is."""
    if words.startswith("reads"):
        return words.splitlines()[0]
    lines = words.splitlines()
    errors = [line for line in lines if "Error" in line]
    warnings = sum("Warning" in line for line in lines)
    return f"{len(errors) or 'no'} error{'s' * (len(errors) > 1)}, {warnings or 'no'} warnings"


def dcmtk(name: str, path: Path, film: Path) -> str:
    """What dcmtk makes of the object, as somebody sees it."""
    if name.endswith("sr.dcm") or name == "ko.dcm":
        words = said("dsrdump", path)
        items = sum("<" in line for line in words.splitlines())
        return f"reads {items} items (dsrdump)\n{words}"
    if name == "gsps.dcm":
        return shown(path, film)
    words = said("dcmdump", "-q", path)
    return f"reads {len(words.splitlines())} elements (dcmdump)\n{words[:2000]}"


def shown(state: Path, film: Path) -> str:
    """The film as dcmtk shows it with the presentation state."""
    plain, out = film.with_suffix(".plain"), film.with_suffix(".pgm")
    if str(pydicom.dcmread(film, stop_before_pixels=True).file_meta.TransferSyntaxUID).startswith(
        SYNTAX
    ):
        said("dcmdjpeg", film, plain)
        film = plain if plain.exists() else film
    words = said("dcmp2pgm", "-p", state, film, out)
    if not out.exists():
        return f"shows nothing: {words}"
    with Picture.open(out) as picture:
        return f"reads and shows {picture.width} x {picture.height} (dcmp2pgm)\n{words}"


def read(name: str, path: Path) -> str:
    """What pydicom and highdicom read back."""
    made = pydicom.dcmread(path)
    if name == "sr.dcm":
        content = highdicom.sr.srread(path).content
        groups = content.get_planar_roi_measurement_groups()
        sentences = content.get_image_measurement_groups()
        return f"{len(groups)} regions, {len(sentences)} sentences"
    if name.endswith("seg.dcm"):
        found = highdicom.seg.segread(path)
        return f"{found.number_of_segments} segments of {found.Rows} x {found.Columns}"
    if name == "pdf.dcm":
        return f"a PDF of {len(made.EncapsulatedDocument)} bytes"
    if name == "sc.dcm":
        height, width = made.pixel_array.shape[:2]
        return f"a picture of {width} x {height}"
    return str(made.SOPClassUID.name)


if __name__ == "__main__":
    raise SystemExit(main())

"""Opens damaged files and counts what becomes of them: `make fuzz`.

    python benchmarks/fuzz_films.py --files 5000

Small films of four formats (DICOM, PNG, TIFF, JPEG) are made and damaged: bits flipped, bytes
replaced, cut off, doubled, spliced with another file. hypothesis draws the damage, the same for the
same seed. Each is opened in another process, which may take 2 GB and 20 s a file. Right is an image
or an error of Grounded; anything else (a crash, another exception, more than the limits) fails the
run.
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid
from rich.progress import Progress

from grounded import Image
from grounded.errors import GroundedError

MEMORY = 2 * 1024**3
SECONDS = 20
SIDE = 96
FINE = ("opened", "refused")
WORDS = (b"\xff" * 4, b"\0" * 4, b"\0\0\0\x7f")  # sizes and offsets that go too far


def film() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    grey = 0.8 - 0.5 * np.exp(-((x - 0.3) ** 2 + (y - 0.5) ** 2) * 20)
    return np.asarray(grey, dtype=np.float32)


def dicom(pixels: np.ndarray, *, compressed: bool = False) -> bytes:
    """A computed radiograph, uncompressed or with a JPEG inside."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid(
        entropy_srcs=["fuzz"]
    )
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 if compressed else 16
    dataset.BitsAllocated, dataset.BitsStored = bits, 8 if compressed else 12
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.WindowCenter, dataset.WindowWidth = (128, 256) if compressed else (2048, 4096)
    if compressed:
        dataset.PixelData = encapsulate([picture(pixels, "JPEG")])
    else:
        dataset.PixelData = (pixels * 4095).astype("<u2").tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def picture(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Picture.fromarray((pixels * 255).astype(np.uint8)).save(file, kind, **options)
    return file.getvalue()


def sources() -> list[bytes]:
    pixels = film()
    deep = io.BytesIO()
    Picture.fromarray((pixels * 65535).astype(np.uint16)).save(deep, "PNG")
    return [
        dicom(pixels),
        dicom(pixels, compressed=True),
        picture(pixels, "PNG"),
        deep.getvalue(),
        picture(pixels, "TIFF"),
        picture(pixels, "TIFF", compression="tiff_lzw"),
        picture(pixels, "JPEG"),
        picture(pixels, "JPEG", progressive=True),
    ]


def damaged(films: list[bytes]) -> st.SearchStrategy[bytes]:
    """A film with up to four damages; half of them in the first 600 bytes, where headers are."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from(films)))
        for _ in range(draw(st.integers(1, 4))):
            reach = min(len(data), 600) if draw(st.booleans()) else len(data)
            at = draw(st.integers(0, max(reach - 1, 0)))
            match draw(st.sampled_from(("flip", "byte", "word", "cut", "double", "splice"))):
                case "flip":
                    data[at] ^= 1 << draw(st.integers(0, 7))
                case "byte":
                    data[at] = draw(st.sampled_from((0, 1, 127, 128, 255)))
                case "word":
                    data[at : at + 4] = draw(
                        st.sampled_from((b"\xff" * 4, b"\0" * 4, b"\0\0\0\x7f"))
                    )
                case "cut":
                    del data[max(at, 1) :]
                case "double":
                    data[at:at] = data[at : at + draw(st.integers(1, 64))]
                case "splice":
                    other = draw(st.sampled_from(films))
                    data[at:] = other[draw(st.integers(0, len(other) - 1)) :]
        return bytes(data)

    return draw_one()


def limit() -> None:
    """The process may take MEMORY more than it has when it starts to open films."""
    Image.of(film())
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def open_one(path: str) -> str:
    """What becomes of a file: "opened", "refused", or the name of a foreign exception."""
    try:
        Image.open(path, force=True)
    except GroundedError:
        return "refused"
    except BaseException as error:
        return f"foreign exception: {type(error).__name__}: {error}"
    return "opened"


class Opener:
    """Opens files one after the other in another process, which is replaced when it dies."""

    def __init__(self) -> None:
        self._pool = self._start()

    def outcome(self, path: Path) -> str:
        started = time.perf_counter()
        try:
            return self._pool.submit(open_one, str(path)).result(timeout=SECONDS)
        except BrokenProcessPool:
            self._pool = self._start()
            return "crash of the process"
        except TimeoutError:
            for process in self._pool._processes.values():
                process.kill()
            self._pool = self._start()
            return f"more than {time.perf_counter() - started:.0f} s"

    @staticmethod
    def _start() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(max_workers=1, initializer=limit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="A folder for the files that failed.")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    opener = Opener()
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        task = progress.add_task("opening", total=arguments.files)
        path = Path(folder) / "film"

        @seed(arguments.seed)
        @settings(
            max_examples=arguments.files,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(damaged(sources()))
        def each(data: bytes) -> None:
            path.write_bytes(data)
            outcome = opener.outcome(path)
            counts[outcome] += 1
            if outcome not in FINE and arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (arguments.keep / f"{sum(counts.values()):05d}").write_bytes(data)
            progress.advance(task)

        each()
    print(f"{sum(counts.values())} damaged files of 8 films in 4 formats")
    for outcome, count in counts.most_common():
        print(f"{count:6}  {outcome}")
    sys.exit(any(outcome not in FINE for outcome in counts))


if __name__ == "__main__":
    main()

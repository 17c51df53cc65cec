"""The shipped front end was built from the sources beside it; `make web` builds it."""

import gzip
import hashlib
import re
from importlib import resources
from pathlib import Path

from grounded.viz.palette import heat_table

WEB = Path(__file__).parents[2] / "viz" / "web"
ALONE = ("index.html", "package-lock.json", "tsconfig.json", "vite.config.ts")


def test_the_build_belongs_to_the_sources():
    """As viz/web/size.mjs counts them; needs no Node."""
    sources = sorted(
        path.relative_to(WEB).as_posix() for path in (WEB / "src").rglob("*") if path.is_file()
    )
    digest = hashlib.sha256()
    for name in (*sources, *ALONE):
        digest.update(name.encode() + b"\0" + (WEB / name).read_bytes() + b"\0")
    built = (WEB / "dist" / "sources.sha256").read_text().strip()
    assert built == digest.hexdigest(), "run `make web` and commit viz/web/dist"


def test_the_build_is_shipped_and_its_script_weighs_at_most_60_kilobytes():
    shipped = resources.files("grounded.viz") / "web" / "dist"
    assert len(gzip.compress((shipped / "room.js").read_bytes(), 9)) <= 60_000
    for name in ("index.html", "room.css"):
        assert (shipped / name).is_file()


def test_the_page_draws_heat_in_the_colours_of_the_pictures():
    source = (WEB / "src" / "film" / "heat.ts").read_text()
    anchors = re.findall(r"[0-9a-f]{6}", source.split("const ANCHORS")[1].split(")")[0])
    table = heat_table()
    colors = [bytes.fromhex(anchor) for anchor in anchors]
    assert [tuple(table[round(at * 255 / 16)]) for at in (0, 16)] == [
        tuple(colors[0]),
        tuple(colors[16]),
    ]
    for at, color in enumerate(colors):
        near = table[round(at * 255 / 16)].astype(int)
        assert abs(near - list(color)).max() <= 2

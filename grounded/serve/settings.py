"""What the page has to know of a room."""

from __future__ import annotations

import mimetypes

from grounded.export.exporters import formats
from grounded.films.framing import MOST_PIXELS
from grounded.findings import VOCABULARY, Presence
from grounded.report import NOTICE
from grounded.serve.models import AtlasRegion, Exporter, Settings
from grounded.serve.pixels import PREVIEW, TILE
from grounded.serve.room import Room
from grounded.version import VERSION

_LABELS = {"json": "JSON", "txt": "Text", "html": "Web page", "png": "Picture", "pdf": "PDF"}
_TYPES = {"dcm": "application/dicom", "json": "application/json"}


def settings_of(room: Room) -> Settings:
    return Settings(
        version=VERSION,
        preset=room.reporter.preset,
        notice=NOTICE,
        read_first=room.rules.read_first,
        feedback=room.rules.feedback,
        keep_days=room.rules.keep_days,
        most_bytes=room.rules.most_bytes,
        most_pixels=MOST_PIXELS,
        tile=TILE,
        preview=PREVIEW,
        findings=list(VOCABULARY),
        presences=list(Presence),
        regions=_regions(room),
        exporters=[
            Exporter(name=name, label=_LABELS.get(name, name), media_type=media_type(name))
            for name in formats()
        ],
    )


def media_type(name: str) -> str:
    """The media type of what an exporter writes, by the end of its name."""
    last = name.rpartition(".")[2]
    return _TYPES.get(last) or mimetypes.guess_type(f"a.{last}")[0] or "application/octet-stream"


def _regions(room: Room) -> list[AtlasRegion]:
    atlas = room.atlas
    return [
        AtlasRegion(
            name=region.name,
            side=region.paired_side,
            other=atlas.counterpart(region.name),
            parent=region.parent,
            kind=region.kind,
        )
        for region in atlas
    ]

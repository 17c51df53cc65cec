"""What a compressed picture says of itself, read from its first bytes without decoding it.

A decoder that is handed a picture of another size than the header states may fill the memory or
end the process, so sizes are compared first; and where header and picture differ in depth or in
components, the picture is right.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_SCANS = 100  # of a progressive JPEG; encoders write about ten, and each is decoded whole

_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, SOF55 (JPEG-LS)
_JPEG_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_JP2_CODESTREAM = b"jp2c"


@dataclass(frozen=True, slots=True)
class Codestream:
    """height, width: pixels; components: samples a pixel; precision: bits a sample.

    progressive: a JPEG that may hold many scans.
    """

    height: int
    width: int
    components: int
    precision: int
    progressive: bool = False


def codestream_of(frame: bytes) -> Codestream | None:
    """What a JPEG, JPEG-LS or JPEG 2000 picture states; None for another one or a broken one."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    start = 0
    if frame[4:8] == b"jP  ":  # a JP2 file around the codestream
        start = frame.find(_JP2_CODESTREAM, 0, 1 << 16) + len(_JP2_CODESTREAM)
    return _jpeg_2000(frame[start : start + 64])


def scans_of(frame: bytes) -> int:
    """How many scans a JPEG holds, counted by their markers; a few more at most than there are."""
    return frame.count(b"\xff\xda")


def _jpeg(frame: bytes) -> Codestream | None:
    """ISO 10918-1 annex B: markers with lengths up to the frame header."""
    at = 2
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            body = frame[at + 4 : at + 10]
            if len(body) < 6:
                return None
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
            return Codestream(height, width, body[5], body[0], progressive)
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def _jpeg_2000(head: bytes) -> Codestream | None:
    """ISO 15444-1 A.5.1: SOC, then SIZ; the picture is the grid less its offset."""
    if head[:4] != b"\xff\x4f\xff\x51" or len(head) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(head[at : at + 4], "big") for at in (8, 12, 16, 20))
    components, depth = int.from_bytes(head[40:42], "big"), head[42]
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1)

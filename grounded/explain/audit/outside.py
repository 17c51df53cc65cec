"""Generators of others under audit: a command, or an HTTP endpoint; a film in, text and boxes out.

A command is given the path of a 16-bit PNG as its last argument; an endpoint gets the same PNG as
the body of a POST. Either answers with JSON lines, a sentence each:

    {"text": "Small right pleural effusion.", "boxes": [[10, 20, 110, 220]],
     "label": "Pleural Effusion", "presence": "present", "probability": 0.8}

All but `text` may be left out: boxes are in pixels of the film; without a label, the package's
labeller reads the text; without boxes, the half of the film that the words name is altered.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from grounded.atlas import Side
from grounded.audit import Answer
from grounded.errors import ConfigError, DataError
from grounded.evidence import Measurement
from grounded.explain.audit.altering import Alteration, Place, altered_image
from grounded.explain.audit.subjects import SAYS, SAYS_NOT, Claim, Said
from grounded.findings import label_of, presence_of
from grounded.geometry import Box
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.language.mentions import sides_named
from grounded.regions import Regions

LIMIT_S = 600
_OTHER_SIDE = {"right": "left", "left": "right"}


class OutsideSubject:
    """answer: gives the JSON lines for the PNG of a film. See `command` and `endpoint`."""

    def __init__(self, name: str, answer: Callable[[bytes], str]) -> None:
        self.name = name
        self._answer = answer
        self._labeller = Labeller.open()
        self._heard: dict[str, Said] = {}
        self._sure: dict[int, float] = {}

    def said(self, image: Image) -> Said:
        """Each film is asked about once. Raises DataError for an answer that is none."""
        key = image.info.sha256
        if key not in self._heard:
            lines = [line for line in self._answer(_png(image)).splitlines() if line.strip()]
            try:
                items = [json.loads(line) for line in lines]
                claims = [
                    claim for n, item in enumerate(items) for claim in self._claims(n, item, image)
                ]
                texts = tuple(str(item["text"]) for item in items)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{self.name} did not answer with JSON lines: {error!r}") from error
            self._heard[key] = Said(texts, tuple(claims))
        return self._heard[key]

    def regions(self, image: Image) -> Regions:
        return Regions.none()

    def ask(self, images: Sequence[Image], claims: Sequence[Claim]) -> list[list[Answer]]:
        return [[self._again(self.said(image), claim) for claim in claims] for image in images]

    def ask_altered(
        self, image: Image, alterations: Sequence[Alteration], claims: Sequence[Claim]
    ) -> list[list[Answer]]:
        return self.ask([altered_image(image, each) for each in alterations], claims)

    def values(
        self, images: Sequence[Image], measurements: Sequence[Measurement]
    ) -> list[list[float]]:
        """It measures nothing that is known of."""
        return [[float("nan")] * len(measurements) for _ in images]

    def mirrored(self, claim: Claim) -> Claim:
        side = _OTHER_SIDE.get(claim.side, "")
        return Claim(claim.sentence, claim.text, claim.label, claim.presence, side, side=side)

    def _again(self, said: Said, claim: Claim) -> Answer:
        """Whether a film's sentences make a claim: its finding, on its side if both name one."""
        for other in said.claims:
            same = (other.label, other.presence) == (claim.label, claim.presence)
            if same and (not claim.side or not other.side or claim.side == other.side):
                return Answer(True, self._sure.get(id(other), SAYS))
        return Answer(False, SAYS_NOT)

    def _claims(self, number: int, item: Mapping[str, Any], image: Image) -> list[Claim]:
        text = str(item["text"])
        if "label" in item:
            found = [(label_of(item["label"]), presence_of(item.get("presence", "present")))]
        else:
            found = [(f.label, f.presence) for f in self._labeller.label(text)]
        boxes = tuple(Box(*box).clip(image.info.frame) for box in item.get("boxes") or ())
        sides = {str(side) for side in sides_named(text)} & {str(Side.RIGHT), str(Side.LEFT)}
        side = sides.pop() if len(sides) == 1 else _side(boxes, image)
        parts = boxes or ((half_of(image, side),) if side else ())
        place = Place(f"the {side or 'named'} place", parts) if parts else None
        claims = [Claim(number, text, label, is_, side, place, side) for label, is_ in found]
        if "probability" in item:
            self._sure |= {id(claim): float(item["probability"]) for claim in claims}
        return claims


def command(line: str) -> OutsideSubject:
    """A generator that is a command. It is run in no shell.

    Raises ConfigError, when it is asked, for a command that cannot be run or that fails.
    """
    words = shlex.split(line)

    def answer(png: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "film.png"
            film.write_bytes(png)
            try:
                done = subprocess.run(
                    [*words, str(film)], capture_output=True, timeout=LIMIT_S, check=True
                )
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or b""
                tail = said.decode(errors="replace").strip().splitlines()[-1:]
                raise ConfigError(
                    f"{line!r} cannot be run: {' '.join([str(error), *tail])}"
                ) from error
        return done.stdout.decode()

    return OutsideSubject(line, answer)


def endpoint(url: str) -> OutsideSubject:
    """A generator behind an HTTP address. Raises ConfigError, when it is asked, if none answers."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"expected an address that begins with http:// or https://, got {url!r}")

    def answer(png: bytes) -> str:
        request = urllib.request.Request(url, data=png, headers={"Content-Type": "image/png"})
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as reply:
                return bytes(reply.read()).decode()
        except OSError as error:
            raise ConfigError(f"{url} does not answer: {error}") from error

    return OutsideSubject(url, answer)


def half_of(image: Image, side: str) -> Box:
    """The half of a film in which a side of the patient lies; the right on the picture's left."""
    frame = image.info.frame
    middle = frame.width / 2
    return Box(0, 0, middle, frame.y1) if side == "right" else Box(middle, 0, frame.x1, frame.y1)


def _side(boxes: Sequence[Box], image: Image) -> str:
    """The side on which all boxes lie, "" for none."""
    middle = image.info.width / 2
    sides = {"right" if box.center[0] < middle else "left" for box in boxes}
    return sides.pop() if len(sides) == 1 else ""


def _png(image: Image) -> bytes:
    grey = np.rint(image.pixels * 65535).astype(np.uint16)
    _, data = cv2.imencode(".png", grey)
    return bytes(data)

"""Generators of others under audit: a command, or an HTTP endpoint; a film in, text and boxes out.

A command is given the path of a 16-bit PNG as its last argument; an endpoint gets the same PNG as
the body of a POST. Either answers with JSON lines, a sentence each:

    {"text": "Small right pleural effusion.", "boxes": [[10, 20, 110, 220]],
     "label": "Pleural Effusion", "presence": "present", "probability": 0.8}

All but `text` may be left out: boxes are in pixels of the film; without a label, the package's
labeller reads the text; without boxes, the half of the film that the words name is altered. Where
the words name no side either, only whole films are exchanged, and a note says so.
"""

from __future__ import annotations

import http.client
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
from grounded.explain.audit.altering import Alteration, Place, altered_image, half_of
from grounded.explain.audit.subjects import SAYS, SAYS_NOT, Claim, Said
from grounded.findings import Label, Presence, label_of, presence_of
from grounded.geometry import Box
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.language.mentions import sides_named
from grounded.regions import Regions

LIMIT_S = 600.0
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
        """Each film is asked about once. Raises DataError for an answer that cannot be read."""
        key = image.info.sha256
        if key not in self._heard:
            items = [
                self._item(number, line)
                for number, line in enumerate(self._answer(_png(image)).splitlines(), start=1)
                if line.strip()
            ]
            claims = [
                claim for n, item in enumerate(items) for claim in self._claims(n, item, image)
            ]
            self._heard[key] = Said(tuple(str(item["text"]) for item in items), tuple(claims))
        return self._heard[key]

    def _item(self, number: int, line: str) -> Mapping[str, Any]:
        """A line of the answer. Raises DataError for one that is no JSON object with a text."""
        try:
            item = json.loads(line)
        except ValueError:
            item = None
        if isinstance(item, dict) and isinstance(item.get("text"), str):
            return item
        raise DataError(
            f"{self.name} did not answer with JSON lines: line {number} is {line[:60]!r}; expected "
            f'an object a line, such as {{"text": "Small effusion.", "boxes": [[10, 20, 110, 90]]}}'
        )

    def regions(self, image: Image) -> Regions:
        return Regions.none()

    def ask(self, images: Sequence[Image], claims: Sequence[Claim]) -> list[list[Answer]]:
        return [[self._again(self.said(image), claim) for claim in claims] for image in images]

    def ask_altered(
        self, image: Image, alterations: Sequence[Alteration], claims: Sequence[Claim]
    ) -> list[list[Answer]]:
        return self.ask([altered_image(image, each) for each in alterations], claims)

    def values(
        self, image: Image, films: Sequence[Image], measurements: Sequence[Measurement]
    ) -> list[list[float]]:
        """It measures nothing that is known of."""
        return [[float("nan")] * len(measurements) for _ in films]

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
        text = item["text"]
        try:
            boxes = tuple(
                Box(*map(float, b)).clip(image.info.frame) for b in item.get("boxes") or ()
            )
            found = self._found(text, item)
            sure = None if item.get("probability") is None else float(item["probability"])
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.name}, sentence {text!r}: {error}") from error
        sides = {str(side) for side in sides_named(text)} & {str(Side.RIGHT), str(Side.LEFT)}
        side = sides.pop() if len(sides) == 1 else _side(boxes, image)
        parts = boxes or ((half_of(image, side),) if side else ())
        place = Place(f"the {side or 'named'} place", parts) if parts else None
        claims = [Claim(number, text, label, is_, side, place, side) for label, is_ in found]
        if sure is not None:
            self._sure |= {id(claim): sure for claim in claims}
        return claims

    def _found(self, text: str, item: Mapping[str, Any]) -> list[tuple[Label, Presence]]:
        """The findings that an answer states, or that its words do."""
        if item.get("label"):
            return [(label_of(item["label"]), presence_of(item.get("presence", "present")))]
        return [(found.label, found.presence) for found in self._labeller.label(text)]


def of_others(where: str, limit_s: float = LIMIT_S) -> OutsideSubject:
    """A generator by its address, or by its command. See `endpoint` and `command`."""
    web = where.startswith(("http://", "https://"))
    return endpoint(where, limit_s) if web else command(where, limit_s)


def command(line: str, limit_s: float = LIMIT_S) -> OutsideSubject:
    """A generator that is a command. It is run in no shell, `limit_s` seconds a film at most.

    Raises ConfigError for an empty line; when it is asked, for a command that cannot be run, that
    fails or that takes too long.
    """
    words = shlex.split(line)
    if not words:
        raise ConfigError('expected a command such as "python their_model.py", got an empty one')

    def answer(png: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "film.png"
            film.write_bytes(png)
            try:
                done = subprocess.run([*words, str(film)], capture_output=True, timeout=limit_s)
            except subprocess.TimeoutExpired as error:
                raise ConfigError(
                    f"{line!r} took longer than {limit_s:g} s for one film; --timeout gives it more"
                ) from error
            except OSError as error:
                raise ConfigError(f"{line!r} cannot be run: {error}") from error
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ConfigError(
                f"{line!r} failed with status {done.returncode}: {' '.join(last) or 'no message'}"
            )
        return done.stdout.decode(errors="replace")

    return OutsideSubject(line, answer)


def endpoint(url: str, limit_s: float = LIMIT_S) -> OutsideSubject:
    """A generator behind an HTTP address, that has `limit_s` seconds a film.

    Raises ConfigError for what is no such address; when it is asked, if none answers in time.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"expected an address that begins with http:// or https://, got {url!r}")

    def answer(png: bytes) -> str:
        try:
            request = urllib.request.Request(url, png, headers={"Content-Type": "image/png"})
            with urllib.request.urlopen(request, timeout=limit_s) as reply:
                return bytes(reply.read()).decode(errors="replace")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConfigError(f"{url} does not answer: {error or repr(error)}") from error

    return OutsideSubject(url, answer)


def _side(boxes: Sequence[Box], image: Image) -> str:
    """The side on which all boxes lie, "" for none."""
    middle = image.info.width / 2
    sides = {"right" if box.center[0] < middle else "left" for box in boxes}
    return sides.pop() if len(sides) == 1 else ""


def _png(image: Image) -> bytes:
    grey = np.rint(image.pixels * 65535).astype(np.uint16)
    _, data = cv2.imencode(".png", grey)
    return bytes(data)

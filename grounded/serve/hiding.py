"""A film with one place hidden: filled with what its surroundings lead to, without an edge."""

from __future__ import annotations

from dataclasses import replace

from grounded.evidence import Mask
from grounded.explain.audit.altering import Place, Smooth, altered_image
from grounded.geometry import Box
from grounded.image import Image

_NOTE = "A part of the film was hidden by hand: this is no report of the film itself."


def hidden(image: Image, place: Box | Mask) -> Image:
    """The film without what a place shows, in the greys around it.

    It is read whatever it looks like, and says in its warnings what was done.
    """
    filled = altered_image(image, Smooth(Place("the hidden place", (place,))), note=_NOTE)
    return replace(filled, forced=True)

"""Outlines of chests, as the tests of detectors and generators draw them."""

from ..detectors.conftest import masks, organs
from ..generators.conftest import ask, chest_shapes

__all__ = ["ask", "chest_shapes", "masks", "organs"]

"""Detectors: images in, Regions out. One file a detector; networks beside their wrapper."""

if not __name__.startswith("grounded."):
    raise ImportError(f"use grounded.detectors, not {__name__}: a second copy of its classes")

"""Generators: questions about regions in, sentences out. One file a generator."""

if not __name__.startswith("grounded."):
    raise ImportError(f"use grounded.generators, not {__name__}: a second copy of its classes")

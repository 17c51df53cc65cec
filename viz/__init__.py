"""Pictures: a report in, a picture or a page out. Nothing is drawn in place."""

if not __name__.startswith("grounded."):
    raise ImportError(f"use grounded.viz, not {__name__}: a second copy of its classes")

"""Data sets: one adapter each, and the phantom that needs no data."""

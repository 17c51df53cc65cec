"""Trains the gate: whether a picture is one frontal chest film, and how it lies."""

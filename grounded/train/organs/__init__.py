"""Trains the detectors of regions from outlines and boxes of organs."""

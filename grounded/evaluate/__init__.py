"""Judges reports, ours or another tool's, against references; imports no training code."""

"""Trains the writer of sentences on report text."""

"""Sentences that are measured on the outlines."""

"""Evaluation: how good the regions and the sentences are."""

"""Explainers: where in the film a sentence comes from."""

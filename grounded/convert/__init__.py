"""Weights of other projects become a preset."""

"""Trains and calibrates the reader of findings."""

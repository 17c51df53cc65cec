"""Sentences become a report: order, guards, merging, the impression."""

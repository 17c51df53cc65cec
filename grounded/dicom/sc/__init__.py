"""The report's picture as a Secondary Capture."""

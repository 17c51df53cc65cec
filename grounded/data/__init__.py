"""Data sets of radiographs and reports, read from a folder that the caller names."""

"""A report becomes a file: one exporter a file, found by entry point."""

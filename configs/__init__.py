"""Data, no code: atlases, presets, training configurations and the shipped weights."""

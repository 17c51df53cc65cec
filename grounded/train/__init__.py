"""Training: linear scripts, one configuration each."""

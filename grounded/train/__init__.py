"""Training: one loop, and a folder for each network that it trains."""

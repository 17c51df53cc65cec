"""What two networks share: weights on disk, decoding, blocks, fast layers for the processor."""

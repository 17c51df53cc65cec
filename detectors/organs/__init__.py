"""The shipped detector: outlines of five organs, the 29 regions that follow, and the encoder."""

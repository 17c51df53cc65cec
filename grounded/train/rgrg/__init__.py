"""Trains the region-guided model of Tanida et al. (CVPR 2023) in its three stages."""

"""The sentence generator of RGRG."""

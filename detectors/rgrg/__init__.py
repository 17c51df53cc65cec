"""The region detector of RGRG."""

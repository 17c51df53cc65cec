"""Films with critical findings as a Key Object Selection."""

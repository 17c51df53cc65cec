"""The report's places as a Grayscale Softcopy Presentation State."""

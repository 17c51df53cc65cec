"""A DICOM file becomes an Image: header, pixels, grey scale, spacing, view, suitability."""

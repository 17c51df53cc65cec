"""A film from PNG, JPEG or TIFF as a DICOM film, so that objects can refer to it."""

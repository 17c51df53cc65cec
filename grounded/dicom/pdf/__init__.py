"""A PDF document as a DICOM object."""

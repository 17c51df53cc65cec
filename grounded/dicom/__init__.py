"""DICOM objects, one folder an object; pydicom is imported here only."""

"""DICOM in and out; pydicom lives only here."""

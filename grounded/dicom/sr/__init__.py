"""The report as DICOM Structured Report (TID 1500, PS3.16), as its JSON (PS3.22), and back."""

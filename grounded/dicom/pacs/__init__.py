"""Objects to a PACS and films from it, over DIMSE or DICOMweb."""

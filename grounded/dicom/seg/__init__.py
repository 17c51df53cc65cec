"""Outlines of organs and heatmaps as DICOM Segmentation."""

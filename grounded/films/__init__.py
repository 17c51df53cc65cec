"""A file becomes an Image: opening, raster formats, the grey scale."""

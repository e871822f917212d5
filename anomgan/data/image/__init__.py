"""Pictures: reading, preprocessing, tiling."""

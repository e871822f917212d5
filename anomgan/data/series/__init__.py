"""Series: where rows lie in time, windows of them, and what networks are shown of a window."""

"""A fitted model as a directory of plain data."""

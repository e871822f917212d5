"""Data: files, schema, the table encoder, views, and the spec that networks see."""

"""Files to tables and pictures."""

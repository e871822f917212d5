"""Scores against labels, drawn rows against real ones, new data against training data."""

"""Benchmarks: detectors beside one another on labelled tables, and what they cost."""

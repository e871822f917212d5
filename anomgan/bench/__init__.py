"""Benchmarks: the detector beside its peers."""

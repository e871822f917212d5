"""Helpers that know nothing of anomaly detection."""

"""Calibration of scores: conformal p-values, per condition or pooled, and probabilities."""

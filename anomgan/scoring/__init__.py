"""Trained networks to scores: features, components, and their combination."""

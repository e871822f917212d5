"""What scores mean: conformal p-values, conditions apart, probabilities from labels."""

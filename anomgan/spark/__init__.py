"""Scoring on a Spark cluster, partition by partition."""

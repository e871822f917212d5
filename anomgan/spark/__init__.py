"""Score Parquet tables on a Spark cluster: ``anomgan score --engine spark`` from Python.

.. code-block:: python

    from anomgan.spark import score, session

    with session() as spark:
        score(spark, detector, "new.parquet", "scores/")
"""

from anomgan.spark.engine import score, session
from anomgan.spark.partition import FlagRule, Outcome

__all__ = ["FlagRule", "Outcome", "score", "session"]

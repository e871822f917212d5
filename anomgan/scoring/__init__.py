"""From trained networks to scores: features, components, and their combination.

A subclass of :class:`Component` with a name registers itself; which of them make up a score is said
in :mod:`anomgan.score_weights`.
"""

from anomgan.scoring.components import Component
from anomgan.scoring.features import RecordFeatures

__all__ = ["Component", "RecordFeatures"]

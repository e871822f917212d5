"""From trained networks to scores: features, components, and their combination.

A subclass of :class:`Component` with a name registers itself; the weights of each score's
components are in :data:`anomgan.scoring.scorer.WEIGHTS`.
"""

from anomgan.scoring.components import Component

__all__ = ["Component"]

"""From trained networks to scores: features, components, and their combination.

A subclass of :class:`Component` with a name is a further component, and a score of that name.
"""

from anomgan.scoring.components import Component

__all__ = ["Component"]

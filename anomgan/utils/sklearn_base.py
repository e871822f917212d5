"""What estimators need of scikit-learn, without the half second that scipy.stats takes.

scikit-learn imports it for one function, which it calls nowhere here.
"""

from __future__ import annotations

from anomgan.utils.late_import import delay_imports

with delay_imports("scipy.stats"):
    from sklearn.base import BaseEstimator, OutlierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = [
    "BaseEstimator",
    "OutlierMixin",
    "available_if",
    "check_is_fitted",
    "check_random_state",
    "validate_data",
]

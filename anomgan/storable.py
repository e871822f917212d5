"""A fitted detector outside its process: model directories and pickles, both of plain data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from anomgan.calibration import probability
from anomgan.errors import DataWarning
from anomgan.fit_summary import About
from anomgan.fitted import FittedDetector
from anomgan.params import checked_condition, checked_config, device_at_hand, seed_from
from anomgan.persistence import model_store as store
from anomgan.utils.serialization import check


class Storable(FittedDetector, BaseEstimator):
    """A fitted detector that can be put away and taken out again, here or elsewhere."""

    def save(self, directory: str | Path) -> None:
        """Write a model directory: JSON and safetensors, whole or not at all.

        A random state that isn't a number is stored as the seed that was drawn from it.

        Args:
            directory: A path where nothing, an empty folder or an older model is.

        Raises:
            InputError: If something else is there or it can't be written; then all is as before.
        """
        check_is_fitted(self, "detector_")
        store.save(store.Model(self.encoder_, self.detector_, self._about()), directory)

    def _about(self) -> dict[str, Any]:
        """What :meth:`_from_model` needs beside encoder and ensemble."""
        params = self.get_params(deep=False)
        if not isinstance(self.random_state, Integral | None):
            params["random_state"] = self.training_facts_["seed"]
        return {
            "params": params,
            "columns": self._columns,
            "from_frame": self._from_frame,
            "named": hasattr(self, "feature_names_in_"),
            "offset": self.offset_,
            "alpha": self._alpha,
            "probability": None if self._curve is None else self._curve.to_json(),
            "training": self.training_facts_,
        }

    @classmethod
    def _from_model(cls, model: store.Model, device: str | None) -> Self:
        """Put a face on a model.

        Args:
            model: A model whose ``about`` is from :meth:`_about`.
            device: Where to compute; None asks the stored parameter.

        Raises:
            KeyError: If something is missing, like TypeError and ValueError if it is wrong.
        """
        about = model.about
        check(About, about, "estimator")
        estimator = cls(**about["params"])
        estimator._check_params(model.encoder.kind)
        if estimator.method != model.detector.gan.name:
            raise ValueError("its parameters name another method")
        columns = about["columns"]
        if set(model.encoder.columns) != set(columns):
            raise ValueError("two lists of columns disagree")
        estimator._columns, estimator._from_frame = columns, about["from_frame"]
        estimator.n_features_in_ = len(columns)
        if about["named"]:
            estimator.feature_names_in_ = np.array(columns, dtype=object)
        estimator.offset_, estimator.training_facts_ = about["offset"], about["training"]
        estimator._alpha = cls._alpha_of(about)
        estimator._curve = probability.from_json(about.get("probability"))
        estimator._settle(model, device)
        return estimator

    @staticmethod
    def _alpha_of(about: Mapping[str, Any]) -> float | None:
        """The alpha that a stored model's threshold is for; None if it is of another kind."""
        params = about["params"]
        fallback = params["alpha"] if params["contamination"] is None else None
        alpha = about.get("alpha", fallback)
        check(float | None, alpha, "alpha")
        if alpha is not None and not 0 < alpha < 1:
            raise ValueError(f"an alpha of {alpha:g}")
        return None if alpha is None else float(alpha)

    def _check_params(self, kind: str) -> None:
        """Check parameters read from a file as fitting does for this kind of data.

        Raises:
            TypeError: If one is of another kind.
            ValueError: If one is wrong.
        """
        checked_config(
            self.method, self.preset, self.settings, self.alpha, self.contamination, kind
        )
        seed_from(self.random_state)
        check(str, self.device, "device")
        check(bool, self.verbose, "verbose")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            checked_condition(self.method, self.condition, other=False)

    def _settle(self, model: store.Model, device: str | None = None) -> None:
        """Take a model over, onto the device that suits this machine."""
        self.device_ = device or device_at_hand(self.device)
        self.encoder_, self.detector_ = model.encoder, model.detector.to(self.device_)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and plain data: no tensor, so that any machine can unpickle it."""
        state = dict(super().__getstate__())
        state.pop("_explainer", None)  # made anew when needed
        if "detector_" in state:
            model = store.Model(state.pop("encoder_"), state.pop("detector_"), {})
            state["_packed"] = store.pack(model)
            del state["device_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild; where the device is ``"auto"``, it is chosen anew."""
        state = dict(state)
        packed = state.pop("_packed", None)
        super().__setstate__(state)
        if packed is not None:
            self._settle(store.unpack(*packed))

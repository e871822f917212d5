"""What a logged model takes and gives, in MLflow's terms."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType

if TYPE_CHECKING:
    from anomgan.data.table.columns.base import Column
    from anomgan.estimator import GANDetector

PACKAGES = (
    "anomgan",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
)
"""What a model needs in order to score."""

OUTPUTS = Schema(
    [
        ColSpec(DataType.double, "score"),
        ColSpec(DataType.double, "p_value"),
        ColSpec(DataType.integer, "is_anomaly"),
        ColSpec(DataType.string, "explanation", required=False),
    ]
)
PARAMS = ParamSchema(
    [
        ParamSpec("alpha", DataType.double, None),
        ParamSpec("fdr", DataType.double, None),
        ParamSpec("explain", DataType.boolean, False),
    ]
)


def signature(detector: GANDetector) -> ModelSignature:
    """The columns or pictures that a detector scores, its parameters, and what it gives."""
    if detector.encoder_.spec.grid is None:
        schema = detector.encoder_.schema
        columns = (*schema.columns, *schema.conditions)
        inputs: list[ColSpec | TensorSpec] = [
            ColSpec(_type(c), c.name, required=not c.missing) for c in columns
        ]
        return ModelSignature(Schema(inputs), OUTPUTS, PARAMS)
    made = np.asarray(detector.sample(1, random_state=0))  # (1, H, W) or (1, H, W, C)
    # Of any size: the encoder brings pictures to its own.
    pictures = TensorSpec(made.dtype, (-1, -1, -1, *made.shape[3:]))
    return ModelSignature(Schema([pictures]), OUTPUTS, PARAMS)


def _type(column: Column) -> DataType | AnyType:
    """MLflow's type for a column.

    Dates, durations, declared categories and truth values with gaps can be anything: MLflow's own
    types would refuse time zones and text for dates, and take a missing truth value for false.
    """
    if column.dtype.startswith(("category[", "datetime64", "timedelta64")):
        return AnyType()
    if column.kind == "boolean" or column.dtype in ("bool", "boolean"):
        words = getattr(column, "words", ("false", "true"))
        if words != ("false", "true"):
            return DataType.string
        return AnyType() if column.missing else DataType.boolean
    if column.kind == "category" or column.dtype == "str":
        return DataType.string
    whole = "int" in column.dtype.lower()
    return DataType.long if whole and not column.missing else DataType.double


def requirements() -> list[str]:
    """Exactly the installed versions of what scoring needs, for pip."""
    # A local version such as 2.13.0+cpu names a build that only its own index has.
    return [f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES]

"""Coverage-guided fuzzing of the model loader; `make fuzz` runs it.

An input is ``J`` and the text of a ``model.json``, or ``W`` and a ``weights.safetensors``; the
other file is the golden model's.  Checksums are recomputed, as someone who forges a model would do.
The loader must return a detector or raise InputError with one line.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["anomgan"], enable_loader_override=False):
    import numpy as np

    from anomgan import InputError, load
    from anomgan.data.readers.files import read_table
    from anomgan.persistence.model_store import FORMAT_VERSION

warnings.simplefilter("ignore")
ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / f"format-{FORMAT_VERSION}" / "model"
WEIGHTS = (GOLDEN / "weights.safetensors").read_bytes()
DESCRIPTION = json.loads((GOLDEN / "model.json").read_bytes())
ROWS = read_table(GOLDEN.parent / "new.csv")
FOLDER = ROOT / "build" / "fuzz" / "forged"
BAD_VALUES: list[Any] = [
    None, True, False, 0, -1, 7, 2**31, 10**9, 2**63, 1e-320, -0.5, 1e300, "", "x", "nan", "size",
    "\ud800", "a\nb", "float64", "S99999999", "x" * 3000, [], {}, [[]], [None], [0], ["a", "a"],
    {"a": None},
]  # fmt: skip
"""Values to put anywhere into a forged description."""


def forge(data: bytes) -> None:
    """Write a model of these bytes, with valid checksums wherever that is possible."""
    weights, text = WEIGHTS, data[1:]
    description = dict(DESCRIPTION)
    if data[:1] == b"W":
        weights, text = data[1:], b""
    else:
        try:
            description = json.loads(text)
        except (ValueError, RecursionError):
            description = None
    if isinstance(description, dict):
        size, digest = len(weights), sha256(weights).hexdigest()
        description["weights"] = {"bytes": size, "sha256": digest}
        description.pop("sha256", None)
        try:
            plain = json.dumps(description, separators=(",", ":"), sort_keys=True)
            description["sha256"] = sha256(plain.encode("ascii")).hexdigest()
            text = json.dumps(description).encode()
        except (ValueError, RecursionError):
            pass
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "model.json").write_bytes(text)
    (FOLDER / "weights.safetensors").write_bytes(weights)


def try_one(data: bytes) -> None:
    """Load the model and use it; anything but numbers or a one-line error is a crash."""
    forge(data)
    try:
        detector = load(FOLDER, device="cpu")
        if detector.ensemble_.gan.config.inversion_steps < 9:
            assert np.isfinite(detector.score_frame(ROWS).score).all()
        if hasattr(detector, "feature_names_in_") and detector._from_frame:
            assert len(detector.sample(2, 0)) == 2
    except InputError as error:
        if len(str(error).splitlines()) != 1 or len(str(error)) > 2000:
            raise AssertionError(str(error)) from None


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Put a bad value into the JSON tree; mutate other inputs byte by byte."""
    draw = random.Random(seed)
    try:
        tree = json.loads(data[1:]) if data[:1] == b"J" and draw.random() < 0.9 else None
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        return bytes(atheris.Mutate(data, most))
    for _ in range(draw.choice((1, 1, 2))):
        corrupt(tree, draw)
    text = b"J" + json.dumps(tree).encode()
    return text if len(text) <= most else data


def corrupt(tree: Any, draw: random.Random) -> None:
    """Replace, remove or duplicate one entry at any depth."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    if not keys:
        return
    key = draw.choice(keys)
    if isinstance(tree[key], dict | list) and tree[key] and draw.random() < 0.85:
        corrupt(tree[key], draw)
    elif draw.random() < 0.15:
        del tree[key]
    elif isinstance(tree, list) and draw.random() < 0.2:
        tree.append(tree[key])
    else:
        tree[key] = copy.deepcopy(draw.choice(BAD_VALUES))


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one, custom_mutator=mutate)
    atheris.Fuzz()

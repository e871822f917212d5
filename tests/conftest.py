from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
import torch

import anomgan.config
import anomgan.nets.backbone  # its constants are set before the line below
from anomgan.plugins.files import VARIABLE, list_loaded
from anomgan.plugins.registry import REGISTRIES

# Tests that log say so; the others leave nothing behind, also where they start the command anew.
os.environ.setdefault("ANOMGAN_TRACK", "0")

# Test models are tiny: more threads would only wait for one another.  A fixed number also keeps
# sums in a fixed order, so that known answers don't depend on the machine.
torch.set_num_threads(1)


# Pictures are scored as without the extra `vision`; tests of backbones name one.
anomgan.config.BACKBONE_PACKAGE = "a_package_that_is_not_installed"

LONG = (
    "test_checkpoint.py",
    "test_docs.py",
    "test_distributed.py",
    "test_family.py",
    "test_readme.py",
    "test_spark.py",
)
"""Files that take longest; they go first, so that no core waits for one of them in the end."""


SIBLINGS = {"f-anogan", "ganomaly", "mad-gan", "sngan"}
"""Methods that share all but a loss with others; `make test-all` runs what is tested for every
method with them, too."""


@pytest.hookimpl(tryfirst=True)  # before what is slow is left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; and skip what is marked ``gpu`` where there is no CUDA device."""
    items.sort(key=lambda item: item.path.name not in LONG)
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
        if not SIBLINGS.isdisjoint(each for each in parameters if isinstance(each, str)):
            item.add_marker(pytest.mark.slow)
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def no_plugin_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the plug-ins that a test has loaded."""
    monkeypatch.setenv(VARIABLE, "")
    origins = [dict(registry.origins) for registry in REGISTRIES]
    yield
    for file in list_loaded():
        file._forget()
    for registry, before in zip(REGISTRIES, origins, strict=True):
        for name in registry.origins.keys() - before.keys():
            sys.modules.pop(registry[name].__module__, None)
            del registry[name]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> pd.DataFrame:
        """The CSV on standard output."""
        return pd.read_csv(io.StringIO(self.out))

    @property
    def error(self) -> str:
        """The error message of a command that must have refused its input, and done nothing."""
        assert self.code == 2, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        last = self.err.splitlines()[-1]
        assert last.startswith("anomgan: error: ")
        assert all(line.startswith("anomgan: ") for line in self.err.splitlines())
        return last.removeprefix("anomgan: error: ")


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Run the installed command in this process, with ``stdin`` as standard input."""
    [script] = importlib.metadata.entry_points(group="console_scripts", name="anomgan")
    main = script.load()

    def run(*args: object, stdin: bytes = b"") -> Result:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        given = io.TextIOWrapper(io.BytesIO(stdin))
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.object(sys, "stdin", given),
            pytest.raises(SystemExit) as stop,
        ):
            main([str(arg) for arg in args])
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
        return Result(int(stop.value.code or 0), *texts)

    return run


@pytest.fixture(scope="session")
def run_line(run: Callable[..., Result]) -> Callable[..., None]:
    """Run an example as a shell would, without the seconds that every process takes to start."""

    def run_line(line: str, *more: str) -> None:
        """Run a line; ``more`` are further arguments of a command that isn't part of a pipe."""
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
        lexer.whitespace_split = True
        words = list(lexer)
        if words[:1] != ["anomgan"] or "|" in words:
            done = subprocess.run(["bash", "-euc", line], capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            return
        command, target = (words[1:-2], words[-1]) if ">" in words else (words[1:], os.devnull)
        result = run(*command, *more)
        assert result.code == 0, f"{line}\n{result.err}"
        Path(target).write_text(result.out, encoding="utf-8")

    return run_line


@pytest.fixture(scope="session")
def backbone_weights() -> dict[str, torch.Tensor]:
    """Random weights of EfficientNet-Lite0 by name, of a size that keeps features finite."""
    from anomgan.nets.efficientnet_lite import BLOCKS, STEM_CHANNELS

    generator = torch.Generator().manual_seed(0)
    weights: dict[str, torch.Tensor] = {}

    def add(conv: str, norm: str, *shape: int) -> None:
        spread = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        weights[f"{conv}.weight"] = spread * torch.randn(shape, generator=generator)
        weights[f"{norm}.weight"] = torch.ones(shape[0])
        weights[f"{norm}.running_var"] = 0.5 + torch.rand(shape[0], generator=generator)
        for name in ("bias", "running_mean"):
            weights[f"{norm}.{name}"] = 0.1 * torch.randn(shape[0], generator=generator)

    add("_conv_stem", "_bn0", STEM_CHANNELS, 3, 3, 3)
    inputs = STEM_CHANNELS
    for at, (expansion, outputs, kernel, _) in enumerate(BLOCKS):
        name, wide = f"_blocks.{at}.", inputs * expansion
        if expansion > 1:
            add(f"{name}_expand_conv", f"{name}_bn0", wide, inputs, 1, 1)
        add(f"{name}_depthwise_conv", f"{name}_bn1", wide, 1, kernel, kernel)
        add(f"{name}_project_conv", f"{name}_bn2", outputs, wide, 1, 1)
        inputs = outputs
    return weights

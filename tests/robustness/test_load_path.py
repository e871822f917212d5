"""Nothing that loading a model imports can run code from data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTS = ("anomgan.persistence.model_store", "anomgan.estimator")

FORBIDDEN_MODULES = {
    "cloudpickle", "code", "codeop", "dill", "imp", "importlib", "joblib", "marshal",
    "multiprocessing", "pickle", "pty", "runpy", "shelve", "subprocess", "xmlrpc", "yaml",
}  # fmt: skip
"""Modules that run code from data, or could."""

HARMLESS = {"importlib.metadata"}
LAZY_FACE = "anomgan"
"""Imports its public names when they are asked for, by a table in its code; reading a model asks
for none."""

EXCEPTIONS = {
    "anomgan.persistence.model_store": {"import yaml"},  # writes fit.yaml, reads none
    "anomgan.utils.extras": {"import importlib", "importlib.import_module(module)"},
    "anomgan.utils.late_import": {"import importlib", "importlib.import_module(self.__name__)"},
    "anomgan.config": {"import importlib.util"},  # asks whether a package is installed
    # Weights alone, of a file that its digest names; timm where a user has chosen it.
    "anomgan.nets.backbone": {
        "import importlib",
        "import importlib.resources",
        "import pickle",
        "importlib.import_module('timm')",
        "torch.load(io.BytesIO(content), weights_only=True, map_location='cpu')",
    },
    # A file that a user has named; tests/plugins/test_records.py holds that no model's name is run.
    "anomgan.plugins.files": {
        "compile(self.source, self.path, 'exec', dont_inherit=True)",
        "exec(code, module.__dict__)",
    },
}
"""What some modules may do: modules are imported by names that stand in the code of callers."""

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_METHODS = {
    "read_pickle", "read_hdf", "load_module", "exec_module", "import_module", "system", "popen",
    "torch.load", "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter",
    "np.load", "numpy.load", "pd.eval", "df.eval", "frame.query",
}  # fmt: skip


def source(module: str) -> Path | None:
    """The file of one of the project's modules."""
    base = ROOT.joinpath(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def imports(tree: ast.AST) -> Iterator[str]:
    """Names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports aren't followed"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dangers(tree: ast.AST) -> Iterator[str]:
    """What in a file could run code from data."""
    for name in imports(tree):
        if name.split(".")[0] in FORBIDDEN_MODULES and not name.startswith(tuple(HARMLESS)):
            yield f"import {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        options = {option.arg: ast.unparse(option.value) for option in node.keywords}
        if called in ("np.load", "numpy.load") and options.get("allow_pickle") == "False":
            continue
        if called in FORBIDDEN_CALLS | FORBIDDEN_METHODS or called.split(".")[-1] in (
            FORBIDDEN_METHODS
        ):
            yield ast.unparse(node)


def load_path() -> dict[str, ast.AST]:
    """All of the project's modules that loading a model imports, however late."""
    found: dict[str, ast.AST] = {}
    waiting = list(STARTS)
    while waiting:
        module = waiting.pop()
        path = source(module)
        if module in (*found, LAZY_FACE) or path is None or not module.startswith("anomgan"):
            continue
        found[module] = ast.parse(path.read_text(encoding="utf-8"))
        packages = [module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)]
        waiting += [*imports(found[module]), *packages]
    return found


def test_nothing_on_the_way_to_a_model_can_run_code_from_data() -> None:
    modules = load_path()
    expected = {"persistence.model_store", "scoring.fitted_ensemble", "gans.base",
                "data.encoders.table", "data.table.schema", "utils.serialization"}  # fmt: skip
    assert {f"anomgan.{name}" for name in expected} <= modules.keys()
    found = {m: set(dangers(tree)) - EXCEPTIONS.get(m, set()) for m, tree in modules.items()}
    assert "yaml.safe_dump" in ast.unparse(modules["anomgan.persistence.model_store"])
    assert "yaml.load" not in ast.unparse(modules["anomgan.persistence.model_store"])
    assert not {module: what for module, what in found.items() if what}


def test_the_search_finds_what_it_looks_for() -> None:
    code = """
import pickle, importlib.metadata
from importlib import import_module
import numpy as np, torch
def late():
    from yaml import load
    eval("1")
    np.load(path)
    np.load(path, allow_pickle=False)
    np.load(path, allow_pickle=True)
    torch.load(path)
    re.compile("x")
    pd.read_pickle(path)
    importlib.import_module(name)
"""
    found = list(dangers(ast.parse(code)))
    assert found == [
        "import pickle", "import importlib", "import importlib.import_module", "import yaml",
        "import yaml.load", "eval('1')", "np.load(path)", "np.load(path, allow_pickle=True)",
        "torch.load(path)", "pd.read_pickle(path)", "importlib.import_module(name)",
    ]  # fmt: skip

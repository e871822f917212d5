import importlib
import sys

import pytest

from anomgan.utils.late_import import delay_import, delay_imports


@pytest.fixture
def slow_module(tmp_path, monkeypatch):
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text("answer = 42\n")
    (tmp_path / "slow_package" / "part.py").write_text("answer = 43\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "slow_package"
    for name in ("slow_package", "slow_package.part"):
        sys.modules.pop(name, None)


def test_importing_waits_for_the_first_use(slow_module):
    delay_import(slow_module)
    module = importlib.import_module(slow_module)
    assert not hasattr(module, "__file__")
    assert "answer" not in vars(module)
    assert module.answer == 42
    assert vars(sys.modules[slow_module])["answer"] == 42
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing


def test_parts_of_a_package_can_be_imported(slow_module):
    delay_import(slow_module)
    assert importlib.import_module(f"{slow_module}.part").answer == 43


def test_a_module_that_is_there_stays(slow_module):
    before = importlib.import_module(slow_module)
    delay_import(slow_module)
    assert sys.modules[slow_module] is before


def test_a_delay_ends_with_the_block_and_what_was_bound_in_it_still_works(slow_module):
    with delay_imports(slow_module):
        bound = importlib.import_module(slow_module)
    assert slow_module not in sys.modules
    assert bound.answer == 42
    assert sys.modules[slow_module] is not bound

"""Plug-ins in files: run once somebody names them, and again once they have changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anomgan import InputError, load_plugin
from anomgan.gans import get_method
from anomgan.plugins.files import VARIABLE, name_plugin
from anomgan.plugins.registry import COMPONENTS, GANS

from .conftest import COMPONENT_CODE, EXAMPLE, GAN_CODE

Write = Callable[..., Path]


def test_a_file_is_run_once_and_anew_when_it_has_changed(write: Write) -> None:
    path = write(GAN_CODE.format(name="mine") + COMPONENT_CODE)
    assert load_plugin(path) == ("mine", "furthest")
    first = get_method("mine")
    assert load_plugin(path) == ("mine", "furthest")
    assert get_method("mine") is first
    write(GAN_CODE.format(name="other"))
    assert load_plugin(path) == ("other",)
    assert "mine" not in GANS
    assert "furthest" not in COMPONENTS


def test_a_named_file_is_loaded_when_a_method_is_asked_for(write: Write) -> None:
    name_plugin(write(GAN_CODE.format(name="mine")))
    assert "mine" not in GANS
    assert get_method("mine").paper == "A paper"


def test_processes_started_later_find_it(write: Write) -> None:
    path = write("import sys\n" + GAN_CODE.format(name="mine"))
    load_plugin(path)
    load_plugin(path)
    assert os.environ[VARIABLE] == str(path)
    code = "from anomgan.gans import get_method; print(get_method('mine').year)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2026\n"


def test_a_bare_name_is_looked_for_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    assert load_plugin("anomgan_lsgan.py") == ("lsgan",)
    with pytest.raises(InputError, match="there is no such file"):
        load_plugin("./anomgan_lsgan.py")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere", "line 1: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\ny = (", "line 2: SyntaxError: "),
        ("x = 1", "defines no GAN and no Component with a name"),
        (GAN_CODE.format(name="mine") + "\n1 / 0", "line 7: ZeroDivisionError: "),
        ("from anomgan.gans import GAN\nclass A(GAN): name = 'a'", "'a': the class has no paper, "),
        (GAN_CODE.format(name="my gan"), "method 'my gan': name it with letters"),
        (COMPONENT_CODE.replace('"furthest"', '"gan"'), "component 'gan': is the name of a score"),
        (COMPONENT_CODE.replace('"furthest"', '"memory"'), "defined by anomgan itself and by /"),
    ],
)
def test_what_fails_leaves_nothing(write: Write, code: str, message: str) -> None:
    before = set(GANS), set(COMPONENTS)
    with pytest.raises(InputError, match=message):
        load_plugin(write(code))
    assert (set(GANS), set(COMPONENTS)) == before
    assert os.environ[VARIABLE] == ""


def test_two_files_of_one_name_are_refused_with_both(write: Write) -> None:
    first = write(GAN_CODE.format(name="mine"))
    second = write(GAN_CODE.format(name="mine"), folder="b")
    load_plugin(first)
    with pytest.raises(InputError, match=f"'mine' is defined by {first} and by {second}; rename"):
        load_plugin(second)
    assert GANS.origins["mine"].name == str(first)


def test_the_package_s_own_names_are_kept(write: Write) -> None:
    name_plugin(write(GAN_CODE.format(name="gan")))
    with pytest.raises(InputError, match="method 'gan' is defined by anomgan itself and by /"):
        get_method("gan")


def test_a_path_that_a_list_of_paths_can_not_hold_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="move it to where no ':' is in its path"):
        load_plugin(write(GAN_CODE.format(name="mine"), folder="a:b"))


@pytest.mark.parametrize("name", ["nowhere.py", "data.csv", "~/nowhere.py"])
def test_what_is_no_file_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"there is no such file|isn't a .py file"):
        name_plugin(name)

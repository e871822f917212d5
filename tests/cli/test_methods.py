"""The list of methods that the command line reads without asking the classes."""

from __future__ import annotations

from anomgan.bench.cost import list_methods
from anomgan.cli.methods import list_methods as read_methods


def test_the_list_is_what_the_classes_say_and_cost() -> None:
    assert read_methods() == list_methods(), "run tools/list_methods.py"

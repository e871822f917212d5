import inspect
import re

import pytest

from anomgan.config import KINDS, PRESETS, SETTINGS, Config
from anomgan.data.ensemble_scaler import SCALINGS
from anomgan.errors import InputError
from anomgan.score_weights import OWN_COMPONENTS, SUMS
from anomgan.scoring import Component


def test_presets_change_what_they_say_and_nothing_else():
    fast = Config.make("fast")
    assert fast.steps == PRESETS["fast"]["tables"]["steps"]
    assert fast.latent == Config().latent
    assert Config.make() == Config()


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("steps", "20", 20),
        ("steps", "1e3", 1000),
        ("learning_rate", "0.01", 0.01),
        ("views", "asinh, power", ("asinh", "power")),
        ("views", ["minmax"], ("minmax",)),
        ("score", "paper", "paper"),
    ],
)
def test_settings_as_typed(key, typed, value):
    assert getattr(Config.make(settings={key: typed}), key) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", "many"),
        ("steps", -1),
        ("steps", 1.5),
        ("steps", float("inf")),
        ("steps", float("nan")),
        ("steps", None),
        ("ema", 1.0),
        ("views", "upside-down"),
        ("score", "best"),
        ("stepps", 5),
    ],
)
def test_wrong_settings_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        Config.make(settings={key: value})


def test_unknown_preset():
    with pytest.raises(InputError, match="'slow'; choose one of: fast, balanced"):
        Config.make("slow")


def test_json_round_trip():
    config = Config.make("thorough", {"views": "power", "ema": 0.5})
    assert Config.from_json(config.to_json()) == config


def test_choices_are_what_exists():
    assert SETTINGS["views"].choices == (*SCALINGS, "shape")
    assert set(OWN_COMPONENTS) == {*Component.registry} - {*Component.registry.origins}
    assert set(SETTINGS["score"].choices) == {*SUMS, *OWN_COMPONENTS}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=str)
def test_a_setting_is_complete_and_its_default_allowed(setting):
    assert setting.convert(setting.default) == setting.default
    assert setting.help.endswith(".")
    assert setting.group in {"training", "scoring", "pictures", "remedies"}
    assert bool(setting.choices) != isinstance(setting.default, int | float)


def test_the_docstring_explains_every_setting():
    documented = inspect.getdoc(Config)
    lines = " ".join(documented.split())
    assert "trim (float, 0 to 0.9; default 0.0): Share of the training rows" in lines
    assert "penalty (str, one of: own, none, one-centred, zero-centred; default own): " in lines
    for setting in SETTINGS.values():
        assert f"\n    {setting.name} (" in documented


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tiles", "17", "setting tiles=17 must lie between 1 and 16"),
        ("hidden", 0, "setting hidden=0 must lie between 1 and 1,000,000,000"),
        ("ema", "much", "setting ema='much' must be a number"),
        ("layers", 1.5, "setting layers=1.5 must be a whole number"),
        ("views", 3, "setting views=3 must be a list"),
        (
            "views",
            [],
            "setting views must name at least one of: standard, minmax, asinh, power, shape",
        ),
        (
            "views",
            "power, rosy",
            "setting views='rosy' must be one of: standard, minmax, asinh, power, shape",
        ),
        ("growing", "yes", "setting growing='yes' must be one of: auto, on, off"),
    ],
)
def test_messages_name_the_setting_the_value_and_what_is_allowed(key, value, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Config.make(settings={key: value})


@pytest.mark.parametrize("preset", PRESETS)
def test_pictures_have_defaults_of_their_own_that_settings_change(preset):
    pictures = Config.make(preset, {"members": 7}, kind="images")
    assert pictures.members == 7
    assert pictures.score == "visual"
    assert pictures.views == ("minmax",)
    assert Config.make(preset).score == "combined"
    assert Config.from_json(pictures.to_json()) == pictures


def test_defaults_of_a_kind_are_settings():
    for changes in [*KINDS.values(), *(own for p in PRESETS.values() for own in p.values())]:
        assert set(changes) <= set(Config().to_json())

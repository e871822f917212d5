import pytest

from anomgan.config import CHOICES, KINDS, LIMITS, PRESETS, Config
from anomgan.data.ensemble_scaler import SCALINGS
from anomgan.errors import InputError
from anomgan.scoring.scorer import WEIGHTS


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


def test_choices_and_limits_name_what_exists():
    assert CHOICES["views"] == tuple(SCALINGS)
    assert set(CHOICES["score"]) == set(WEIGHTS)
    assert set(CHOICES) | set(LIMITS) <= set(Config().to_json())


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

"""What is written, and that all of it comes back."""

from __future__ import annotations

import json
import math
from hashlib import sha256

import numpy as np
import pytest
import safetensors.numpy

from anomgan import load
from anomgan.gans import GAN
from anomgan.persistence import model_dir as directory
from anomgan.persistence import model_store as store


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "tables" in g.kinds))
def test_every_method_scores_the_same_after_the_round_trip(fitted, same_scores, name, tmp_path):
    condition = "kind" if GAN.registry[name].conditional else None
    before = fitted(method=name, condition=condition)
    before.save(tmp_path / "model")
    after = load(tmp_path / "model")
    assert same_scores(before, after)
    assert after.method == name
    assert after.sample(5, 0).equals(before.sample(5, 0))


def test_everything_comes_back(table, detector, original):
    loaded = load(original)
    assert loaded.get_params() == detector.get_params()
    assert loaded.training_facts_ == detector.training_facts_
    assert loaded.offset_ == detector.offset_
    assert loaded.encoder_ == detector.encoder_
    assert loaded.history_ == detector.history_
    assert list(loaded.feature_names_in_) == list(table().columns)
    assert loaded.n_features_in_ == 5
    rows = table(30, seed=5)
    assert np.array_equal(loaded.p_values(rows), detector.p_values(rows))
    assert loaded.components(rows).equals(detector.components(rows))


def test_a_loaded_model_can_be_saved_again(original, tmp_path):
    load(original).save(tmp_path / "again")
    for name in directory.FILES:
        assert (tmp_path / "again" / name).read_bytes() == (original / name).read_bytes()


def test_directory_holds_strict_json_and_safetensors(table, original):
    assert {path.name for path in original.iterdir()} == {"model.json", "weights.safetensors"}

    def refuse(constant):
        raise AssertionError(constant)

    text = (original / "model.json").read_text(encoding="utf-8")
    description = json.loads(text, parse_constant=refuse)
    assert '"ü"' in text  # people read this file
    assert description["format_version"] == store.FORMAT_VERSION
    assert description["method"] == "gan"
    assert [column["name"] for column in description["schema"]["columns"]] == list(table().columns)
    weights = (original / "weights.safetensors").read_bytes()
    assert description["weights"]["sha256"] == sha256(weights).hexdigest()
    arrays = safetensors.numpy.load(weights)
    assert arrays["gan.generator.head.weight"].dtype == np.float32
    assert np.array_equal(arrays["calibrator.scores"], np.sort(arrays["calibrator.scores"]))


def test_what_is_stored_of_a_random_state_is_its_seed(fitted, same_scores, tmp_path):
    fitted(seed=np.random.RandomState(3)).save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.random_state == again.training_facts_["seed"]
    assert same_scores(again, fitted(seed=again.random_state))


def test_losses_that_are_no_numbers_survive(detector):
    model = store.Model(detector.encoder_, detector.ensemble_, detector.history_, {})
    description, arrays = store.pack(model)
    description["curve"][0][2]["encoder"] = None
    assert math.isnan(store.unpack(description, arrays).history.curve[0].losses["encoder"])

from dataclasses import replace

import pytest

from anomgan.bench.cost import COLUMNS, estimate_cost
from anomgan.config import Config
from anomgan.errors import InputError

SMALL = Config.make(settings={"hidden": 8, "latent": 2, "batch": 4, "memory_rows": 20})


def test_training_costs_in_proportion_to_its_steps():
    twice = Config.make(settings={**SMALL.to_json(), "steps": 2 * SMALL.steps})
    assert estimate_cost("gan", twice).fit == pytest.approx(2 * estimate_cost("gan", SMALL).fit)


def test_the_encoders_stage_of_the_gan_is_counted_exactly():
    """anogan is the same GAN without an encoder; izi_f's products can be counted by hand."""
    width, hidden, latent, rows, steps = COLUMNS, 8, 2, 4, SMALL.steps
    encoder = width * hidden + hidden * hidden + hidden * latent
    generator = latent * hidden + hidden * hidden + hidden * width
    features = 2 * width * hidden + hidden * hidden
    forward = encoder + generator + 2 * features  # of the record and of its reconstruction
    # Backwards, frozen networks pass gradients on; the encoder's own weights need theirs, too,
    # and nothing is passed on to the records.
    backward = generator + features + 2 * encoder - width * hidden
    products = 2 * rows * steps * (forward + backward)
    # Sampled with half of the rows at most, of which there are 20: a batch is 4.
    assert estimate_cost("gan", SMALL).fit - estimate_cost("anogan", SMALL).fit == pytest.approx(
        products
    )


def test_a_long_search_is_dear_and_translation_needs_none():
    config = replace(SMALL, score="gan")
    assert estimate_cost("anogan", config).score > 10 * estimate_cost("gan", config).score
    assert estimate_cost("cyclegan", config).score < estimate_cost("gan", config).score


def test_unknown_methods_are_refused():
    with pytest.raises(InputError, match="unknown method"):
        estimate_cost("crystal ball", SMALL)

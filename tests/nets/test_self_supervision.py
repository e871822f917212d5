"""Self-supervised heads: which transforms of an image they recognise, and in a detector."""

import math

import numpy as np
import pytest
import torch

from anomgan import GANDetector, load
from anomgan.config import Config
from anomgan.errors import InputError
from anomgan.nets.self_supervision import NOISE_LEVELS, Pretext, count_transforms, transform_images

SQUARE = (1, 8, 8)


def done(x, rotation=0, translation=0, level=0, grid=SQUARE, noise=None):
    made = torch.tensor([[[rotation, translation, level]]])
    noise = torch.zeros(()) if noise is None else noise
    flat = transform_images(x.reshape(1, 1, -1), grid, made, noise)
    return flat.reshape(x.shape)


def test_pictures_are_turned_shifted_and_made_noisy():
    x = torch.arange(64.0).reshape(8, 8)
    for quarter in range(4):
        assert torch.equal(done(x, quarter), torch.rot90(x, quarter))
    assert torch.equal(done(x, 0, 1)[1:], x[:-1])
    assert torch.equal(done(x, 0, 1)[0], x[1])  # mirrored at the edge
    assert torch.equal(done(x, 0, 2)[:-1], x[1:])
    assert torch.equal(done(x, 0, 3)[:, 1:], x[:, :-1])
    assert torch.equal(done(x, 0, 4)[:, :-1], x[:, 1:])
    assert torch.equal(done(x, 1, 1)[1:], torch.rot90(x, 1)[:-1])
    noise = torch.randn(64)
    assert torch.allclose(done(x, level=2, noise=noise), x + NOISE_LEVELS[2] * noise.reshape(8, 8))


def test_all_channels_move_together_and_long_pictures_only_turn_upside_down():
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert count_transforms((2, 3, 4))[0] == 2
    assert torch.equal(done(x, 1, grid=(2, 3, 4)), x.flip(1, 2))


def test_each_record_gets_its_own_transform():
    x = torch.randn(2, 3, 64)
    made = torch.zeros(2, 3, 3, dtype=torch.long)
    made[1, 2] = torch.tensor([2, 0, 0])
    moved = transform_images(x, SQUARE, made, torch.zeros(()))
    assert torch.equal(moved[1, 2], x[1, 2].flip(0))
    assert torch.equal(moved[0], x[0])
    assert torch.equal(moved[1, :2], x[1, :2])


def test_whoever_knows_nothing_loses_the_logarithm_of_the_choices():
    head = Pretext(SQUARE, 2, 64, 4)
    torch.nn.init.zeros_(head.head.weight)
    found = head.compute_nll(lambda x: x, torch.randn(2, 5, 64))
    expected = [math.log(count) for count in count_transforms(SQUARE)]
    assert found.shape == (2, 5, 3)
    assert torch.allclose(found, torch.tensor(expected).expand(2, 5, 3))


def test_the_loss_is_that_of_what_was_drawn():
    head = Pretext(SQUARE, 1, 64, 4)
    x, noise = torch.randn(1, 2, 64), torch.randn(1, 2, 64)
    drawn = torch.tensor([[[0.1, 0.99, 0.5], [0.8, 0.3, 0.0]]])
    made = torch.tensor([[[0, 4, 1], [3, 1, 0]]])
    whole = head(lambda seen: seen, x, made, noise)
    assert torch.equal(head.loss(lambda seen: seen, x, drawn, noise), whole.sum(-1).mean(-1))


# --- in a detector --------------------------------------------------------------------------------

SETTINGS = {
    "members": 1,
    "steps": 60,
    "channels": 8,
    "hidden": 32,
    "latent": 4,
    "batch": 32,
    "inversion_steps": 0,
    "checks": 0,
    "self_supervision": 1,
    "learning_rate": 3e-3,
    "score": "transforms",
}


def arrows(n, seed, *, up=True):
    """A bright wedge on dark ground that points up, or one that knows no up."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:12, :12]
    at = 5.5 + rng.normal(0, 0.3, (2, n, 1, 1))
    down, across = row - at[0], column - at[1]
    inside = (np.abs(down) < 4.5) & (np.abs(across) < (down + 4.5) / 2)
    if not up:
        inside = np.hypot(down, across) < 3.5
    return (200 * inside + rng.integers(0, 30, (n, 12, 12))).astype(np.uint8)


@pytest.fixture(scope="module")
def detector():
    return GANDetector(preset="fast", settings=SETTINGS, random_state=0).fit(arrows(600, 0))


@pytest.mark.slow
def test_what_points_elsewhere_is_abnormal(detector):
    counts = detector.ensemble_.scorer.components[0].state["counts"]
    assert counts[0] == 1
    normal = -detector.score_samples(arrows(40, 1))
    turned = -detector.score_samples(np.rot90(arrows(40, 2), 1, (1, 2)))
    assert np.median(turned) > np.quantile(normal, 0.9)


@pytest.mark.slow
def test_rotation_does_not_count_where_it_cannot_be_told():
    round_ones = GANDetector(preset="fast", settings=SETTINGS | {"steps": 40}, random_state=0)
    round_ones.fit(arrows(600, 0, up=False))
    component = round_ones.ensemble_.scorer.components[0]
    assert component.state["counts"][0] == 0
    assert component.state["counts"].sum() >= 1


def test_a_picture_is_scored_alone_and_a_copy_scores_alike(detector, tmp_path):
    few = arrows(5, 3)
    scores = -detector.score_samples(few)
    alone = np.concatenate([-detector.score_samples(few[i : i + 1]) for i in range(5)])
    assert alone == pytest.approx(scores, abs=1e-9)
    detector.save(tmp_path / "model")
    assert np.array_equal(-load(tmp_path / "model").score_samples(few), scores)


def test_the_score_is_refused_without_the_task_and_the_task_without_pictures():
    with pytest.raises(InputError, match="score=transforms needs self_supervision"):
        Config.make(settings={"score": "transforms"}, kind="images")
    table = GANDetector(settings={"self_supervision": 1, "steps": 2})
    with pytest.raises(InputError, match="self_supervision is for pictures"):
        table.fit(np.random.default_rng(0).normal(size=(60, 2)))

import numpy as np
import pytest

from anomgan.explain.shapley import list_coalitions, shapley_values


@pytest.mark.parametrize("players", [1, 2, 5, 7])
def test_values_of_a_game_of_pairs(players):
    """Each pair of players brings its product: a player's value is half of what its pairs bring."""
    weight = np.random.default_rng(players).normal(size=players)
    who = list_coalitions(players)
    assert len(who) == 2**players
    own = who * weight
    worth = (own.sum(1) ** 2 - (own**2).sum(1)) / 2
    expected = weight * (weight.sum() - weight) / 2
    assert shapley_values(worth, players) == pytest.approx(expected)


@pytest.mark.parametrize("players", [8, 31, 100])
def test_sampled_values_add_up_and_are_exact_for_sums_and_pairs(players):
    """An order and its reverse together are exact where players interact two by two."""
    weight = np.random.default_rng(players).normal(size=players)
    who = list_coalitions(players)
    assert len(who) <= 2 * 128 + 2
    own = who * weight
    worth = own.sum(1) + (own.sum(1) ** 2 - (own**2).sum(1)) / 2
    found = shapley_values(worth, players)
    assert found == pytest.approx(weight + weight * (weight.sum() - weight) / 2)
    whole, nobody = worth[who.all(1)][0], worth[~who.any(1)][0]
    assert found.sum() == pytest.approx(whole - nobody)


def test_nobody_gets_nothing():
    assert shapley_values(np.zeros(1), 0).shape == (0,)
    assert list_coalitions(0).shape == (1, 0)

import pytest

from anomgan import Config, InputError
from anomgan.score_weights import SUMS, check_score, parse_score


def test_sums_of_scores_add_their_weights():
    assert parse_score("memory") == {"memory": 1}
    assert parse_score("gan") == SUMS["gan"]
    expected = SUMS["combined"] | {"memory": 1.5, "latent": 1.0}
    assert parse_score("combined+.5*memory + latent") == expected
    assert check_score(" combined + 2*latent ") == "combined+2*latent"


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("combined+", "'' isn't a name, or a factor above 0"),
        ("-1*memory", "'-1"),
        ("0*memory", "isn't a name, or a factor above 0"),
        ("memory*2", "isn't a name"),
        ("9999999*memory", "a factor above 0"),
        ("combined+best", "score='best' must be one of: combined, gan, .*--plugin"),
    ],
)
def test_what_is_no_sum_is_refused(score, message):
    with pytest.raises(InputError, match=message):
        check_score(score)


@pytest.mark.parametrize(
    ("score", "contrast"),
    [("combined", True), ("gan", False), ("gan+contrast_length", True), ("memory", False)],
)
def test_contrast_is_trained_where_a_term_needs_it(score, contrast):
    assert Config.make(settings={"score": score}).uses_contrast is contrast


def test_a_term_of_transforms_needs_its_task():
    with pytest.raises(InputError, match="needs self_supervision above 0"):
        Config.make(settings={"score": "visual+transforms"}, kind="images")

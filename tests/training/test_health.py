import math

import pytest
import torch

from anomgan.training.health import (
    MEASURES,
    Health,
    compare_records,
    describe_health,
    frechet_distance,
    grade_health,
    grade_members,
    measure_health,
    summarize_health,
)

DRAWS = torch.Generator().manual_seed(0)


def normal(n, shift=0.0, scale=1.0, width=2):
    return torch.randn(2, n, width, generator=DRAWS, dtype=torch.float64) * scale + shift


def test_records_of_the_same_kind_are_as_good_as_the_baseline():
    health = measure_health(7, normal(512), normal(256), {})
    assert health.step == 7
    for name in MEASURES:
        own, real = health.measures[name], health.baseline[name]
        assert own == pytest.approx(real, abs=0.35), name
    assert all(0.35 < share < 0.65 for share in health.measures["two_sample"])
    assert all(share > 0.85 for share in health.measures["coverage"])
    assert health.collapsed() == []


def test_records_from_elsewhere_cover_nothing_and_are_told_apart():
    found = compare_records(normal(200), normal(200, shift=50))
    assert found["coverage"] == [0, 0]
    assert found["density"] == [0, 0]
    assert found["two_sample"] == [1, 1]
    assert found["frechet"] == pytest.approx([2500, 2500], rel=0.05)


def test_half_of_the_modes_is_half_of_the_coverage():
    real = torch.cat([normal(100, -20), normal(100, 20)], 1)
    found = compare_records(real, torch.cat([normal(100, 20), normal(100, 20)], 1))
    assert found["coverage"] == pytest.approx([0.5, 0.5], abs=0.05)


def test_one_record_again_and_again_is_a_collapse():
    same = normal(1).expand(-1, 256, -1) + 1e-3 * normal(256)
    one_of_two = torch.stack([same[0], normal(256)[1]])
    assert measure_health(0, normal(512), one_of_two, {}).collapsed() == [0]


def test_a_member_that_diverged_counts_as_collapsed():
    broken = normal(256)
    broken[1, 3] = torch.nan
    health = measure_health(0, normal(512), broken, {})
    assert health.collapsed() == [1]
    assert math.isnan(health.measures["frechet"][1])


def test_frechet_distance_of_known_gaussians():
    # Per direction: the squared shift, and (1 - 3)^2 for the standard deviations.
    a, b = normal(50_000), normal(50_000, shift=2.0, scale=3.0)
    assert frechet_distance(a, b).tolist() == pytest.approx([8.0, 8.0], rel=0.05)


def test_frechet_distance_of_wide_records_is_taken_in_fixed_directions():
    a, b = normal(400, width=200), normal(400, width=200, shift=1.0)
    assert torch.equal(frechet_distance(a, b), frechet_distance(a, b))
    assert (frechet_distance(a, b) > 10 * frechet_distance(a, normal(400, width=200))).all()


def test_some_members_are_exchanged():
    first, second = (measure_health(s, normal(64), normal(32), {"d": [s, s]}) for s in (1, 2))
    mixed = first.with_members(second, {1: 0})
    assert mixed.measures["coverage"] == [
        first.measures["coverage"][0],
        second.measures["coverage"][0],
    ]
    assert mixed.slopes == {"d": [1, 2]}


def test_plain_data_come_back_with_nan_for_none():
    health = Health.from_json(
        {
            "step": 3,
            "measures": {"coverage": [0.5, None]},
            "baseline": {"coverage": [1, 1]},
            "slopes": {},
        }
    )
    assert health.measures["coverage"][0] == 0.5
    assert math.isnan(health.measures["coverage"][1])


def test_verdict_in_words():
    assert summarize_health(None) == "not measured"
    assert summarize_health(measure_health(0, normal(512), normal(256), {})).startswith(
        "healthy; coverage 0.9"
    )
    stuck = normal(1).expand(-1, 256, -1)
    assert summarize_health(measure_health(0, normal(512), stuck, {})).startswith(
        "2 of 2 members collapsed"
    )


def of(coverage: float, variety: float = 1.0) -> Health:
    own = {name: [coverage, coverage] for name in MEASURES} | {"variety": [variety, 1.0]}
    return Health(1, own, {name: [1.0, 1.0] for name in MEASURES}, {})


def test_in_words():
    assert "wasn't measured" in describe_health(None)[0]
    well = describe_health(of(0.9))
    assert well[0] == "no member has collapsed: all 2 generate varied records"
    assert "near 90% of real ones" in well[1]
    assert "other real records come near 100%" in well[1]
    assert len(well) == 4
    assert describe_health(of(0.9, variety=0.1))[0].startswith(
        "1 of 2 members generate nearly the same"
    )
    assert "only a part of what is normal" in describe_health(of(0.4))[-1]
    assert summarize_health(of(0.4)).startswith("partial: ")
    assert summarize_health(of(0.6)).startswith("healthy; ")
    assert summarize_health(of(0.4, variety=0.1)).startswith("1 of 2 members collapsed")


def of_members(**measures: list[float]) -> Health:
    own = {name: [0.5, 0.5, 0.5] for name in MEASURES} | measures
    return Health(1, own, {name: [0.5, 0.5, 0.5] for name in MEASURES}, {})


def test_one_bad_member_counts():
    assert grade_members(of_members(coverage=[0.5, 0.2, 0.01])) == ["healthy", "partial", "failed"]
    assert grade_health(of_members(coverage=[0.5, 0.5, 0.01])) == "failed"
    assert grade_health(of_members(two_sample=[0.5, 0.97, 0.5])) == "failed"
    assert grade_health(of_members(coverage=[0.5, 0.5, 0.2])) == "partial"
    assert grade_health(of_members(coverage=[0.0, 0.5, 0.5], variety=[0.5, 0.5, 0.0])) == (
        "collapsed"
    )
    failed = of_members(coverage=[0.5, 0.0, 0.0])
    assert summarize_health(failed).startswith("failed: 2 of 3 members generate nothing")
    assert "samples and reconstructions mean nothing" in describe_health(failed)[-1]

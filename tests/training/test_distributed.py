"""A fit by several processes gives what one process gives, and all end together."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from anomgan import GANDetector, load
from anomgan.config import Config
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.errors import InputError
from anomgan.gans import GAN, get_method
from anomgan.gans.batch import MemberSlice
from anomgan.training import distributed
from anomgan.training.checkpoint import fingerprint
from anomgan.training.health import Health
from anomgan.training.monitor import HealthMonitor, copy_members
from anomgan.training.sampler import Sampler
from anomgan.training.trainer import train

TINY = {
    "steps": 12,
    "members": 3,
    "hidden": 8,
    "latent": 2,
    "batch": 16,
    "inversion_steps": 1,
    "memory_rows": 50,
    "checks": 2,
    "cross_fit_below": 0,
}

# What a process of the tests below does: `anomgan`, but the second of them as `mischief` says.
WORKER = """
import os, signal, sys
from anomgan.training import ensemble
from anomgan.cli.main import main
from anomgan.errors import InputError

mischief, args = sys.argv[1], sys.argv[2:]
if os.environ["RANK"] == "1":
    def train(*given):
        if mischief == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InputError("the second process has no luck")
    ensemble.train = train
main(args)
"""


def make_records(rows: int, seed: int) -> pd.DataFrame:
    """A ring, and a category."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, rows), 1 + 0.05 * rng.normal(size=rows)
    return pd.DataFrame(
        {
            "x": radius * np.cos(angle),
            "y": radius * np.sin(angle),
            "colour": rng.choice(["red", "green"], rows),
        }
    )


@pytest.mark.parametrize(
    ("members", "processes", "shares"),
    [
        (4, 2, [[0, 1], [2, 3]]),
        (5, 2, [[0, 1], [2, 3, 4]]),
        (3, 1, [[0, 1, 2]]),
        (1, 3, [[], [], [0]]),
    ],
)
def test_members_are_shared_out(members: int, processes: int, shares: list[list[int]]) -> None:
    found = [MemberSlice.of(members, rank, processes) for rank in range(processes)]
    assert [list(share.indices) for share in found] == shares
    assert [share.is_all for share in found] == [len(share) == members for share in shares]


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "tables" in g.kinds))
@pytest.mark.parametrize("extra", [{}, {"minibatch_statistics": "on", "mode_seeking": 0.1}])
def test_a_member_learns_the_same_wherever_it_is_trained(name: str, extra: dict[str, Any]) -> None:
    frame = make_records(60, seed=0).assign(machine=["a", "b", "c"] * 20)
    encoder = TableEncoder.fit(frame, conditions=["machine"])
    values, _ = encoder.transform(frame)
    config = replace(Config.make(settings=TINY), steps=4, **extra, instance_noise=0.1)
    views = EnsembleScaler(encoder.spec, config.member_scalings).fit(values)
    data = torch.from_numpy(values)
    rows = [torch.arange(60)[k::4] for k in range(3)]
    other = data.flip(0) + 1 if GAN.registry[name].translates else None

    def run(share: MemberSlice) -> tuple[GAN, list[Health]]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            gan = get_method(name)(views, config)
            own = get_method(name)(views.select_members(list(share.indices)), config)
        copy_members(own, gan, dict(enumerate(share.indices)))
        draws = torch.Generator().manual_seed(7)
        sampler = Sampler(own, data, rows, draws, other, share)
        monitor = HealthMonitor(sampler)
        train(own, sampler, None, monitor)
        return own, monitor.log

    whole, health = run(MemberSlice.of(3))
    for rank in range(2):
        share = MemberSlice.of(3, rank, 2)
        part, own_health = run(share)
        for key, value in part.state_dict().items():
            if not key.startswith("views."):
                torch.testing.assert_close(
                    value, whole.state_dict()[key][share.start : share.stop], rtol=1e-4, atol=1e-6
                )
        for both in zip(own_health, health, strict=True):
            own, all_ = (each.measures["coverage"] for each in both)
            assert own == pytest.approx(all_[share.start : share.stop])


def torchrun(*args: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [*command, *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    make_records(120, seed=0).to_csv(folder / "normal.csv", index=False)
    (folder / "worker.py").write_text(WORKER)
    return folder


def arguments(folder: Path, model: Path) -> list[str]:
    settings = [part for k, v in TINY.items() for part in ("--set", f"{k}={v}")]
    return ["fit", str(folder / "normal.csv"), "--seed", "4", "--model", str(model), *settings]


def test_two_processes_fit_what_one_fits(folder: Path, tmp_path: Path) -> None:
    fit = torchrun("-m", "anomgan", *arguments(folder, tmp_path / "model"))
    out, err = fit.communicate(timeout=300)
    assert fit.returncode == 0, err
    assert out == ""
    assert sum(line.startswith("rows ") for line in err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]

    alone = GANDetector(settings=TINY, random_state=4).fit(pd.read_csv(folder / "normal.csv"))
    shared = load(tmp_path / "model")
    new = make_records(40, seed=2)
    # Scores are rounded to six decimals, so near zero the last of them is no small share.
    scores = shared.score_samples(new), alone.score_samples(new)
    np.testing.assert_allclose(*scores, rtol=1e-5, atol=1.5e-6)
    assert shared.offset_ == pytest.approx(alone.offset_, rel=1e-5)
    both = shared.history_, alone.history_
    assert [each.step for each in both[0].curve] == [each.step for each in both[1].curve]
    for mine, theirs in zip(both[0].curve, both[1].curve, strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-4)
    assert [len(each.measures["variety"]) for each in both[0].health] == [3, 3]


@pytest.mark.parametrize(
    ("mischief", "told"),
    [
        ("refuses", "the second process has no luck"),
        ("killed", "another process of this fit has failed, or was killed"),
    ],
)
@pytest.mark.slow
def test_one_that_fails_ends_all_with_one_message(
    folder: Path, tmp_path: Path, mischief: str, told: str
) -> None:
    fit = torchrun(folder / "worker.py", mischief, *arguments(folder, tmp_path / "model"))
    _, err = fit.communicate(timeout=300)
    assert fit.returncode != 0
    said = [line for line in err.splitlines() if line.startswith("anomgan: ")]
    if mischief == "killed":  # torchrun may end the first before it has noticed by itself
        assert len(said) == 1
        assert told in said[0] or "terminated; nothing was changed" in said[0]
    else:
        assert said == [next(line for line in said if line.startswith("anomgan: error: "))]
        assert told in said[0]
    assert "Traceback" not in err.split("torch/distributed")[0]
    assert not (tmp_path / "model").exists()


def test_alone_nothing_is_asked_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert not distributed.is_torchrun()
    assert distributed.get_rank_and_size() == (0, 1)
    assert distributed.broadcast_seed(5, "rows") == 5
    assert distributed.slice_members(4) == MemberSlice(0, 4, 4)


def test_different_rows_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(distributed, "get_rank_and_size", lambda: (0, 2))
    monkeypatch.setattr(
        distributed, "_all_gather", lambda value: [*told, told.append(value) or value]
    )

    def broadcast(seed: int, values: np.ndarray, steps: int = 1) -> int:
        return distributed.broadcast_seed(seed, fingerprint(values, None, {"steps": steps}))

    rows = np.arange(6.0).reshape(3, 2)
    assert [broadcast(5, rows), broadcast(6, rows.copy())] == [5, 5]  # the first one's seed
    for given in ((5, rows + 1e-9), (5, rows, 2)):
        with pytest.raises(InputError, match="given different rows or settings"):
            broadcast(*given)
        told.pop()


def test_more_processes_than_members_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "get_rank_and_size", lambda: (0, 5))
    with pytest.warns(UserWarning, match="5 processes share 3 members, so 2 have nothing to do"):
        distributed.warn_idle(3)

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan.bench import peers, workers
from anomgan.bench.result_row import COLUMNS

TINY = ["steps=5", "members=1", "hidden=8", "latent=4", "inversion_steps=1", "memory_rows=50"]
QUICK = ["--preset", "fast", *(part for setting in TINY for part in ("--set", setting))]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The current folder, with a set of 70 rows and a labelled table of mixed columns."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = np.r_[rng.normal(size=(60, 3)), rng.normal(9, 1, size=(10, 3))]
    np.savez("far.npz", X=rows, y=np.repeat([0, 1], [60, 10]))
    table = pd.DataFrame(rows, columns=["a", "b", "c"]).assign(colour=["red", "blue"] * 35)
    table.loc[3, "colour"] = None
    table["state"] = np.repeat(["normal", "attack"], [60, 10])
    table.to_csv("mine.csv", index=False)
    return tmp_path


def test_results_in_three_files_and_on_stdout(run, place):
    options = ["--seeds", 2, "--scores", "combined,paper", "--output", "out", *QUICK]
    done = run("bench", "far.npz", "mine.csv", "--label", "state", *options)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == (
        "| AUROC / AP, mean of 2 seeds | gan | gan (paper) | untrained | untrained (paper) "
        "| iforest | knn |"
    )
    assert [line.split(" | ")[0] for line in lines[2:8]] == [
        "| far",
        "| mine",
        "| **mean of 2 sets**",
        "| mean rank by AUROC",
        "| mean rank by AP",
        "| seconds, fit + score",
    ]
    assert done.err == "anomgan: far done, 1 of 2 sets\nanomgan: mine done, 2 of 2 sets\n"
    assert (place / "out/results.md").read_text() == done.out
    assert (place / "out/results.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(place / "out/results.csv")
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 2 * 6
    wide = table.pivot_table(index=["dataset", "seed"], columns="detector", values="auroc")
    gains = pd.read_csv(place / "out/gains.csv").set_index("detector")
    assert gains["control"].to_dict() == {"gan": "untrained", "gan (paper)": "untrained (paper)"}
    mean = (wide["gan (paper)"] - wide["untrained (paper)"]).mean()
    assert gains.loc["gan (paper)", "auroc"] == pytest.approx(mean, abs=2e-6)
    assert "What training adds (gan (paper) − untrained (paper), 2 sets, 95 % inter" in done.out
    assert table["error"].isna().all()
    assert (table.loc[table["detector"] == "knn", "auroc"] == 1).all()
    assert (table[["rows_fit", "rows_scored", "anomalies"]] == [30, 40, 10]).all(axis=None)
    assert dict(zip(table["dataset"], table["columns"], strict=True)) == {"far": 3, "mine": 4}
    assert (table[["fit_s", "score_s", "peak_mb"]] > 0).all(axis=None)
    assert json.loads((place / "out/settings.json").read_text())["settings"]["steps"] == 5

    # A second run with one detector more measures that one alone.
    before = (place / "out/results.csv").read_text()
    peers_too = ["--peers", "iforest,knn,pca"]
    more = run("bench", "far.npz", "mine.csv", "--label", "state", *options, *peers_too)
    after = (place / "out/results.csv").read_text()
    assert more.code == 0
    assert after.startswith(before)
    added = after.removeprefix(before).splitlines()
    assert [line.split(",")[:3] for line in added] == [
        [name, seed, "pca"] for name in ("far", "mine") for seed in "01"
    ]


@pytest.mark.parametrize(
    ("methods", "names"),
    [
        ("gan", ["gan"]),
        ("untrained", ["untrained"]),
        ("f-anogan,untrained", ["f-anogan", "untrained f-anogan"]),
    ],
)
def test_the_control_is_chosen_as_others_are(run, place, methods, names):
    options = ["--methods", methods, "--peers", "none", "--seeds", 1, *QUICK]
    done = run("bench", "far.npz", *options)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == f"| AUROC / AP, 1 seed | {' | '.join(names)} |"
    assert ("What training adds" in done.out) == (len(names) == 2)
    assert (place / "anomgan-bench/gains.csv").exists() == (len(names) == 2)


def test_a_peer_that_fails_is_noted(run, place, monkeypatch):
    def fail(rows: object, seed: int) -> None:
        raise ValueError("no luck")

    monkeypatch.setitem(peers.SKLEARN, "lof", fail)
    done = run("bench", "far.npz", "--methods", "none", "--peers", "lof,knn", "--seeds", 1)
    assert done.code == 0, done.err
    assert "| far | failed | **1.000** / **1.000** |" in done.out
    assert "- failed: lof on far, seed 0: ValueError: no luck" in done.out
    table = pd.read_csv(place / "anomgan-bench/results.csv")
    assert table["error"].tolist()[0] == "ValueError: no luck"


PEERS_ALONE = ["--methods", "none", "--peers", "knn", "--seeds", 1]


def test_other_settings_are_refused(run, place):
    assert run("bench", "far.npz", *PEERS_ALONE).code == 0
    error = run("bench", "far.npz", *PEERS_ALONE, "--set", "steps=7").error
    assert error.startswith("anomgan-bench: holds results of other settings (steps=500, now 7)")
    assert run("bench", "far.npz", *PEERS_ALONE, "--set", "steps=7", "--restart").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "gan,none-such"], "--methods: unknown 'none-such'; choose from: alad, "),
        (["--peers", "forest"], "--peers: unknown 'forest'; choose from: iforest, knn"),
        (
            ["--scores", "none"],
            "--scores: unknown 'none'; choose from: combined, gan, contrast, visual, pretrained",
        ),
        (["--peers", ","], "--peers: names nothing"),
        (["--methods", "none", "--peers", "none"], "name at least one detector"),
        (["--set", "score=paper"], "name the scores with --scores"),
        (["--set", "steps"], "write it as key=value"),
        (["--set", "speed=1"], "unknown setting 'speed'"),
        (["--preset", "slow"], "unknown preset 'slow'"),
        (["--device", "abacus"], "device='abacus'"),
        (["--seeds", "0"], "see `anomgan bench --help`"),
        (["--jobs", "0"], "see `anomgan bench --help`"),
        (["--output", "mine.csv"], "--output mine.csv: can't be written"),
        (["nowhere"], "nowhere: no such file or folder"),
        (["mine.csv"], "--label COL"),
    ],
)
def test_wrong_options(run, place, options, message):
    assert message in run("bench", "far.npz", *options).error
    assert not (place / "anomgan-bench/results.md").exists()


def test_without_pyod(run, place, monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    error = run("bench", "far.npz", "--peers", "knn,vae").error
    assert error.endswith("pip install 'anomgan[bench]'")
    assert not (place / "anomgan-bench").exists()


def test_interruptions_keep_what_is_done(run, place, monkeypatch):
    real = workers.measure

    def interrupted(task: workers.Task):
        yield from real(task)
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "measure", interrupted)
    done = run("bench", "far.npz", *PEERS_ALONE)
    assert done.code == 130
    assert done.out == ""
    kept = Path("anomgan-bench") / "results.csv"
    assert done.err.splitlines()[-1] == (
        f"anomgan: interrupted; {kept} keeps what is done; the same command goes on"
    )
    assert len(kept.read_text().splitlines()) == 2


@pytest.mark.slow
def test_sets_side_by_side_give_the_same(run, place):
    rows = []
    for jobs in (1, 2):
        paths = ["far.npz", "mine.csv", "--label", "state", "--jobs", jobs, "--output", f"{jobs}"]
        assert run("bench", *paths, "--seeds", 2, *QUICK).code == 0
        table = pd.read_csv(f"{jobs}/results.csv").sort_values(["dataset", "seed", "detector"])
        rows.append(table[["dataset", "seed", "detector", "auroc", "ap"]].reset_index(drop=True))
    pd.testing.assert_frame_equal(*rows)


def test_help_imports_nothing_heavy():
    code = (
        "import sys, anomgan.cli.bench;"
        "print(*{'torch', 'pandas', 'sklearn', 'matplotlib', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_pictures_one_class_normal_and_defects_found(run, place, monkeypatch):
    monkeypatch.setattr("anomgan.bench.localization.MAX_NORMAL_PICTURES", 40)
    monkeypatch.setattr("anomgan.bench.localization.MAX_DEFECT_PICTURES", 8)
    settings = [part for key in ("steps=5", "members=1", "channels=4") for part in ("--set", key)]
    options = ["--classes", "3", "--seeds", 1, "--preset", "fast", "--peers", "knn", "--defects"]
    done = run("bench", "--images", *options, *settings, "--output", "out")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "| AUROC / AP, 1 seed | gan | untrained | knn |"
    assert lines[2].startswith("| digits 3 | ")
    kinds = "all", "scratch", "blob", "missing", "swapped"
    assert [line.split(" | ")[:3] for line in lines[-20:]] == [
        [f"| {name}", kind, method]
        for name in ("digits 3", "texture")
        for method in ("gan", "untrained")
        for kind in kinds
    ]
    assert (place / "out/results.md").read_text() == done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--classes", "3"], "go with --images"),
        (["--images", "--classes", "three"], "whole numbers"),
        (["--images", "--classes", "12"], "has no class 12"),
        (["--methods", "srgan", "far.npz"], "unknown 'srgan'"),
    ],
    ids=lambda value: None if isinstance(value, str) else value[-1],
)
def test_wrong_options_for_pictures(run, place, arguments, words):
    done = run("bench", *arguments)
    assert done.code == 2
    assert words in done.err


@pytest.fixture
def wave(place) -> Path:
    """A wave whose period is abnormal once; with labels, and with an interval."""
    at = np.arange(800)
    value = np.sin(2 * np.pi * at / 20) + np.random.default_rng(0).normal(0, 0.1, 800)
    value[600:620] = 0
    times = pd.date_range("2026-01-01", periods=800, freq="h").astype(str)
    table = pd.DataFrame({"timestamp": times, "value": value})
    folder = place / "plant"
    folder.mkdir()
    table.to_csv(folder / "pump.csv", index=False)
    (folder / "windows.json").write_text(json.dumps({"pump.csv": [[times[600], times[619]]]}))
    table.assign(bad=((at >= 600) & (at < 620)).astype(int)).to_csv("pump.csv", index=False)
    return folder


def test_series_with_intervals_and_with_labels_are_the_same(run, wave):
    options = ["--methods", "none", "--peers", "mahalanobis,zscore", "--seeds", 1]
    by_interval = run("bench", "--series", wave, *options, "--output", "a")
    assert by_interval.code == 0, by_interval.err
    lines = by_interval.out.splitlines()
    assert lines[0] == "| VUS-PR / AUC-PR, 1 seed | mahalanobis | zscore |"
    assert lines[2].startswith("| pump | **")
    assert lines[4].startswith("| mean range F1 / event recall | ")
    assert lines[5].startswith("| mean rank by VUS-PR | **1.00** | 2.00 |")
    table = pd.read_csv("a/results.csv")
    assert list(table.columns) == [*COLUMNS, "vus_pr", "range_f1", "event_recall", "window"]
    assert (table[["rows_fit", "rows_scored", "anomalies"]] == [120, 680, 20]).all(axis=None)
    labels = ["--label", "bad", "--time", "timestamp", "--output", "b"]
    by_label = run("bench", "--series", "pump.csv", *labels, *options)
    assert by_label.code == 0, by_label.err
    figures = ["auroc", "ap", "vus_pr", "range_f1", "event_recall", "window"]
    assert table[figures].equals(pd.read_csv("b/results.csv")[figures])
    mixed = run("bench", "far.npz", *PEERS_ALONE, "--output", "a")
    assert mixed.error.startswith("a/results.csv: wasn't written by such a benchmark")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["pump.csv", "--series", "--images"], "--series goes without --images"),
        (
            ["pump.csv", "--series", "--peers", "lof"],
            "--peers: unknown 'lof'; choose from: sub-pca, mahalanobis",
        ),
        (["pump.csv", "--time", "timestamp"], "--time goes with --series"),
        (["--series"], "--series: name a PATH"),
        (["pump.csv", "--series"], "name the column that marks abnormal points with --label COL"),
    ],
)
def test_options_of_series_are_checked(run, wave, options, message):
    assert message in run("bench", *options, "--methods", "none").error

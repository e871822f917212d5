"""Folders and archives of pictures on the command line, and the pictures it draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from anomgan import load

if TYPE_CHECKING:
    from tests.cli.conftest import Result

Run = Callable[..., "Result"]

TINY = ["--preset", "fast", "--set", "steps=20", "--set", "members=1", "--set", "channels=4"]
TINY += ["--set", "latent=4", "--set", "memory_rows=50", "--set", "checks=2"]
TINY += ["--set", "cross_fit_below=40", "--set", "held_out=0.35"]


def stripes(count: int, seed: int, defect: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:12, :16]
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    made = 120 + 60 * np.sin((x + y) / 2 + phase) + rng.normal(0, 4, (count, 12, 16))
    if defect:
        made[:, 3:8, 6:11] = 250
    return made.clip(0, 255).astype(np.uint8)


def write(folder: Path, pictures: np.ndarray, ending: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for at, pixels in enumerate(pictures):
        PIL.Image.fromarray(pixels).save(folder / f"{at:02}.{ending}")


@dataclass(frozen=True)
class World:
    """Folders, and a model of one of them."""

    normal: Path
    new: Path
    model: Path
    summary: str


@pytest.fixture(scope="module")
def world(run: Run, tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("pictures")
    write(root / "normal" / "left", stripes(30, 0))
    write(root / "normal" / "right", stripes(30, 1))
    (root / "normal" / "left" / "broken.png").write_text("no picture")
    write(root / "new" / "day", stripes(3, 2))
    write(root / "new" / "day" / "night", stripes(3, 3, defect=True), "bmp")
    (root / "new" / "cut.png").write_bytes((root / "new/day/00.png").read_bytes()[:80])
    done = run("fit", root / "normal", "--model", root / "model", "--size", 12, *TINY)
    assert done.code == 0, done.err
    return World(root / "normal", root / "new", root / "model", done.err)


def test_fit_says_what_it_learnt_from(world: World) -> None:
    assert "normal: left/broken.png: isn't a picture" in world.summary
    lines = {line.split()[0]: line for line in world.summary.splitlines()}
    assert lines["pictures"].split(None, 1)[1] == "60, besides 1 that can't be read"
    assert lines["size"].split(None, 1)[1] == "12×12, from 12×16"
    assert lines["values"].split(None, 1)[1] == "gray, 8 bits"
    assert lines["calibration"].split()[1:3] == ["21", "pictures,"]


def test_score_gives_a_row_for_every_picture(run: Run, world: World) -> None:
    done = run("score", world.new, "--model", world.model)
    assert done.code == 0, done.err
    table = done.table
    assert table.columns.tolist() == ["path", "score", "p_value", "is_anomaly"]
    assert table["path"].tolist() == [
        "cut.png",
        *(f"day/{at:02}.png" for at in range(3)),
        *(f"day/night/{at:02}.bmp" for at in range(3)),
    ]
    assert done.out.splitlines()[1] == "cut.png,,,"
    assert table["score"][4:].min() > table["score"][1:4].max()
    assert table["is_anomaly"][4:].tolist() == [1, 1, 1]
    assert "cut.png: " in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("anomgan: 6 pictures scored, ")
    assert last.endswith("; 1 couldn't be read and have no score")


def test_the_rows_agree_with_python(run: Run, world: World) -> None:
    table = run("score", world.new / "day", "--model", world.model).table
    scores = -load(world.model).score_samples(world.new / "day")
    np.testing.assert_allclose(table["score"], scores, rtol=1e-12)


def test_rates_leave_broken_pictures_out(run: Run, world: World) -> None:
    for rule in (["--alpha", 0.05], ["--fdr", 0.2]):
        table = run("score", world.new, "--model", world.model, *rule).table
        assert table["is_anomaly"].isna().tolist() == [True] + [False] * 6
        assert table["is_anomaly"][4:].tolist() == [1, 1, 1]


def test_strict(run: Run, world: World, tmp_path: Path) -> None:
    error = run("score", world.new, "--model", world.model, "--strict").error
    assert error.startswith(f"{world.new}: cut.png: ")
    error = run("fit", world.normal, "--model", tmp_path / "m", "--strict", *TINY).error
    assert error.startswith(f"{world.normal}: left/broken.png: isn't a picture")
    assert not (tmp_path / "m").exists()


def test_nothing_to_append(run: Run, world: World) -> None:
    error = run("score", world.new, "--model", world.model, "--append").error
    assert error == f"--append: {world.new} holds pictures, which have no columns to repeat"


def test_archives(run: Run, world: World, tmp_path: Path) -> None:
    path = tmp_path / "new.npz"
    np.savez(path, pictures=np.concatenate([stripes(2, 2), stripes(2, 3, defect=True)]))
    table = run("score", path, "--model", world.model).table
    assert table.columns[0] == "row"
    assert table["row"].tolist() == [0, 1, 2, 3]
    assert table["is_anomaly"][2:].tolist() == [1, 1]
    drawn = tmp_path / "drawn"
    assert run("score", path, "--model", world.model, "--heatmaps", drawn).code == 0
    names = sorted(each.name for each in drawn.iterdir())
    assert names == [f"row-00000{at}.png" for at in range(4)]


def test_info(run: Run, world: World) -> None:
    done = run("info", world.model)
    assert "gray, 8 bits" in done.out
    assert "60, besides 1 that can't be read" in done.out
    state = json.loads(run("info", world.model, "--json").out)
    assert state["schema"]["grid"] == [1, 12, 12]
    assert state["training"]["lost_rows"] == 1


def test_heatmaps(run: Run, world: World, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    done = run("score", world.new, "--model", world.model, "--heatmaps", drawn)
    assert done.code == 0, done.err
    assert "show no nearest normal picture, since the generators failed" in done.err
    found = sorted(path.relative_to(drawn).as_posix() for path in drawn.rglob("*.*"))
    assert found == [
        *(f"day/{at:02}.png.png" for at in range(3)),
        *(f"day/night/{at:02}.bmp.png" for at in range(3)),
    ]
    with PIL.Image.open(drawn / "day/night/00.bmp.png") as image:
        width, height = image.size
        pixels = np.asarray(image).astype(int)
    times = height // 12  # in its own shape, 12×16, and its map, with a gap
    assert (width, height) == (2 * 16 * times + 4, 12 * times)
    own, overlay = pixels[:, : 16 * times], pixels[:, -16 * times :]
    with PIL.Image.open(world.new / "day/night/00.bmp") as image:
        np.testing.assert_array_equal(own[::times, ::times, 0], np.asarray(image))
    # Green rises with heat; a fifth of the picture shows through where it is hottest.
    heat = (overlay - 0.2 * own)[..., 1].reshape(12, times, 16, times).mean((1, 3))
    assert heat[3:8, 6:11].min() > 0.65 * 255
    assert heat[:, 13:].mean() < 0.5 * 255


def test_heatmaps_replace_those_of_an_earlier_run_alone(
    run: Run, world: World, tmp_path: Path
) -> None:
    drawn = tmp_path / "drawn"
    for part in ("day", "day/night"):
        options = ("--model", world.model, "--heatmaps", drawn)
        assert run("score", world.new / part, *options).code == 0
    found = sorted(path.name for path in drawn.rglob("*.*"))
    assert found == ["00.bmp.png", "01.bmp.png", "02.bmp.png"]
    (drawn / "mine.txt").write_text("keep")
    error = run("score", world.new, "--model", world.model, "--heatmaps", drawn).error
    assert error.startswith(f"--heatmaps {drawn}: holds other files, such as 'mine.txt'")
    assert sorted(path.name for path in drawn.rglob("*.*")) == [*found, "mine.txt"]


def test_heatmaps_never_go_into_what_is_read(run: Run, world: World, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(world.new)
    for place in (world.new, world.new / "maps", tmp_path / "link" / "maps"):
        error = run("score", world.new, "--model", world.model, "--heatmaps", place).error
        assert f"lies in {world.new}, which is read" in error
    (tmp_path / "file").write_text("")
    options = ("--model", world.model, "--heatmaps", tmp_path / "file")
    assert "is a file" in run("score", world.new, *options).error


def test_tables_have_no_heatmaps(run: Run, world: World, tiny: list[str], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2))).to_csv(path, index=False)
    assert run("fit", path, "--model", tmp_path / "m", *tiny).code == 0
    options = ("--model", tmp_path / "m", "--heatmaps", tmp_path / "out")
    assert "the model was fitted on a table" in run("score", path, *options).error
    error = run("score", world.new, "--model", tmp_path / "m").error
    assert "the model expects 2 columns" in error
    error = run("score", path, "--model", world.model).error
    assert "holds no pictures, which the model was fitted on" in error
    error = run("fit", path, "--model", tmp_path / "m", *tiny, "--grids", tmp_path / "g").error
    assert "--grids" in error


def test_grids_and_conditions(run: Run, world: World, tmp_path: Path) -> None:
    grids = tmp_path / "grids"
    options = ("--condition", "folder", "--model", tmp_path / "m", "--grids", grids, "--size", 8)
    done = run("fit", world.normal, *options, *TINY)
    assert done.code == 0, done.err
    assert "folder (2 levels)" in done.err
    with PIL.Image.open(grids / "samples.png") as samples:
        assert samples.size == (8 * 8 + 7 * 4, 8 * 8 + 7 * 4)  # 64 of 8×8 with gaps of 4
    with PIL.Image.open(grids / "reconstructions.png") as pairs:
        assert pairs.size == samples.size
    stages = {path.name.partition("-")[0] for path in grids.glob("*-*.png")}
    assert stages == {"samples", "reconstructions"}  # while training
    scored = run("score", world.normal, "--model", tmp_path / "m")
    assert scored.code == 0, scored.err
    assert len(scored.table) == 61


def test_a_decompression_bomb_is_skipped_unless_the_limit_is_raised(
    run: Run, world: World, tmp_path: Path
) -> None:
    write(tmp_path / "new", stripes(1, 2))
    PIL.Image.new("1", (400, 300), 1).save(tmp_path / "new" / "bomb.png")
    options = (tmp_path / "new", "--model", world.model)
    done = run("score", *options, "--max-pixels", 100_000)
    assert "bomb.png: has 400×300 pixels, more than the 100,000" in done.err
    assert done.table["score"].isna().tolist() == [False, True]
    done = run("score", *options, "--max-pixels", 200_000)
    assert done.table["score"].notna().all()


@pytest.mark.parametrize("size", [7, 257])
def test_sizes_are_limited(run: Run, world: World, size: int) -> None:
    assert "--size" in run("fit", world.normal, "--size", size).error


def test_the_most_abnormal_pictures(run: Run, world: World) -> None:
    scores = run("score", world.new, "--model", world.model).table.dropna()
    best = scores.sort_values("score", ascending=False, kind="stable").head(2)
    header, *lines = run("score", world.new, "--model", world.model, "--top", 2).out.splitlines()
    assert header.split() == ["path", "score", "p_value", "flagged"]
    assert [line.split()[0] for line in lines] == best["path"].tolist()

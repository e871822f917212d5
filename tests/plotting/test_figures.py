from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import PIL.Image
import pytest

from anomgan.metrics import reliability
from anomgan.plotting import figures as plots
from anomgan.plotting import style
from anomgan.training.health import MEASURES, Health
from anomgan.training.history import Progress

SVG = "{http://www.w3.org/2000/svg}"
LABELS, SCORE = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]  # scikit-learn's own example: AUROC 0.75


def health(step: int, coverage: float = 0.5) -> Health:
    values = {name: [coverage, 0.25] for name in MEASURES}
    return Health(step, values, {name: [1.0, 1.0] for name in MEASURES}, {})


def curve() -> list[Progress]:
    first = [Progress(step, 20, {"critic": 1 / step, "generator": 2.0}) for step in (1, 5, 10)]
    return [*first, Progress(20, 20, {"encoder": 0.5})]


def figures() -> dict[str, object]:
    return {
        "score_histogram": plots.score_histogram([0, 1, 2], [1, 5], [0, 1], 1.5),
        "loss_curves": plots.loss_curves(curve()),
        "health_curves": plots.health_curves([health(10), health(20)], health(20, 0.75)),
        "roc": plots.roc(LABELS, SCORE),
        "precision_recall": plots.precision_recall(LABELS, SCORE),
        "reliability": plots.reliability(reliability(LABELS, SCORE)),
        "p_value_histogram": plots.p_value_histogram([0.05, 0.5, 1.0]),
        "sample_grid": plots.sample_grid(np.zeros((3, 8, 8), np.uint8)),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, object]:
    return figures()


@pytest.fixture(scope="module")
def redrawn() -> dict[str, object]:
    return figures()


NAMES = [
    "score_histogram",
    "loss_curves",
    "health_curves",
    "roc",
    "precision_recall",
    "reliability",
    "p_value_histogram",
    "sample_grid",
]


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", NAMES)
def test_figures_become_whole_files(drawn, name):
    picture = PIL.Image.open(io.BytesIO(style.png(drawn[name])))
    assert picture.size[0] == round(style.WIDTH * 160)
    assert len(set(np.asarray(picture.convert("L")).ravel().tolist())) > 1
    svg = style.svg(drawn[name], "one")
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert all(node.get("id", "one-").startswith("one-") for node in root.iter())
    assert "http" not in svg.replace("http://www.w3.org/", "")


@pytest.mark.parametrize("name", NAMES)
def test_same_figure_same_bytes(drawn, redrawn, name):
    assert style.svg(redrawn[name]) == style.svg(drawn[name])
    assert style.png(redrawn[name]) == style.png(drawn[name])


def test_references_lead_to_ids_of_the_same_figure(drawn):
    root = ET.fromstring(style.svg(drawn["health_curves"], "a"))
    ids = {node.get("id") for node in root.iter()}
    used = {node.get("{http://www.w3.org/1999/xlink}href") for node in root.iter()} - {None}
    assert used
    assert {reference.removeprefix("#") for reference in used} <= ids


def test_label_is_escaped_and_axes_take_the_pages_colour(drawn):
    svg = style.svg(drawn["roc"], label="</svg><script>alert(1)</script>")
    title = ET.fromstring(svg).find(f"{SVG}title")
    assert title is not None
    assert title.text == "</svg><script>alert(1)</script>"
    assert "<script" not in svg
    assert style.INK not in svg
    assert "currentColor" in svg


def test_a_network_called_like_a_formula_is_drawn_as_text():
    svg = style.svg(plots.loss_curves([Progress(1, 1, {r"$\frac{<b>$": 1.0})]))
    assert r"$\frac{<b>$" in texts(svg)


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "1a", "a<b"])
def test_names_that_could_leave_their_attribute_are_refused(drawn, name):
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        style.svg(drawn["roc"], name)


def test_matplotlib_stays_as_it_was():
    before = dict(mpl.rcParams)
    style.svg(plots.roc(LABELS, SCORE))
    assert dict(mpl.rcParams) == before


def test_known_figures_are_written_on_the_curves():
    assert "AUROC 0.750" in texts(style.svg(plots.roc(LABELS, SCORE)))
    found = texts(style.svg(plots.precision_recall(LABELS, SCORE)))
    assert "average precision 0.833" in found  # (1 + 2/3) / 2
    assert "chance 0.500" in found


def test_histogram_bars_are_shares_of_their_own_group():
    figure = plots.score_histogram([0, 0, 0, 1], [0, 1], [0, 1], 0.5)
    filled = [patch for patch in figure.axes[0].patches if patch.get_fill()]
    for patch in filled:
        assert patch.get_data().values.sum() == pytest.approx(1)
    assert len(filled) == 3


@pytest.mark.parametrize("threshold", [None, float("inf"), 1e6])
def test_no_threshold_no_line(threshold):
    svg = style.svg(plots.score_histogram([0, 1], threshold=threshold))
    assert not any(text.startswith("threshold") for text in texts(svg))


def test_p_values_belong_to_the_bin_that_ends_with_them():
    figure = plots.p_value_histogram([0.05, 0.05, 0.0500001, 1.0])
    heights = figure.axes[0].patches[0].get_data().values
    assert heights[0] == 0.5
    assert heights[1] == 0.25
    assert heights[-1] == 0.25


def test_reliability_points_are_the_bins_means():
    figure = plots.reliability(reliability([0, 1, 1, 1], [0.1, 0.15, 0.9, 1.0]))
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert points == pytest.approx(np.array([[0.125, 0.5], [0.95, 1.0]]))


def test_members_are_lines_and_their_mean_is_one():
    figure = plots.health_curves([health(10), health(20)])
    coverage = figure.axes[0].lines
    assert coverage[2].get_ydata() == pytest.approx([0.375, 0.375])
    assert coverage[3].get_ydata() == pytest.approx([1, 1])


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (2, 4, 4, 2)])
def test_what_is_no_stack_of_pictures_is_refused(shape):
    with pytest.raises(ValueError, match="pictures of shape"):
        plots.sample_grid(np.zeros(shape))


def test_colour_pictures_are_shown_up_to_the_most():
    figure = plots.sample_grid(np.zeros((plots.MAX_PICTURES + 5, 4, 4, 3)))
    assert sum(bool(axis.images) for axis in figure.axes) == plots.MAX_PICTURES

"""Plots of a fitted detector in the way of scikit-learn's displays.

``from_estimator`` computes what is drawn and draws it; the display keeps it, and :meth:`plot` draws
it again on any axis of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from anomgan.data.encoders.image import ImageEncoder
from anomgan.plotting.images import overlay, to_rgb
from anomgan.plotting.style import ABNORMAL, GREY, INK, NEW, NORMAL
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector

MAX_SHOWN_THRESHOLD = 1e6
"""Thresholds beyond are not drawn: nothing is flagged."""


class Display:
    """What all displays share: an axis to draw on.

    Attributes:
        ax_: The axis of the last plot.
        figure_: Its figure.
    """

    ax_: Axes
    figure_: Figure

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw with a legend.

        Args:
            ax: Where; by default a new figure of ``matplotlib.pyplot``.
        """
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots()[1]
        self.draw(ax)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        figure = ax.get_figure(root=True)
        assert figure is not None  # noqa: S101 - an axis has one
        self.ax_, self.figure_ = ax, figure
        return self

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        raise NotImplementedError


class ScoreDisplay(Display):
    """Histogram of scores: of held-out normal rows, and of new ones beside them.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from anomgan import GANDetector, load_sample
        >>> from anomgan.plotting import ScoreDisplay
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> ax = Figure().subplots()  # without: a figure of pyplot
        >>> display = ScoreDisplay.from_estimator(detector, sample.new, sample.labels, ax=ax)
        >>> display.ax_.get_ylabel()
        'share of rows'
    """

    def __init__(
        self,
        calibration_scores: ArrayLike,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        threshold: float | None = None,
    ) -> None:
        """Keep what is drawn.

        Args:
            calibration_scores: Of held-out normal rows, (m,); larger is more abnormal.
            scores: Of new rows, (n,).
            labels: Which of these are abnormal, (n,) of 0 and 1.
            threshold: Above it rows are flagged; none is drawn if it is missing or infinite.
        """
        self.groups = {"held-out normal rows": (NORMAL, finite(calibration_scores))}
        if scores is not None and labels is None:
            self.groups["new rows"] = NEW, finite(scores)
        elif scores is not None:
            new, odd = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
            self.groups["new, normal"] = NEW, finite(new[~odd])
            self.groups["new, abnormal"] = ABNORMAL, finite(new[odd])
        self.threshold = threshold

    @classmethod
    def from_estimator(
        cls, detector: GANDetector, X: Any = None, y: Any = None, *, ax: Axes | None = None
    ) -> Self:
        """Score n rows and draw their scores beside those of held-out normal rows.

        Args:
            detector: A fitted detector.
            X: n rows; without, only the held-out rows are drawn.
            y: Which of them are abnormal, (n,) of 0 and 1.
            ax: Where to draw; by default a new figure.

        Raises:
            InputError: As ``score_samples``.
        """
        scores = None if X is None else -detector.score_samples(X)
        return cls(detector.decision_scores_, scores, y, detector.threshold_).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        every = np.concatenate([values for _, values in self.groups.values()])
        edges = np.histogram_bin_edges(every, 40) if len(every) else np.array([0.0, 1.0])
        dashes = ("-", "--", "-.")
        for (name, (colour, values)), dash in zip(self.groups.items(), dashes, strict=False):
            if len(values):
                heights = np.histogram(values, edges)[0] / len(values)
                ax.stairs(heights, edges, fill=True, color=colour, alpha=0.22)
                label = f"{name} ({len(values):,})"
                ax.stairs(heights, edges, color=colour, linestyle=dash, label=label)
        if self.threshold is not None and abs(self.threshold) < MAX_SHOWN_THRESHOLD:
            label = f"threshold {self.threshold:.3g}"
            ax.axvline(self.threshold, color=INK, linestyle=":", linewidth=1.2, label=label)
        ax.set(xlabel="score (larger is more abnormal)", ylabel="share of rows")


class PValueDisplay(Display):
    """Histogram of p-values; those of normal rows are even.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from anomgan.plotting import PValueDisplay
        >>> display = PValueDisplay([0.01, 0.4, 0.8]).plot(Figure().subplots())
        >>> display.ax_.get_xlabel()
        'p-value (smaller is more abnormal)'
    """

    BINS = 20
    """Bins of equal width."""

    def __init__(self, p_values: ArrayLike) -> None:
        """Keep p-values, (n,) in (0, 1]; smaller is more abnormal."""
        self.p_values = finite(p_values)

    @classmethod
    def from_estimator(cls, detector: GANDetector, X: Any, *, ax: Axes | None = None) -> Self:
        """Draw the p-values of n rows; raises as ``p_values``."""
        return cls(detector.p_values(X)).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        count = len(self.p_values)
        edges = np.linspace(0, 1, self.BINS + 1)
        # A p-value is the upper end of an interval, so 0.05 belongs to the first bin.
        places = np.ceil(self.p_values * self.BINS - 1e-9).astype(int) - 1
        heights = np.bincount(places.clip(0, self.BINS - 1), minlength=self.BINS) / max(1, count)
        ax.stairs(heights, edges, fill=True, color=NORMAL, alpha=0.6, label=f"{count:,} rows")
        even = "if all rows were normal: even"
        ax.axhline(1 / self.BINS, color=INK, linestyle=":", linewidth=1.2, label=even)
        ax.set(xlabel="p-value (smaller is more abnormal)", ylabel="share of rows", xlim=(0, 1))


class CalibrationDisplay(Display):
    """Share of rows that are abnormal against their mean probability, bin by bin.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from anomgan.metrics import reliability
        >>> from anomgan.plotting import CalibrationDisplay
        >>> curve = reliability([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> display = CalibrationDisplay(curve).plot(Figure().subplots())
    """

    def __init__(self, curve: pd.DataFrame) -> None:
        """Keep the curve, as :func:`anomgan.metrics.reliability` gives it."""
        self.curve = curve

    @classmethod
    def from_estimator(
        cls, detector: GANDetector, X: Any, y: ArrayLike, *, ax: Axes | None = None
    ) -> Self:
        """Draw how the probabilities of n rows agree with their labels.

        Args:
            detector: A detector to which ``calibrate`` gave probabilities.
            X: n rows, not those it was calibrated on.
            y: Which of them are abnormal, (n,) of 0 and 1.
            ax: Where to draw; by default a new figure.

        Raises:
            InputError: As ``score_samples``.
        """
        from anomgan.metrics import reliability

        return cls(reliability(y, detector.predict_proba(X)[:, 1])).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        probability, abnormal, rows = (
            self.curve[name] for name in ("probability", "abnormal", "rows")
        )
        label = f"{int(rows.sum()):,} rows"
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="calibrated")
        ax.plot(probability, abnormal, color=NORMAL, linestyle="-", linewidth=0.8, label=label)
        sizes = 12 + 140 * rows / rows.sum()
        ax.scatter(probability, abnormal, s=sizes, color=NORMAL, alpha=0.75, linewidths=0)
        ax.set(
            xlabel="mean probability given (larger dots: more rows)",
            ylabel="share that is abnormal",
            xlim=(-0.03, 1.03),
            ylim=(-0.03, 1.03),
        )


class LossDisplay(Display):
    """Losses over training, means over the members.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from anomgan import GANDetector, load_sample
        >>> from anomgan.plotting import LossDisplay
        >>> settings = {"steps": 20, "members": 1, "contrast": "off", "score": "gan"}
        >>> detector = GANDetector(settings=settings, random_state=0)
        >>> detector = detector.fit(load_sample("penguins").normal)
        >>> display = LossDisplay.from_estimator(detector, ax=Figure().subplots())
        >>> sorted(display.curves)
        ['discriminator', 'encoder', 'generator']
    """

    def __init__(self, curves: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> None:
        """Keep steps and losses of each network by its name."""
        self.curves = dict(curves)

    @classmethod
    def from_estimator(cls, detector: GANDetector, *, ax: Axes | None = None) -> Self:
        """Draw the losses of a fit."""
        points = detector.history_.curve
        names = dict.fromkeys(name for point in points for name in point.losses)
        curves = {}
        for name in names:
            known = [point for point in points if name in point.losses]
            curves[name] = [each.step for each in known], [each.losses[name] for each in known]
        return cls(curves).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        for name, (steps, losses) in self.curves.items():
            ax.plot(steps, losses, label=name)
        ax.set(xlabel="training step", ylabel="loss")


class ExplanationDisplay(Display):
    """What each column contributes to the score of one row, the largest on top.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from anomgan import GANDetector, load_sample
        >>> from anomgan.plotting import ExplanationDisplay
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> ax = Figure().subplots()
        >>> display = ExplanationDisplay.from_estimator(detector, sample.new[:1], ax=ax)
        >>> display.contributions["rank"].tolist() == sorted(display.contributions["rank"])
        True
    """

    def __init__(self, contributions: pd.DataFrame) -> None:
        """Keep the lines of one row, as ``GANDetector.explain`` gives them."""
        self.contributions = contributions.sort_values("rank")

    @classmethod
    def from_estimator(
        cls, detector: GANDetector, row: Any, *, top: int = 10, ax: Axes | None = None
    ) -> Self:
        """Explain one row.

        Args:
            detector: A fitted detector of tables.
            row: A table of one row.
            top: Most columns to draw.
            ax: Where to draw; by default a new figure.

        Raises:
            InputError: As ``explain``.
        """
        return cls(detector.explain(row, top)).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        lines = self.contributions
        places = np.arange(len(lines))
        ax.barh(places, lines["contribution"], color=ABNORMAL)
        labels = [
            f"{column} = {seen}"
            for column, seen in zip(lines["column"], lines["observed"], strict=True)
        ]
        ax.set_yticks(places, labels)
        ax.invert_yaxis()
        ax.set_xlabel("contribution to the score (larger is more abnormal)")


class AnomalyMapDisplay(Display):
    """A picture in gray under the places where it is abnormal.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from anomgan.plotting import AnomalyMapDisplay
        >>> picture, places = np.zeros((8, 8), np.uint8), np.eye(8)
        >>> display = AnomalyMapDisplay(picture, places).plot(Figure().subplots())
    """

    def __init__(self, picture: NDArray[Any], anomaly_map: ArrayLike) -> None:
        """Keep a picture (H, W) or (H, W, C), and its map (H, W); larger is more abnormal."""
        self.picture, self.anomaly_map = picture, np.asarray(anomaly_map, dtype=np.float64)

    @classmethod
    def from_estimator(
        cls, detector: GANDetector, picture: NDArray[Any], *, ax: Axes | None = None
    ) -> Self:
        """Draw the anomaly map of one picture, (H, W) or (H, W, C), in the size that is processed.

        Raises:
            InputError: As ``anomaly_map``.
        """
        [anomaly_map] = detector.anomaly_map(picture[None])
        encoder = detector.encoder_
        if isinstance(encoder, ImageEncoder):
            anomaly_map = encoder.crop(anomaly_map, *picture.shape[:2])
        return cls(picture, anomaly_map).plot(ax)

    def draw(self, ax: Axes) -> None:
        """Draw on an axis, without a legend."""
        import PIL.Image

        gray = PIL.Image.fromarray(to_rgb(self.picture[None])[0])
        height, width = self.anomaly_map.shape
        ax.imshow(overlay(np.asarray(gray.resize((width, height))), self.anomaly_map))
        ax.set_axis_off()


def finite(values: ArrayLike) -> Floats:
    """The values that are finite, flat."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]

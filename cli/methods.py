"""``anomgan methods``."""

from __future__ import annotations

from anomgan.cli.console import show_table
from anomgan.cli.options import DEFAULT_METHOD


def methods() -> None:
    """List the GANs that fit can train, and what they cost beside the default one on a table."""
    from anomgan.bench.cost import estimate_cost
    from anomgan.config import Config
    from anomgan.gans import GAN

    costs = {
        name: estimate_cost(name, Config())
        for name, gan in GAN.registry.items()
        if "tables" in gan.kinds
    }
    usual = costs[DEFAULT_METHOD]
    show_table(
        ("method", "paper", "year", "for", "own score", "fit", "score"),
        (
            (
                f"{name} (default)" if name == DEFAULT_METHOD else name,
                gan.paper,
                str(gan.year),
                ", ".join(gan.kinds),
                gan.formula,
                f"{costs[name].fit / usual.fit:.1f}x" if name in costs else "-",
                f"{costs[name].score / usual.score:.1f}x" if name in costs else "-",
            )
            for name, gan in sorted(GAN.registry.items())
        ),
        wrapped=("paper", "own score"),
    )

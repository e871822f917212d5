"""``anomgan methods``."""

from __future__ import annotations

from anomgan.cli.console import show_table
from anomgan.cli.options import DEFAULT_METHOD


def methods() -> None:
    """List the GANs that fit can train."""
    from anomgan.gans import GAN

    show_table(
        ("method", "paper", "year", "score"),
        (
            (
                f"{name} (default)" if name == DEFAULT_METHOD else name,
                gan.paper,
                str(gan.year),
                gan.formula,
            )
            for name, gan in sorted(GAN.registry.items())
        ),
        wrapped=("paper", "score"),
    )

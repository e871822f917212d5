"""``python -m anomgan`` is the command ``anomgan``."""

from __future__ import annotations

from anomgan.cli.main import main

if __name__ == "__main__":
    main()

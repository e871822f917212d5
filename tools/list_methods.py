"""Write anomgan/gans/methods.json: what `anomgan methods` and shell completion say of the GANs.

    python tools/list_methods.py

Asking the classes themselves takes seconds, for torch.  tests/cli/test_methods.py holds the file to
what they say and cost; run this after adding a GAN, or changing what one costs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from anomgan.bench.cost import list_methods

FILE = Path(__file__).resolve().parents[1] / "anomgan" / "gans" / "methods.json"


def main() -> None:
    """Write the file."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    FILE.write_text(json.dumps(list_methods(), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

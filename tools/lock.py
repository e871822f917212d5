"""Choose the versions that we develop and test with, and write them to constraints.txt.

    make lock

pip resolves anomgan with every extra in an empty environment, with the newest versions that agree
with each other and with PINS; nothing is installed.  The result is a list of ``name==version``
lines for ``pip install -c``: it installs nothing by itself, so that packages which one platform
needs and another doesn't do no harm.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "bench,dev,files,fuzz,onnx,spark,vision"
# What is chosen by hand.  torch: a release brings new numerics, so we move to it on purpose.
PINS = ["torch==2.13.0"]
# What a CUDA build of torch brings along.  Each build demands its exact versions, so pinning those
# of this machine's build would forbid every other one.
PLATFORM = re.compile(r"^(nvidia|cuda)-|^triton$")
HEAD = f"""\
# The versions that we develop and test with: pip install -c constraints.txt -e '.[dev]'
# Made by `make lock` (tools/lock.py) for anomgan[{EXTRAS}]; don't edit.
"""


def resolve() -> list[tuple[str, str]]:
    """Let pip choose.

    Returns:
        Name and version of every package but anomgan.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        report = Path(folder) / "report.json"
        command = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", str(report), *PINS, f"{ROOT}[{EXTRAS}]"]
        subprocess.run(command, check=True)  # noqa: S603 - our own arguments
        chosen = json.loads(report.read_text("utf-8"))["install"]
    found = [(item["metadata"]["name"], item["metadata"]["version"]) for item in chosen]
    return [(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in found]


def main() -> None:
    """Write constraints.txt."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    lines = [
        # A local suffix (2.13.0+cpu) names one build; without it, every build of that version fits.
        f"{name}=={version.partition('+')[0]}\n"
        for name, version in sorted(resolve())
        if name != "anomgan" and not PLATFORM.search(name)
    ]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

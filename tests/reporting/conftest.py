from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, report

HOSTILE = '<script>alert("x")</script>'
"""A name that would run as code if it weren't escaped."""

SETTINGS = {
    "steps": 20,
    "members": 2,
    "hidden": 16,
    "latent": 4,
    "inversion_steps": 1,
    "memory_rows": 100,
}


def records(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(10, 2, rows)
    return pd.DataFrame(
        {
            "size": size.round(2),
            HOSTILE: (3 * size + rng.normal(0, 0.5, rows)).round(2),
            "kind": rng.choice(["<b>bold</b>", "</style><img src=x onerror=alert(1)>"], rows),
            "$\\frac{a": rng.normal(size=rows),
            "line\nbreak": rng.choice([True, False], rows),
            "nothing": 7,
        }
    )


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def new() -> pd.DataFrame:
    """60 rows, of which every tenth is abnormal."""
    frame = records(60, 1)
    frame.loc[frame.index % 10 == 0, HOSTILE] = 500.0
    return frame


@pytest.fixture(scope="session")
def labels(new: pd.DataFrame) -> np.ndarray:
    return (new.index % 10 == 0).astype(int)


@pytest.fixture(scope="session")
def normal() -> pd.DataFrame:
    return records(200, 0)


@pytest.fixture(scope="session")
def detector(normal: pd.DataFrame) -> GANDetector:
    with pytest.warns(UserWarning, match="nothing"):
        return GANDetector(settings=SETTINGS, random_state=0).fit(normal, source=f"{HOSTILE}.csv")


@pytest.fixture(scope="session")
def full(detector: GANDetector, new: pd.DataFrame, labels: np.ndarray, normal: pd.DataFrame) -> str:
    """A page with everything on it; making one takes seconds."""
    return report(detector, new, labels=labels, normal=normal, name="pumps", source="new.csv")


# --- a real browser -------------------------------------------------------------------------------

# Chromium reads commands from descriptor 3 and answers on 4, wherever the pipes were opened.
PLACED = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]\n"
    "os.dup2(ends[0], 3); os.dup2(ends[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]
PATIENCE = 60.0


class Browser:
    """A headless Chromium, spoken to by its DevTools protocol over pipes.

    Attributes:
        events: What it told without being asked, as (method, parameters).
    """

    def __init__(self, program: str, profile: Path) -> None:
        get, self.into = os.pipe()
        self.out, put = os.pipe()
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLACED, str(get), str(put), *command],
            pass_fds=(get, put),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(get)
        os.close(put)
        self.number, self.rest, self.session = 0, b"", ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        attached = self("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.into, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self) -> dict[str, Any]:
        """The next message; events are kept."""
        while b"\0" not in self.rest:
            piece = os.read(self.out, 65_536)
            if not piece:
                raise RuntimeError(f"the browser ended with status {self.process.wait()}")
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        if "method" in found:
            self.events.append((found["method"], found["params"]))
        return found

    def open(self, path: Path, width: int, height: int = 900, scheme: str = "light") -> None:
        """Show a page in a window of that many pixels, and wait until all of it is there."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in [method for method, _ in self.events]:
            assert time.monotonic() < end, "the page doesn't load"
            self._read()

    def value(self, expression: str) -> Any:
        """What JavaScript gives for an expression; the page's own policy doesn't bind it."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.into)
        os.close(self.out)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; tests that want it are skipped where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no browser here: install Debian's chromium to have the page opened in one")
    running = Browser(program, tmp_path_factory.mktemp("profile"))
    yield running
    running.close()

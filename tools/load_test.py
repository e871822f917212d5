"""Load a served detector with many clients, and a served isolation forest for comparison.

    python tools/load_test.py --clients 16 --seconds 60

Both models learn from the sample set `penguins` and are served by MLflow's model server in a
process of its own: the detector by `anomgan serve`, the forest by `mlflow models serve`.  The
clients, in this process, each keep one connection and send one request after another.  Prints a
Markdown table; every answer that isn't 200 counts as an error.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from anomgan import GANDetector
from anomgan.data.samples import load_sample

PATIENCE = 120.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100], help="in a request")
    args = parser.parse_args()

    sample = load_sample("penguins")
    numbers = sample.normal.select_dtypes("number").columns
    print("| served | rows in a request | requests | errors | requests/s | rows/s | p50 | p99 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        GANDetector(random_state=0).fit(sample.normal).save(folder / "gan")
        save_forest(sample.normal[numbers], folder / "forest")
        for name, columns in (("anomgan", sample.new.columns), ("IsolationForest", numbers)):
            with serving(name, folder) as port:
                for rows in args.rows:
                    body = request(sample.new[columns], rows)
                    report(name, rows, *load(port, body, args.clients, args.seconds))


def save_forest(table: pd.DataFrame, folder: Path) -> None:
    """An isolation forest in MLflow's own flavour."""
    import mlflow.sklearn
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=0).fit(table.dropna())
    mlflow.sklearn.save_model(forest, folder, serialization_format="cloudpickle")


def request(table: pd.DataFrame, rows: int) -> bytes:
    """A body of so many rows without gaps."""
    whole = table.dropna()
    chosen = whole.iloc[np.arange(rows) % len(whole)]
    data = json.loads(chosen.to_json(orient="values"))
    return json.dumps({"dataframe_split": {"columns": list(table.columns), "data": data}}).encode()


@contextlib.contextmanager
def serving(name: str, folder: Path) -> Iterator[int]:
    """Run a server; gives its port once it answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    if name == "anomgan":
        command = ["-m", "anomgan", "serve", "--model", str(folder / "gan"), "--port", str(port)]
    else:
        command = ["-m", "mlflow", "models", "serve", "-m", str(folder / "forest"), "-p", str(port)]
        command += ["--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / f"{name}.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            env=os.environ | {"PATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait(port, server, folder / f"{name}.log")
            yield port
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request("GET", "/ping")
            if client.getresponse().status == 200:
                return
        time.sleep(0.2)
    sys.exit(f"the server doesn't answer:\n{log.read_text()}")


def load(port: int, body: bytes, clients: int, seconds: float) -> tuple[list[float], int, float]:
    """Seconds of each request, how many failed, and how long all took."""
    taken: list[float] = []
    failed: list[int] = []
    begun = time.monotonic()

    def ask() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < begun + seconds:
            start = time.monotonic()
            try:
                client.request("POST", "/invocations", body, {"Content-Type": "application/json"})
                answer = client.getresponse()
                answer.read()
                good = answer.status == 200
            except (OSError, http.client.HTTPException):
                good = False
                client.close()
            taken.append(time.monotonic() - start)
            if not good:
                failed.append(1)
        client.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, len(failed), time.monotonic() - begun


def report(name: str, rows: int, taken: list[float], failed: int, seconds: float) -> None:
    """A line of the table."""
    p50, p99 = np.quantile(taken, [0.5, 0.99]) * 1000
    rate = len(taken) / seconds
    print(
        f"| {name} | {rows} | {len(taken):,} | {failed} | {rate:,.1f} | {rate * rows:,.0f} "
        f"| {p50:,.0f} ms | {p99:,.0f} ms |",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""Load a served detector with many clients, and a served isolation forest for comparison.

    python tools/load_test.py --clients 16 --seconds 60
    python tools/load_test.py --requests 100000 --rows 1 --only anomgan

Both models learn from the sample set `penguins` and are served by MLflow's model server in a
process of its own: the detector by `anomgan serve`, the forest by `mlflow models serve`.  The
clients, in this process, each keep one connection and send one request after another.  Prints a
Markdown table; every answer that isn't 200 counts as an error.  CPU is the
server's per request; the memory of its processes is looked at when a tenth, half and all is done.
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
import psutil

from anomgan import GANDetector
from anomgan.data.samples import load_sample

TIMEOUT_S = 120.0
SERVED = ["anomgan", "IsolationForest"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0, help="unless --requests says")
    parser.add_argument("--requests", type=int, help="so many, however long they take")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100], help="in a request")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--only", choices=SERVED, nargs="+", default=SERVED)
    args = parser.parse_args()

    sample = load_sample("penguins")
    numbers = sample.normal.select_dtypes("number").columns
    print(
        "| served | rows in a request | requests | errors | requests/s | rows/s | p50, ms "
        "| p99, ms | CPU, ms | MB at 10 % | 50 % | 100 % |\n|---|" + "---:|" * 11
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        GANDetector(random_state=0).fit(sample.normal).save(folder / "gan")
        save_forest(sample.normal[numbers], folder / "forest")
        columns = dict(zip(SERVED, (sample.new.columns, numbers), strict=True))
        for name in args.only:
            with run_server(name, folder, args.workers) as (port, process):
                for rows in args.rows:
                    body = make_request(sample.new[columns[name]], rows)
                    load = Load(port, body, process, args.seconds, args.requests)
                    load.run(args.clients)
                    print(load.format_row(name, rows), flush=True)


def save_forest(table: pd.DataFrame, folder: Path) -> None:
    """Save an isolation forest in MLflow's scikit-learn flavor."""
    import mlflow.sklearn
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=0).fit(table.dropna())
    mlflow.sklearn.save_model(forest, folder, serialization_format="cloudpickle")


def make_request(table: pd.DataFrame, rows: int) -> bytes:
    """Make the body of a request with `rows` rows without missing cells."""
    whole = table.dropna()
    chosen = whole.iloc[np.arange(rows) % len(whole)]
    data = json.loads(chosen.to_json(orient="values"))
    return json.dumps({"dataframe_split": {"columns": list(table.columns), "data": data}}).encode()


@contextlib.contextmanager
def run_server(name: str, folder: Path, workers: int) -> Iterator[tuple[int, psutil.Process]]:
    """Run a server; yields its port and process once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if name == "anomgan":
        command = ["-m", "anomgan", "serve", "--model", str(folder / "gan"), "--port", str(port)]
    else:
        command = ["-m", "mlflow", "models", "serve", "-m", str(folder / "forest"), "-p", str(port)]
        command += ["--env-manager", "local"]
    command += ["--workers", str(workers)]
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
            wait_for_server(port, server, folder / f"{name}.log")
            yield port, psutil.Process(server.pid)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def wait_for_server(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request("GET", "/ping")
            if client.getresponse().status == 200:
                return
        time.sleep(0.2)
    sys.exit(f"the server doesn't answer:\n{log.read_text()}")


class Load:
    """Clients that send requests to one server, and their statistics."""

    def __init__(
        self,
        port: int,
        body: bytes,
        server: psutil.Process,
        seconds: float,
        requests: int | None,
    ) -> None:
        """Prepare to send ``body`` for ``seconds``, or ``requests`` times."""
        self.port, self.body, self.server = port, body, server
        self.seconds, self.requests = seconds, requests
        self.seconds_taken: list[float] = []  # appending is safe in threads
        self.failed = 0
        self.lock, self.started = threading.Lock(), time.monotonic()
        self.megabytes: list[float] = []

    def run(self, clients: int) -> None:
        """Send until all is done."""
        cpu = self._cpu_seconds()
        self.started = time.monotonic()
        threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if self._progress() > (0.1, 0.5, 2)[len(self.megabytes)]:
                self.megabytes.append(self._measure_memory())
            time.sleep(0.05)
        self.duration = time.monotonic() - self.started
        self.cpu = self._cpu_seconds() - cpu
        self.megabytes += [self._measure_memory()] * (3 - len(self.megabytes))

    def _client(self) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        while self._progress() < 1:
            start = time.monotonic()
            try:
                client.request(
                    "POST", "/invocations", self.body, {"Content-Type": "application/json"}
                )
                answer = client.getresponse()
                answer.read()
                good = answer.status == 200
            except (OSError, http.client.HTTPException):
                good = False
                client.close()
            self.seconds_taken.append(time.monotonic() - start)
            with self.lock:
                self.failed += not good
        client.close()

    def _progress(self) -> float:
        """Share that is done, in [0, 1]."""
        if self.requests is not None:
            return len(self.seconds_taken) / self.requests
        return (time.monotonic() - self.started) / self.seconds

    def _processes(self) -> list[psutil.Process]:
        return [self.server, *self.server.children(recursive=True)]

    def _measure_memory(self) -> float:
        return float(sum(process.memory_info().rss for process in self._processes()) / 2**20)

    def _cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(each.user + each.system for each in times))

    def format_row(self, name: str, rows: int) -> str:
        """Format the statistics as a row of the table."""
        p50, p99 = np.quantile(self.seconds_taken, [0.5, 0.99]) * 1000
        count = len(self.seconds_taken)
        rate = count / self.duration
        return (
            f"| {name} | {rows} | {count:,} | {self.failed} | {rate:,.1f} | {rate * rows:,.0f} "
            f"| {p50:,.0f} | {p99:,.0f} | {1000 * self.cpu / count:,.1f} "
            f"| {' | '.join(f'{each:,.1f}' for each in self.megabytes)} |"
        )


if __name__ == "__main__":
    main()

"""The real server on loopback, asked from another process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest


def post(url: str, body: object, kind: str = "application/json") -> tuple[int, Any]:
    """Status and answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/invocations", data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        return error.code, json.loads(text)


@pytest.fixture(scope="module")
def model(detector: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "m"
    detector.save(path)
    return path


@pytest.fixture(scope="module")
def url(
    model: Path, program: Any, serving: Any, free_port: Any, tmp_path_factory: Any
) -> Iterator[str]:
    port = free_port()
    command = [*program, "serve", "--model", str(model), "--port", str(port)]
    command += ["--max-rows", "100", "--max-mb", "0.05"]
    where = f"http://127.0.0.1:{port}"
    with serving(command, f"{where}/ping", tmp_path_factory.mktemp("server")):
        yield where


@pytest.fixture(scope="module")
def frame(records: Any) -> pd.DataFrame:
    frame = records(40, seed=1)
    frame.loc[::7, "size"] = 99.0
    return frame.assign(seen=frame["seen"].dt.strftime("%Y-%m-%dT%H:%M:%S"))


def as_split(frame: pd.DataFrame) -> dict[str, Any]:
    rows = [[None if pd.isna(v) else v for v in row] for row in frame.to_numpy(object)]
    return {"columns": list(frame.columns), "data": json.loads(json.dumps(rows, default=str))}


def test_answers_equal_local_scores(url: str, detector: Any, frame: pd.DataFrame) -> None:
    expected = detector.score_frame(frame)
    split = as_split(frame)
    named = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    for body in ({"dataframe_split": split}, {"dataframe_records": named}):
        status, answer = post(url, body)
        assert status == 200, answer
        found = pd.DataFrame(answer["predictions"])
        np.testing.assert_array_equal(found["score"], expected.score)
        np.testing.assert_array_equal(found["p_value"], expected.p_value)
        np.testing.assert_array_equal(found["is_anomaly"] == 1, detector.predict(frame) == -1)
    csv = frame.to_csv(index=False).encode()
    status, answer = post(url, csv, "text/csv")
    assert [row["score"] for row in answer["predictions"]] == expected.score.tolist()


def test_numbers_are_not_cut_down(url: str, detector: Any, frame: pd.DataFrame) -> None:
    odd = frame.head(4).assign(count=[3.5, 2.0, 1.25, 4.0])
    status, answer = post(url, {"dataframe_split": as_split(odd)})
    assert status == 200
    expected = detector.score_frame(odd).score.tolist()
    assert [row["score"] for row in answer["predictions"]] == expected


def test_params_are_heard(url: str, frame: pd.DataFrame) -> None:
    body = {"dataframe_split": as_split(frame), "params": {"alpha": 0.4}}
    rows = pd.DataFrame(post(url, body)[1]["predictions"])
    np.testing.assert_array_equal(rows["is_anomaly"] == 1, rows["p_value"] <= 0.4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"dataframe_split": {"columns": ["size"], "data": [[1.0]]}},
            "no column 'count', 'colour'",
        ),
        ({"dataframe_split": {"columns": ["size"], "data": []}}, "the input: has no rows"),
        ({"params": {"alpha": 7}}, "params: alpha 7 must lie between 0 and 1"),
        ({"params": {"alfa": 0.1}}, "params: unknown 'alfa'; choose from: alpha, fdr, explain"),
        ({"params": [1]}, "params: must be an object of names and values"),
        ("size", "row 0, column 'size': 'big' isn't a number; correct or empty the cell"),
        ("nested", "row 0: the cell holds a list; give each cell one value"),
        ({"dataframe_records": []}, "exactly one of the input fields"),
    ],
)
def test_bad_payloads(url: str, frame: pd.DataFrame, change: Any, message: str) -> None:
    body: dict[str, Any] = {"dataframe_split": as_split(frame.head(3))}
    if isinstance(change, dict):
        body |= change
    else:
        body["dataframe_split"]["data"][0][0] = "big" if change == "size" else [1, 2]
    status, answer = post(url, body)
    assert status == 400
    assert message in answer["message"]
    assert "Traceback" not in json.dumps(answer)


ROW = b'{"dataframe_records": [{"size": %s}]}'


@pytest.mark.parametrize(
    ("kind", "body", "status", "message"),
    [
        ("application/json", b'{"dataframe_split":', 400, "the request can't be read: Expecting"),
        ("application/json", b"\xff\xfe", 400, "the request isn't UTF-8: byte 0 is wrong"),
        ("application/json", b"", 400, "the request can't be read: Expecting value"),
        ("application/json", b"[" * 40_000, 400, "the request is nested too deeply"),
        ("application/json", b'{"a":' * 9_000 + b"1", 400, "the request is nested too deeply"),
        ("application/json", ROW % (b"9" * 9_000), 400, "the request can't be read: Exceeds"),
        ("application/json", ROW % b'"\\ud800"', 400, "surrogates not allowed"),
        ("application/json", b'{"inputs": "x"}', 400, "the input: isn't a table: "),
        ("application/json", b'{"inputs": {"size": {"a": 1}}}', 400, "no column 'count'"),
        ("application/json; charset=utf-16", b"{}", 415, "only supports UTF-8"),
        ("application/xml", b"<a/>", 415, "the content type must be application/json or text/csv"),
        ("", b"{}", 415, "the content type must be application/json or text/csv"),
        ("application/vnd.apache.parquet", b"PAR1", 415, "the content type must be"),
        ("text/csv", b"", 400, "the request is empty; send a header and rows"),
        ("text/csv", b"size,count\n1,2,3\n", 400, "line 2 has 3 cells, the header 2"),
        ("text/csv", b'size\n"1', 400, "EOF inside string"),
        ("text/csv", b"," * 12_000 + b"\n1", 400, "12,001 columns; at most 10,000 are taken"),
    ],
)
def test_senseless_requests(url: str, kind: str, body: bytes, status: int, message: str) -> None:
    found, answer = post(url, body, kind)
    assert found == status
    assert message in answer["message"]
    assert "\n" not in answer["message"]
    assert answer.keys() == {"error_code", "message"}


def test_requests_that_ask_for_too_much(url: str, frame: pd.DataFrame) -> None:
    rows = [{"size": 1}] * 101
    status, answer = post(url, {"dataframe_records": rows})
    assert status == 400
    assert "the request has 101 rows; at most 100 are taken at once" in answer["message"]
    status, answer = post(url, {"dataframe_records": [{"size": "x" * 60_000}]})
    assert status == 413
    assert answer["message"] == "the request is larger than 0.05 MB; send fewer rows at once"


def test_a_long_body_without_its_length(url: str) -> None:
    host = url.removeprefix("http://")
    chunks = iter([b"x" * 9_000] * 9)
    with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as client:
        client.request(
            "POST", "/invocations", chunks, {"Content-Type": "text/csv"}, encode_chunked=True
        )
        assert client.getresponse().status == 413


def test_many_clients_at_once(url: str, detector: Any, frame: pd.DataFrame) -> None:
    parts = [frame.iloc[start : start + 4] for start in range(0, 40, 4)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda part: post(url, {"dataframe_split": as_split(part)}), parts))
    found = [row["score"] for _, answer in answers for row in answer["predictions"]]
    assert found == detector.score_frame(frame).score.tolist()


@pytest.mark.slow
def test_several_processes_answer_and_one_that_dies_is_replaced(
    model: Path,
    program: Any,
    serving: Any,
    free_port: Any,
    frame: pd.DataFrame,
    detector: Any,
    tmp_path: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*program, "serve", "--model", str(model), "--port", str(port), "--workers", "2"]
    body, expected = {"dataframe_split": as_split(frame)}, detector.score_frame(frame).score
    with serving(command, f"{url}/ping", tmp_path) as process:
        killed, kept = workers_of(process)
        os.kill(killed, signal.SIGKILL)
        while not workers_of(process) - {killed, kept}:
            time.sleep(0.1)
        for _ in range(4):
            status, answer = post(url, body)
            assert status == 200
            assert [row["score"] for row in answer["predictions"]] == expected.tolist()
    assert not psutil.pid_exists(kept)
    assert process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "server.log").read_text().endswith("terminated; the server has stopped\n")


def workers_of(process: Any) -> set[int]:
    """The processes that a server has started to answer requests."""
    found = set()
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):  # it may have ended
            if "spawn_main" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


def test_a_port_that_is_taken(run: Any, model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = run("serve", "--model", model, "--port", port).error
    assert error == f"--host 127.0.0.1 --port {port}: can't listen there: Address already in use"


def test_a_model_that_is_not_there(run: Any, tmp_path: Path) -> None:
    error = run("serve", "--model", tmp_path / "none", "--port", 0).error
    assert error.endswith("no such model directory; fit a model first")


@pytest.mark.slow
def test_a_server_killed_in_the_middle(
    model: Path,
    program: Any,
    serving: Any,
    free_port: Any,
    frame: pd.DataFrame,
    detector: Any,
    tmp_path: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*program, "serve", "--model", str(model), "--port", str(port)]
    many = pd.concat([frame] * 200, ignore_index=True)
    with serving(command, f"{url}/ping", tmp_path) as process, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(post, url, {"dataframe_split": as_split(many)})
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises((OSError, http.client.HTTPException)):
            asked.result(30)
    with serving(command, f"{url}/ping", tmp_path):
        status, answer = post(url, {"dataframe_split": as_split(frame)})
        assert status == 200
        found = [row["score"] for row in answer["predictions"]]
        assert found == detector.score_frame(frame).score.tolist()

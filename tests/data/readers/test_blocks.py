"""Blocks of whole records, and errors that leave no thread behind."""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from anomgan.data.readers.blocks import EndlessRecord, find_record_end, split_blocks

ERRORS_UNDER_LOAD = """
import os, signal, sys
from anomgan.data.readers.delimited import read_delimited
from anomgan.errors import InputError

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = os.fork()
while busy == 0:  # a process that shares the processor
    pass
ends = []
for _ in range(8):
    reader = os.fork()
    if reader == 0:  # ends as any interpreter does, with all of its threads
        signal.alarm(20)
        sys.stderr = open(os.devnull, "w")
        source = sys.argv[1]
        if source == "-":
            sys.stdin = open(sys.argv[2])
        try:
            for frame in read_delimited(source, 65536):
                pass
        except InputError as error:
            sys.exit(2 if "has 3 fields" in str(error) else 3)
        sys.exit(0)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
os.kill(busy, signal.SIGKILL)
os.waitpid(busy, 0)
print(sorted(set(ends)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
def test_an_error_leaves_no_thread_behind(tmp_path: Path, stdin: bool) -> None:
    path = tmp_path / "long.csv"
    row = f"{'x' * 1000},1\n"  # few records, so that their lines are counted at once
    path.write_text("a,b\n" + row * 1_100 + "1,2,3\n" + row * 3_000)
    arguments = ["-", str(path)] if stdin else [str(path)]
    done = subprocess.run(
        [sys.executable, "-c", ERRORS_UNDER_LOAD, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.stdout, done.stderr) == ("[2]\n", "")


def test_a_block_ends_where_a_record_does() -> None:
    assert find_record_end(b"1,2\n3,4\n5", ",") == 8
    assert find_record_end(b'1,"2\n3"\n5,"6\n', ",") == 8
    assert find_record_end(b'1,5" pipe\n2,6" pipe\n3', ",") == 20
    assert find_record_end(b'"a""b\n', ",") == 0
    assert find_record_end(b'1,"a\n"\n' + b'1,"",""""\n' * 10_000 + b'"\n', ",") == 100_007


def test_blocks_have_the_records_of_the_text() -> None:
    draw = random.Random(0)
    cells = ["", '""', "1", '5"', '"a\nb"', '"x,y"', '"q""q"', '"""\n"', '"\n,"', 'a"b"c']
    for _ in range(300):
        text = "".join(
            ",".join(draw.choices(cells, k=3)) + draw.choice(["\n", "\r\n"]) for _ in range(30)
        )
        stream = io.BytesIO(text.encode())
        blocks = [block.decode() for block in split_blocks(stream, draw.randint(70, 200), ",")]
        assert "".join(blocks) == text
        parts = [row for block in blocks for row in csv.reader(io.StringIO(block, newline=""))]
        # Between \r and \n, a block may end; the blank line that begins the next is no record
        assert [row for row in parts if row] == list(csv.reader(io.StringIO(text, newline="")))


def test_a_record_longer_than_a_block() -> None:
    with pytest.raises(EndlessRecord):
        list(split_blocks(io.BytesIO(b'1\n"' + b"2\n" * 100), 50, ","))

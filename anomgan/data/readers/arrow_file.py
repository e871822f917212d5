"""Read Arrow and Feather files in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.feather

from anomgan.data.arrow import arrow_to_frame
from anomgan.data.column_names import named_columns, refuse_duplicates
from anomgan.data.readers.sources import Source, describe_source, open_seekable
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line


def read_arrow(source: Source, rows: int) -> Iterator[pd.DataFrame]:
    """Read a file or stream of the Arrow IPC format as frames; see :func:`.files.read_chunks`.

    Feather is the file format; its first version, of 2016, is read whole.  Named indexes of pandas
    are columns, unnamed ones are left out.
    """
    name = describe_source(source)
    with open_seekable(source, name) as file:
        try:
            for batch in _read_batches(file):
                names = named_columns(batch.schema.names)
                refuse_duplicates(names, name)
                for start in range(0, batch.num_rows, rows):
                    yield arrow_to_frame(batch.select(names).slice(start, rows), name)
        except InputError:
            raise
        except (OSError, pa.ArrowException, ValueError) as error:
            if out_of_memory(error):
                raise
            raise InputError(
                f"{name}: isn't an Arrow or Feather file, or is damaged: {one_line(error)}"
            ) from None


def _read_batches(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    magic = file.read(8)
    file.seek(0)
    if magic.startswith(b"FEA1"):
        yield from pyarrow.feather.read_table(file).to_batches()
    elif magic.startswith(b"ARROW1"):
        with pa.ipc.open_file(file) as batches:
            for number in range(batches.num_record_batches):
                yield batches.get_batch(number)
    else:
        with pa.ipc.open_stream(file) as stream:
            yield from stream

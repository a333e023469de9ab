"""CSV into Arrow and Parquet, in pyarrow's own code; imported where one of them is asked for.

Promise: a few dozen megabytes in memory, however many rows there are and however slowly they are taken.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any, BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from store.exports.tables import Format, Table

#: What of the rows is read at once: more than the longest row, of which an event's properties are the most. Small: pyarrow
#: reads up to 32 blocks ahead of whoever takes them; so many are written at once, because readers like large groups of rows.
_BLOCK, _TOGETHER = 1024 * 1024, 8
_TYPES = {
    "text": pa.string(), "bigint": pa.int64(), "integer": pa.int32(), "smallint": pa.int16(), "boolean": pa.bool_(),
    "double precision": pa.float64(), "timestamp with time zone": pa.timestamp("us", "UTC"),
    "numeric(18,6)": pa.decimal128(18, 6),
}  # fmt: skip


class BrokenOff(OSError):
    """The rows ended before their end."""


def convert(rows: BinaryIO, file: BinaryIO, table: Table, form: Format, whole: Callable[[], bool]) -> None:
    """Read all rows and write them.

    Raises:
        BrokenOff: they have ended and are not the `whole`.
    """
    schema = schema_of(table)
    with _writer(file, schema, form) as writer:
        batches = _batches(rows, schema)
        while group := list(islice(batches, _TOGETHER)):
            writer.write_table(pa.Table.from_batches(group, schema))
        if not whole():
            raise BrokenOff


def rows_in(file: IO[bytes]) -> int:
    """How many rows a Parquet file has."""
    count: int = parquet.read_metadata(file).num_rows
    return count


def schema_of(table: Table) -> pa.Schema:
    """The Arrow schema, with each column's sentence as its description."""
    fields = [pa.field(each.name, _TYPES[each.type], metadata={"description": each.about}) for each in table.columns]
    return pa.schema(fields, metadata={"description": table.about})


def _batches(rows: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    as_written = csv.ConvertOptions(
        column_types=schema,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
        timestamp_parsers=[csv.ISO8601],
    )
    reading = csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    for batch in csv.open_csv(rows, reading, csv.ParseOptions(newlines_in_values=True), as_written):
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _writer(file: BinaryIO, schema: pa.Schema, form: Format) -> Any:
    if form is Format.ARROW:
        return pa.ipc.new_stream(file, schema)
    return parquet.ParquetWriter(file, schema, compression="zstd", store_schema=True)

"""Columns of numbers as Postgres takes them in at once, built by numpy: a list for each column takes longer than writing them.

Source: the binary format of COPY, https://www.postgresql.org/docs/current/sql-copy.html, with values as each type sends them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.predictions import COPY_BEGINS, COPY_ENDS

_FLOAT8 = 701  # the type's number in Postgres


def packed(columns: Sequence[NDArray[Any]]) -> bytes:
    """Rows of these columns, none of whose values is null.

    Args:
        columns: At least one; sixteen bytes each for `uuid`, whole numbers for `integer`, floats for `float8`, and floats in
            two dimensions for `float8[]`.
    """
    values = [_values(each) for each in columns]
    parts = [part for n, each in enumerate(values) for part in ((f"length_{n}", ">i4"), (f"value_{n}", each.dtype))]
    rows = np.empty(len(values[0]), [("columns", ">i2"), *parts])
    rows["columns"] = len(values)
    for n, each in enumerate(values):
        rows[f"length_{n}"], rows[f"value_{n}"] = each.dtype.itemsize, each
    return COPY_BEGINS + rows.tobytes() + COPY_ENDS


def _values(column: NDArray[Any]) -> NDArray[Any]:
    if column.ndim > 1:
        return _arrays(column)
    if column.dtype.kind == "V":
        return column
    return column.astype(">f8" if column.dtype.kind == "f" else ">i4")


def _arrays(column: NDArray[Any]) -> NDArray[Any]:
    many = column.shape[1]
    head = {"dimensions": 1, "nulls": 0, "type": _FLOAT8, "many": many, "first": 1}
    each = np.dtype([("length", ">i4"), ("value", ">f8")])
    found = np.empty(len(column), [*((name, ">i4") for name in head), ("each", each, (many,))])
    for name, value in head.items():
        found[name] = value
    found["each"]["length"], found["each"]["value"] = each["value"].itemsize, column
    return found

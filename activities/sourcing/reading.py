"""Rows of a source, some thousand at a time, by whichever driver its address names; each value as JSON has it.

Promise: the statement is the author's own and only wrapped where newer rows alone are wanted; no address and no password is in
an error. Drivers are imported where they are needed: ADBC for Postgres, Snowflake and BigQuery, DuckDB for files and its own.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import orjson

from journeys.sources.source import Source

#: Rows that are read, compared and taken in together.
AT_ONCE = 2_000
#: What was committed late is read, too: rows newer than the newest less this.
OVERLAP = timedelta(minutes=5)
_INSTALL = "pip install 'journeys[sources]'"
_DRIVERS = {
    "postgresql": ("adbc_driver_postgresql.dbapi", _INSTALL),
    "postgres": ("adbc_driver_postgresql.dbapi", _INSTALL),
    "snowflake": ("adbc_driver_snowflake.dbapi", "pip install adbc-driver-snowflake"),
    "bigquery": ("adbc_driver_bigquery.dbapi", "pip install adbc-driver-bigquery"),
    "duckdb": ("duckdb", _INSTALL),
}
_LONGEST = 500  # characters of what a driver says


class CannotRead(Exception):
    """A source cannot be read; the message says why, without address and password."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a source, and the names of their columns."""

    columns: Sequence[str]
    rows: list[dict[str, Any]]


def read(source: Source, address: str, newest: datetime | None = None, limit: int | None = None) -> Generator[Rows, None, None]:
    """The rows of a source, in an order of its own; from an instant on where only newer ones are wanted.

    Raises:
        CannotRead: there is no such driver, nobody answers, or the statement fails.
    """
    kind = address.partition(":")[0]
    if kind not in _DRIVERS:
        known = ", ".join(f"{each}:" for each in _DRIVERS)
        raise CannotRead(f"{source.connect} begins with none of {known}")
    module, remedy = _DRIVERS[kind]
    try:
        driver: Any = import_module(module)
    except ImportError as error:
        raise CannotRead(f"{source.connect} needs a driver that is not installed: {remedy}") from error
    try:
        with closing(_connected(driver, kind, address)) as connection:
            yield from _batches(connection, kind, _statement(source, newest, limit))
    except CannotRead:
        raise
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own
        raise CannotRead(f"{source.connect}: {_said(error, address)}") from None


def plain(value: Any) -> Any:
    """A value as JSON has it: instants in UTC as ISO 8601, decimals as numbers, what is no number as nothing.

    Raises:
        ValueError: JSON has nothing like it.
    """
    try:
        return orjson.loads(orjson.dumps(value, default=_other, option=orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS))
    except orjson.JSONEncodeError:
        raise ValueError(f"{type(value).__name__} is nothing that JSON has") from None


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return None if not value.is_finite() else int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError


def _connected(driver: Any, kind: str, address: str) -> Any:
    if kind == "duckdb":
        path = address.removeprefix("duckdb:").removeprefix("//")
        return driver.connect(path, read_only=True) if path else driver.connect()
    return driver.connect(address, autocommit=True)


def _batches(connection: Any, kind: str, statement: str) -> Generator[Rows, None, None]:
    with closing(connection.cursor()) as cursor:
        if kind == "duckdb":  # of a relation: a DB-API result would copy all rows once more, and warns of it
            reader = cursor.sql(statement).to_arrow_reader(AT_ONCE)
        else:
            cursor.execute(statement)
            reader = cursor.fetch_record_batch()
        texts = [field.name for field in reader.schema if _is_number_as_text(field)]
        for batch in reader:
            for begins in range(0, batch.num_rows, AT_ONCE):
                rows = batch.slice(begins, AT_ONCE).to_pylist()
                for row in rows:
                    row.update({name: Decimal(row[name]) for name in texts if row[name] is not None})
                yield Rows(reader.schema.names, rows)


def _is_number_as_text(field: Any) -> bool:
    """Whether a column is one of Postgres' numbers of any length, which Arrow has no type for: ADBC gives its text."""
    return bool((field.metadata or {}).get(b"ADBC:postgresql:typname") == b"numeric")


def _statement(source: Source, newest: datetime | None, limit: int | None) -> str:
    statement = source.sql.strip().rstrip(";")
    if source.since and newest is not None:
        since = (newest - OVERLAP).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
        statement = f"select * from ({statement}) as newer where {source.at} >= '{since}'"  # noqa: S608 - the author's own
    return statement if limit is None else f"select * from ({statement}) as tried limit {limit:d}"  # noqa: S608


def _said(error: Exception, address: str) -> str:
    """What a driver says, in one line, without what opens the source."""
    told = " ".join(str(error).split())
    parts = urlsplit(address)
    for secret in (address, parts.netloc, parts.password, parts.query):
        if secret:
            told = told.replace(secret, "…")
    return f"{type(error).__name__}: {told}"[:_LONGEST]

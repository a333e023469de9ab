"""What was known of customers at an instant of the past, as a table of numbers to fit models to, and what came of them.

Promise: point in time (`segments.sql.when.AsKnown`), and flat: numbers come as bytes and never one by one.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sys import byteorder
from typing import Any
from uuid import UUID

from segments.language.predicate import Predicate
from segments.predictions.declared import Declared
from segments.predictions.features import Feature
from segments.predictions.prediction import Prediction
from segments.sql.features import Pass, asking, coming_true, passes, passes_then
from segments.sql.statements import among
from store import Connection, queries

_SQL = queries("known")
_UUID = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Customers, a row each, in an order that says nothing of them.

    Attributes:
        as_of: What had happened and had been received by then is what the columns know.
        columns: By the feature's name its values; NaN where it is unknown.
    """

    as_of: datetime
    ids: bytes = field(repr=False)
    columns: dict[str, "array[float]"] = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids) // _UUID

    def id(self, row: int) -> UUID:
        """Whose row it is."""
        return UUID(bytes=self.ids[row * _UUID : (row + 1) * _UUID])


async def table(connection: "Connection", prediction: Declared, as_of: datetime, *, most: int | None = None) -> Table:
    """All whom a prediction is of at an instant, or a sample of so many, with their features.

    Args:
        connection: In a transaction; who is asked about stands in a temporary table of it until the next call.
        prediction: Of whom, and by which features.
        as_of: The instant.
        most: Of more customers only so many, drawn by chance.
    """
    await connection.execute(_SQL["make_asked"])
    await connection.execute(_SQL["forget_asked"])
    asking_ = asking(prediction.of, most)
    await connection.execute(asking_.sql, *asking_.args(as_of))
    await connection.execute(_SQL["look_at_asked"])
    ids: bytes = await connection.fetchval(_SQL["asked"])
    return Table(as_of, ids, await columns(connection, prediction.columns, len(ids) // _UUID, as_of))


async def columns(connection: "Connection", of: Sequence[Feature], rows: int, as_of: datetime) -> dict[str, "array[float]"]:
    """By name the values of those in the table that was asked for on this connection, as of any instant."""
    found: dict[str, array[float]] = {}
    for each in passes(of):
        found |= await _columns(connection, each, as_of, rows)
    return {each.name: found[each.name] for each in of}


async def of_one(connection: "Connection", features: Sequence[Feature], customer: UUID, as_of: datetime) -> dict[str, float]:
    """The features of one customer as they were known at an instant, NaN where one was not."""
    await connection.execute(_SQL["make_asked"])
    await connection.execute(_SQL["forget_asked"])
    await connection.execute(_SQL["ask_one"], customer)
    return {name: values[0] for name, values in (await columns(connection, features, 1, as_of)).items()}


async def each_then(
    connection: "Connection", features: Sequence[Feature], who: Sequence[tuple[UUID, datetime]]
) -> dict[str, "array[float]"]:
    """By name the features of some customers, each as they were known at an instant of their own; in their order.

    Together, but for the features that go by a customer's hours and days: those of one after the other.
    """
    together, others = passes_then(features)
    found: dict[str, array[float]] = {each.name: array("d") for each in others}
    for customer, at in who if others else ():
        for name, value in (await of_one(connection, others, customer, at)).items():
            found[name].append(value)
    await connection.execute(_SQL["make_asked"])
    await connection.execute(_SQL["forget_asked"])
    await connection.execute(_SQL["ask_some"], [each for each, _ in who])
    for each in together if who else ():
        found |= _values(each, await connection.fetchrow(each.statement.sql, *each.args(who)), len(who))
    return {each.name: found.get(each.name, array("d")) for each in features}


async def came_true(connection: "Connection", prediction: Prediction, rows: int, at: datetime) -> "array[float]":
    """For each row of the table that was asked for on this connection, whether it has come true at an instant: 1.0 or 0.0."""
    statement = coming_true(prediction.label)
    found = _numbers("i", await connection.fetchval(statement.sql, *statement.args(at)))
    return _spread(found, array("d", [1.0]) * len(found), 0.0, rows)


async def true_of(connection: "Connection", predicate: Predicate, customer: UUID, at: datetime) -> bool:
    """Whether it is true of one customer at an instant."""
    statement = among(predicate)
    return bool(await connection.fetch(statement.sql, *statement.args(at, ids=[customer])))


async def _columns(connection: "Connection", each: Pass, at: datetime, rows: int) -> dict[str, "array[float]"]:
    return _values(each, await connection.fetchrow(each.statement.sql, *each.statement.args(at)), rows)


def _values(each: Pass, sent: Any, rows: int) -> dict[str, "array[float]"]:
    assert sent is not None, "an aggregate always answers"
    found = _numbers("i", sent[0])
    values = zip(each.features, each.nothing, sent[1:], strict=True)
    return {feature.name: _spread(found, _numbers("d", value), nothing, rows) for feature, nothing, value in values}


def _spread(numbers: "array[int]", values: "array[float]", nothing: float, rows: int) -> "array[float]":
    """Each value in the row of its number, and nothing in all others."""
    spread = array("d", [nothing]) * rows
    for n, value in zip(numbers, values, strict=True):
        spread[n] = value
    return spread


def _numbers(kind: str, sent: bytes) -> "array[Any]":
    """Numbers as Postgres sends them: the highest byte first."""
    found: array[Any] = array(kind, sent)
    if byteorder == "little":
        found.byteswap()
    return found

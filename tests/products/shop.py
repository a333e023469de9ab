"""A shop in Postgres whose customers' orders and visits are written at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from store import Database
from store.products.offers import Product, put_products

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Happened(NamedTuple):
    """Something that a customer did."""

    who: UUID
    type: str
    at: datetime
    properties: Mapping[str, Any]


async def people(database: Database, count: int, at: datetime = NOON - 400 * DAY) -> list[UUID]:
    who = [UUID(str(uuid7())) for _ in range(count)]
    sql = "insert into profile (id, created_at, updated_at) select unnest($1::uuid[]), $2::timestamptz, $2"
    await database.pool.execute(sql, who, at)
    return who


async def happen(database: Database, events: Iterable[Happened]) -> None:
    rows = list(events)
    async with database.transaction() as connection:
        for week in {each.at.date() - timedelta(days=each.at.weekday()) for each in rows}:
            await connection.execute("select ensure_event_week($1)", datetime(week.year, week.month, week.day, tzinfo=UTC))
        await connection.executemany(
            "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
            " values ($1, $3, $2, 'track', gen_random_uuid()::text, $4, 'test', $3)",
            rows and [(each.who, each.type, each.at, dict(each.properties)) for each in rows],
        )
        await connection.execute("analyze event")


def order(who: UUID, at: datetime, products: Sequence[Any], **more: Any) -> Happened:
    """An order of these products, one each, or as they are told."""
    lines = [{"product_id": each, "quantity": 1, "price": 10} if isinstance(each, str) else each for each in products]
    return Happened(who, "Order Completed", at, {"products": lines, "total": 10 * len(lines), **more})


async def sell(database: Database, *products: Product | str, at: datetime = NOON - 300 * DAY) -> None:
    async with database.transaction() as connection:
        found = [each if isinstance(each, Product) else Product(each, each.capitalize()) for each in products]
        await put_products(connection, found, "test", at)

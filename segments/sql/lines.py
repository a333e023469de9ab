"""Lines of events as SQL: which customers had which products when, one row for each, into a table of the transaction.

Promise: an event that counts for the predicate gives one row for each item of its `products` that names a product, or one for
itself where it has no such list; what is no number or no id neither breaks the statement nor is counted.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.language.predicate import Predicate
from segments.leaves.did import Did
from segments.sql.documents import Expression, Value, bound, meets
from segments.sql.rows import counted
from segments.sql.statements import Statement, compiled
from segments.sql.tables import INSTANT, UUID_, event

#: Made by `store.queries.lines`.
_told = sa.table(
    "told_line",
    sa.column("profile_id", UUID_),
    sa.column("product_id", sa.Text),
    sa.column("at", INSTANT),
    sa.column("quantity", sa.Numeric),
    sa.column("order_id", sa.Text),
    sa.column("amount", sa.Numeric),
    sa.column("source", sa.Text),
    sa.column("message_id", sa.Text),
)


def lines_of(of: Did, line: Predicate | None = None, *, whole: bool = False) -> Statement:
    """Fill `told_line` with the lines of the events that count at `at`, of those that meet a condition.

    Args:
        of: Which events.
        line: What a line has to be.
        whole: One row for each event that has such a line, of no product.
    """
    e = event.alias("e")
    order = Value.field(e.c.properties, "order_id")
    items = _items(e.c.properties)
    item: Any = items.column_valued("line")
    product, number = Value.field(item, "product_id"), Value.field(item, "quantity")
    wanted = counted(e, of, one_by_one=False)
    told: list[Any] = [] if line is None else [meets(line, item)]
    if whole:
        rows, what, pieces = sa.select(), bound("", "text"), _one()
        if told:
            rows = rows.where(sa.select(sa.literal_column("1")).select_from(item.scalar_alias).where(*told).exists())
        rows = rows.select_from(e)
    else:
        rows = sa.select().select_from(e.join(item.scalar_alias, sa.true()))
        rows = rows.where(_is_id(product), *told)
        what, pieces = product.text, _pieces(number)
    given = sa.func.coalesce(_money(e, "revenue"), _money(e, "total"), sa.cast(bound(0, "number"), sa.Numeric))
    order_id = sa.case((_is_id(order), sa.func.nullif(order.text, bound("", "text"))))
    columns = (e.c.profile_id, what, e.c.ts, pieces, order_id, given, e.c.source, e.c.message_id)
    return compiled(sa.insert(_told).from_select([each.name for each in _told.c], rows.add_columns(*columns).where(*wanted)))


def _items(document: Any) -> Any:
    """The list of products, or the event itself as its only line."""
    products = Value.field(document, "products")
    alone = sa.func.jsonb_build_array(document, type_=JSONB)
    listed = sa.case((products.type == bound("array", "text"), products.json), else_=alone)
    return sa.func.jsonb_array_elements(listed, type_=JSONB)


def _is_id(value: Value) -> Expression:
    return sa.func.coalesce(value.type.in_([bound("string", "text"), bound("number", "text")]), sa.false())


def _one() -> Expression:
    return sa.cast(bound(1, "number"), sa.Numeric)


def _pieces(number: Value) -> Expression:
    """How many; one where that is not told."""
    told = sa.case((number.type == bound("number", "text"), sa.cast(number.text, sa.Numeric)))
    return sa.case((told > sa.cast(bound(0, "number"), sa.Numeric), told), else_=_one())


def _money(e: Any, name: str) -> Any:
    return sa.func.money_in(e.c.properties, bound(name, "text"), type_=sa.Numeric)

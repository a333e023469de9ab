"""Orders that stand as SQL: of everybody, how many purchases, when the first and the last one were, and what they brought.

Promise: `Ordered.amount` over what had happened and had been received, and the rules of `orders_told`, the function by which
reports count orders; here within one customer, and as of an instant.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from segments.predictions.ordered import CANCELLED, REFUNDED, Ordered
from segments.sql.documents import Expression, bound
from segments.sql.selection import Selection
from segments.sql.tables import asked, event
from segments.sql.when import AsKnown, now

_ZERO: Expression = sa.literal_column("0")
_DAY: Expression = sa.literal_column("86400.0")
_WHEN = AsKnown()


def ordered(some: Sequence[Ordered]) -> sa.Select[Any]:
    """By customer what several ask of the same orders, in their order."""
    orders = _orders(some[0]).subquery("made")
    return sa.select(orders.c.profile_id, *(_column(each.which, orders.c) for each in some)).group_by(orders.c.profile_id)


def _column(which: str, made: Any) -> Expression:
    if which == "purchases":
        return sa.cast(sa.func.count(sa.distinct(made.at)), sa.Double())
    if which == "spent":
        return sa.cast(sa.func.sum(made.money - sa.func.least(made.money, made.back)), sa.Double())
    end = sa.func.min(made.at) if which == "first" else sa.func.max(made.at)
    return sa.cast(sa.func.date_part(bound("epoch", "text"), now() - end) / _DAY, sa.Double())


def _orders(what: Ordered) -> sa.Select[Any]:
    """Each order that stands: when it was made, its money, and what went back."""
    told = sa.union_all(_made(what), _taken_back()).subquery("told")
    first = sa.func.min(told.c.ts).filter(told.c.made)
    rows = (
        sa.select(
            told.c.profile_id,
            first.label("at"),
            _last(told.c.money, told).label("money"),
            _last(told.c.currency, told).label("currency"),
            sa.func.array_agg(told.c.currency).filter(~told.c.made).label("currencies"),
            sa.func.array_agg(told.c.money).filter(~told.c.made).label("backs"),
        )
        .group_by(told.c.profile_id, told.c.key)
        .having(sa.func.bool_or(told.c.made), ~sa.func.bool_or(told.c.cancelled))
        .subquery("orders")
    )
    backs = sa.func.unnest(rows.c.backs, rows.c.currencies).table_valued("money", "currency").render_derived(name="back")
    nothing = bound("", "text")
    same = sa.or_(rows.c.currency == nothing, backs.c.currency.in_([nothing, rows.c.currency]))
    taken = sa.case((backs.c.money.is_(None), rows.c.money), (same, backs.c.money), else_=_ZERO)
    back = sa.select(sa.func.coalesce(sa.func.sum(taken), _ZERO)).select_from(backs).scalar_subquery()
    found = sa.select(rows.c.profile_id, rows.c.at, rows.c.money, back.label("back"))
    if not what.currency:
        return found
    return found.where(rows.c.currency.in_([nothing, bound(what.currency.upper(), "text")]))


def _last(column: Any, told: Any) -> Any:
    """What the last version of an order says."""
    ordered_ = aggregate_order_by(column, told.c.ts.desc(), told.c.message_id.desc(), told.c.source.desc())
    array: Any = sa.func.array_agg(ordered_, type_=sa.ARRAY(column.type)).filter(told.c.made)
    return array[sa.literal_column("1")]


def _made(what: Ordered) -> sa.Select[Any]:
    e = event.alias()
    source, wanted = Selection(sets=[], when=_WHEN).counting(e, what.of)
    names = [what.money] if what.money else ["revenue", "total"]
    money = sa.func.coalesce(*(sa.func.money_in(e.c.properties, bound(name, "text")) for name in names), _ZERO)
    return _told(e, money, made=True).select_from(source).where(*wanted, _is_asked(e))


def _taken_back() -> sa.Select[Any]:
    e = event.alias()
    names = ("total", "revenue")
    money = sa.func.coalesce(*(sa.func.money_in(e.c.properties, bound(name, "text")) for name in names))
    of = e.c.type.in_([bound(REFUNDED, "text"), bound(CANCELLED, "text")])
    return _told(e, money, made=False).where(of, *_WHEN.bounds(e.c.ts, None), _is_asked(e))


def _is_asked(e: Any) -> Any:
    """Of a sample only their orders are put together."""
    return e.c.profile_id.in_(sa.select(asked.c.id))


def _told(e: Any, money: Any, *, made: bool) -> sa.Select[Any]:
    said = e.c.properties.op("->>", return_type=sa.Text())(bound("order_id", "text"))
    is_id = sa.func.jsonb_typeof(e.c.properties.op("->")(bound("order_id", "text"))).in_(
        [bound("string", "text"), bound("number", "text")]
    )
    key = sa.case(
        (sa.and_(is_id, said != bound("", "text")), bound("id ", "text").concat(said)),
        else_=bound("of ", "text").concat(e.c.source).concat(bound(" ", "text")).concat(e.c.message_id),
    )
    return sa.select(
        e.c.profile_id,
        e.c.ts,
        e.c.source,
        e.c.message_id,
        key.label("key"),
        sa.cast(money, sa.Numeric).label("money"),
        sa.cast(sa.func.currency_in(e.c.properties), sa.Text).label("currency"),
        (sa.true() if made else sa.false()).label("made"),
        (e.c.type == bound(CANCELLED, "text")).label("cancelled"),
    )

"""Products as tables for people."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from api.products.models import ChangeView, ExpectedView, ProductView, RoundView
from api.products.rows import Report
from segments.language.words import span_in_words
from workers.cli import tables

_SHOWN = ("name", "price", "currency", "url", "image_url", "available")


def imported(done: Report) -> Iterable[RenderableType]:
    """What an import did, its bad rows, and related products that nobody knows."""
    yield Text(f"{done.rows:,} rows, {done.added:,} added, {done.changed:,} changed, {done.bad:,} bad")
    if done.problems:
        table = Table("row", "problem")
        for problem in done.problems:
            table.add_row(str(problem["row"]), str(problem["problem"]))
        yield table
    if done.bad > len(done.problems):
        yield Text(f"and {done.bad - len(done.problems):,} more bad rows")
    if done.unknown:
        yield Text(f"related, but not known as products yet: {', '.join(done.unknown)}")


def product(found: ProductView) -> Iterable[RenderableType]:
    """One product."""
    table = Table("", found.id)
    values = {name: getattr(found, name) for name in _SHOWN} | found.attributes
    for name, value in (values | found.relations).items():
        if value is not None:
            table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    yield table
    if found.learnt:
        heads = ("goes with it", "relation", "by", "customers", "times chance", "at least", "as of (UTC)")
        cells = [
            (
                each.id,
                each.relation,
                each.by,
                f"{each.people:,}",
                f"{each.lift:g}",
                f"{each.surely:g}",
                f"{each.as_of:%Y-%m-%d %H:%M}",
            )
            for each in found.learnt
        ]
        yield tables.Rows(heads, cells)
    yield Text(f"told by {found.by}, {found.updated_at:%Y-%m-%d %H:%M} UTC")


def rounds(rows: Sequence[RoundView]) -> Iterable[RenderableType]:
    """How what is worked out of products stands."""
    heads = ("name", "state", "every", "done (UTC)", "what came of it", "why not")
    cells = [
        (
            *(each.name, each.state, span_in_words(each.every), f"{each.done_at:%Y-%m-%d %H:%M}" if each.done_at else "-"),
            *(", ".join(f"{count:,} {name}" for name, count in each.came.items()), each.failure or ""),
        )
        for each in rows
    ]
    table = tables.Rows(heads, cells, sentences=frozenset({"what came of it", "why not"}))
    return [table] if cells else ["nothing is worked out of products: no worker's catalogue declares it (docs/products.md)"]


def changed(rows: Sequence[ChangeView]) -> Iterable[RenderableType]:
    """Changes of products, and who was told."""
    heads = ("product", "at (UTC)", "price", "before", "can be had", "told of the price", "told it is back", "why not")
    cells = [
        (
            *(each.product_id, f"{each.at:%Y-%m-%d %H:%M}", _amount(each.price, each.currency), _amount(each.was_price, None)),
            *("yes" if each.available else "no", f"{each.dropped:,}", f"{each.back:,}", each.why or ""),
        )
        for each in rows
    ]
    table = tables.Rows(heads, cells, sentences=frozenset({"why not"}))
    return [table] if cells else ["no product has changed its price, or whether it can be had"]


def awaited(rows: Sequence[ExpectedView]) -> Iterable[RenderableType]:
    """Who is expected to buy what again."""
    heads = ("customer", "what", "last (UTC)", "expected", "between", "own gaps", "most take", "told (UTC)")
    cells = [
        (
            *(
                str(each.customer_id or ""),
                each.product_id or "anything",
                f"{each.last_at:%Y-%m-%d}",
                f"{each.due_at:%Y-%m-%d}",
            ),
            *(f"{each.low_at:%Y-%m-%d} … {each.high_at:%Y-%m-%d}", f"{each.gaps}"),
            "" if each.typical is None else f"{each.typical:.0f} days",
            _told(each),
        )
        for each in rows
    ]
    return [tables.Rows(heads, cells)] if cells else ["nobody is expected to buy anything again"]


def _told(each: ExpectedView) -> str:
    at = each.told_at or (each.remind_at if each.state == "to be told" else None)
    return f"{each.state}, not told" if at is None else f"{each.state} {at:%Y-%m-%d %H:%M}"


def _amount(price: Decimal | None, currency: str | None) -> str:
    return "-" if price is None else f"{price.normalize():f} {currency or ''}".rstrip()

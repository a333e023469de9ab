"""Products as tables for people."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from api.products.models import ProductView
from api.products.rows import Report

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
    yield Text(f"told by {found.by}, {found.updated_at:%Y-%m-%d %H:%M} UTC")

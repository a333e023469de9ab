"""Products as they come in: a JSON list, JSON lines or CSV, row by row, with a report of the rows that could not be used.

Promise: idempotent. Every thousand rows are one transaction, so what broke off can simply be sent again; one bad row costs
the others nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import orjson

from api.products.models import read_product
from segments.define.sheets import lost, ragged, sheet
from store import Database
from store.products.offers import RELATIONS, Product, put_products, unknown

#: Bad rows, and unknown ids, that a report names.
REPORTED = 100
_AT_ONCE = 1_000
_COLUMNS = ("id", "name", "price", "currency", "url", "image_url", "available", *RELATIONS)
_OWN = "attributes."


class UnreadableProducts(Exception):
    """What was sent is no list of products at all."""


class Row(NamedTuple):
    """One product as it was written: its line or place, and its fields or what is wrong."""

    number: int
    value: Any
    problem: str = ""


@dataclass
class Report:
    """How far an import has come, and what was wrong."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    bad: int = 0
    problems: list[dict[str, int | str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def refuse(self, number: int, problem: str) -> None:
        """Note a bad row."""
        self.bad += 1
        if len(self.problems) < REPORTED:
            self.problems.append({"row": number, "problem": problem})


#: Called after every transaction, to show progress.
Heard = Callable[[Report], Awaitable[None]]


async def keep_products(
    database: Database, rows: Iterable[Row], now: Callable[[], datetime], *, by: str, heard: Heard | None = None
) -> Report:
    """Keep the products of these rows.

    Raises:
        UnreadableProducts, NotCsv: a CSV file is none.
        asyncpg.PostgresError, OSError: the store failed; sending them again goes on.
    """
    report, seen, related, source = Report(), dict[str, int](), set[str](), iter(rows)
    while chunk := list(islice(source, _AT_ONCE)):
        products = list(_usable(chunk, seen, report))
        related |= {other for product in products for others in product.relations.values() for other in others}
        async with database.transaction() as connection:
            added = await put_products(connection, products, by, now())
        report.added, report.changed = report.added + added, report.changed + len(products) - added
        if heard:
            await heard(report)
    async with database.transaction() as connection:
        report.unknown = (await unknown(connection, sorted(related)))[:REPORTED]
    return report


def json_rows(text: bytes) -> Iterator[Row]:
    """The rows of a JSON list, or of JSON lines.

    Raises:
        UnreadableProducts: it begins like a list, but is none.
    """
    if text.lstrip().startswith(b"["):
        try:
            yield from (Row(number, value) for number, value in enumerate(orjson.loads(text), 1))
        except orjson.JSONDecodeError as error:
            raise UnreadableProducts(f"this is not JSON: {error.msg} at character {error.pos}") from None
    else:
        yield from json_lines(text.splitlines())


def json_lines(lines: Iterable[str | bytes]) -> Iterator[Row]:
    """The rows of JSON lines; empty ones do not count."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Row(number, orjson.loads(line))
            except orjson.JSONDecodeError as error:
                yield Row(number, None, f"is not JSON: {error.msg}")


def csv_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a CSV file; related ids in one cell are separated by `|`.

    Raises:
        UnreadableProducts: a column is missing, or has a name that nobody reads.
        NotCsv: it is not CSV.
    """
    header, rows = sheet(lines)
    columns = _columns(header)
    for number, cells in rows:
        problem = lost(cells) or ragged(header, cells)
        yield Row(number, None, problem) if problem else Row(number, _fields(columns, cells))


def _columns(header: Sequence[str]) -> list[str]:
    columns = [column.strip() for column in header]
    known = f"known are {', '.join(_COLUMNS)}, and {_OWN}… for what is your own"
    for column in columns:
        if column not in _COLUMNS and not (column.startswith(_OWN) and column != _OWN):
            raise UnreadableProducts(f"the first line names a column {column!r}; {known}")
        if columns.count(column) > 1:
            raise UnreadableProducts(f"the first line names {column!r} twice; leave one of them")
    if missing := {"id", "name"} - set(columns):
        raise UnreadableProducts(f"the first line must name a column {' and '.join(sorted(missing))}; {known}")
    return columns


def _fields(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """An empty cell is a field that is not there; an empty cell of a relation says that there is none."""
    filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    plain: dict[str, Any] = {
        column: [each.strip() for each in cell.split("|") if each.strip()] if column in RELATIONS else cell
        for column, cell in filled.items()
        if (cell or column in RELATIONS) and not column.startswith(_OWN)
    }
    own = {column.removeprefix(_OWN): cell for column, cell in filled.items() if cell and column.startswith(_OWN)}
    return plain | ({"attributes": own} if own else {})


def _usable(chunk: Sequence[Row], seen: dict[str, int], report: Report) -> Iterator[Product]:
    for row in chunk:
        report.rows += 1
        product = row.problem or read_product(row.value)
        if isinstance(product, str):
            report.refuse(row.number, product)
        elif seen.setdefault(product.id, row.number) != row.number:
            report.refuse(row.number, f"{product.id} stands in row {seen[product.id]} already")
        else:
            yield product

"""`journeys products …`: what is for sale and what goes with what, from a file, and one product as it is kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, say, settings, with_database

if TYPE_CHECKING:
    from api.products.models import ExpectedView
    from api.products.rows import Report
    from store import Database

products = typer.Typer(
    help="Products and what goes with them (similar, better, complementary), for messages that offer one.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@products.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV whose first line names the columns (id, name, …), or .jsonl: one a line.")],
    as_json: Json = False,
) -> None:
    """Keep the products of a file, and report the rows that could not be used. Repeating it is harmless."""
    from api.products.rows import csv_rows, json_lines, keep_products
    from workers.cli import tables
    from workers.cli.product_tables import imported

    readers: dict[str, Any] = {".csv": csv_rows, ".tsv": csv_rows, ".jsonl": json_lines, ".ndjson": json_lines}
    if file.suffix not in readers:
        fail(f"{file}: a name ends with {', '.join(readers)}, which tells how to read it")
    if not file.is_file():
        fail(f"{file}: there is no such file")

    async def work(database: "Database") -> "Report":
        with tables.reading(file, quiet=as_json, utf8=readers[file.suffix] is json_lines) as lines:
            return await keep_products(database, readers[file.suffix](lines), settings().clock.now, by="command line")

    try:
        report = with_database(work)
    except UnicodeDecodeError:
        fail(f"{file}: JSON is written in UTF-8, and this is not; save it as UTF-8 and try again")
    tables.show(report, imported, as_json=as_json)


@products.command()
def show(product_id: Annotated[str, typer.Argument(help="The product_id.")], as_json: Json = False) -> None:
    """One product, and what goes with it."""
    from api.products.models import view
    from store.products.offers import product_by_id
    from store.products.relations import learnt_of
    from workers.cli import tables
    from workers.cli.product_tables import product

    told = with_database(lambda database: product_by_id(database, product_id))
    if told is None:
        fail(f"no product {product_id!r}; `journeys products import` brings them in")
    learnt = with_database(lambda database: learnt_of(database, product_id))
    tables.show(view(told, learnt), product, as_json=as_json)


@products.command("rounds")
def rounds_(as_json: Json = False) -> None:
    """Show what is worked out of products (what goes together, who buys again when), and how that stands."""
    from api.products.models import RoundView
    from store.products.rounds import found
    from workers.cli import tables
    from workers.cli.product_tables import rounds

    now = settings().clock.now()
    rows = with_database(found)
    tables.show([RoundView.of(each, now) for each in rows], rounds, as_json=as_json)


@products.command()
def changes(
    product_id: Annotated[str | None, typer.Argument(help="Of one product; else of all.")] = None, as_json: Json = False
) -> None:
    """Show how prices and stock changed, and how many customers were told; or why nobody was."""
    from api.products.models import ChangeView
    from store.products.changes import changes as found
    from workers.cli import tables
    from workers.cli.product_tables import changed

    rows = with_database(lambda database: found(database, product_id))
    tables.show([ChangeView.model_validate(each) for each in rows], changed, as_json=as_json)


@products.command()
def expected(
    name: Annotated[str, typer.Argument(help="What: a name that `journeys products rounds` shows, of the kind again.")],
    limit: Annotated[int, typer.Option(help="How many customers.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who is told next that something is to be bought again, and by which numbers they are expected."""
    from api.products.models import ExpectedView
    from store.products.again import soon
    from workers.cli import tables
    from workers.cli.product_tables import awaited

    now = settings().clock.now()
    rows = with_database(lambda database: soon(database, name, now, limit))
    tables.show([ExpectedView.of(each, now, customer) for customer, each in rows], awaited, as_json=as_json)


@products.command()
def due(
    customer_id: Annotated[str, typer.Argument(help="The customer's id, as `journeys profile` shows it.")],
    as_json: Json = False,
) -> None:
    """Show when one customer is expected to buy what again, and by which numbers."""
    from uuid import UUID

    from api.products.models import ExpectedView
    from store.products.again import of_customer
    from workers.cli import tables
    from workers.cli.product_tables import awaited

    try:
        who = UUID(customer_id)
    except ValueError:
        fail(f"{customer_id!r} is no customer's id; `journeys profile` finds it by a user id or an address")

    now = settings().clock.now()

    async def work(database: "Database") -> "list[ExpectedView]":
        async with database.pool.acquire() as connection:
            return [ExpectedView.of(each, now) for each in await of_customer(connection, who)]

    tables.show(with_database(work), awaited, as_json=as_json)


@products.command("work-out")
def work_out(
    name: Annotated[str, typer.Argument(help="What: a name that `journeys products rounds` shows.")], as_json: Json = False
) -> None:
    """Have something worked out of products now, beside its schedule."""
    from store.products.rounds import ask, found

    now = settings().clock.now()
    if not with_database(lambda database: ask(database, name, now)):
        known = ", ".join(each.name for each in with_database(found)) or "none"
        fail(f"nothing {name!r} is worked out of products; there are: {known}")
    told = f"{name} is worked out as soon as a worker takes it up; what came of it: journeys products rounds"
    say({"asked": name}, told, as_json=as_json)

"""`journeys products …`: what is for sale and what goes with what, from a file, and one product as it is kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
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
    from store.products import product_by_id
    from workers.cli import tables
    from workers.cli.product_tables import product

    told = with_database(lambda database: product_by_id(database, product_id))
    if told is None:
        fail(f"no product {product_id!r}; `journeys products import` brings them in")
    tables.show(view(told), product, as_json=as_json)

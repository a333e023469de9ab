"""`journeys customers …`: what one is called, did and was sent; and, by another module, their import."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from workers.cli.asked import fail, with_database
from workers.cli.customers.history import history
from workers.cli.customers.importing import import_
from workers.cli.profiles import By, named

if TYPE_CHECKING:
    from rich.console import RenderableType

    from store import Database

T = TypeVar("T")

customers = typer.Typer(
    help="Customers: create and change them from a CSV file (`import`), and look at one: names, events, messages.\n\n"
    "Begin with `journeys customers import FILE --dry-run`.",
    no_args_is_help=True,
)
customers.command("import")(import_)
customers.command()(history)

Named = Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")]
Of = Annotated[By, typer.Option(help="What USER is.")]
After = Annotated[str, typer.Option(help="`next` of the page before.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@customers.command()
def names(customer: Named, by: Of = By.USER_ID, as_json: AsJson = False) -> None:
    """All that a customer is called, also by what was merged into theirs."""
    from store.customers.profiles import names_of

    found = looked_up(by, customer, names_of)
    table = ("kind", "name", "since"), [(each.kind, each.value, each.since) for each in found]
    _show(found, *table, as_json=as_json)


@customers.command()
def events(customer: Named, by: Of = By.USER_ID, after: After = "", limit: Limit = 50, as_json: AsJson = False) -> None:
    """What a customer did, and what became of messages to them, the newest first (this is personal data)."""
    from api.profiles.routes import events_page

    page = looked_up(by, customer, lambda database, id_: events_page(database, id_, after=after or None, limit=limit))
    rows = [(each.at, each.type, each.source, _short(each.properties)) for each in page.events]
    _show(page, ("when", "event", "source", "properties"), rows, as_json=as_json, next_=page.next)


@customers.command()
def messages(
    customer: Named,
    journey: Annotated[str | None, typer.Option(help="Of this journey alone.")] = None,
    by: Of = By.USER_ID,
    after: After = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """What a customer was sent or was not, and why, those due last first."""
    from api.runs.messages import messages_page

    page = looked_up(
        by, customer, lambda database, id_: messages_page(database, id_, journey=journey, after=after or None, limit=limit)
    )
    rows = [(each.due_at, each.journey, each.channel, each.template, each.state, each.reason or "") for each in page.messages]
    _show(page, ("due", "journey", "channel", "template", "state", "why"), rows, as_json=as_json, next_=page.next)


def looked_up(by: By, customer: str, look: "Callable[[Database, UUID], Awaitable[T]]") -> "T":
    """What is looked up of one customer; there being none ends the command."""
    name = named(by, customer)

    async def work(database: "Database") -> "T":
        from store.lists import resolve

        async with database.pool.acquire() as connection:
            [found] = await resolve(connection, [name])
        return await look(database, found or fail("no such customer"))

    return with_database(work)


def _show(found: Any, heads: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool, next_: str | None = None) -> None:
    from datetime import datetime

    from workers.cli import tables

    def drawn(_: Any) -> "Iterable[RenderableType]":
        cells = [[tables.instant(each) if isinstance(each, datetime) else str(each) for each in row] for row in rows]
        yield tables.Rows(heads, cells, sentences=frozenset({"properties", "why"})) if cells else "nothing"
        if next_:
            yield f"there are more: --after {next_}"

    tables.show(found, drawn, as_json=as_json)


def _short(properties: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in properties.items())

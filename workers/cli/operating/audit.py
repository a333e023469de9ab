"""`journeys audit`: who changed what, from what to what, newest first."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from workers.cli.asked import with_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from store.audit import Entry


def audit(
    by: Annotated[str | None, typer.Option(help="Only by this key, or by who was logged in so.")] = None,
    verb: Annotated[str | None, typer.Option(help="Only what is called so: switch, end, define, erase, …")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: journey, run, segment, key, customer, …")] = None,
    name: Annotated[str | None, typer.Option(help="Only of what is called so.")] = None,
    customer: Annotated[UUID | None, typer.Option(help="Only about the customer of this id of ours.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only then (UTC) or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only before then (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Who changed what, from what to what, newest first; of customers their id and the names of fields."""
    from store.audit import Which, page
    from workers.cli import tables

    first, last = (at and at.replace(tzinfo=UTC) for at in (since, until))
    which = Which(by, verb, kind, name, customer, first, last)
    tables.show(with_database(lambda database: page(database, which, limit=limit)), _drawn, as_json=as_json)


def _drawn(found: "Sequence[Entry]") -> "Iterator[RenderableType]":
    from workers.cli.tables import Rows, instant, words

    rows = [
        (
            *(instant(each.at), each.by, each.role, f"{each.verb} {each.kind}", each.name),
            *(words(told) if told else "-" for told in (each.was, each.became)),
            ", ".join(each.fields) or "-",
        )
        for each in found
    ]
    yield Rows(("at", "by", "role", "did", "to", "was", "became", "fields"), rows, ahead=5) if rows else "nothing was changed"

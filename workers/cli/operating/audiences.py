"""`journeys audiences`: who is in a segment is told to other systems; how each stands, and what an operator can do about it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, say, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from store.audiences import AudienceRow

audiences = typer.Typer(
    no_args_is_help=True, help="Segments that other systems are told of: ad platforms, own services, files (docs/audiences.md)."
)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Name = Annotated[str, typer.Argument(help="The audience, as the catalogue calls it.")]


@audiences.command("list")
def list_(as_json: Json = False) -> None:
    """Show how each stands: how many its destination knows, what it is still to be told, and why it is not."""
    from store.audiences import found
    from workers.cli import tables

    now = settings().clock.now()

    def drawn(rows: "Sequence[AudienceRow]") -> "Iterable[RenderableType]":
        heads = ("name", "segment", "to", "state", "there", "adding", "leaving", "removing", "compared (UTC)", "why not")
        cells = [
            (
                *(each.name, each.segment, each.kind, each.standing(now)),
                *(f"{count:,}" for count in (each.there, each.adding, each.leaving, each.removing)),
                *(_at(each.compared_at), _why(each)),
            )
            for each in rows
        ]
        return (
            [tables.Rows(heads, cells, sentences=frozenset({"why not"}))]
            if cells
            else ["no worker has declared an audience yet"]
        )

    tables.show(with_database(found), drawn, as_json=as_json)


@audiences.command()
def compare(name: Name, as_json: Json = False) -> None:
    """Have all of one compared now with who is in its segment, and its destination told again; `list` says when it was."""
    from store.audiences import compare

    _insist(name, with_database(lambda database: compare(database, name)))
    say({"asked": name}, f"{name} is compared as soon as a worker takes it up: journeys audiences list", as_json=as_json)


@audiences.command()
def pause(name: Name, as_json: Json = False) -> None:
    """Let who comes and who leaves wait. Who may not be passed on any more is removed at the destination all the same."""
    _switch(name, settings().clock.now(), as_json=as_json)


@audiences.command()
def resume(name: Name, as_json: Json = False) -> None:
    """Tell the destination again of who came and who left, also meanwhile."""
    _switch(name, None, as_json=as_json)


@audiences.command("let-go")
def let_go(name: Name, as_json: Json = False) -> None:
    """Have those removed who left by now, however many they are: the answer where an audience is held."""
    from store.audiences import let_go

    now = settings().clock.now()
    _insist(name, with_database(lambda database: let_go(database, name, now)))
    say({"let_go": name}, f"who has left {name} by now is removed at its destination", as_json=as_json)


@audiences.command()
def forget(name: Name, as_json: Json = False) -> None:
    """Forget one whose destination is no more; nobody is removed there, and certificates of erasures say what was left."""
    from store.audiences import forget

    _insist(name, with_database(lambda database: forget(database, name)))
    say({"forgotten": name}, f"{name} is forgotten; while it is in the catalogue it comes back with a worker", as_json=as_json)


def _switch(name: str, paused_at: datetime | None, *, as_json: bool) -> None:
    from store.audiences import switch

    _insist(name, with_database(lambda database: switch(database, name, paused_at)))
    state = "active" if paused_at is None else "paused"
    say({"name": name, "state": state}, f"{name} is {state}", as_json=as_json)


def _insist(name: str, done: bool) -> None:
    if not done:
        fail(f"no audience {name!r}; `journeys audiences list` shows those that there are")


def _why(each: "AudienceRow") -> str:
    if each.failure is not None:
        return each.failure
    if each.held_at is not None:
        return f"{each.leaving:,} would leave at once; if that is right: journeys audiences let-go {each.name}"
    return ""


def _at(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"

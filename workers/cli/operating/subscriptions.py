"""`journeys subscriptions`: outgoing webhooks; who is told of what happens, and what each is still to be told."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, say, settings, settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from store import Database
    from store.subscriptions import Notification, Subscription

subscriptions = typer.Typer(
    help="Outgoing webhooks: who is told of what happens, and what each is still to be told.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The receiver's name: small letters, digits, - and _.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@subscriptions.command("list")
def list_(as_json: Json = False) -> None:
    """Show who is told of what, how that goes, and how much waits."""
    from store.subscriptions import found

    _show(with_database(found), as_json=as_json)


@subscriptions.command()
def types(as_json: Json = False) -> None:
    """Show what there is to be told of."""
    from store.subscriptions import TYPES
    from workers.cli import tables

    def drawn(told: dict[str, str]) -> "Iterable[RenderableType]":
        return [tables.Rows(("type", "when"), list(told.items()), sentences=frozenset({"when"}))]

    tables.show(TYPES, drawn, as_json=as_json)


@subscriptions.command()
def put(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where notifications are posted to: https://…")],
    type_: Annotated[list[str], typer.Option("--type", help="What of, repeated for several: run.ended, run.*, or * for all.")],
    journey: Annotated[list[str] | None, typer.Option(help="Of this journey alone, repeated for several.")] = None,
    segment: Annotated[list[str] | None, typer.Option(help="Of this segment alone, repeated for several.")] = None,
    personal: Annotated[bool, typer.Option("--personal", help="Name customers by their user id, too.")] = False,
    as_json: Json = False,
) -> None:
    """Tell somebody from now on of what happens, or tell them otherwise; says the secret that they check signatures with."""
    from uuid import UUID

    from uuid_utils.compat import uuid7

    from activities.notifying.wanting import Known, Unwanted, wanted
    from segments.ask.overview import all_segments
    from store import subscriptions as rows
    from workers.definitions import load_definitions

    given = settings_here()
    definitions, _ = load_definitions(given.catalogue)

    async def work(database: "Database") -> "Subscription":
        known = Known(definitions.journeys, (await all_segments(database, definitions.segments)).known, settings().opened)
        try:
            new = wanted(name, url, type_, known, journeys=journey or (), segments=segment or (), personal=personal)
        except Unwanted as wrong:
            fail(str(wrong))
        return await rows.put(database, UUID(str(uuid7())), new, given.clock.now(), "command line")

    _tell_secret(with_database(work), as_json=as_json)


@subscriptions.command()
def delete(name: Name, as_json: Json = False) -> None:
    """Tell somebody nothing more; what still waited for them goes."""
    from store import subscriptions as rows

    _insist(name, with_database(lambda database: rows.drop(database, name)))
    say({"deleted": name}, f"{name} is told nothing more", as_json=as_json)


@subscriptions.command()
def pause(name: Name, as_json: Json = False) -> None:
    """Let what a receiver is told wait."""
    _switch(name, settings().clock.now(), as_json=as_json)


@subscriptions.command()
def resume(name: Name, as_json: Json = False) -> None:
    """Let what a receiver is told go on, also where it was stopped; what waited is told."""
    _switch(name, None, as_json=as_json)


@subscriptions.command()
def rotate(
    name: Name,
    grace: Annotated[float, typer.Option(min=0, max=720, help="Hours for which the secret before signs, too.")] = 24,
    as_json: Json = False,
) -> None:
    """Replace the secret of a receiver, and say the new one."""
    from store import subscriptions as rows

    until = settings().clock.now() + timedelta(hours=grace)

    async def work(database: "Database") -> "Subscription":
        _insist(name, await rows.rotate(database, name, until))
        return (await rows.found(database, name))[0]

    _tell_secret(with_database(work), as_json=as_json)


@subscriptions.command("test")
def try_out(name: Name, as_json: Json = False) -> None:
    """Tell a receiver `subscription.test`; what came of it: `journeys subscriptions notifications NAME`."""
    from store import subscriptions as rows

    now = settings().clock.now()
    _insist(name, with_database(lambda database: rows.try_out(database, name, now)) is not None)
    say({"told": name}, f"it is told; what came of it: journeys subscriptions notifications {name}", as_json=as_json)


@subscriptions.command()
def replay(
    name: Name,
    since: Annotated[datetime, typer.Option(help="What happened from then on (UTC), a month back at most.")],
    until: Annotated[datetime | None, typer.Option(help="And before then; else up to now.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    taken: Annotated[bool, typer.Option("--taken", help="Also what it took already; else what was given up.")] = False,
    as_json: Json = False,
) -> None:
    """Tell a receiver once more, under the same ids, what was given up."""
    from store import subscriptions as rows

    end = until.replace(tzinfo=UTC) if until else settings().clock.now()
    states = ("given up", "taken") if taken else ("given up",)

    async def work(database: "Database") -> int:
        _insist(name, bool(await rows.found(database, name)))
        return await rows.replay(database, name, since.replace(tzinfo=UTC), end, type_, states)

    again = with_database(work)
    say({"notifications": again}, f"{again:,} are told once more", as_json=as_json)


@subscriptions.command()
def notifications(
    name: Name,
    state: Annotated[str | None, typer.Option(help="Only those that are waiting, taken or given up.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what a receiver is told, newest first, each with what came of it; a month back."""
    from store import subscriptions as rows
    from workers.cli import tables

    if state not in (None, "waiting", "taken", "given up"):
        fail("--state is one of: waiting, taken, given up")

    async def work(database: "Database") -> "list[Notification]":
        _insist(name, bool(await rows.found(database, name)))
        return await rows.page(database, name, state=state, type_=type_, limit=limit)

    def drawn(found: "Sequence[Notification]") -> "Iterable[RenderableType]":
        cells = [
            (str(each.id), each.type, _at(each.at), each.state, str(each.attempts), each.reason or "", _at(each.retry_at))
            for each in found
        ]
        heads = ("number", "type", "happened (UTC)", "state", "attempts", "why not", "again at")
        return [tables.Rows(heads, cells, sentences=frozenset({"why not"}))] if cells else ["nothing"]

    tables.show(with_database(work), drawn, as_json=as_json)


def _switch(name: str, paused_at: datetime | None, *, as_json: bool) -> None:
    from store import subscriptions as rows

    async def work(database: "Database") -> "list[Subscription]":
        _insist(name, await rows.switch(database, name, paused_at))
        return await rows.found(database, name)

    _show(with_database(work), as_json=as_json)


def _show(found: "Sequence[Subscription]", *, as_json: bool) -> None:
    from workers.cli import tables

    def drawn(rows: "Sequence[Subscription]") -> "Iterable[RenderableType]":
        cells = [
            (each.name, each.state, _of(each), f"{each.waiting:,}", _at(each.took_at), each.stopped_why or each.failure or "")
            for each in rows
        ]
        heads = ("name", "state", "is told of", "waiting", "took last (UTC)", "why not")
        return (
            [tables.Rows(heads, cells, sentences=frozenset({"is told of", "why not"}))]
            if cells
            else ["nobody is told anything"]
        )

    tables.show(list(found), drawn, as_json=as_json)


def _of(each: "Subscription") -> str:
    of = [*each.journeys, *each.segments]
    return ", ".join(each.types) + (f" of {', '.join(of)}" if of else "")


def _at(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else ""


def _tell_secret(row: "Subscription", *, as_json: bool) -> None:
    """The receiver, and the secret, which stands nowhere else."""
    from dataclasses import asdict

    from activities.notifying.secrets import secret_of
    from workers.cli import tables

    told: dict[str, Any] = {**asdict(row), "secret": secret_of(settings_here().signing_secret, row)}

    def drawn(found: dict[str, Any]) -> "Iterable[RenderableType]":
        return [
            f"{found['name']} is told of {_of(row)}",
            f"its secret, for the receiver to check signatures: {found['secret']}",
        ]

    tables.show(told, drawn, as_json=as_json)


def _insist(name: str, there: bool) -> None:
    if not there:
        fail(f"no subscription {name!r}; `journeys subscriptions list` shows those that there are")

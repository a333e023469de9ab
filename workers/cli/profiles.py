"""`journeys profile`: what is known of one customer; `journeys merges` and `journeys unmerge`: two customers again."""

from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from workers.cli.asked import InJson, fail, say, settings, with_database

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from segments.time.zones import Whereabouts
    from store import Database
    from store.customers.profiles import Profile
    from store.customers.undo import Merge


T = TypeVar("T")


class By(StrEnum):
    """How a customer can be named."""

    USER_ID = "user_id"
    CUSTOMER_ID = "customer_id"
    ANONYMOUS_ID = "anonymous_id"
    EMAIL = "email"


def profile(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
) -> None:
    """What is known of a customer: traits with their sources, consents, channels, segments (this is personal data)."""
    found = _asked(_look_up, by, customer)
    from workers.cli.tables import show

    profile, where = found
    show(profile, partial(_tables, where=where), as_json=as_json)


def merges(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """The merges that made a customer what it is: number, when, and what the absorbed one was called."""
    found = _asked(_merges, by, customer)
    from workers.cli.tables import show

    show(found, _merge_table, as_json=as_json)


def unmerge(
    merge: Annotated[int, typer.Argument(help="The merge's number, as `journeys merges` shows it.")],
    as_json: InJson = False,
) -> None:
    """Make two customers of one again (what goes back and what does not: docs/profiles.md)."""
    from store.customers.undo import undo

    now = settings().clock.now()
    done = with_database(lambda database: undo(database, merge, now, "command line"))
    sentence = f"{done.absorbed} ({', '.join(done.names) or 'nameless'}) is a customer of its own again"
    say(done, sentence, as_json=as_json)


def named(by: By, customer: str) -> tuple[str, str]:
    """How a customer was named, in the normal form that ingest stores."""
    from segments.define.importing import checked_name

    name = checked_name(by.value, customer, settings().default_region)
    return fail(name) if isinstance(name, str) else name


def _asked(look: "Callable[[Database, tuple[str, str]], Awaitable[T | None]]", by: By, customer: str) -> "T":
    name = named(by, customer)
    found = with_database(lambda database: look(database, name))
    if found is None:
        fail("no such customer")
    return found


async def _merges(database: "Database", name: tuple[str, str]) -> "list[Merge] | None":
    from store.customers.undo import merges_of
    from store.lists import resolve

    async with database.transaction() as connection:
        [customer] = await resolve(connection, [name])
        return None if customer is None else await merges_of(connection, customer)


def _merge_table(found: "list[Merge]") -> "Iterable[RenderableType]":
    from rich.table import Table
    from rich.text import Text

    from workers.cli.tables import instant

    table = Table("merge", "when", "absorbed", "called", "undone")
    for each in found:
        undone = "" if each.undone_at is None else f"{instant(each.undone_at)} by {each.undone_by}"
        table.add_row(str(each.id), instant(each.at), str(each.absorbed), Text(", ".join(each.names)), undone)
    yield table


async def _look_up(database: "Database", name: tuple[str, str]) -> "tuple[Profile, Whereabouts] | None":
    from segments.time.zones import whereabouts
    from store.customers.profiles import profile, zone_evidence
    from store.lists import resolve

    async with database.transaction() as connection:
        [customer] = await resolve(connection, [name])
    found = await profile(database, customer) if customer else None
    if found is None:
        return None
    traits = {each.trait: each.value for each in found.traits}
    return found, whereabouts(traits, *await zone_evidence(database, found.customer_id), "")


def _tables(found: "Profile", where: "Whereabouts") -> "Iterable[RenderableType]":
    from datetime import UTC, datetime

    from rich.text import Text

    from workers.cli.tables import instant, short, value

    now = datetime.now(UTC)
    names = ", ".join(found.user_ids) or "anonymous"
    yield Text(f"{found.customer_id} ({names}), a customer since {instant(found.created_at)}")
    strange = f"; {where.not_understood!r} is no time zone" if where.not_understood else ""
    told = f"{', '.join(where.zones)} (by {where.told_by})" if where.told_by not in ("journey", "nothing") else "not known"
    yield Text(f"time zone: {told}{strange}")
    traits = _narrow("trait", "value", "source", "said", "since", "confidence")
    for each in found.traits:
        sure = "declared" if each.confidence is None else f"{each.confidence:g}"
        row = (each.trait, value(each.value), each.source or "-", short(each.said_at, now), short(each.since, now), sure)
        traits.add_row(*map(Text, row))
    yield traits
    consents = _narrow("channel", "address", "purpose", "consent", "by", "source", "said")
    for word in found.consents:
        to, said = Text(word.hint or "all"), short(word.at, now)
        consents.add_row(word.channel, to, word.purpose, word.state, word.said_by, Text(word.source), said)
    yield consents
    endpoints = _narrow("channel", "address", "platform", "valid", "last seen")
    for end in found.endpoints:
        valid = "yes" if end.valid else f"no: {end.invalid_reason or 'not known why'}"
        endpoints.add_row(end.channel, Text(end.hint), end.platform or "-", Text(valid), short(end.last_seen_at, now))
    yield endpoints
    segments = _narrow("segment", "since")
    for membership in found.segments:
        segments.add_row(membership.segment, short(membership.entered_at, now))
    yield segments
    yield Text("times in UTC; --json has them to the second", style="dim")


#: What tells one row from another, and what it says: never broken over lines while others can be.
_WHOLE = frozenset({"address", "consent", "said", "since", "last seen", "channel", "purpose"})


def _narrow(*names: str) -> "Table":
    """A table whose words are folded where a terminal of 80 columns has no room, and never cut."""
    from rich.table import Column, Table

    columns = (Column(name, no_wrap=name in _WHOLE, overflow="fold") for name in names)
    return Table(*columns, box=None, padding=(0, 1, 0, 0))

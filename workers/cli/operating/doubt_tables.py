"""Messages in doubt as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from store.deliveries.doubts import Doubt, Said
from workers.cli.tables import short


@dataclass(slots=True)
class Done:
    """How many messages in doubt a filter finds, how many of them may be repeated, and of how many it was done."""

    messages: int
    repeatable: int
    what: str
    done: int = 0


def listed(found: Sequence[Doubt]) -> Iterable[RenderableType]:
    """A line each: who may have it, since when, what happened, what was asked of it; and the message as commands take it."""
    if not found:
        yield Text("no messages in doubt")
        return
    now = datetime.now(UTC)
    for each in found:
        table = Table(show_header=False, box=None, padding=(0, 1, 0, 0))
        table.add_row(Text(each.key, overflow="fold", style="bold"))
        what = f"{each.journey}: {each.channel} {each.template}, {each.purpose}, to {each.provider or 'nobody known'}"
        table.add_row(Text(f"  {what}; {_copies(each.copies)}, since {short(each.since, now)} UTC", overflow="fold"))
        table.add_row(Text(f"  {each.reason}", overflow="fold"))
        if asked := _asked(each, now):
            table.add_row(Text(f"  {asked}", overflow="fold"))
        yield table
    yield Text("look one up at its provider, then `journeys doubts settle MESSAGE --sent` or `--failed`", style="dim")


def done(found: Done) -> Iterable[RenderableType]:
    """How many there are, and of how many it was done."""
    yield Text(
        f"{found.messages:,} messages in doubt, {found.repeatable:,} of which may be repeated; {found.done:,} {found.what}"
    )


def words(found: Sequence[Said]) -> Iterable[RenderableType]:
    """What was said, a line each."""
    if not found:
        yield Text("nobody has settled or repeated a message in doubt")
        return
    table = Table("at", "by", "said", Column("message", overflow="fold"), Column("nothing was sent", overflow="fold"), box=None)
    now = datetime.now(UTC)
    for each in found:
        table.add_row(short(each.at, now), Text(each.by), each.said, Text(each.key), Text(each.refused or "-"))
    yield table


def _copies(number: int) -> str:
    return f"{number} copies may have arrived" if number > 1 else "may have arrived"


def _asked(each: Doubt, now: datetime) -> str | None:
    if each.repeat_asked_at is not None and each.repeat_refused is not None:
        return f"not repeated for {each.repeat_by} at {short(each.repeat_asked_at, now)}: {each.repeat_refused}"
    return each.not_repeatable

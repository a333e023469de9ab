"""`journeys simulate`: what was recorded, through the catalogue as it is here: who enters, which messages go, and when.

Promise: nothing is sent or written; a file is read as ingest reads calls, and what it would not take is counted.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.check import examined_or_fail

if TYPE_CHECKING:
    from journeys.catalogue import Catalogue
    from journeys.simulate import Call, Tally

#: Where a line has seconds since Monday instead of instants, as the demo's recording.
_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
#: No file has recorded what comes later, and time is played until then.
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_MONTH = timedelta(days=30)


def simulate(
    file: Annotated[
        Path | None,
        typer.Argument(help="Calls of the Segment spec, a JSON object a line, oldest first; - is stdin. Or Postgres."),
    ] = None,
    *,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue's module (JOURNEYS_CATALOGUE).")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="From Postgres: where the period begins (UTC); a month before.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="From Postgres: where it ends (UTC); now.")] = None,
    then: Annotated[float, typer.Option("--then", help="Days that pass after the last call.")] = 14,
    against: Annotated[Path | None, typer.Option(help="The --json of another simulation, to compare with.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="From Postgres: how many play at a time; as many as there are cores.")
    ] = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", help="Write messages by hour, journey, channel and fate here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Play recorded events through the journeys: messages per hour and channel, refusals, caps, conflicts. Sends nothing."""
    from workers.cli.simulating.simulated import before, drawn, plain
    from workers.cli.tables import show
    from workers.memory import long_lived

    if file is not None and (since or until):
        fail("--since and --until are for what Postgres has recorded; a file is played from its first call to its last")
    given = settings()
    found = examined_or_fail(catalogue or given.catalogue)
    other = before(against) if against else None
    long_lived()
    unread = Counter[str]()
    tally = (
        _from_postgres(found, since, until, timedelta(days=then), processes or cpu_count() or 1, quiet=as_json)
        if file is None
        else _from_file(found, file, given.default_region, timedelta(days=then), unread, quiet=as_json)
    )
    if to_csv is not None:
        _write(to_csv, tally)
    told = plain(tally, unread)
    show(told if as_json else tally, lambda _: drawn(tally, unread, told, other), as_json=as_json)


def _from_postgres(
    catalogue: "Catalogue", since: datetime | None, until: datetime | None, then: timedelta, processes: int, *, quiet: bool
) -> "Tally":
    from workers.backcasting import Period, backcast

    end = (until or datetime.now(UTC)).replace(tzinfo=UTC)
    begin = since.replace(tzinfo=UTC) if since else end - _MONTH
    if begin >= end:
        fail(f"the period ends ({end:%Y-%m-%d %H:%M}) before it begins ({begin:%Y-%m-%d %H:%M}); give --since and --until")
    with _progress(quiet=quiet) as told:
        period = Period(begin, end, then)
        return with_database(lambda database: backcast(database, catalogue, period, told, processes=processes))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("customers", total=None)
        yield lambda through, of: bar.update(task, completed=through, total=of)


def _from_file(
    catalogue: "Catalogue", file: Path, region: str, then: timedelta, unread: Counter[str], *, quiet: bool
) -> "Tally":
    from journeys.simulate import Backcast, tally
    from workers.cli.tables import reading

    if str(file) != "-" and not file.is_file():
        fail(f"{file} is no file; export calls with their timestamps, one JSON object a line")
    backcast = None
    source = file if str(file) != "-" else Path("/dev/stdin")
    with reading(source, quiet=quiet, utf8=True, otherwise="surrogateescape", doing="simulating") as lines:
        for call in _calls(lines, region, unread):
            backcast = backcast or Backcast(catalogue, call.at)
            backcast.take(call)
    if backcast is None:
        fail(f"{file} has no call that could be read" + (f": {unread.most_common(1)[0][0]}" if unread else ""))
    backcast.finish(then)
    return tally(backcast.world)


def _calls(lines: Iterable[str], region: str, unread: Counter[str]) -> "Iterator[Call]":
    from api.ingest.arrival import Rejected

    for line in lines:
        if line.strip():
            try:
                yield _call(_read(line), region)
            except Rejected as rejected:
                unread[rejected.reason] += 1


def _read(line: str) -> Any:
    from api.ingest.arrival import Rejected

    try:
        return json.loads(line.removeprefix("\ufeff").encode())
    except UnicodeEncodeError:
        raise Rejected("not-utf8", "a line is UTF-8") from None
    except RecursionError:
        raise Rejected("too-deep", "is nested too deep") from None
    except ValueError:
        raise Rejected("not-json", "a line is one JSON object") from None


def _call(raw: Any, region: str) -> "Call":
    """A call as ingest reads it, heard when it was sent."""
    from api.ingest.arrival import Arrival, Rejected, instant
    from api.ingest.spec import read_item
    from journeys.contracts import Channel
    from journeys.simulate import Call
    from segments.language.events import TRAITS_CHANGED

    recorded = isinstance(raw, dict) and {"call", "sent", "happened"} <= raw.keys()
    call = raw["call"] if recorded else raw
    at = _monday(raw["sent"]) if recorded else instant(call.get("timestamp")) if type(call) is dict else None
    if at is None:
        raise Rejected("bad-timestamp", "each call needs its time, such as 2026-11-22T10:00:00Z", "/timestamp")
    if at >= _LATEST:
        raise Rejected("too-late", "is after the year 2099", "/timestamp")
    item = read_item(call, Arrival(source="simulate", received_at=at, region=region))
    ts = (_monday(raw["happened"]) or at) if recorded else item.ts
    changes, known = item.changes, {channel.value for channel in Channel}
    addresses = (
        [(Channel(each.channel), each.address) for each in changes.addresses if each.channel in known] if changes else []
    )
    choices = [(Channel(c.channel), c.address, c.state) for c in changes.choices if c.channel in known] if changes else []
    return Call(
        at,
        ts,
        TRAITS_CHANGED if item.kind == "identify" else item.type,
        item.user_id,
        item.anonymous_id,
        json.loads(item.properties),
        changes.traits if changes else {},
        tuple(addresses),
        tuple(choices),
    )


def _monday(seconds: Any) -> datetime | None:
    try:
        return _MONDAY + timedelta(seconds=seconds)
    except (OverflowError, TypeError, ValueError):
        return None


def _write(file: Path, tally: "Tally") -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("hour", "journey", "channel", "state", "reason", "messages"))
        writer.writerows(
            (f"{m.hour:%Y-%m-%dT%H:%M:%SZ}", m.journey, m.channel, m.state, m.reason, m.messages) for m in tally.messages
        )

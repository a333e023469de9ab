"""`journeys simulate`: recorded calls through the catalogue as it is here: who would enter, which messages would go, and when.

Promise: nothing is sent and no server is asked; the file is read as ingest reads calls, and what it would not take is counted.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings
from workers.cli.check import examined_or_fail

if TYPE_CHECKING:
    from rich.console import RenderableType

    from journeys.simulate import Call, Tally

_DAY = timedelta(days=1)
_FEW_HOURS = 72
#: Where a line has seconds since Monday instead of instants, as the demo's recording.
_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def simulate(
    file: Annotated[Path, typer.Argument(help="Calls of the Segment spec, one JSON object a line, oldest first; - is stdin.")],
    *,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue's module (JOURNEYS_CATALOGUE).")] = None,
    then: Annotated[float, typer.Option("--then", help="Days that pass after the last call.")] = 14,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", help="Write messages by hour, journey, channel and fate here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Play recorded events through the journeys: messages per hour and channel, entries, refusals, caps. Sends nothing."""
    from journeys.simulate import Backcast
    from workers.cli.tables import reading, show
    from workers.memory import long_lived

    given = settings()
    found = examined_or_fail(catalogue or given.catalogue)
    if str(file) != "-" and not file.is_file():
        fail(f"{file} is no file; export calls with their timestamps, one JSON object a line")
    long_lived()
    backcast, unread = None, Counter[str]()
    with reading(file if str(file) != "-" else Path("/dev/stdin"), quiet=as_json, utf8=True, doing="simulating") as lines:
        for call in _calls(lines, given.default_region, unread):
            backcast = backcast or Backcast(found, call.at)
            backcast.take(call)
    if backcast is None:
        fail(f"{file} has no call that could be read" + (f": {unread.most_common(1)[0][0]}" if unread else ""))
    backcast.finish(timedelta(days=then))
    tally = backcast.tally()
    if to_csv is not None:
        _write(to_csv, tally)
    show(_plain(tally, unread) if as_json else tally, lambda _: _drawn(tally, unread), as_json=as_json)


def _calls(lines: Iterable[str], region: str, unread: Counter[str]) -> "Iterator[Call]":
    from api.ingest.arrival import Rejected

    for line in lines:
        if line.strip():
            try:
                yield _call(json.loads(line), region)
            except json.JSONDecodeError:
                unread["not-json: a line is one JSON object"] += 1
            except Rejected as rejected:
                unread[rejected.reason] += 1


def _call(raw: Any, region: str) -> "Call":
    """A call as ingest reads it, heard when it was sent."""
    from api.ingest.arrival import Arrival, Rejected, instant
    from api.ingest.spec import read_item
    from journeys.contracts import Channel
    from journeys.simulate import Call
    from segments.language.events import TRAITS_CHANGED

    recorded = isinstance(raw, dict) and {"call", "sent", "happened"} <= raw.keys()
    call = raw["call"] if recorded else raw
    at = (
        _MONDAY + timedelta(seconds=raw["sent"]) if recorded else instant(call.get("timestamp")) if type(call) is dict else None
    )
    if at is None:
        raise Rejected("bad-timestamp", "each call needs its time, such as 2026-11-22T10:00:00Z", "/timestamp")
    item = read_item(call, Arrival(source="simulate", received_at=at, region=region))
    ts = _MONDAY + timedelta(seconds=raw["happened"]) if recorded else item.ts
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


def _drawn(tally: "Tally", unread: Counter[str]) -> "Iterator[RenderableType]":
    from rich.table import Table

    yield _journeys(tally)
    times = [line.hour for line in tally.messages]
    by_day = bool(times) and max(times) - min(times) > timedelta(hours=_FEW_HOURS)
    channels = sorted({line.channel for line in tally.messages})
    table = Table("day" if by_day else "hour (UTC)", *channels, "not sent", title="messages")
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for line in tally.messages:
        place = f"{line.hour:%a %d %b %Y}" if by_day else f"{line.hour:%a %d %b %H}:00"
        counted[place][line.channel if line.state == "sent" else "not sent"] += line.messages
    for place, numbers in counted.items():
        table.add_row(place, *(f"{numbers[each]:,}" for each in (*channels, "not sent")))
    yield table
    for reason, count in unread.most_common():
        yield f"{count:,} calls not taken: {reason}"


def _journeys(tally: "Tally") -> "RenderableType":
    from rich.table import Table

    table = Table("journey", "entered", "refused", "sent", "not sent", "had to wait", "ended", title="journeys")
    for journey in sorted({*tally.entries, *(name for name, _ in tally.refused)}):
        lines = [line for line in tally.messages if line.journey == journey]
        table.add_row(
            journey,
            f"{tally.entries.get(journey, 0):,}",
            _told(Counter({why: n for (name, why), n in tally.refused.items() if name == journey})),
            f"{sum(line.messages for line in lines if line.state == 'sent'):,}",
            _told(_summed((line.reason, line.messages) for line in lines if line.state != "sent")),
            _told(Counter({why: n for (name, why), n in tally.put_off.items() if name == journey})),
            _told(Counter({how: n for (name, how), n in tally.outcomes.items() if name == journey})),
        )
    return table


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for what, number in pairs:
        counted[what] += number
    return counted


def _told(counted: Counter[str]) -> str:
    return "\n".join(f"{number:,} {what}" for what, number in counted.most_common()) or "-"


def _plain(tally: "Tally", unread: Counter[str]) -> dict[str, Any]:
    pairs = {"refused": tally.refused, "outcomes": tally.outcomes, "put_off": tally.put_off}
    return {
        "messages": list(tally.messages),
        "entries": dict(tally.entries),
        **{name: [{"journey": j, "what": w, "count": n} for (j, w), n in found.items()] for name, found in pairs.items()},
        "not_taken": dict(unread),
    }


def _write(file: Path, tally: "Tally") -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("hour", "journey", "channel", "state", "reason", "messages"))
        writer.writerows(
            (f"{m.hour:%Y-%m-%dT%H:%M:%SZ}", m.journey, m.channel, m.state, m.reason, m.messages) for m in tally.messages
        )

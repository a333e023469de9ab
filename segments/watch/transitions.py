"""A line of the log of a segment, and what is read from Postgres to date it (`segments.dating`)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

import asyncpg

from segments.facts import NOBODY, Event, Facts, Origins, Person, Thresholds
from segments.language.comparing import as_instant
from segments.language.segment import Segment
from segments.language.spans import earlier

Kind = Literal["entered", "left", "repeated"]
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_NONE: Thresholds = MappingProxyType({})
_EXACT = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)  # made once: it is called per event


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the log of a segment."""

    segment: str
    profile_id: UUID
    kind: Kind
    at: datetime
    cause: Mapping[str, Any]
    traceparent: str | None = None


def memory(segments: Iterable[Segment], since: datetime, at: datetime) -> datetime:
    """How far back events must be read to date a flip of these segments after `since`.

    Where every leaf has a window, twice the longest: one to reach the flip, one to value the instant before it.
    """
    spans = [segment.predicate.memory for segment in segments]
    if None in spans:
        return _BEGINNING
    longest = max((span for span in spans if span is not None), default=timedelta(0))
    return earlier(min(since, at), 2 * longest)


def read_facts(
    row: asyncpg.Record, events: Iterable[Event] = (), person: Person = NOBODY, thresholds: Thresholds = _NONE
) -> Facts:
    """A profile's row with its traits and where they come from, its events, and the thresholds of rankings."""
    origins = Origins.of(row["traits_from"], row["traits_at"])
    facts = Facts.of(read_json(row["traits"]), events, replace(person, drawn_as=row.get("drawn_as")), origins)
    return replace(facts, since=read_since(row), created_at=row["created_at"], thresholds=thresholds)


def read_since(row: asyncpg.Record) -> dict[str, datetime]:
    """Since when each trait is what it is, as far as that was written down; else when it was last said."""
    told = {name: as_instant(text) for name, text in row["traits_at"].items()}
    began = {
        name: as_instant(origin.get("since")) for name, origin in row["traits_from"].items() if isinstance(origin, Mapping)
    }
    return {name: instant for known in (told, began) for name, instant in known.items() if instant is not None}


def read_person(row: asyncpg.Record) -> Person:
    """A row of `facts_people`."""
    consents = {(channel, purpose): state for channel, purpose, state, _ in row["consents"]}
    dates = {f"consent:{channel}/{purpose}": as_instant(said_at) for channel, purpose, _, said_at in row["consents"]}
    dates |= {f"endpoint:{channel}": as_instant(since) for channel, _, since in row["endpoints"]}
    dates["name"] = row["named_at"]
    channels = frozenset(channel for channel, valid, _ in row["endpoints"] if valid)
    known = {name: instant for name, instant in dates.items() if instant is not None}
    return Person(row["profile_id"], frozenset(row["user_ids"]), consents, channels, known)


def read_event(row: asyncpg.Record) -> Event:
    """A row of an event query."""
    return Event(row["type"], row["ts"], read_json(row["properties"]), row["message_id"])


def read_json(text: str) -> Any:
    """JSON with its numbers exact, however large: what Postgres compares is what Python compares."""
    return _EXACT.decode(text)

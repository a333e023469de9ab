"""A second opinion: who is in at an instant, by brute force, from a definition's JSON and the raw rows of the log.

Promise: written from docs/segments.md and imports nothing of `segments`; a new kind of leaf is one function in `LEAVES`.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from tests.segments.oracle_amounts import MEASURES, compared, exact, numbers, worth
from tests.segments.oracle_past import instants, traits_of
from tests.segments.oracle_places import in_area, points
from tests.segments.oracle_values import (
    Plain,
    at_the_end,
    compares,
    local_day,
    meets,
    micros,
    moment,
    period,
    returns,
    seconds,
    wall_clock,
    written_day,
    years_since,
    zone_for,
)


@dataclass(frozen=True)
class Happening:
    """A row of the log."""

    type: str
    at: int
    properties: Any


@dataclass
class Customer:
    """What the tables hold of one customer; of consent what `tests.consent_rules` makes of the log.

    Of traits: since when each is what it is, when it was last said, and who said it how surely.
    """

    id: UUID
    traits: dict[str, Any] = field(default_factory=dict)
    log: list[Happening] = field(default_factory=list)
    user_ids: set[str] = field(default_factory=set)
    consents: dict[tuple[str, str], str] = field(default_factory=dict)
    channels: set[str] = field(default_factory=set)
    told: dict[str, Any] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    created_at: int = 0
    drawn_as: UUID | None = None
    since: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """All customers, and the thresholds as they were recorded, by the leaf that asks for them."""

    customers: Sequence[Customer]
    thresholds: Mapping[str, Sequence[tuple[datetime, Decimal | None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One customer at one instant."""

    who: Customer
    at: int
    world: World

    def happened(self, named: str) -> list[Happening]:
        """The events of a type that have happened, oldest first."""
        return sorted((e for e in self.who.log if e.type == named and e.at <= self.at), key=lambda e: e.at)


def plain_of(text: str) -> Any:
    """JSON with exact numbers."""
    return json.loads(text, parse_float=Decimal)


def is_in(definition: Any, who: Customer, at: datetime, world: World) -> bool:
    """Whether a customer is in at an instant; the definition is the JSON of a predicate."""
    return holds(plain_of(json.dumps(definition)), Seen(who, micros(at), world))


def members(definition: Any, world: World, at: datetime) -> set[UUID]:
    """Everybody who is in at an instant."""
    plain = plain_of(json.dumps(definition))
    return {who.id for who in world.customers if holds(plain, Seen(who, micros(at), world))}


def holds(plain: Plain, seen: Seen) -> bool:
    """Whether a predicate is true of a customer at an instant."""
    return next(leaf for key, leaf in LEAVES.items() if key in plain)(plain, seen)


def compare(plain: Plain, seen: Seen) -> bool:
    return meets(plain, seen.who.traits, "trait")


def sourced(plain: Plain, seen: Seen) -> bool:
    """Who said a trait, how surely, and when: of one that is there."""
    name = plain["trait"]
    told = seen.who.told.get(name, {})
    if seen.who.traits.get(name) is None:
        return False
    if "declared" in plain:
        return "confidence" not in told
    if "said_within" in plain:
        said = seen.who.said.get(name)
        return said is not None and seen.at - seconds(plain["said_within"]) < said <= seen.at
    asked = "source" if "source" in plain else "confidence"
    return meets({"trait": asked, **plain[asked]}, told, "trait")


def dated(plain: Plain, seen: Seen) -> bool:
    """A trait seen from now: a date that is near, a birthday, where it comes from, or a plain comparison."""
    if plain.keys() & {"declared", "source", "confidence", "said_within"}:
        return sourced(plain, seen)
    ends = list(at_the_end(seen.who.traits, plain["trait"].split(".")))
    if "anniversary" in plain:
        return any(returns_soon(plain["anniversary"], written_day(end), seen) for end in ends)
    dates = [there for end in ends if (there := moment(end)) is not None]
    if "within_next" in plain:
        return any(there - seconds(plain["within_next"]) <= seen.at < there for there in dates)
    if "within_last" in plain:
        return any(there <= seen.at < there + seconds(plain["within_last"]) for there in dates)
    return compare(plain, seen)


def returns_soon(plain: Plain, born: Any, seen: Seen) -> bool:
    if born is None:
        return False
    today = local_day(seen.at, zone_for(plain, seen.who.traits))
    years = [year for year in (today.year, today.year + 1) if year > born.year]
    ahead = [returns(born, year).toordinal() - today.toordinal() for year in years]
    return any(0 <= days <= plain.get("within_days", 0) for days in ahead)


def age(plain: Plain, seen: Seen) -> bool:
    today = local_day(seen.at, zone_for(plain, seen.who.traits))
    born = [written_day(end) for end in at_the_end(seen.who.traits, plain["age"].split("."))]
    years = [years_since(day, today) for day in born if day is not None]
    return any(year is not None and compares(plain["is"], year, plain["value"]) for year in years)


def counting(plain: Plain, seen: Seen) -> list[Happening] | None:
    """The events of a did that count; None where its `since_last` never happened."""
    found = [event for event in seen.happened(plain["did"]) if counts(plain, event, seen)]
    if "since_last" not in plain:
        return found
    anchors = seen.happened(plain["since_last"])
    return [event for event in found if event.at >= anchors[-1].at] if anchors else None


def counts(plain: Plain, event: Happening, seen: Seen) -> bool:
    return (
        ("where" not in plain or meets(plain["where"], event.properties))
        and ("within" not in plain or seen.at - seconds(plain["within"]) < event.at)
        and ("between" not in plain or in_stretch(plain["between"], event.at))
        and ("period" not in plain or same_period(plain["period"], event.at, seen))
        and ("at_hours" not in plain or in_hours(plain["at_hours"], event.at, seen))
        and ("on_days" not in plain or on_days(plain["on_days"], event.at, seen))
        and followed(plain, event, seen)
    )


def in_stretch(ends: Sequence[str | None], at: int) -> bool:
    start, end = (None if text is None else micros(datetime.fromisoformat(text)) for text in ends)
    return (start is None or start <= at) and (end is None or at < end)


def same_period(plain: Plain, at: int, seen: Seen) -> bool:
    zone = zone_for(plain, seen.who.traits)
    return period(plain["unit"], local_day(at, zone)) == period(plain["unit"], local_day(seen.at, zone))


def in_hours(plain: Plain, at: int, seen: Seen) -> bool:
    """By the wall clock, whose hours may go over midnight; 24:00 sorts after every time there is."""
    shown = wall_clock(at, zone_for(plain, seen.who.traits)).strftime("%H:%M")
    start, end = plain["from"], plain["to"]
    return start <= shown < end if start < end else shown >= start or shown < end


def on_days(plain: Plain, at: int, seen: Seen) -> bool:
    return wall_clock(at, zone_for(plain, seen.who.traits)).strftime("%a").lower() in plain["days"]


def followed(plain: Plain, event: Happening, seen: Seen) -> bool:
    """Whether what must follow did, or what must not did not; also the followers may ask for a follower."""
    word = next((word for word in ("then", "without") if word in plain), None)
    if word is None:
        return True
    span = None if plain.get(f"{word}_within") is None else seconds(plain[f"{word}_within"])
    later = [e for e in counting(plain[word], seen) or [] if e.at > event.at and (span is None or e.at < event.at + span)]
    if word == "then":
        return bool(later)
    return not later and (span is None or seen.at >= event.at + span)


def did(plain: Plain, seen: Seen) -> bool:
    found = counting(plain, seen)
    least = plain.get("at_least", 0 if "at_most" in plain else 1)
    return found is not None and least <= len(found) <= plain.get("at_most", math.inf)


def amount(plain: Plain, seen: Seen) -> bool:
    found = measured(plain, seen)
    return found is not None and compares(plain["is"], found, plain["value"])


def measured(plain: Plain, seen: Seen) -> Any:
    events = counting(plain["of"], seen)
    return worth(plain, None if events is None else [event.properties for event in events])


def against(plain: Plain, seen: Seen) -> bool:
    left, right = (measured(side, seen) for side in plain["versus" if "versus" in plain else "ratio"])
    return compared(plain, left, right)


def outermost(plain: Plain, seen: Seen) -> bool:
    which, place = ("first", 0) if "first" in plain else ("last", -1)
    events = seen.happened(plain[which])
    if not events or ("within" in plain and events[place].at <= seen.at - seconds(plain["within"])):
        return False
    there = [event for event in events if event.at == events[place].at]
    return any("where" not in plain or meets(plain["where"], event.properties) for event in there)


def listed(plain: Plain, seen: Seen) -> bool:
    events = seen.happened("$list:" + plain["listed"])
    return any(e.at == events[-1].at and meets({"property": "listed", "is": "==", "value": True}, e.properties) for e in events)


def crossed(plain: Plain, seen: Seen) -> bool:
    if "is" in plain:
        events = seen.happened(f"$crossed:{plain['prediction']}")
        return any(e.at == events[-1].at and e.properties.get("kind") == plain["is"] for e in events)
    up, back = plain["over"], plain.get("back_at", plain["over"])
    events = seen.happened(f"$crossed:{plain['prediction']}:{up}:{back}")
    return any(e.at == events[-1].at and meets({"property": "over", "is": "==", "value": True}, e.properties) for e in events)


def located(plain: Plain, seen: Seen) -> bool:
    of = plain["of"]
    if "trait" in of:
        return any(in_area(plain, point) for point in points(of, seen.who.traits, of["trait"].split(".")))
    known = [(e.at, point) for e in seen.happened(of["event"]) for point in points(of, e.properties)]
    known = [(at, point) for at, point in known if "within" not in of or seen.at - seconds(of["within"]) < at]
    return any(at == known[-1][0] and in_area(plain, point) for at, point in known)


def held(plain: Plain, seen: Seen) -> bool:
    """Asked at every instant of the span that can differ from the others."""
    who, start = seen.who, seen.at - seconds(plain["for"])
    if any(who.since.get(name, who.created_at) > start for name in traits_of(plain["held"])):
        return False
    asked = instants(plain["held"], ((event.type, event.at) for event in who.log), start, seen.at)
    return all(holds(plain["held"], Seen(who, at, seen.world)) for at in asked)


def bucket(plain: Plain, seen: Seen) -> bool:
    share = exact(plain["bucket"]) / 100
    first = hashlib.sha256(plain["salt"].encode() + (seen.who.drawn_as or seen.who.id).bytes).digest()[:4]
    return int.from_bytes(first, "big") < math.floor(share * 2**32)


def consented(plain: Plain, seen: Seen) -> bool:
    asked = (plain["consented"], plain.get("purpose", "marketing"))
    return seen.who.consents.get(asked) == "granted"


def score(plain: Plain, seen: Seen) -> bool:
    true = [rule["points"] for rule in plain["score"] if holds(rule["when"], seen)]
    total = sum(map(exact, true), Fraction(0))
    return compares(plain["is"], total, plain["value"])


def top(plain: Plain, seen: Seen) -> bool:
    """By the threshold that was recorded as of the last renewal."""
    recorded = seen.world.thresholds.get(json.dumps(plain, default=str, sort_keys=True), ())
    standing = [value for as_of, value in recorded if micros(as_of) <= seen.at][-1:]
    reached = ranked(plain, seen)
    return reached is not None and standing not in ([], [None]) and reached >= Fraction(standing[0] or 0)


def ranked(plain: Plain, seen: Seen) -> Fraction | None:
    """By what a customer is ranked; None for who did nothing."""
    events = counting(plain["of"], seen) or []
    if not events:
        return None
    if "total" not in plain:
        return Fraction(len(events))
    return sum(numbers(event.properties.get(plain["total"]) for event in events), Fraction(0))


def threshold(definition: Any, world: World, at: datetime) -> Fraction | None:
    """What has to be reached, worked out anew: the smallest amount that at most the share had; None where there is none."""
    plain = plain_of(json.dumps(definition))
    everybody = [ranked(plain, Seen(who, micros(at), world)) for who in world.customers]
    amounts = [each for each in everybody if each is not None]
    share = exact(plain["top"]) / 100
    return min((a for a in amounts if sum(each >= a for each in amounts) <= share * len(amounts)), default=None)


LEAVES: Mapping[str, Callable[[Any, Seen], bool]] = {
    "all": lambda plain, seen: all(holds(part, seen) for part in plain["all"]),
    "any": lambda plain, seen: any(holds(part, seen) for part in plain["any"]),
    "not": lambda plain, seen: not holds(plain["not"], seen),
    "did": did,
    "top": top,
    "versus": against,
    "ratio": against,
    "held": held,
    "count": amount,
    **dict.fromkeys(MEASURES, amount),
    "age": age,
    "first": outermost,
    "last": outermost,
    "listed": listed,
    "prediction": crossed,
    "near": located,
    "inside": located,
    "member_of": lambda plain, seen: holds(plain["predicate"], seen),
    "score": score,
    "bucket": bucket,
    "customers": lambda plain, seen: bool(seen.who.user_ids & set(plain["customers"])),
    "consented": consented,
    "reachable": lambda plain, seen: plain["reachable"] in seen.who.channels,
    "trait": dated,
}

"""A random log through the real ingest: late, repeated and future events, changed people, and profiles that become one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from segments.leaves.crossed import Crossed
from segments.leaves.reach import PURPOSES
from store import Database, lists
from store.customers.consent import By, Subject, Word, say
from store.customers.endpoints import Address
from store.ingest.batch import Memory, store
from store.ingest.items import Changes, Choice, Item, Provenance
from store.predictions import Told, cross, sort
from tests.consent_rules import Said, best, state_of
from tests.segments.oracle import Customer, Happening, World, plain_of
from tests.segments.oracle_values import micros
from tests.segments.random_definitions import TYPES

NAMES = [("user_id", f"u-{n}") for n in range(12)] + [("anonymous_id", f"phone-{n}") for n in range(8)]
#: The last but one reaches back over the end of summer time, the last to before 2000, when many clocks were set otherwise.
_SKEWS = (*(0, 0, 0, 0, -0.000001, -1, -90, -3600, -20_000, -800_000, 1, 240, 90_000) * 2, -1_900_000, -1_260_000_000)
#: Who says a trait: a key, or by its own word a system or a model.
_ORIGINS = (Provenance("crm"), Provenance("model", 0.2), Provenance("model", 0.9), Provenance(None, 1.0))
_STRANGE = (None, True, "60", "", [], {}, {"eur": 60}, [60], -0.0, 0.1, 0.2, 10**30, 1e-9)


@dataclass
class Stream:
    """Sends what happens between two instants to the ingest, and remembers the ids that it sent."""

    database: Database
    random: Random
    weeks: Memory = field(default_factory=Memory)
    sent: list[Item] = field(default_factory=list)

    async def happen(self, start: datetime, end: datetime) -> list[str]:
        """Something of everything; returns the ids of the new messages."""
        random = self.random
        items = [self._item(start + (end - start) * random.random()) for _ in range(random.randrange(10))]
        repeated = random.sample(self.sent, min(len(self.sent), random.randrange(3)))
        for batch in (items[::2], [*items[1::2], *(each for each in repeated)]):
            await store(self.database, batch, self.weeks)
        self.sent += items
        if random.random() < 0.3:
            await self._something_of_ours(end)
        return [item.message_id for item in items]

    def _item(self, received: datetime) -> Item:
        random = self.random
        draw = random.random()
        kind, changes, named = "track", None, random.choice([*TYPES, *TYPES, "Location Updated", "Message Read", "Unheard Of"])
        if draw < 0.3:
            kind, changes, named = "identify", self._changes(received), "$identify"
        who: dict[str, str | None] = {"user_id": None, "anonymous_id": None} | dict([random.choice(NAMES)])
        if draw > 0.95:
            who = {"user_id": f"u-{random.randrange(12)}", "anonymous_id": f"phone-{random.randrange(8)}"}
        return Item(
            message_id=f"m{len(self.sent)}-{random.getrandbits(48):x}",
            **who,
            ts=received + timedelta(seconds=random.choice(_SKEWS)),
            type=named,
            kind=kind,
            properties=json.dumps(self._properties(named)),
            context="{}",
            clamped=False,
            source=random.choice(["test", "crm"]),
            received_at=received,
            changes=changes,
        )

    def _properties(self, named: str) -> Any:
        random = self.random
        lat, lon = random.choice([(40.4, -3.7), (40.42, -3.71), (37.38, -5.98), (95, 0), ("40", -3)])
        if named == "Location Updated":
            return {"lat": lat, "lon": lon}
        lines = [{"kind": random.choice(["boots", "hat"]), "price": random.choice([10, 60, "60"])} for _ in range(2)]
        price = random.choice(_STRANGE) if random.random() < 0.2 else random.choice([10, 50, 60, 60.5])
        products = random.choice([lines, lines[0], [lines], None])
        more = {"coupon": random.choice([None, "x"])} if random.random() < 0.5 else {}
        return {"price": price, "products": products, "at": {"lat": lat, "lon": lon}, "channel": "whatsapp"} | more

    def _changes(self, received: datetime) -> Changes:
        random = self.random
        ends = received + timedelta(seconds=random.choice([-3600, 60, 7200, 40_000, 700_000]))
        madrid, other = {"city": "Madrid", "kind": "home"}, {"city": "Sevilla", "kind": "work", "zip": None}
        possible = {
            "plan": ["gold", "góld", "GÓLD", "free", 7, None],
            "years": [17, 18, 18.0, 40, "18", True, None, 1e300],
            "interests": [["ski", 1], "skiing", [], ["SKI"], [1.0, None], {"ski": 1}],
            "ends": [ends.isoformat(), ends.isoformat(), "soon", "2026-11-17", "2027-11-16", "0001-01-01", "9999-12-31"],
            "born": ["2008-11-16", "2008-11-17", "2008-11-18T23:30:00-10:00", "2008-02-29", "2030-01-01", 2008, None],
            "timezone": ["Europe/Madrid", "Asia/Kolkata", "Pacific/Kiritimati", "Nowhere/Land", 5, "europe/madrid"],
            "addresses": [[madrid, other], madrid, [other], [[madrid]], "Madrid", [None, madrid]],
            "address": [{"city": "Madrid", "country": "ES"}, {"region": "Andalucía", "postal_code": "28013"}, None],
            "home": [{"lat": 40.41, "lon": -3.7}, {"lat": 0, "lon": 0}, {"lat": "40", "lon": 1}, [], None],
        }
        traits = {name: random.choice(possible[name]) for name in random.sample(sorted(possible), 3)}
        addresses = (Address("push", f"token-{random.randrange(6)}"),) if random.random() < 0.4 else ()
        if random.random() < 0.3:
            possible["phone"] = ["", None, *(f"n-{n}" for n in range(4))]
            addresses += (Address("whatsapp", f"n-{random.randrange(4)}"),)
        choices = (self._choice(),) if random.random() < 0.4 else ()
        addresses += tuple(Address(each.channel, each.address, None, each.state == "granted") for each in choices)
        told = {name: random.choice(_ORIGINS) for name in traits if random.random() < 0.4 and traits[name] is not None}
        return Changes(traits, addresses, choices, told)

    def _choice(self) -> Choice:
        random = self.random
        about = ("whatsapp", f"n-{random.randrange(4)}") if random.random() < 0.7 else ("push", f"token-{random.randrange(6)}")
        return Choice(*about, random.choice(["granted", "granted", "refused", "withdrawn"]), random.choice(list(By)))

    async def _something_of_ours(self, at: datetime) -> None:
        """What does not come by ingest: lists, dead addresses, consent by webhook, a mark that comes twice."""
        random, pool = self.random, self.database.pool
        people = [row["id"] for row in await pool.fetch(_PEOPLE)]
        if not people:
            return
        some, when = random.sample(people, min(3, len(people))), at - timedelta(seconds=random.choice([0, 5000]))
        name, on = random.choice(["vip", "staff"]), random.random() < 0.6
        async with self.database.transaction() as connection:
            await lists.change(connection, name, f"$list:{name}", some, on=on, by="test", at=at)
        crossed, told = Crossed("churn", *random.choice([(0.7, 0.6), (0.5, 0.5)])), Told("churn", 1, when)
        async with self.database.transaction() as connection:
            await cross(connection, crossed, [(who, random.choice([0.1, 0.5, 0.65, 0.7, 0.9])) for who in some], told, at)
            labels = [(who, random.choice(["loyal", "new", "other", None])) for who in some]
            await sort(connection, "$crossed:styles", labels, Told("styles", 1, when), at)
        dead = "update endpoint set invalid_at = case when invalid_at is null then $1::timestamptz end where address = $2"
        await pool.execute(dead, at, f"token-{random.randrange(6)}")
        channel, address = random.choice([("whatsapp", "n-1"), ("push", "token-1")])
        word = random.choice(["granted", "withdrawn", "pending"]), By.CUSTOMER, "test", when, at
        async with self.database.transaction() as connection:
            await say(connection, [Word(Subject(some[0], channel, address, "transactional"), *word)])
            await say(connection, [Word(Subject(some[-1], channel, None), *word)])
        twice = "insert into dirty (profile_id, types, at) values ($1, array['App Opened', 'Unheard Of'], $2)"
        await pool.execute(twice, some[-1], at)


#: By name, because ids differ from run to run.
_PEOPLE = "select profile_id as id from identity group by 1 order by min(kind || value)"
#: Whose past changed since the last look at $2: by a late event, by what is no event, or by being new.
_LATE_OR_CHANGED = """
select profile_id from event where message_id = any($1::text[]) and ts <= $2
union select profile_id from dirty where exists (select from unnest(types) as t where t like '$%')
union select id from profile where created_at > $2
"""


_PROFILES = """
select id, traits::text as traits, traits_at::text as said, traits_from::text as origins, created_at, drawn_as
from profile where merged_into is null
"""


_WORD = ("id", "profile_id", "channel", "address", "purpose", "state", "said_by", "at", "received_at")


async def read_world(database: Database, thresholds: dict[str, Any]) -> World:
    """Every row as it stands, merged profiles left out; `thresholds` names the leaf of each ranking."""
    pool = database.pool
    found = {row["id"]: _customer(row) for row in await pool.fetch(_PROFILES)}
    events = await pool.fetch("select profile_id, type, ts, properties::text as properties from event")
    for row in events:
        found[row["profile_id"]].log.append(Happening(row["type"], micros(row["ts"]), plain_of(row["properties"])))
    for row in await pool.fetch("select profile_id, value from identity where kind = 'user_id'"):
        found[row["profile_id"]].user_ids.add(row["value"])
    log = [Said(*(row[name] for name in _WORD)) for row in await pool.fetch("select * from consent")]
    for row in await pool.fetch("select profile_id, channel, address, invalid_at from endpoint where replaced_at is null"):
        who, channel = found[row["profile_id"]], row["channel"]
        if row["invalid_at"] is None:
            who.channels.add(channel)
        for purpose in PURPOSES:
            state = state_of(log, who.id, channel, row["address"], purpose)
            who.consents[channel, purpose] = best([state, who.consents.get((channel, purpose), state)])
    recorded: dict[str, list[Any]] = {}
    for row in await pool.fetch("select * from segment_threshold order by as_of"):
        recorded.setdefault(thresholds[row["ranking"]], []).append((row["as_of"], row["value"]))
    return World(list(found.values()), recorded)


def _customer(row: Mapping[str, Any]) -> Customer:
    """A profile; a trait is what it is since it became that, else since it was said."""
    traits, origins = plain_of(row["traits"]), plain_of(row["origins"])
    said = {name: micros(datetime.fromisoformat(text)) for name, text in plain_of(row["said"]).items()}
    since = {name: micros(datetime.fromisoformat(each["since"])) for name, each in origins.items() if "since" in each}
    return Customer(
        row["id"],
        traits,
        created_at=micros(row["created_at"]),
        said=said,
        since=said | since,
        told=origins,
        drawn_as=row["drawn_as"],
    )


async def late_or_changed(database: Database, ids: Sequence[str], evaluated_to: datetime) -> set[UUID]:
    """Whose past changed since the last look: by a late event, by something that is no event, or by being new."""
    rows = await database.pool.fetch(_LATE_OR_CHANGED, ids, evaluated_to)
    return {row["profile_id"] for row in rows}

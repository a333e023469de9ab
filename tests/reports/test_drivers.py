"""KPI-07: what was so at the exposure, of ten people or more in each cell, against a count by hand; and the words for it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from api.reports import printed
from api.reports.page import as_html
from store import Database
from store.errors import NoReport
from store.reports import drivers
from store.reports.compared import q_values
from store.reports.drivers import Counting, Feature, Features
from store.reports.report import Asked
from tests.extent import some
from tests.reports.trade import DAY, START

JOURNEY, UNTIL = "carts", START + 30 * DAY
MINUTE = timedelta(minutes=1)
Key = tuple[str, str, str, str]


@dataclass
class Person:
    """A customer as they were at the exposure: `features` they had, `unknown` are those of which that cannot be told."""

    id: UUID
    exposed_at: datetime
    converted: bool
    entered_by: str = "all"
    features: set[tuple[str, str, str]] = field(default_factory=set)
    unknown: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Crowd:
    """People whose features are written as the house keeps them: as of now, with what has changed since."""

    database: Database
    random: Random
    people: list[Person] = field(default_factory=list)
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {name: [] for name in _INSERTS})

    def happens(self, many: int) -> None:
        for n in range(many):
            at = START + self.random.randrange(30 * 24 * 60) * MINUTE
            person = Person(UUID(int=n + 1), at, False, self.random.choice(["all", "vips"]))
            self._traits(person)
            for segment in ("loyal", "lapsed"):
                self._segment(person, segment)
            self._reached(person)
            self._did(person)
            likely = (
                0.2
                + 0.3 * (("trait", "city", "Porto") in person.features)
                - 0.1 * (("segment", "lapsed", "") in person.features)
            )
            person.converted = self.random.random() < likely
            changes = [["2026-03-02", "exposed", 1, "0", "0", "0", "0", "0", 0]]
            if person.converted:
                changes.append(["2026-03-02", "conversion", 0, "1", "1", "0", "0", "0", 1])
            if self.random.random() < 0.2:  # an order that was taken back
                changes += [["2026-03-03", "orders", 0, sign, sign, "0", "0", "0", 1] for sign in ("1", "-1")]
            self.rows["customer_value"].append((person.id, "$holdout/carts", JOURNEY, person.entered_by, at, changes))
            self.people.append(person)

    def _traits(self, person: Person) -> None:
        random, traits, at, came = self.random, {}, {}, {}
        for trait, values in (("city", ["Porto", "Lisbon", "Faro"]), ("plus", [True, False]), ("odd", [{"a": 1}, "x" * 200])):
            if random.random() < 0.2:
                continue
            value = random.choice(values)
            since = person.exposed_at + random.choice([-DAY, -DAY, -DAY, timedelta(), DAY])
            at[trait] = since.isoformat()
            if random.random() < 0.9:  # else it was taken away
                traits[trait] = value
                came[trait] = {"source": "crm", "since": since.isoformat()}
                if since <= person.exposed_at and trait != "odd":
                    person.features.add(("trait", trait, {True: "true", False: "false"}.get(value, value)))  # type: ignore[call-overload]
            if since > person.exposed_at:
                person.unknown.add(("trait", trait))
        traits["email"] = f"{person.id}@example.com"
        at["email"] = START.isoformat()
        self.rows["profile"].append((person.id, START - DAY, traits, at, came))

    def _segment(self, person: Person, segment: str) -> None:
        """In or out by turns, at random instants."""
        random, inside, at = self.random, False, START - 20 * DAY
        entered = at
        while True:
            at += random.randrange(1, 30 * 24 * 60) * MINUTE
            if at > START + 60 * DAY:
                break
            inside = not inside
            entered = at
            self.rows["segment_transition"].append((segment, person.id, "entered" if inside else "left", at))
            if at <= person.exposed_at:
                person.features.discard(("segment", segment, ""))
                if inside:
                    person.features.add(("segment", segment, ""))
        if inside:
            self.rows["segment_member"].append((segment, person.id, entered))
        if segment == "lapsed" and person.exposed_at < START + 2 * DAY:
            person.unknown.add(("segment", segment))

    def _reached(self, person: Person) -> None:
        first = person.exposed_at + self.random.choice([-DAY, timedelta(), DAY])
        gone = self.random.choice([None, None, person.exposed_at - MINUTE, person.exposed_at + MINUTE])
        if self.random.random() < 0.7:
            self.rows["endpoint"].append((person.id, str(person.id), first, gone))
            if first <= person.exposed_at and (gone is None or gone > person.exposed_at):
                person.features.add(("channel", "email", ""))

    def _did(self, person: Person) -> None:
        for type_ in ("Page Viewed", "Product Added", "$identify"):
            for _ in range(self.random.randrange(3)):
                before = self.random.choice([-DAY, timedelta(), MINUTE, 7 * DAY, 7 * DAY + MINUTE])
                number = str(len(self.rows["event"]))
                self.rows["event"].append((person.id, person.exposed_at - before, type_, number))
                if timedelta() < before <= 7 * DAY and type_ != "$identify":
                    person.features.add(("event", type_, ""))

    async def write(self) -> None:
        async with self.database.transaction() as connection:
            for table, sql in _INSERTS.items():
                await connection.executemany(sql, self.rows[table])
            await connection.execute(
                "insert into segment (name, version, definition, known_from)"
                " values ('loyal', 'v', '{}', $1), ('lapsed', 'v', '{}', $2)",
                START - 30 * DAY, START + 2 * DAY,
            )  # fmt: skip


_INSERTS = {
    "profile": "insert into profile (id, created_at, updated_at, traits, traits_at, traits_from)"
    " values ($1, $2, $2, $3, $4, $5)",
    "event": "insert into event (profile_id, ts, type, message_id, kind, source, received_at)"
    " values ($1, $2, $3, $4, 'track', 'shop', $2)",
    "endpoint": "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, invalid_at)"
    " values ($1, $1, 'email', $2, $3, $3, $4)",
    "segment_member": "insert into segment_member (segment, profile_id, entered_at) values ($1, $2, $3)",
    "segment_transition": "insert into segment_transition (segment, profile_id, kind, at) values ($1, $2, $3, $4)",
    "customer_value": "insert into customer_value"
    " (profile_id, experiment, journey, segment, exposed_at, changes, version, arm, looks_from, exposed_as)"
    " values ($1, $2, $3, $4, $5, $6, 'v1', 'written to', $5, $1)",
}


def by_hand(people: list[Person], least: int) -> dict[Key, Feature]:
    """Each feature's four cells, person by person; those that are large enough."""
    found: dict[Key, Feature] = {}
    for kind, name, what in sorted({each for person in people for each in person.features}):
        asked = [person for person in people if (kind, name) not in person.unknown]
        with_ = [person for person in asked if (kind, name, what) in person.features]
        cells = Feature("", kind, name, what, len(with_), sum(p.converted for p in with_), len(asked) - len(with_),
                        sum(p.converted for p in asked) - sum(p.converted for p in with_))  # fmt: skip
        smallest = min(
            cells.converted, cells.people - cells.converted, cells.others_converted, cells.others - cells.others_converted
        )
        if smallest >= least and not 0 < len(people) - len(asked) < least:
            found["", kind, name, what] = cells
    return found


def keyed(found: Features) -> dict[Key, Feature]:
    return {(each.segment, each.kind, each.name, each.what): each for each in found.told}


async def asked(database: Database, **more: Any) -> Any:
    return await drivers.report(
        database, Asked(now=UNTIL, since=START.date(), until=UNTIL.date(), journey=JOURNEY, **more), WEEK
    )


WEEK = Counting(before=7 * DAY)


@pytest.mark.parametrize("seed", some(range(6)))
async def test_kpi_07_each_feature_is_counted_as_it_was_at_the_exposure(seed: int, database: Database) -> None:
    crowd = Crowd(database, Random(seed))
    crowd.happens(500)
    await crowd.write()
    expected = by_hand(crowd.people, 10)
    assert keyed(await drivers.features(database, JOURNEY, START, UNTIL, WEEK)) == expected
    assert {kind for _, kind, *_ in expected} == {"trait", "segment", "channel", "event"}
    report = await asked(database)
    rows = report.table().dicts()
    assert rows[0]["feature"] == "city is Porto"
    assert rows[0]["difference"] > 0.1
    assert rows[0]["q"] < 0.001
    shown = dict(zip([column.name for column in report.table().columns], printed.texts(report.table())[0], strict=True))
    assert all(shown[name].endswith(" points") for name in ("difference", "low", "high"))
    assert shown["difference"] in as_html(report, UNTIL)
    assert [row["q"] for row in rows] == pytest.approx(sorted(q_values([row["p"] for row in rows])))
    assert report.findings[0].startswith("'city is Porto' is associated with converting: ")


async def test_each_entry_segment_may_have_rows_of_its_own(database: Database) -> None:
    crowd = Crowd(database, Random(9))
    crowd.happens(600)
    await crowd.write()
    found = keyed(await drivers.features(database, JOURNEY, START, UNTIL, WEEK, by_segment=True))
    for segment in ("all", "vips"):
        expected = by_hand([person for person in crowd.people if person.entered_by == segment], 10)
        of_it = {key: each for key, each in found.items() if key[0] == segment}
        assert of_it == {(segment, *key[1:]): replace(each, segment=segment) for key, each in expected.items()}
    assert {row["segment"] for row in (await asked(database, by=("segment",))).table().dicts()} == {"all", "vips"}


async def test_nothing_is_said_of_fewer_than_ten(database: Database) -> None:
    """Not even by whoever takes what is shown from what there is."""
    crowd = Crowd(database, Random(4))
    crowd.happens(45)
    await crowd.write()
    found = await drivers.features(database, JOURNEY, START, UNTIL, Counting())
    for each in found.told:
        assert (
            min(each.converted, each.people - each.converted, each.others_converted, each.others - each.others_converted) >= 10
        )
    report = await asked(database)
    assert not [row for row in report.table().dicts() if "example.com" in str(row["feature"])]
    with pytest.raises(NoReport, match="nothing is said of fewer than 10 people"):
        Counting(least=9)


async def test_what_is_not_told_since_few_are_left_out_of_it_is_named(database: Database) -> None:
    """Nobody looks for a trait that has silently gone; of what is too rare to be told anyhow no name is said."""
    crowd = Crowd(database, Random(0))
    crowd.happens(500)
    for n, (_, _, traits, at, _) in enumerate(crowd.rows["profile"]):
        exposed = crowd.people[n].exposed_at
        for trait, value in (("plan", "family" if n % 2 else "solo"), ("rare", f"name {n}")):
            traits[trait], at[trait] = value, (exposed + (DAY if n < 4 else -DAY)).isoformat()
    await crowd.write()
    report = await asked(database)
    assert not [row for row in report.table().dicts() if str(row["feature"]).startswith("plan")]
    [note] = [each for each in report.notes if each.startswith("Not told")]
    assert note == (
        "Not told, since fewer than 10 customers would be left out of it, and known by what is told of the others: plan."
    )
    assert "rare" not in note
    by_segment = await asked(database, by=("segment",))
    [note] = [each for each in by_segment.notes if each.startswith("Not told")]
    assert all(f"plan ({person.entered_by})" in note for person in crowd.people[:4])


def test_a_value_is_not_shown_where_its_siblings_would_betray_a_few() -> None:
    """Porto and Lisbon leave 4 of 104 people, so only one of them is told."""
    porto = Feature("", "trait", "city", "Porto", 60, 30, 44, 22)
    lisbon = Feature("", "trait", "city", "Lisbon", 40, 20, 64, 32)
    assert drivers._not_betraying([lisbon, porto], 10) == [porto]
    half = replace(lisbon, people=44, converted=22, others=60, others_converted=30)
    assert drivers._not_betraying([half, porto], 10) == [porto, half]


async def test_who_was_exposed_to_nothing_is_told_what_that_takes(database: Database) -> None:
    report = await asked(database)
    assert report.table().rows == ()
    assert report.notes[0].startswith("Nobody was exposed to this journey on these days")


async def test_it_says_associated_and_never_because(database: Database) -> None:
    crowd = Crowd(database, Random(0))
    crowd.happens(500)
    await crowd.write()
    report = await asked(database)
    said = " ".join([report.title, *report.rules, *report.findings, *report.notes, *(c.about for c in report.table().columns)])
    assert "associated" in said
    assert "Associated, never a cause" in said
    assert "because" not in said.lower()


def test_the_words_of_a_feature() -> None:
    one = Feature("", "segment", "loyal", "", 10, 5, 10, 5)
    assert [replace(one, kind=kind).label for kind in ("segment", "channel", "event")] == [
        "in loyal", "reachable by loyal", "did loyal",
    ]  # fmt: skip
    assert one.difference.value == 0
    assert one.p == 1


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(NoReport, match="before must be longer"):
        Counting(before=timedelta())

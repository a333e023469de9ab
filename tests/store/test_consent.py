"""FAULTS B3: docs/consent.md as it stands, every pair of words in every order, and random logs beside a second opinion."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from store import Database
from store.customers.consent import By, Subject, Word, say
from tests.consent_rules import Said, state_of
from tests.extent import scaled, some
from tests.store.items import NOW

SECOND = timedelta(seconds=1)
DOCUMENT = Path(__file__).parents[2] / "docs" / "consent.md"
NAMES = {"yes": "granted"}


def table() -> list[tuple[str, str, str]]:
    """What holds, what is said, and what holds then, out of the document."""
    lines = [line.strip("|\n ").split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    start = next(n for n, cells in enumerate(lines) if cells[0] == "holds")
    events = lines[start][1:]
    rows = [cells for cells in lines[start + 2 :] if len(cells) == len(events) + 1]
    return [(row[0], event, then) for row in rows for event, then in zip(events, row[1:], strict=True)]


class Case(NamedTuple):
    """Words with a customer and an address of their own."""

    words: Sequence[Word]
    expected: str


def subject(customer: UUID, *, whole: bool = False) -> Subject:
    return Subject(customer, "email", None if whole else f"{customer}@x.example")


def word(customer: UUID, named: str, said: timedelta, received: timedelta, *, whole: bool = False) -> Word:
    state, _, by = named.partition(" by ")
    return Word(subject(customer, whole=whole), NAMES.get(state, state), By(by), "test", NOW + said, NOW + received)


async def decided(database: Database, cases: Sequence[Case]) -> list[str]:
    """What the log answers about each case's customer and address; every case's words are written in their order."""
    async with database.transaction() as connection:
        for n in range(max(len(case.words) for case in cases)):
            await say(connection, [case.words[n] for case in cases if len(case.words) > n])
    customers = [case.words[0].about.profile_id for case in cases]
    asked = (
        "select coalesce(said.state, 'unknown') as state from unnest($1::uuid[]) with ordinality as c (id, n)"
        " left join lateral consent_of(c.id, 'email', c.id || '@x.example', 'marketing') as said on true order by n"
    )
    return [row["state"] for row in await database.pool.fetch(asked, customers)]


async def agree(database: Database, cases: Sequence[Case]) -> None:
    wrong = [
        (
            case.expected,
            state,
            [(w.state, w.by.value, w.about.address is None, str(w.at), str(w.received_at)) for w in case.words],
        )
        for case, state in zip(cases, await decided(database, cases), strict=True)
        if state != case.expected
    ]
    assert wrong == []


async def test_the_table_of_the_document(database: Database) -> None:
    rows = table()
    assert len(rows) == 10 * 9
    cases = []
    for holds, event, then in rows:
        customer = uuid7()
        before = [] if holds == "nothing" else [word(customer, holds, -SECOND, -SECOND)]
        cases.append(Case([*before, word(customer, event, SECOND, SECOND)], then))
    await agree(database, cases)


async def test_a_yes_that_was_said_no_later_takes_nothing_back(database: Database) -> None:
    cases = []
    for (holds, event, _), said in product(table(), (-3600 * SECOND, timedelta(0), SECOND / 2, 0.999 * SECOND)):
        if holds != "nothing" and not holds.startswith("yes") and event.startswith("yes"):
            customer = uuid7()
            held = word(customer, holds, timedelta(0), SECOND)
            cases.append(Case([held, word(customer, event, said, 5 * SECOND)], held.state))
    await agree(database, cases)


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), SECOND, timedelta(0), -timedelta(days=3)])
async def test_a_no_beats_every_yes_received_before_it_whatever_that_is_dated(database: Database, ahead: timedelta) -> None:
    """Also a no that was said before the yes and comes late, and one by an import."""
    cases = []
    for state, by, said, yes in product(("withdrawn", "refused"), By, (-3600, 0, 300), By):
        customer = uuid7()
        no = word(customer, f"{state} by {by}", said * SECOND, SECOND)
        cases.append(Case([word(customer, f"yes by {yes}", ahead, timedelta(0)), no], state))
    await agree(database, cases)


EVENTS = [f"{state} by {by}" for state in ("yes", "refused", "withdrawn", "pending", "expired") for by in By]
MOMENTS = (-3600 * SECOND, timedelta(0), SECOND / 2, SECOND, timedelta(minutes=5))


async def test_every_pair_of_words_in_every_order_is_what_a_second_opinion_says(database: Database) -> None:
    """Said before, at the same instant, in the same second, later, or dated ahead; received in either order or at once."""
    cases = []
    everything = [(event, False) for event in EVENTS] + [(event, True) for event in EVENTS if event.endswith("customer")]
    for (one, whole), (other, all_), said, gap in product(everything, everything, MOMENTS, (timedelta(0), 2 * SECOND)):
        customer = uuid7()
        words = [word(customer, one, timedelta(0), timedelta(0), whole=whole), word(customer, other, said, gap, whole=all_)]
        cases.append(Case(words, by_the_rules(words)))
    assert {case.expected for case in cases} == {"granted", "refused", "withdrawn", "pending", "expired", "unknown"}
    await agree(database, cases)


def by_the_rules(words: Sequence[Word]) -> str:
    log = [Said(n, *w.about, w.state, w.by.value, w.at, w.received_at) for n, w in enumerate(words)]
    return state_of(log, words[0].about.profile_id, "email", f"{words[0].about.profile_id}@x.example")


@pytest.mark.parametrize("seed", some(range(scaled(2, 100))))
async def test_random_logs_of_two_customers_and_three_addresses(database: Database, seed: int) -> None:
    """Both ways to ask, the log and what is kept beside the addresses, while these change hands."""
    chance = random.Random(seed)
    people = [uuid7(), uuid7()]
    for who in people:
        await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NOW)
    log: list[Said] = []
    keys = [(channel, f"a-{n}") for channel in ("push", "email") for n in range(3)]
    for step in range(60):
        received = NOW + step * chance.choice([0, 1, 1]) * SECOND
        channel, address = chance.choice(keys)
        if chance.random() < 0.3:
            await database.pool.execute(
                "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
                " values ($1, $2, $3, $4, $5, $5)"
                " on conflict (channel, address) do update set profile_id = excluded.profile_id",
                *(uuid7(), chance.choice(people), channel, address, received),
            )
        else:
            state, by = (
                chance.choice(["granted", "granted", "granted", "refused", "withdrawn", "pending", "expired"]),
                chance.choice(list(By)),
            )
            who = chance.choice([*people, *people, None])
            about = Subject(who, channel, address if who is None or by is not By.CUSTOMER or chance.random() < 0.8 else None)
            told = Word(about, state, by, "test", received + chance.choice([-60, -1, 0, 0, 0, 1, 299]) * SECOND, received)
            async with database.transaction() as connection:
                written = await say(connection, [told])
            log += [Said(n, *about, state, by.value, told.at, received) for n in written]
            if not written:  # a sync's yes where the answer is yes: the one that stands keeps its date
                assert (state, who is not None and state_of(log, who, channel, address)) == ("granted", "granted")
        rows = await database.pool.fetch(
            "select profile_id, channel, address, marketing, coalesce(said.state, 'unknown') as said from endpoint"
            " left join lateral consent_of(profile_id, channel, address, 'marketing') as said on true"
        )
        for row in rows:
            expected = state_of(log, row["profile_id"], row["channel"], row["address"])
            assert (row["marketing"], row["said"]) == (expected, expected), (step, dict(row), log)

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from store import Database, queries
from store.customers.consent import By, Subject, Word, say
from store.customers.endpoints import Address
from store.customers.identity import Claim, settle
from store.customers.merge import repoint_merged
from store.ingest.batch import Memory, store
from store.ingest.items import Item
from tests.store.items import NOW, alias, identify, track

Take = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)


@pytest.fixture
def take(database: Database) -> Take:
    weeks = Memory()

    async def take(*items: Item) -> None:
        await store(database, items, weeks)

    return take


async def owner(database: Database, kind: str, value: str) -> UUID:
    found = await database.pool.fetchval(
        "select profile_id from identity where kind = $1 and value = $2 order by since desc limit 1", kind, value
    )
    assert found is not None, f"nobody is called {kind} {value}"
    return found  # type: ignore[no-any-return]


async def user(database: Database, value: str) -> UUID:
    return await owner(database, "user_id", value)


async def anonymous(database: Database, value: str) -> UUID:
    return await owner(database, "anonymous_id", value)


async def alive(database: Database) -> int:
    return await database.pool.fetchval("select count(*) from profile where merged_into is null")  # type: ignore[no-any-return]


async def owners_of_events(database: Database) -> dict[UUID, int]:
    rows = await database.pool.fetch("select profile_id, count(*) as n from event group by profile_id")
    return {row["profile_id"]: row["n"] for row in rows}


async def test_an_anonymous_visitor_who_logs_in_is_one_customer(database: Database, take: Take) -> None:
    await take(track(anonymous="a"), track(anonymous="a"))
    await take(identify("u", "a"))
    await take(track("u"), track(anonymous="a"))
    assert await owners_of_events(database) == {await user(database, "u"): 5}


async def test_visits_before_login_join_the_customer_that_existed_already(database: Database, take: Take) -> None:
    await take(track("u"))
    await take(track(anonymous="a"))
    await take(identify("u", "a"))
    assert await owners_of_events(database) == {await user(database, "u"): 3}
    assert await alive(database) == 1


async def test_a_shared_device_goes_to_the_new_user_and_never_merges_two_users(database: Database, take: Take) -> None:
    await take(identify("ana", "tablet"))
    await take(identify("ben", "tablet", ts=NOW + HOUR))
    await take(track(anonymous="tablet", ts=NOW + HOUR))
    assert await alive(database) == 2
    assert await owners_of_events(database) == {await user(database, "ana"): 1, await user(database, "ben"): 2}


async def test_late_news_does_not_take_a_shared_device_back(database: Database, take: Take) -> None:
    await take(identify("ana", "tablet"))
    await take(identify("ben", "tablet", ts=NOW + HOUR))
    await take(track("ana", "tablet", ts=NOW + HOUR / 2))
    assert await anonymous(database, "tablet") == await user(database, "ben")


async def test_an_alias_merges_two_users_into_the_one_to_keep(database: Database, take: Take) -> None:
    await take(track("old"), track("new"))
    kept = await user(database, "new")
    await take(alias("old", "new"))
    assert await user(database, "old") == kept
    assert await owners_of_events(database) == {kept: 3}


async def test_an_alias_may_come_before_what_it_speaks_of(database: Database, take: Take) -> None:
    await take(alias("a", "u"))
    await take(track(anonymous="a"), track("a"))
    assert await owners_of_events(database) == {await user(database, "u"): 3}


async def test_a_chain_of_merges_in_one_batch_leads_to_one_customer(database: Database, take: Take) -> None:
    await take(track("a"), track("b"), track("c"), track(anonymous="x"))
    await take(alias("a", "b"), alias("b", "c"), identify("a", "x"))
    assert await owners_of_events(database) == {await user(database, "c"): 7}
    assert await alive(database) == 1
    roots = await database.pool.fetch("select distinct merged_into from profile where merged_into is not null")
    assert [row["merged_into"] for row in roots] == [await user(database, "c")]


async def test_a_merge_marks_the_survivor_with_everything_that_came_over(database: Database, take: Take) -> None:
    await take(track("u"))
    await take(track(anonymous="a", type="Product Viewed"))
    await database.pool.execute("delete from dirty")
    await take(identify("u", "a"))
    rows = await database.pool.fetch("select profile_id, types from dirty")
    assert {row["profile_id"] for row in rows} == {await user(database, "u")}
    assert {name for row in rows for name in row["types"]} == {"Product Viewed", "$identify"}


async def test_traits_merge_by_event_time(database: Database, take: Take) -> None:
    await take(identify("u", traits={"city": "Vigo", "plan": "free"}))
    await take(identify(anonymous="a", traits={"city": "Lugo", "size": 42}, ts=NOW + HOUR))
    await take(identify(anonymous="a", traits={"plan": "old"}, ts=NOW - HOUR))
    await take(track("u", "a", ts=NOW + HOUR))
    traits = await database.pool.fetchval("select traits from profile where id = $1", await user(database, "u"))
    assert traits == {"city": "Lugo", "plan": "free", "size": 42}


@pytest.mark.parametrize(
    ("ours", "theirs", "then"),
    [
        (("granted", 0), ("withdrawn", 1), "withdrawn"),
        (("granted", 1), ("withdrawn", 0), "granted"),  # the customer themselves granted later
        (("withdrawn", 0), ("granted", 1), "granted"),
        (("withdrawn", 1), ("granted", 0), "withdrawn"),
        (("granted", 0), ("withdrawn", 0), "withdrawn"),
    ],
)
@pytest.mark.parametrize("by", [By.CUSTOMER, By.SYNC])
async def test_a_no_about_the_customer_holds_for_all_addresses_after_a_merge(
    database: Database, take: Take, ours: tuple[str, int], theirs: tuple[str, int], then: str, by: By
) -> None:
    """SEMANTICS 10: the most restrictive, unless the customers themselves granted later; a sync never undoes a no."""
    await take(track("u"), track(anonymous="a"))
    for who, (state, hour), address in (("u", ours, "one@x.example"), ("a", theirs, "two@x.example")):
        profile = await (user if who == "u" else anonymous)(database, who)
        at = NOW + hour * HOUR
        about = Subject(profile, "email", address if state == "granted" else None)
        await database.pool.execute(
            "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
            " values ($1, $2, 'email', $3, $4, $4)",
            *(uuid7(), profile, address, NOW),
        )
        async with database.transaction() as connection:
            await say(connection, [Word(about, state, by if state == "granted" else By.CUSTOMER, "test", at, at)])
    await take(track("u", "a", ts=NOW + 2 * HOUR, received_at=NOW + 2 * HOUR))
    rows = await database.pool.fetch("select address, marketing from endpoint order by address")
    yes = "one@x.example" if ours[0] == "granted" else "two@x.example"
    expected = "withdrawn" if by is By.SYNC else then
    assert {row["address"]: row["marketing"] for row in rows}[yes] == expected
    assert {row["marketing"] for row in rows} == {expected, "withdrawn"}


async def _run(database: Database, profile: UUID, hour: int, *, sent: int = 0, journey: str = "cart") -> UUID:
    run = uuid7()
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, $2, $3, 'segment', $4, $5, $4)",
        *(run, journey, profile, NOW + hour * HOUR, str(run)),
    )
    for step in range(sent):
        await database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at)"
            " values ($1, $2, 1, $3, $4, 'push', 'marketing', 't', 'sent', $5)",
            *(run, str(step), profile, journey, NOW),
        )
    return run


async def _both(database: Database, take: Take) -> tuple[UUID, UUID]:
    await take(track("u"), track(anonymous="a"))
    return await user(database, "u"), await anonymous(database, "a")


async def test_of_two_runs_of_a_journey_the_one_further_on_stays(database: Database, take: Take) -> None:
    ours, theirs = await _both(database, take)
    behind, ahead = await _run(database, ours, 0), await _run(database, theirs, 1, sent=1)
    alone = await _run(database, theirs, 0, journey="welcome")
    await take(identify("u", "a"))
    rows = {row["id"]: row for row in await database.pool.fetch("select * from run")}
    assert {row["profile_id"] for row in rows.values()} == {ours}
    assert rows[behind]["exit_reason"] == "merged into another run"
    assert rows[behind]["exit_at"] == NOW
    assert rows[ahead]["exit_reason"] is None
    assert rows[alone]["exit_reason"] is None


async def test_of_two_runs_equally_far_the_earlier_stays(database: Database, take: Take) -> None:
    ours, theirs = await _both(database, take)
    later, earlier = await _run(database, ours, 1), await _run(database, theirs, 0)
    await take(identify("u", "a"))
    ended = await database.pool.fetch("select id from run where exit_reason is not null")
    assert [row["id"] for row in ended] == [later] != [earlier]


async def test_memberships_ledgers_addresses_and_the_outbox_unite(database: Database, take: Take) -> None:
    await take(track("u"), identify(anonymous="a", addresses=(Address("push", "token-1", "ios"),)))
    ours, theirs = await user(database, "u"), await anonymous(database, "a")
    await _run(database, theirs, 0, sent=2)
    for profile, segment, hour in ((ours, "s", 2), (theirs, "s", 1), (theirs, "t", 1)):
        await database.pool.execute("insert into segment_member values ($1, $2, $3)", segment, profile, NOW + hour * HOUR)
    await database.pool.execute(
        "insert into segment_transition (segment, profile_id, kind, at) values ('t', $1, 'entered', $2)", theirs, NOW
    )
    await take(identify("u", "a"))
    members = await database.pool.fetch("select segment, profile_id, entered_at from segment_member order by segment")
    assert [tuple(row) for row in members] == [("s", ours, NOW + HOUR), ("t", ours, NOW + HOUR)]
    for table in ("delivery", "run", "endpoint", "segment_transition", "event", "dirty"):
        left = await database.pool.fetch(f"select distinct profile_id from {table}")
        assert [row["profile_id"] for row in left] == [ours], table


async def test_what_others_wrote_for_an_absorbed_profile_moves_on(database: Database, take: Take) -> None:
    ours, theirs = await _both(database, take)
    await take(identify("u", "a"))
    await database.pool.execute("insert into segment_member values ('s', $1, $2)", theirs, NOW)
    async with database.transaction() as connection:
        assert await repoint_merged(connection, [theirs, ours], NOW) == [ours]
    assert await database.pool.fetchval("select profile_id from segment_member") == ours


async def test_many_batches_that_name_the_same_people_at_once_make_one_profile_each(database: Database, take: Take) -> None:
    """Every name in every order, from many connections: no deadlock, no second profile, no event on an absorbed one."""
    seed = random.Random(7)
    sent = 0
    jobs: list[Awaitable[None]] = []
    for n in range(60):
        person = f"u{n % 6}"
        pair = [
            track(anonymous=f"{person}-{seed.randrange(4)}"),
            track(person),
            identify(person, f"{person}-{seed.randrange(4)}"),
        ]
        batch: list[Any] = [*pair, track(f"u{seed.randrange(6)}"), identify(traits={"n": n}, anonymous=f"{person}-0")]
        seed.shuffle(batch)
        sent += len(batch)
        jobs.append(take(*batch))
    await asyncio.gather(*jobs)
    await take(*(identify(f"u{p}", f"u{p}-{d}") for p in range(6) for d in range(4)))
    assert await alive(database) == 6
    stored = await owners_of_events(database)
    assert sum(stored.values()) == sent + 24
    assert set(stored) == {await user(database, f"u{p}") for p in range(6)}


async def stranded(database: Database) -> int:
    return await database.pool.fetchval(  # type: ignore[no-any-return]
        "select count(*) from event join profile on profile.id = profile_id where merged_into is not null"
    )


async def test_an_event_that_comes_during_a_merge_waits_for_it_and_goes_to_the_survivor(database: Database, take: Take) -> None:
    await take(track("u"), track(anonymous="a"))
    async with database.transaction() as connection:
        await settle(connection, [Claim("u", "a", None, NOW)], NOW)
        late = asyncio.create_task(_as_task(take(track(anonymous="a"))))
        _, waiting = await asyncio.wait([late], timeout=0.5)
        assert waiting == {late}
    await late
    assert await owners_of_events(database) == {await user(database, "u"): 3}


async def test_a_merge_waits_for_events_that_are_being_stored_and_takes_them_along(database: Database, take: Take) -> None:
    await take(track("u"), track(anonymous="a"))
    async with database.transaction() as connection:
        columns = list(zip(track(anonymous="a"), strict=True))[:12]
        await connection.fetchrow(queries("ingest")["store_known"], *columns, False)
        merging = asyncio.create_task(_as_task(take(identify("u", "a"))))
        _, waiting = await asyncio.wait([merging], timeout=0.5)
        assert waiting == {merging}
    await merging
    assert await stranded(database) == 0
    assert await owners_of_events(database) == {await user(database, "u"): 4}


async def _as_task(work: Awaitable[None]) -> None:
    await work

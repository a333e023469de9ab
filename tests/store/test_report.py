"""Reports are recomputed from rows: each test writes the rows of a small shop and reads the figures that must follow."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from store import Database, report

JOURNEY, SEGMENT = "cart_abandonment", "abandoned-cart"
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = {"push": HOUR, "whatsapp": DAY, "email": 3 * DAY}


@dataclass(frozen=True)
class Rows:
    """Writes rows as the house writes them."""

    database: Database

    async def profile(self, merged_into: UUID | None = None, **traits: Any) -> UUID:
        made: UUID = await self.database.pool.fetchval(
            "insert into profile (id, traits, created_at, updated_at, merged_into) values ($1, $2, $3, $3, $4) returning id",
            uuid4(),
            traits,
            T0,
            merged_into,
        )
        return made

    async def run(
        self,
        *,
        profile: UUID | None = None,
        outcome: str | None = "finished",
        entered_at: datetime = T0,
        after: timedelta = 3 * DAY,
        journey: str = JOURNEY,
    ) -> UUID:
        """A run that ended this long after it was entered, or is open (`outcome` None)."""
        profile = profile or await self.profile()
        ended_at = entered_at + after if outcome else None
        exit_at = ended_at if outcome != "finished" else None
        made: UUID = await self.database.pool.fetchval(
            "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at, outcome,"
            " exit_at, ended_at) values ($1::uuid, $2, $3, 'segment', $4, $1::text, $4, $5, $6, $7) returning id",
            uuid4(),
            journey,
            profile,
            entered_at,
            outcome,
            exit_at,
            ended_at,
        )
        return made

    async def message(
        self, run: UUID, channel: str, state: str = "sent", reason: str | None = None, *, raced: bool = False
    ) -> None:
        await self.database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, reason,"
            " raced, due_at) select id, $2, 1, profile_id, journey, $3, 'marketing', 'hello', $4, $5, $6, entered_at + $7"
            " from run where id = $1",
            run,
            f"{channel}:hello",
            channel,
            state,
            reason,
            raced,
            STEPS[channel],
        )

    async def event(self, profile: UUID, type_: str, at: datetime, kind: str = "track", **properties: Any) -> str:
        message_id = str(uuid4())
        await self.database.pool.execute(
            "insert into event (profile_id, ts, type, kind, message_id, properties, context, source, received_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, 'test', $2)",
            profile,
            at,
            type_,
            kind,
            message_id,
            properties,
            {"page": {}},
        )
        return message_id

    async def order(self, profile: UUID, at: datetime, revenue: Any = 10, order_id: str = "") -> None:
        order = {"order_id": order_id or str(uuid4()), "revenue": revenue, "currency": "EUR"}
        await self.event(profile, "Order Completed", at, **order)

    async def converted(self, after: timedelta, messages: tuple[str, ...] = (), revenue: Any = 10) -> UUID:
        """A customer whose order ended the run."""
        profile = await self.profile()
        run = await self.run(profile=profile, outcome="goal reached", after=after)
        for channel in messages:
            await self.message(run, channel)
        await self.order(profile, T0 + after, revenue)
        return run


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


async def test_steps_come_in_the_order_of_the_journey_with_their_outcomes_and_reasons(rows: Rows) -> None:
    first, second = await rows.run(), await rows.run(entered_at=T0 + DAY)
    for run in (first, second):
        await rows.message(run, "email")
        await rows.message(run, "whatsapp", "skipped", "no consent")
    await rows.message(first, "push", raced=True)
    await rows.message(second, "push", "skipped", "no reachable endpoint")
    await rows.message(await rows.run(journey="another"), "push")
    found = await report.steps(rows.database, JOURNEY)
    assert [(o.step, o.state, o.reason, o.messages, o.raced, o.after_entry) for o in found] == [
        ("push:hello", "sent", None, 1, 1, HOUR),
        ("push:hello", "skipped", "no reachable endpoint", 1, 0, HOUR),
        ("whatsapp:hello", "skipped", "no consent", 2, 0, DAY),
        ("email:hello", "sent", None, 2, 0, 3 * DAY),
    ]


async def test_orders_are_told_apart_by_how_many_messages_were_due_before(rows: Rows) -> None:
    await rows.converted(timedelta(minutes=30))
    await rows.converted(5 * HOUR, ("push",), revenue=20)
    await rows.converted(6 * HOUR, ("push",), revenue="0.50")
    await rows.converted(2 * DAY, ("push", "whatsapp"), revenue=40)
    found = await report.conversions(rows.database, JOURNEY)
    assert [(c.messages_before, c.orders, c.revenue) for c in found] == [
        (0, 1, Decimal(10)),
        (1, 2, Decimal("20.50")),
        (2, 1, Decimal(40)),
    ]
    assert {(c.currency, c.after_end) for c in found} == {("EUR", False)}


async def test_an_order_within_the_window_after_the_end_stands_apart_and_a_later_one_does_not_count(rows: Rows) -> None:
    soon, late = await rows.profile(), await rows.profile()
    for profile, days in ((soon, 4), (late, 20)):
        await rows.run(profile=profile)
        await rows.order(profile, T0 + days * DAY)
    (only,) = await report.conversions(rows.database, JOURNEY)
    assert (only.after_end, only.messages_before, only.orders) == (True, None, 1)


async def test_an_order_counts_once_for_the_run_that_it_ended(rows: Rows) -> None:
    profile = await rows.profile()
    await rows.run(profile=profile, entered_at=T0 - 4 * DAY)
    await rows.run(profile=profile, outcome="merged into another run", after=5 * HOUR)
    await rows.run(profile=profile, outcome="goal reached", after=5 * HOUR)
    for _ in range(2):  # an order is told again, under another message id
        await rows.order(profile, T0 + 5 * HOUR, order_id="order-1")
    (only,) = await report.conversions(rows.database, JOURNEY)
    assert (only.after_end, only.orders, only.revenue) == (False, 1, Decimal(10))


async def test_revenue_that_is_no_number_breaks_nothing(rows: Rows) -> None:
    await rows.converted(HOUR, revenue="a lot")
    await rows.converted(HOUR, revenue={"EUR": 3})
    (only,) = await report.conversions(rows.database, JOURNEY)
    assert (only.orders, only.revenue) == (2, Decimal(0))


async def test_progress_counts_what_is_there(rows: Rows) -> None:
    run = await rows.converted(HOUR, ("push",))
    open_run = await rows.run(outcome=None)
    await rows.message(open_run, "push")
    await rows.message(open_run, "email", "skipped", "no consent")
    member = await rows.profile()
    await rows.profile(merged_into=member)
    await rows.database.pool.execute("insert into segment_member values ($1, $2, $3)", SEGMENT, member, T0)
    await rows.database.pool.execute("insert into dirty (profile_id, types, at) values ($1, '{}', $2)", member, T0)
    now = await report.progress(rows.database, JOURNEY, SEGMENT)
    assert run != open_run
    assert (now.events, now.customers, now.members) == (1, 3, 1)
    assert (now.open_runs, now.ended_runs, now.conversions, now.backlog) == (1, 1, 1, 1)
    assert now.sent == {"push": 2}


async def test_a_message_that_fell_due_without_a_row_is_missing(rows: Rows) -> None:
    whole = await rows.run()
    for channel in STEPS:
        await rows.message(whole, channel)
    lost = await rows.run()
    await rows.message(lost, "push")
    await rows.message(lost, "email")
    assert await _missing(rows) == [(str(lost), "whatsapp:hello")]


@pytest.mark.parametrize(("outcome", "after"), [("goal reached", 5 * HOUR), ("merged into another run", 5 * HOUR), (None, DAY)])
async def test_a_message_that_was_not_due_while_the_run_was_on_is_not_missing(
    outcome: str | None, after: timedelta, rows: Rows
) -> None:
    whole = await rows.run()
    for channel in STEPS:
        await rows.message(whole, channel)
    run = await rows.run(outcome=outcome, after=after)
    await rows.message(run, "push")
    assert await _missing(rows, at=T0 + 5 * HOUR) == []


async def _missing(rows: Rows, at: datetime = T0 + 9 * DAY) -> list[tuple[str, str]]:
    return await report.missing(rows.database, JOURNEY, at, timedelta(minutes=30))


async def test_what_is_open_or_unsettled_is_named(rows: Rows) -> None:
    await rows.message(await rows.run(), "push")
    run = await rows.run(outcome=None)
    await rows.message(run, "push", "claimed")
    await rows.message(run, "whatsapp", "released")
    assert await report.unended(rows.database, JOURNEY) == [str(run)]
    assert await report.unsettled(rows.database, JOURNEY) == [
        (str(run), "push:hello", "claimed"),
        (str(run), "whatsapp:hello", "released"),
    ]


async def test_endings_refusals_and_dead_letters_are_counted_by_reason(rows: Rows) -> None:
    await rows.run(outcome=None)
    for _ in range(2):
        await rows.run()
    profile = await rows.profile()
    for reason in ("too late", "cooling down", "too late"):
        await rows.database.pool.execute(
            "insert into entry_refused (journey, profile_id, reason, at) values ($1, $2, $3, $4)", JOURNEY, profile, reason, T0
        )
    await rows.database.pool.execute(
        "insert into dead_letter (source, received_at, reason, item, digest, times, last_at)"
        " values ('test', $1, 'bad-type', '{}', '', 2, $1)",
        T0,
    )
    assert await report.endings(rows.database, JOURNEY) == {"finished": 2, "open": 1}
    assert await report.refusals(rows.database, JOURNEY) == {"too late": 2, "cooling down": 1}
    assert await report.dead_letters(rows.database) == {"bad-type": 2}


async def test_the_telling_run_is_one_that_a_single_push_brought_back_across_devices(rows: Rows) -> None:
    assert await report.telling_run(rows.database, JOURNEY) is None
    await rows.run()
    await rows.converted(timedelta(minutes=20))
    assert await report.telling_run(rows.database, JOURNEY) is not None
    await rows.converted(5 * HOUR, ("push",))
    best = await rows.converted(5 * HOUR, ("push",))
    subject = await report.subject(rows.database, best)
    assert subject is not None
    await rows.profile(merged_into=subject.profile_id)
    assert await report.telling_run(rows.database, JOURNEY) == best


async def test_a_story_holds_what_the_customer_did_and_what_we_did_in_order(rows: Rows) -> None:
    profile = await rows.profile(firstName="Marta")
    run = await rows.run(profile=profile, outcome="goal reached", after=5 * HOUR)
    await rows.message(run, "push")
    await rows.event(profile, "Product Added", T0, name="Tent")
    await rows.event(profile, "Product Viewed", T0 - DAY, name="long before")
    await rows.order(profile, T0 + 5 * HOUR)
    await rows.database.pool.execute(
        "insert into segment_transition (segment, profile_id, kind, at) values ($1, $2, 'entered', $3)", SEGMENT, profile, T0
    )
    told = [(h.at - T0, h.kind, h.what) for h in await report.story(rows.database, run)]
    assert told == [
        (timedelta(0), "track", "Product Added"),
        (timedelta(0), "segment", "entered"),
        (timedelta(0), "run", "entered"),
        (HOUR, "message", "sent"),
        (5 * HOUR, "track", "Order Completed"),
        (5 * HOUR, "run", "ended"),
    ]
    subject = await report.subject(rows.database, run)
    assert subject is not None
    assert (subject.first_name, subject.profile_id) == ("Marta", profile)


async def test_stored_counts_the_calls_that_are_kept(rows: Rows) -> None:
    kept = await rows.event(await rows.profile(), "Product Viewed", T0)
    assert await report.stored(rows.database, [kept, kept, "never seen"]) == 1

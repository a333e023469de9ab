"""Campaigns and bulk starts in Postgres: what, to whom, when, and how far each of their customers is.

Promise: a row of a campaign is one customer once; what came of it stands there. Whoever works takes rows under a lock, and
writes runs and rows in one transaction.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.audit import note
from store.database import Connection, Database, Record, columns
from store.ids import ids_between
from store.named import queries

_SQL = queries("campaigns")
#: How one stands that begins only when somebody else has approved it.
WAITS_FOR_APPROVAL = "waiting for approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A campaign to make."""

    id: UUID
    name: str
    journey: str
    message: dict[str, Any] | None
    segment: str | None
    list: str | None
    params: dict[str, Any]
    by: str
    key: str | None
    created_at: datetime
    begins_at: datetime
    wall_at: datetime | None
    per_second: float | None
    cron: str | None
    zone: str | None
    needs_approval: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow(NewCampaign):
    """A campaign as it stands."""

    occurrence_of: UUID | None
    approved_by: str | None
    approved_at: datetime | None
    staged_at: datetime | None
    prepared_at: datetime | None
    paused_at: datetime | None
    cancelled_at: datetime | None
    finished_at: datetime | None
    rows: int
    bad: int
    twice: int
    changed_at: datetime
    told_at: datetime | None
    #: The predictions that its segment asks for, with the share that each leaves alone; known once its customers are.
    foretold: dict[str, float]

    def state(self, now: datetime) -> str:
        """One word for how it stands."""
        waits = "recurring" if self.cron else "scheduled" if self.begins_at > now else "running"
        stands = [
            (self.cancelled_at is not None, "cancelled"),
            (self.finished_at is not None, "finished"),
            (self.staged_at is None, "receiving rows"),
            (self.paused_at is not None, "paused"),
            (self.needs_approval and self.approved_at is None, WAITS_FOR_APPROVAL),
        ]
        return next((word for holds, word in stands if holds), waits)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of a campaign, to be started or written to."""

    number: int
    profile_id: UUID
    entry_key: str
    params: dict[str, Any]
    entry: dict[str, Any]
    state: str
    # Of a run that is open:
    run_id: UUID | None = None
    entered_at: datetime | None = None
    version: str | None = None
    workflow_id: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a customer's row."""

    number: int
    outcome: str
    reason: str | None = None
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A row to stage."""

    number: int
    profile_id: UUID
    entry_key: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Twice:
    """A row that names the customer of another one, the `first`; whether its parameters, or its event, are others."""

    number: int
    first: int
    differs: bool

    @property
    def told(self) -> str:
        """What became of it, in words."""
        if self.differs:
            return f"names the customer of row {self.first} once more, with other parameters: those of row {self.first} hold"
        return f"names the customer of row {self.first} once more, with the same parameters"


@dataclass(frozen=True, slots=True)
class Where:
    """What tells where a customer is."""

    number: int
    traits: dict[str, Any] = field(repr=False)
    device_zone: str | None
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a campaign does not go on, in words; `held`: it waits for its segment, otherwise Temporal does not take it."""

    told: str
    held: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A campaign, and how far it is with one customer; no state: they are not among its customers."""

    campaign: CampaignRow
    state: str | None
    outcome: str | None
    reason: str | None
    due_at: datetime | None
    run_id: UUID | None


#: What the audit says of a new one; whom it is for, row by row, it does not.
_TOLD = "name", "journey", "segment", "list", "per_second", "cron", "zone", "needs_approval"
_NEW = tuple(NewCampaign.__dataclass_fields__)
_ROW = tuple(CampaignRow.__dataclass_fields__)


async def make(connection: Connection, new: NewCampaign, asked: str = "") -> CampaignRow:
    """Make a campaign, or find the one that an earlier call with the same key made; the audit keeps the hash `asked`."""
    made = await connection.fetchval(_SQL["make"], *(getattr(new, name) for name in _NEW))
    if made:
        told = {name: value for name in _TOLD if (value := getattr(new, name)) is not None}
        told |= {"begins_at": new.begins_at.isoformat()} | ({"asked": asked} if asked and new.key else {})
        await note(connection, "make", "campaign", made, became=told)
    found = await connection.fetchrow(_SQL["by_id"], made) if made else None
    return _row(found or await connection.fetchrow(_SQL["by_key"], new.journey, new.key))


async def asked_of(connection: Connection, id_: UUID) -> str | None:
    """The hash of what the call asked for that made a campaign, as far as the audit has it."""
    asked: str | None = await connection.fetchval(_SQL["asked"], str(id_))
    return asked


async def campaign(database: Database, id_: UUID) -> CampaignRow | None:
    """One campaign."""
    row = await database.pool.fetchrow(_SQL["by_id"], id_)
    return _row(row) if row else None


async def campaigns_like(database: Database, beginning: str, most: int = 5) -> list[CampaignRow]:
    """The campaigns whose id begins so, some of them."""
    between = ids_between(beginning)
    return [_row(row) for row in await database.pool.fetch(_SQL["between"], *between, most)] if between else []


async def newest(
    database: Database, journey: str | None, before: tuple[datetime, UUID] | None, limit: int, turns_of: UUID | None = None
) -> list[CampaignRow]:
    """Campaigns, newest first; of all, of a journey, or the turns of a recurring one."""
    found = await database.pool.fetch(_SQL["newest"], journey, *(before or (None, None)), limit, turns_of)
    return [_row(row) for row in found]


async def to_approve(database: Database, limit: int) -> list[CampaignRow]:
    """Those that wait for approval by somebody else than who made them, newest first."""
    return [_row(row) for row in await database.pool.fetch(_SQL["to_approve"], limit)]


async def turns(database: Database, journey: str, customer: UUID, limit: int) -> list[Turn]:
    """The newest campaigns and bulk starts of a journey, each with how far it is with a customer."""
    found = await database.pool.fetch(_SQL["turns"], journey, customer, limit)
    return [Turn(_row(row), row["row_state"], row["outcome"], row["reason"], row["due_at"], row["run_id"]) for row in found]


async def of_template(database: Database, channel: str, template: str, limit: int) -> list[CampaignRow]:
    """Campaigns whose message is of this template, newest first."""
    return [_row(row) for row in await database.pool.fetch(_SQL["of_template"], channel, template, limit)]


async def that_need(connection: Connection, segment: str, limit: int) -> list[str]:
    """Campaigns and bulk starts that are yet to look up who is in a segment, each with its name and id."""
    return [f"{row['name']} ({row['id']})" for row in await connection.fetch(_SQL["that_need"], segment, limit)]


async def stage(connection: Connection, id_: UUID, rows: Sequence[Staged], problems: Sequence[tuple[int, str]]) -> list[Twice]:
    """More rows, and bad rows, of a campaign; returns those that named somebody once more, who are told of, and not taken."""
    given = columns([(row.number, row.profile_id, row.entry_key, row.params, row.entry) for row in rows], 5)
    came: int = await connection.fetchval(_SQL["stage"], id_, *given)
    others = await connection.fetch(_SQL["named_before"], id_, *given) if came < len(rows) else []
    twice = [Twice(**row) for row in others]
    told = [*((*each, False) for each in problems), *((each.number, each.told, True) for each in twice)]
    await connection.execute(_SQL["note_problems"], id_, *columns(told, 3))
    await connection.execute(_SQL["count_staged"], id_, len(rows) + len(problems), len(problems), len(twice))
    return twice


async def staged(connection: Connection, id_: UUID, at: datetime) -> None:
    """All rows are there."""
    await connection.execute(_SQL["staged"], id_, at)


async def problems_of(database: Database, id_: UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """Bad rows after a line."""
    return [(row["row"], row["problem"]) for row in await database.pool.fetch(_SQL["problems"], id_, after, limit)]


async def repeated_of(database: Database, id_: UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """Rows after a line that named somebody once more, and whom."""
    return [(row["row"], row["problem"]) for row in await database.pool.fetch(_SQL["repeated"], id_, after, limit)]


async def refused_of(database: Database, id_: UUID, after: int, limit: int) -> list[tuple[int, UUID, str]]:
    """Customers for whom nothing came of it, after a row, and why."""
    found = await database.pool.fetch(_SQL["refused"], id_, after, limit)
    return [(row["number"], row["profile_id"], row["reason"]) for row in found]


async def counts_of(database: "Database | Connection", id_: UUID) -> Counter[tuple[str, str | None, str | None]]:
    """How many rows stand how, by state, outcome and reason."""
    rows = await (database.pool if isinstance(database, Database) else database).fetch(_SQL["counts"], id_)
    return Counter({(row["state"], row["outcome"], row["reason"]): row["rows"] for row in rows})


async def approve(database: Database, id_: UUID, by: str, at: datetime) -> bool:
    """Approve a campaign; false where that is not for them to say, or not asked."""
    async with database.transaction() as connection:
        approved = await connection.fetchval(_SQL["approve"], id_, by, at) is not None
        if approved:
            await note(connection, "approve", "campaign", id_)
        return approved


async def pause(database: Database, id_: UUID, since: datetime | None, at: datetime) -> int | None:
    """Pause a campaign, or let it go on, and of a recurring one the turns that are not over, or that were paused with it.

    Returns how many turns; None where it is over, or was not paused.
    """
    return await _switched(database, "pause", id_, since, at, at=at)


async def cancel(database: Database, id_: UUID, at: datetime) -> int | None:
    """Cancel a campaign, and the turns of a recurring one that are not over; returns how many turns, None where it is over."""
    return await _switched(database, "cancel", id_, at, at=at)


async def _switched(database: Database, statement: str, id_: UUID, *given: datetime | None, at: datetime) -> int | None:
    async with database.transaction() as connection:
        before = await lock(connection, id_)
        changed = await connection.fetchval(_SQL[statement], id_, *given) is not None
        after = await lock(connection, id_)
        if before is None or after is None:
            return None
        turns = await _turns_switched(connection, before, after, at)
        if changed or turns:
            told = {"turns": turns} if after.cron else {}
            became = {"state": after.state(at)} | told
            await note(connection, "switch", "campaign", id_, was={"state": before.state(at)}, became=became)
        return turns if changed or turns else None


async def _turns_switched(connection: Connection, before: CampaignRow, after: CampaignRow, at: datetime) -> int:
    """The turns of a recurring one follow it, also where it stood so already and they did not."""
    if after.cron is None:
        return 0
    if after.cancelled_at is not None:
        return len(await connection.fetch(_SQL["cancel_turns"], after.id, at))
    if after.paused_at is not None:
        return len(await connection.fetch(_SQL["pause_turns"], after.id, after.paused_at, at))
    if before.paused_at is not None:
        return len(await connection.fetch(_SQL["resume_turns"], after.id, before.paused_at, at))
    return 0


async def look_again(database: Database, workflow_ids: Sequence[str], at: datetime) -> None:
    """Have the campaigns of runs that were ended by somebody else look how they stand, each when all such runs are closed."""
    if workflow_ids:
        await database.pool.execute(_SQL["look_again"], workflow_ids, at)


async def to_tell(database: Database, limit: int, but: Sequence[tuple[UUID, datetime]] = ()) -> list[CampaignRow]:
    """Campaigns of which Temporal has not heard as they are now; not those that are to wait, as they were changed then."""
    return [_row(row) for row in await database.pool.fetch(_SQL["to_tell"], limit, *columns(but, 2))]


async def told(database: Database, id_: UUID, changed_at: datetime) -> None:
    """Temporal has heard of a campaign as it was then."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["told"], id_, changed_at)
        await connection.execute(_SQL["no_refusal"], id_)


async def refuse(database: Database, id_: UUID, problem: str) -> None:
    """Temporal does not take a campaign, and why."""
    await database.pool.execute(_SQL["note_refusal"], id_, problem)


async def hold(database: Database, id_: UUID, why: str) -> None:
    """A campaign waits though it is time, since whom it goes to is not known yet."""
    await database.pool.execute(_SQL["hold"], id_, why)


async def hindrance_of(database: Database, id_: UUID) -> Hindrance | None:
    """Why a campaign does not go on, where something is in its way."""
    row = await database.pool.fetchrow(_SQL["hindrance"], id_)
    return Hindrance(row["problem"], held=row["row"] < 0) if row else None


async def message_of_run(database: Database, run_id: UUID) -> dict[str, Any] | None:
    """What the campaign sends that a run is of; None where it is of none."""
    found: dict[str, Any] | None = await database.pool.fetchval(_SQL["message_of_run"], run_id)
    return found


async def again(database: Database, id_: UUID, made: UUID, now: datetime, at: datetime) -> UUID | None:
    """A recurring campaign's next one, for an instant; None where there is one already, or none is wanted."""
    found: UUID | None = await database.pool.fetchval(_SQL["again"], id_, made, now, at)
    return found


async def lock(connection: Connection, id_: UUID) -> CampaignRow | None:
    """A campaign, alone until the transaction ends."""
    row = await connection.fetchrow(_SQL["lock"], id_)
    return _row(row) if row else None


async def members(connection: Connection, id_: UUID, list_event: str) -> None:
    """Those who are in its segment now, or on its list, become its rows."""
    await connection.execute(_SQL["members"], id_, list_event)


async def all_due(connection: Connection, id_: UUID, at: datetime) -> None:
    """All rows are due from an instant on."""
    await connection.execute(_SQL["all_due"], id_, at)


async def whereabouts(connection: Connection, id_: UUID, after: int, limit: int) -> list[Where]:
    """What tells where its customers are, after a row."""
    return [Where(**row) for row in await connection.fetch(_SQL["whereabouts"], id_, after, limit)]


async def due(connection: Connection, id_: UUID, instants: Sequence[tuple[int, datetime]]) -> None:
    """When rows are due."""
    await connection.execute(_SQL["due"], id_, *columns(instants, 2))


async def prepared(connection: Connection, id_: UUID, at: datetime, foretold: Mapping[str, float]) -> None:
    """Its customers are known, and which predictions leave some of them alone."""
    await connection.execute(_SQL["prepared"], id_, at, foretold)
    await connection.execute(_SQL["no_hold"], id_)


async def take(connection: Connection, id_: UUID, now: datetime, part: int, parts: int, limit: int) -> list[Customer]:
    """Rows of a part that are due, the oldest first."""
    return [Customer(**row) for row in await connection.fetch(_SQL["take"], id_, now, part, parts, limit)]


async def opened(connection: Connection, id_: UUID, runs: Sequence[tuple[int, UUID]]) -> None:
    """These have entered, and their message is to be asked for."""
    await connection.execute(_SQL["opened"], id_, *columns(runs, 2))


async def done(connection: Connection, id_: UUID, rows: Sequence[Done]) -> None:
    """What came of rows."""
    if rows:
        given = [(each.number, each.outcome, each.reason, each.run_id) for each in rows]
        await connection.execute(_SQL["done"], id_, *columns(given, 4))


async def later(connection: Connection, id_: UUID, rows: Sequence[tuple[int, datetime, str | None]]) -> None:
    """These are asked again, each at its instant."""
    if rows:
        await connection.execute(_SQL["later"], id_, *columns(rows, 3))


async def next_due(database: Database, id_: UUID) -> datetime | None:
    """When the next row is due; None when all are done."""
    found: datetime | None = await database.pool.fetchval(_SQL["next_due"], id_)
    return found


async def drop_rest(connection: Connection, id_: UUID, at: datetime) -> None:
    """It was cancelled: nobody else is started, and who waits for its message is told to end."""
    await connection.execute(_SQL["drop_rest"], id_)
    await connection.execute(_SQL["end_open"], id_, at)


async def to_close(database: Database, since: datetime, limit: int) -> list[tuple[str, str]]:
    """Runs of campaigns that were told to end, by their ids in place of a workflow's, and why."""
    return [(row["workflow_id"], row["exit_reason"]) for row in await database.pool.fetch(_SQL["to_close"], since, limit)]


async def rows_of_closed(database: Database, id_: UUID) -> None:
    """Rows whose runs somebody else ended are done."""
    await database.pool.execute(_SQL["rows_of_closed"], id_)


async def unstarted(database: Database, id_: UUID, most: int) -> int:
    """How many of its runs Temporal has not heard of, counted up to a number."""
    found: int = await database.pool.fetchval(_SQL["unstarted"], id_, most)
    return found


async def finish(database: Database, id_: UUID, at: datetime) -> None:
    """It is finished, where all of its rows are done."""
    await database.pool.execute(_SQL["finish"], id_, at)


async def trial_of_message(connection: Connection, id_: UUID, channel: str, purpose: str) -> list[tuple[UUID, str | None]]:
    """Of each of its customers the id by which they are drawn, and what would stand in the way of a message; None: nothing."""
    return [(row["drawn_as"], row["reason"]) for row in await connection.fetch(_SQL["trial_of_message"], id_, channel, purpose)]


async def rows_after(connection: Connection, id_: UUID, number: int, limit: int) -> list[tuple[int, UUID, str]]:
    """Its customers after a row."""
    return [tuple(row) for row in await connection.fetch(_SQL["rows_after"], id_, number, limit)]


def _row(row: Record | None) -> CampaignRow:
    assert row is not None, "there is one, by its id or by its key"
    return CampaignRow(**{name: row[name] for name in _ROW})

"""A customer's profile: each trait with where it comes from, consents, channels and segments; its merges, and their undoing.

Promise: personal data stands in the answer and nowhere else; addresses are shown in part.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import PersonReader, may, schemes
from api.config import ApiConfig
from api.cursors import cursor, cursor_after
from api.problems import Problem, responses
from api.segments.access import Text, no_customer, one_name
from api.segments.routes import why
from api.segments.views import FindingView
from api.state import Config, Db
from segments.time.zones import whereabouts
from store import Database
from store.customers.profiles import events_of, names_of, profile, zone_evidence
from store.customers.undo import CannotUndo, merges_of, undo
from store.keys import Caller, Right
from store.lists import resolve

_DERIVED = re.compile(r"derived v(\w+) by (derived-[a-z0-9-]+)")

router = APIRouter(prefix="/v1", tags=["profiles"], dependencies=schemes())


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LineageView(_View):
    """By what a derived trait is what it is: its definition, the case that decides, and what that looked at, now."""

    version: str = Field(description="of the definition")
    segment: str = Field(description="the case, as a segment: `GET /v1/segments/{name}/why` explains it for anybody")
    because: str = Field(description="the case in words, and what it saw", examples=['did "Order Completed": 3, the last …'])
    finding: FindingView = Field(description="each part of the case, with the events that counted")


class TraitView(_View):
    """A trait and where it comes from."""

    trait: str
    value: Any
    source: str | None = Field(description="who said it last: the name of the key that sent it, or what the call named")
    said_at: datetime | None = Field(description="when it was last said, by event time")
    since: datetime | None = Field(description="since when it is what it is, by event time")
    confidence: float | None = Field(description="how sure the source is, 0 to 1; null: it was declared")
    lineage: LineageView | None = Field(default=None, description="of a derived trait: by which events and which definition")


class ConsentView(_View):
    """What holds for a purpose at an address, and the word that decides it."""

    channel: str
    hint: str | None = Field(description="the address in part; null: the last word about the customer as a whole")
    purpose: str
    state: str = Field(description="granted, pending, refused, withdrawn or expired")
    said_by: str = Field(description="customer, sync or import")
    source: str
    at: datetime = Field(description="when it was said")


class EndpointView(_View):
    """An address, shown in part."""

    channel: str
    hint: str = Field(description="enough to recognise the address, too little to use it", examples=["a…@shop.example"])
    platform: str | None
    valid: bool
    invalid_reason: str | None
    first_seen_at: datetime
    last_seen_at: datetime


class MembershipView(_View):
    """A segment that the customer is in."""

    segment: str
    entered_at: datetime


class ZoneView(_View):
    """Where a customer's clock stands: what quiet hours and the dates in messages go by."""

    zones: list[str] = Field(description="IANA names; several where only a country or prefix is known: quiet in any is quiet")
    told_by: str = Field(
        description="timezone (their own word), device, phone, country, journey (its own zone), or nothing: always quiet",
        examples=["timezone"],
    )
    not_understood: str | None = Field(description="what was said and is no time zone")


class ProfileView(_View):
    """What is known of a customer."""

    customer_id: UUID
    user_ids: list[str]
    created_at: datetime
    updated_at: datetime
    traits: list[TraitView]
    consents: list[ConsentView]
    endpoints: list[EndpointView]
    segments: list[MembershipView]
    zone: ZoneView


class NameView(_View):
    """What the customer is called."""

    kind: str = Field(description="user_id, anonymous_id or previous_id (an earlier name, by alias)")
    value: str
    since: datetime


class EventView(_View):
    """Something that the customer did, or that became of a message to them."""

    at: datetime
    type: str
    source: str
    message_id: str
    properties: dict[str, Any]


class EventPage(BaseModel):
    """Some events, the newest first."""

    events: list[EventView]
    next: str | None = Field(description="pass as `after` for the following page; null on the last one")


class MergeView(_View):
    """Two profiles that became one."""

    id: int
    survivor: UUID = Field(description="the customer that went on")
    absorbed: UUID = Field(description="the one that became part of it")
    at: datetime
    undone_at: datetime | None
    undone_by: str | None
    names: list[str] = Field(description="what the absorbed one was called", examples=[["anonymous_id a-7", "user_id 41"]])


@router.get("/profiles/{customer_id}/merges", responses=responses(401, 403, 422, 503))
async def list_merges(customer_id: UUID, _: PersonReader, database: Db) -> list[MergeView]:
    """The merges that made a customer what it is, newest first."""
    return await merges(database, customer_id)


async def merges(database: Database, customer: UUID) -> list[MergeView]:
    """The merges that made a customer what it is, newest first."""
    async with database.pool.acquire() as connection:
        return [MergeView.model_validate(merge) for merge in await merges_of(connection, customer)]


@router.post("/profiles/{customer_id}/merges/{merge_id}/undo", responses=responses(401, 403, 404, 409, 422, 503))
async def undo_merge(
    customer_id: UUID,
    merge_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    caller: Annotated[Caller, may(Right.OPERATE, "undo merge", personal=True)],
    config: Config,
    database: Db,
) -> MergeView:
    """Make two customers of one again: names, events, traits, consents and addresses of each, also those of since.

    Messages sent meanwhile stay with the survivor, runs that the merge ended stay ended, and memberships follow within a
    moment. Afterwards the two stay apart, unless an alias call joins them again.
    """
    async with database.pool.acquire() as connection:
        if merge_id not in {merge.id for merge in await merges_of(connection, customer_id)}:
            raise Problem(404, f"no merge {merge_id} of customer {customer_id}", code="unknown-merge")
    try:
        return MergeView.model_validate(await undo(database, merge_id, config.clock.now(), caller.name))
    except CannotUndo as error:
        raise Problem(409, str(error), code="cannot-undo") from None


@router.get("/profiles/{customer_id}/names", responses=responses(401, 403, 422, 503))
async def list_names(customer_id: UUID, _: PersonReader, database: Db) -> list[NameView]:
    """All that a customer is called, also by what was merged into theirs: user ids first."""
    return await names(database, customer_id)


async def names(database: Database, customer: UUID) -> list[NameView]:
    """All that a customer is called."""
    return [NameView.model_validate(each) for each in await names_of(database, customer)]


@router.get("/profiles/{customer_id}/events", responses=responses(400, 401, 403, 422, 503))
async def list_events(
    customer_id: UUID,
    _: PersonReader,
    database: Db,
    after: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> EventPage:
    """What a customer did, and what became of messages to them, the newest first."""
    return await events_page(database, customer_id, after=after, limit=limit)


async def events_page(database: Database, customer: UUID, *, after: str | None = None, limit: int) -> EventPage:
    """A page of a customer's events.

    Raises:
        Problem: 400, `after` is not where an earlier page ended.
    """
    found = await events_of(database, customer, before=cursor(after, str), limit=limit)
    events = [EventView.model_validate(each) for each in found]
    return EventPage(events=events, next=cursor_after(events[-1].at, events[-1].message_id) if len(events) == limit else None)


@router.get("/profiles", responses=responses(401, 403, 404, 422, 503))
async def get_profile(
    _: PersonReader,
    config: Config,
    database: Db,
    user_id: Text = None,
    customer_id: Annotated[UUID | None, Query()] = None,
    anonymous_id: Text = None,
    email: Text = None,
) -> ProfileView:
    """One customer, named in one of four ways: traits with source, times and confidence, consents, channels, segments."""
    given = one_name(user_id, customer_id, anonymous_id, email)
    async with database.pool.acquire() as connection:
        [customer] = await resolve(connection, [given])
    if customer is None:
        raise no_customer()
    return await shown(config, database, customer)


async def shown(config: ApiConfig, database: Database, customer: UUID) -> ProfileView:
    """What is known of a customer.

    Raises:
        Problem: 404, there is none of that id.
    """
    found = await profile(database, customer)
    if found is None:
        raise no_customer()
    traits = {each.trait: each.value for each in found.traits}
    where = whereabouts(traits, *await zone_evidence(database, found.customer_id), "")
    view = {name: getattr(found, name) for name in ProfileView.model_fields if name != "zone"}
    zone = ZoneView(zones=[*filter(None, where.zones)], told_by=where.told_by, not_understood=where.not_understood)
    told = ProfileView.model_validate(view | {"zone": zone})
    return told.model_copy(update={"traits": [await _with_lineage(config, database, customer, each) for each in told.traits]})


async def _with_lineage(config: ApiConfig, database: Database, customer: UUID, trait: TraitView) -> TraitView:
    """A trait with what it follows from, where it is derived; without, while its definition is on its way."""
    derived = _DERIVED.fullmatch(trait.source or "")
    if derived is None:
        return trait
    version, segment = derived.groups()
    try:
        found = (await why(config, database, segment, ("customer_id", str(customer)))).finding
    except Problem:
        return trait
    lineage = LineageView(version=version, segment=segment, because=in_words(found), finding=found)
    return trait.model_copy(update={"lineage": lineage})


def in_words(found: FindingView) -> str:
    """What decided, in words: each part that holds, with how many events counted and when the last one was."""
    if found.parts:
        return "; ".join(in_words(part) for part in found.parts if part.holds is found.holds) or found.text
    saw = found.saw if isinstance(found.saw, Mapping) else {}
    if "count" not in saw:
        return found.text
    last = f", the last at {saw['last_at']}" if saw.get("last_at") else ""
    return f"{found.text}: {saw['count']} counted{last}"

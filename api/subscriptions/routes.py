"""Who is told of what happens by webhooks of theirs: put, paused, rotated, tried out, replayed; and what each was told.

Promise: no answer holds a secret but those that make one; what a key may not be shown is not told to a receiver that it makes.
"""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from uuid_utils.compat import uuid7

from activities.notifying.posting import id_of
from activities.notifying.secrets import secret_of
from activities.notifying.wanting import Known, Unwanted, wanted
from api.auth import Reader, insist_on, may, schemes
from api.config import ApiConfig
from api.problems import Fault, Problem, responses
from api.state import Config, Db
from api.subscriptions.models import (
    Name,
    NotificationPage,
    NotificationView,
    ReplayBody,
    Replayed,
    RotateBody,
    StateBody,
    SubscriptionBody,
    SubscriptionPage,
    SubscriptionView,
    WithSecret,
)
from segments.ask.overview import all_segments
from store import Database, subscriptions
from store.keys import Caller, Right
from store.subscriptions import Subscription

router = APIRouter(prefix="/v1/subscriptions", tags=["operations"], dependencies=schemes())


@router.get("", responses=responses(401, 403, 503))
async def list_subscriptions(caller: Reader, database: Db) -> SubscriptionPage:
    """Who is told of what, and how that goes."""
    return SubscriptionPage(subscriptions=[SubscriptionView.of(each, caller) for each in await subscriptions.found(database)])


@router.get("/{name}", responses=responses(401, 403, 404, 422, 503))
async def get_subscription(name: Name, caller: Reader, database: Db) -> SubscriptionView:
    """One receiver."""
    return SubscriptionView.of(await _existing(database, name), caller)


@router.put("/{name}", responses=responses(401, 403, 422, 503))
async def put_subscription(
    name: Name,
    body: SubscriptionBody,
    caller: Annotated[Caller, may(Right.OPERATE, "put subscription")],
    config: Config,
    database: Db,
    response: Response,
) -> WithSecret:
    """Tell somebody from now on of what happens, or tell them otherwise: a signed POST for each (Standard Webhooks)."""
    if body.personal:
        insist_on(caller, Right.PERSONAL)
    segments = (await all_segments(database, config.segments)).known
    known = Known(config.catalogue, segments, config.opened)
    try:
        new = wanted(name, body.url, body.types, known, journeys=body.journeys, segments=body.segments, personal=body.personal)
    except Unwanted as error:
        fault = Fault(pointer=f"/{error.of}", detail=str(error))
        raise Problem(422, str(error), code="bad-subscription", errors=[fault]) from None
    response.headers["Cache-Control"] = "no-store"
    made = await subscriptions.put(database, UUID(str(uuid7())), new, config.clock.now(), caller.name)
    return _with_secret(config, made, caller)


@router.delete("/{name}", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def delete_subscription(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "delete subscription")], database: Db
) -> None:
    """Tell somebody nothing more; what still waited for them goes."""
    await _insist(name, subscriptions.drop(database, name))


@router.put("/{name}/state", responses=responses(401, 403, 404, 422, 503))
async def switch_subscription(
    name: Name,
    body: StateBody,
    caller: Annotated[Caller, may(Right.OPERATE, "switch subscription")],
    config: Config,
    database: Db,
) -> SubscriptionView:
    """Let what a receiver is told wait, or go on."""
    return await switch(config, database, name, body, caller)


@router.post("/{name}/secret", responses=responses(401, 403, 404, 422, 503))
async def rotate_secret(
    name: Name,
    body: RotateBody,
    caller: Annotated[Caller, may(Right.OPERATE, "rotate subscription")],
    config: Config,
    database: Db,
    response: Response,
) -> WithSecret:
    """Replace the secret of a receiver; for a while the one before signs, too."""
    until = config.clock.now() + timedelta(hours=body.grace_hours)
    await _insist(name, subscriptions.rotate(database, name, until))
    response.headers["Cache-Control"] = "no-store"
    return _with_secret(config, await _existing(database, name), caller)


@router.post("/{name}/test", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def try_subscription(
    name: Name, _: Annotated[Caller, may(Right.OPERATE, "test subscription")], config: Config, database: Db
) -> dict[str, str]:
    """Tell a receiver `subscription.test`; what came of it stands among its notifications within seconds."""
    found = await _existing(database, name)
    number = await subscriptions.try_out(database, name, config.clock.now())
    return {"id": id_of(found.id, number or 0)}


@router.post("/{name}/replay", responses=responses(401, 403, 404, 422, 503))
async def replay_subscription(
    name: Name, body: ReplayBody, _: Annotated[Caller, may(Right.OPERATE, "replay subscription")], config: Config, database: Db
) -> Replayed:
    """Tell a receiver once more what was given up, or all; the ids are the same, so that it knows what it has seen."""
    await _existing(database, name)
    states = ("given up", "taken") if body.taken else ("given up",)
    until = body.until or config.clock.now()
    return Replayed(notifications=await subscriptions.replay(database, name, body.since, until, body.type, states))


@router.get("/{name}/notifications", responses=responses(401, 403, 404, 422, 503))
async def list_notifications(
    name: Name,
    _: Reader,
    database: Db,
    state: Annotated[Literal["waiting", "taken", "given up"] | None, Query()] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=60)] = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> NotificationPage:
    """What a receiver is told, newest first, each with what came of it; a month back."""
    found = await _existing(database, name)
    rows = await subscriptions.page(database, name, state=state, type_=type_, before=before, limit=limit)
    shown = [NotificationView.of(id_of(found.id, row.id), row) for row in rows]
    return NotificationPage(notifications=shown, next=rows[-1].id if len(rows) == limit else None)


async def switch(config: ApiConfig, database: Database, name: str, body: StateBody, caller: Caller) -> SubscriptionView:
    """Let what a receiver is told wait, or go on, also where it was stopped.

    Raises:
        Problem: 404, there is none of the name.
    """
    await _insist(name, subscriptions.switch(database, name, config.clock.now() if body.state == "paused" else None))
    return SubscriptionView.of(await _existing(database, name), caller)


def _with_secret(config: ApiConfig, row: Subscription, caller: Caller) -> WithSecret:
    until = row.former_until if row.former_until is not None and row.former_until > config.clock.now() else None
    shown = SubscriptionView.of(row, caller).model_dump()
    return WithSecret(**shown, secret=secret_of(config.secret, row), former_secret_until=until)


async def _existing(database: Database, name: str) -> Subscription:
    found = await subscriptions.found(database, name)
    if not found:
        raise _unknown(name)
    return found[0]


async def _insist(name: str, done: Awaitable[bool]) -> None:
    if not await done:
        raise _unknown(name)


def _unknown(name: str) -> Problem:
    return Problem(404, f"no subscription {name!r}; make one with PUT /v1/subscriptions/{name}", code="unknown-subscription")

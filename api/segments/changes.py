"""Segments that product teams write: define one as JSON, change it, delete it, freeze it as a list.

Promise: a definition that was answered with success is taken up by every watch within seconds, without a restart, and survives
one; it follows the segments that it names. Nothing here moves a customer by itself,
but `announce`, which says so.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.auth import Reader, may, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.segments.access import answering, entries, in_detail, insist_on_names, known, unknown
from api.segments.models import Name, SegmentBody, SnapshotBody, predicate_of
from api.segments.views import Announced, SegmentDetail, SnapshotView, snapshot
from api.state import Config, Db
from segments.ask.overview import all_segments
from segments.define.define import Standing, anyhow, define, undefine
from segments.define.snapshots import freeze
from segments.load.announce import MOST_AT_ONCE, announce, unannounced
from store import Database
from store.keys import Caller, Right
from store.segments.snapshots import Snapshot, snapshot_of, snapshots_of

router = APIRouter(prefix="/v1", tags=["segments"], dependencies=schemes())


@router.put(
    "/segments/{name}",
    responses={
        201: {"model": SegmentDetail, "description": "there was none of that name"},
        **responses(401, 403, 409, 422, 503),
    },
)
async def put_segment(
    name: Name,
    body: SegmentBody,
    response: Response,
    caller: Annotated[Caller, may(Right.OPERATE, "define segment")],
    config: Config,
    database: Db,
) -> SegmentDetail:
    """Define a segment, or change one and with it all that name it. Customers whom a change does not move notice nothing."""
    response.status_code = 201 if await put(config, database, name, body, caller) else 200
    return await in_detail(config, database, name, config.clock.now(), caller)


async def put(
    config: ApiConfig,
    database: Database,
    name: str,
    body: SegmentBody,
    caller: Caller,
    *,
    if_it_stands: Standing = anyhow,
) -> bool:
    """Define a segment, or change one; true where there was none of that name. `if_it_stands`: as `define` has it.

    Raises:
        Problem: 422, the definition cannot be used; 409, it stands in code, or others that name it would break; 403, it names
            people, whom the key may not look up.
    """
    draft = body.draft(name)
    async with answering():
        predicate = predicate_of(body.predicate, (await all_segments(database, config.segments)).predicates, (name,))
        await insist_on_names(config, database, caller, predicate)
        at, foretold = config.clock.now(), config.predictions
        return await define(
            database,
            config.segments,
            draft,
            by=caller.name,
            at=at,
            foretold=foretold,
            own=config.personal_traits,
            if_it_stands=if_it_stands,
        )


@router.delete("/segments/{name}", status_code=204, responses=responses(401, 403, 404, 409, 422, 503))
async def delete_segment(
    name: Name, caller: Annotated[Caller, may(Right.OPERATE, "delete segment")], config: Config, database: Db
) -> None:
    """Take a segment out of use: its members leave it within seconds, in the log too. 409 while something names it."""
    async with answering():
        at, own = config.clock.now(), config.personal_traits
        if not await undefine(database, config.segments, entries(config), name, by=caller.name, at=at, own=own):
            raise unknown(name)


@router.post("/segments/{name}/announce", responses=responses(401, 403, 404, 409, 422, 503))
async def announce_members(
    name: Name,
    caller: Annotated[Caller, may(Right.OPERATE, "announce segment")],
    config: Config,
    database: Db,
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="how many members at most")] = 10_000,
) -> Announced:
    """Let those who are in the segment now enter its journeys, by their own re-entry rules.

    Whoever has a line in the log that says how they came in is left out, so that calling it again goes on with the others.
    """
    seen = await in_detail(config, database, name, config.clock.now(), caller)
    if seen.state != "live":
        raise Problem(409, f"segment '{name}' is {seen.state}; announce it when its state is live", code="not-live")
    done = await announce(database, name, seen.version, config.clock.now, limit)
    return Announced(announced=done, remaining=await unannounced(database, name))


@router.post(
    "/segments/{name}/snapshots",
    status_code=201,
    responses={
        200: {"model": SnapshotView, "description": "it was made before"},
        **responses(401, 403, 404, 409, 422, 503),
    },
)
async def make_snapshot(
    name: Name,
    body: SnapshotBody,
    response: Response,
    caller: Annotated[Caller, may(Right.OPERATE, "freeze segment")],
    config: Config,
    database: Db,
) -> SnapshotView:
    """Freeze who is in the segment now, or was at an instant, as a new list that never changes.

    A definition uses it by `{"listed": "<list>"}` at once. While it is made, `GET` on the same address shows how far it is;
    one that broke off is finished by asking for the same list and instant again.
    """
    before = await snapshot_of(database, body.list_name)
    made = await frozen(config, database, name, body, caller)
    response.status_code = 200 if made == before else 201
    return snapshot(made)


async def frozen(config: ApiConfig, database: Database, name: str, body: SnapshotBody, caller: Caller) -> Snapshot:
    """Who is in a segment, as a list.

    Raises:
        Problem: 404, there is no such segment; 409, the list exists, or is being made; 422, the instant is in the future.
    """
    segment = (await known(config, database, name)).segment
    async with answering():
        return await freeze(database, segment, body.list_name, body.at, config.clock.now, by=caller.name)


@router.get("/segments/{name}/snapshots", responses=responses(401, 403, 422, 503))
async def list_snapshots(name: Name, _: Reader, database: Db) -> list[SnapshotView]:
    """The snapshots of a segment, newest first, also while they are made; they outlive the segment."""
    return [snapshot(each) for each in await snapshots_of(database, name)]

"""History: what happened before the deployment, brought in as known when it happened, for predictions to learn from.

Promise: when we received it is kept as it is; the claim stands in the source of each event (`history:` and who brought it), and
each time it is made in the audit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.auth import may, schemes
from api.body import AsSent
from api.ingest.spec import BATCH_LIMIT
from api.ingest.taking import Taking
from api.problems import responses
from api.state import Config, Db
from segments.language.events import HISTORY
from store import Database
from store.audit import note
from store.keys import Caller, Right

router = APIRouter(prefix="/v1", tags=["ingest"], dependencies=schemes(), route_class=AsSent)

_EXAMPLE = {
    "type": "track",
    "messageId": "order-1001",
    "userId": "u-1",
    "event": "Order Completed",
    "timestamp": "2025-11-03T18:20:00Z",
    "properties": {"order_id": "1001", "total": 49.9, "currency": "EUR"},
}


class History(BaseModel):
    """Calls of the Segment spec that happened in the past."""

    batch: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=BATCH_LIMIT,
        description="each with its `type`, the `timestamp` at which it happened, and a `messageId` by which it is known again",
        examples=[[_EXAMPLE]],
    )


class NotTaken(BaseModel):
    """A call that was not taken."""

    place: int = Field(description="in the batch, from 0")
    problem: str


class HistoryTaken(BaseModel):
    """What became of a batch."""

    source: str = Field(description="of the events, as they are shown and exported", examples=["history:import"])
    accepted: int
    duplicates: int = Field(description="taken before from this source")
    problems: list[NotTaken] = Field(description="those that were not taken, each with why")


@router.post("/history", responses=responses(400, 401, 403, 413, 415, 422, 503))
async def import_history(
    body: History,
    request: Request,
    caller: Annotated[Caller, may(Right.OPERATE, "import history")],
    config: Config,
    database: Db,
) -> HistoryTaken:
    """Take in up to 2,500 calls of the past, with the claim that each was known when it happened: predictions learn by it.

    The body may be gzip; 4 MB before and after.
    """
    taking = Taking(database, config.default_region, config.readings, history=True, clean=request.state.clean)
    return await brought(database, taking, body.batch, config.clock.now(), caller.name)


async def brought(database: Database, taking: Taking, calls: Sequence[dict[str, Any]], now: datetime, by: str) -> HistoryTaken:
    """Take these calls; `taking` is one of history. The claim is noted before anything is stored."""
    source = HISTORY + by
    async with database.transaction() as connection:
        await note(connection, "import", "history", source, became={"calls": len(calls)})
    outcomes = await taking.outcomes(calls, now, by)
    problems = [NotTaken(place=n, problem=each) for n, each in enumerate(outcomes) if isinstance(each, str)]
    accepted = outcomes.count(True)
    duplicates = len(outcomes) - accepted - len(problems)
    return HistoryTaken(source=source, accepted=accepted, duplicates=duplicates, problems=problems)

"""Erasing a customer, and what became of it: asked for once, done by a worker, certified.

Promise: when the call is answered nothing more is sent to the customer, but for what was at a provider by then; asking again
changes nothing. A certificate holds no personal data.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse

from activities.channels.suppression import suppression_digest
from api.auth import Reader, may, schemes
from api.problems import Problem, responses
from api.segments.access import no_customer
from api.state import Config, Db
from store.customers import erasure as erasures
from store.customers.certificate import as_text
from store.customers.erasure import Erasure
from store.keys import Caller, Right
from store.retention import taken_lately

router = APIRouter(prefix="/v1", tags=["privacy"], dependencies=schemes())

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class ErasureView(BaseModel):
    """An erasure as it stands."""

    id: UUID
    state: Literal["waiting", "purging", "finished"] = Field(description="waiting: for a worker, which purges what is held")
    requested_at: datetime
    requested_by: str = Field(description="the name of the key that asked, or `command line`")
    finished_at: datetime | None
    in_flight: int = Field(description="messages that were at a provider when it began; nothing is sent after these")
    waits_for: list[str] = Field(
        description="audiences whose destinations are still to be told; `GET /v1/audiences` says why not"
    )
    certificate: dict[str, Any] | None = Field(description="what was done, by table, with its seal; null until it is finished")


@router.delete("/profiles/{customer_id}", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def erase_profile(
    customer_id: UUID,
    caller: Annotated[Caller, may(Right.OPERATE, "erase customer")],
    config: Config,
    database: Db,
    answer: Response,
) -> ErasureView:
    """Erase a customer and all that is held of them, also under the ids of profiles that were merged into them.

    From the answer on nothing is sent to them and their journeys are over; a worker purges the rest and writes a certificate.
    The same user id is a new customer from then on.
    """
    digest = partial(suppression_digest, config.secret)
    found = await erasures.begin(database, customer_id, digest, at=config.clock.now(), by=caller.name)
    if found is None:
        raise no_customer()
    answer.headers["Location"] = f"/v1/erasures/{found.id}"
    return _view(found)


@router.get("/erasures", responses=responses(401, 403, 422, 503))
async def list_erasures(
    _: Reader,
    database: Db,
    before: Annotated[datetime | None, Query(description="only those that were asked for before this instant")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[ErasureView]:
    """Erasures, newest first."""
    return [_view(each) for each in await erasures.erasures(database, before or _NEVER, limit)]


@router.get("/erasures/{erasure_id}", responses=responses(401, 403, 404, 422, 503))
async def get_erasure(erasure_id: UUID, _: Reader, database: Db) -> ErasureView:
    """One erasure, with its certificate once it is finished."""
    return _view(await _one(database, erasure_id))


@router.get(
    "/erasures/{erasure_id}/certificate",
    response_class=PlainTextResponse,
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def get_certificate(erasure_id: UUID, _: Reader, database: Db) -> PlainTextResponse:
    """The certificate as a text that people can read."""
    found = await _one(database, erasure_id)
    if found.certificate is None:
        raise Problem(409, "the erasure is not finished yet; ask again in a moment", code="not-finished")
    return PlainTextResponse(as_text(found.certificate))


class TakenView(BaseModel):
    """What was taken because it had been kept for as long as it may be."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["events", "dead_letters", "message_ids", "inbox"]
    what: str = Field(description="the week of events that was dropped whole; empty for the rest")
    before: datetime
    rows: int
    at: datetime


@router.get("/retention", responses=responses(401, 403, 422, 503))
async def list_taken(_: Reader, database: Db, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[TakenView]:
    """What was not kept any longer, newest first (`JOURNEYS_KEEP_EVENTS` and its like say for how long)."""
    return [TakenView.model_validate(each) for each in await taken_lately(database, limit)]


async def _one(database: Db, id_: UUID) -> Erasure:
    found = await erasures.erasure(database, id_)
    if found is None:
        raise Problem(404, "no such erasure; `GET /v1/erasures` lists them", code="unknown-erasure")
    return found


def _view(found: Erasure) -> ErasureView:
    return ErasureView.model_validate({name: getattr(found, name) for name in ErasureView.model_fields})

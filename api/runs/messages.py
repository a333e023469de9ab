"""Messages to a customer over all journeys: what was due, what became of it, and why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import JourneyReader, schemes
from api.cursors import cursor, cursor_after
from api.problems import responses
from api.runs.models import RunMessage, message
from api.state import Db
from store import Database
from store.deliveries.ledger import MessageKey
from store.runs.views import messages_to

router = APIRouter(prefix="/v1", tags=["journeys"], dependencies=schemes())


class CustomerMessage(RunMessage):
    """A message to a customer, with the run and the journey that asked for it."""

    run_id: UUID
    journey: str


class MessagePage(BaseModel):
    """Some messages, those due last first."""

    messages: list[CustomerMessage]
    next: str | None = Field(description="pass as `after` for the following page; null on the last one")


@router.get("/messages", responses=responses(400, 401, 403, 422, 503))
async def list_messages(
    _: JourneyReader,
    database: Db,
    customer_id: UUID,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> MessagePage:
    """What was due to a customer, what became of it, and why; for as long as the ledger is kept."""
    return await messages_page(database, customer_id, journey, after=after, limit=limit)


async def messages_page(
    database: Database, customer: UUID, journey: str | None = None, *, after: str | None = None, limit: int
) -> MessagePage:
    """A page of the messages to a customer.

    Raises:
        Problem: 400, `after` is not where an earlier page ended.
    """
    place = cursor(after, MessageKey.parse)
    before = (place[0], place[1].run_id, place[1].step, place[1].occurrence) if place else None
    found = await messages_to(database, customer, journey, before=before, limit=limit)
    messages = [CustomerMessage(run_id=run, journey=of, **message(each).model_dump()) for run, of, each in found]
    return MessagePage(messages=messages, next=_next(messages[-1]) if len(messages) == limit else None)


def _next(last: CustomerMessage) -> str:
    return cursor_after(last.due_at, f"{last.run_id}/{last.step}/{last.occurrence}")

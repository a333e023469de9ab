"""Dead letters for operators: what was sent and could not be taken, newest first."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Operator, schemes
from api.problems import responses
from api.state import Db
from store.dead_letters import dead_letters

router = APIRouter(prefix="/v1", tags=["operations"], dependencies=schemes())


class DeadLetterOut(BaseModel):
    """One item that could not be taken."""

    id: int
    source: str = Field(description="name of the key that sent it", examples=["shop-web"])
    received_at: datetime
    message_id: str | None = Field(description="the item's message id, if it had a usable one")
    reason: str = Field(examples=["no-identity: /userId userId or anonymousId is required"])
    item: str = Field(description="the item's JSON text, cut at 64 K characters")


class DeadLetterPage(BaseModel):
    """A page, and where the next one begins."""

    dead_letters: list[DeadLetterOut]
    next: int | None = Field(description="pass it as `before` for the next page; null on the last one")


@router.get("/dead-letters", summary="Items that could not be taken", responses=responses(401, 403, 422, 503))
async def list_dead_letters(
    _: Operator,
    database: Db,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="only those with a smaller id")] = None,
    source: Annotated[str | None, Query(max_length=200, pattern="^[^\\x00]*$", description="only those of this key")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeadLetterPage:
    """Newest first."""
    found = await dead_letters(database.pool, before=before, source=source, limit=limit)
    page = [DeadLetterOut.model_validate(letter, from_attributes=True) for letter in found]
    return DeadLetterPage(dead_letters=page, next=page[-1].id if len(page) == limit else None)

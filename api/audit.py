"""What admins look at: who changed what, from what to what, and the keys, without anything secret."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import may, schemes
from api.problems import responses
from api.state import Db
from store import Database, audit
from store.audit import Which
from store.keys import Caller, Right, Role, list_keys

router = APIRouter(prefix="/v1", tags=["operations"], dependencies=schemes())

Admin = Annotated[Caller, may(Right.ADMIN)]
_Text = Annotated[str | None, Query(max_length=500, pattern="^[^\\x00]*$")]


class ChangeView(BaseModel):
    """A change that a key, a person or the system itself made."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    by: str = Field(description="the key's name, or who was logged in on the command line", examples=["olga"])
    role: str = Field(description="the key's role, `command line`, or `system`")
    verb: str = Field(examples=["switch"])
    kind: str = Field(description="of thing", examples=["journey"])
    name: str = Field(description="of the thing; of customers their id", examples=["nps"])
    was: dict[str, Any] | None = Field(description="what it was before, where it is a setting or a definition")
    became: dict[str, Any] | None
    customer: UUID | None = Field(description="whom it is about")
    fields: list[str] = Field(description="which fields of the customer, never what stands in them")
    trace: str | None = Field(description="`X-Request-Id` of the request, else its `traceparent`")


class ChangePage(BaseModel):
    """A page, and where the next one begins."""

    changes: list[ChangeView]
    next: int | None = Field(description="pass it as `before` for the next page; null on the last one")


class KeyView(BaseModel):
    """A key, without anything secret."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    personal: bool = Field(description="may be shown what is known of customers")
    journeys: list[str] = Field(description="of these alone; none: of all")
    origins: list[str] = Field(description="of a client: the web pages that may use it")
    per_minute: int | None
    created_at: datetime
    ends_at: datetime | None = Field(description="until when it is good, or was")
    former_until: datetime | None = Field(description="until when the secret before its last rotation is good")
    used_at: datetime | None = Field(description="when it was last used, to the minute")


@router.get("/audit", summary="Who changed what", responses=responses(401, 403, 422, 503))
async def list_changes(
    _: Admin,
    database: Db,
    by: _Text = None,
    verb: _Text = None,
    kind: _Text = None,
    name: _Text = None,
    customer_id: UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ChangePage:
    """Newest first, from what to what; of customers the names of fields."""
    return await changes(database, Which(by, verb, kind, name, customer_id, since, until), before, limit)


@router.get("/keys", summary="The keys", responses=responses(401, 403, 503))
async def list_all_keys(_: Admin, database: Db) -> list[KeyView]:
    """What each may, until when, and when it was last used. They are made on the command line: this process cannot."""
    return await keys(database)


async def changes(database: Database, which: Which, before: int | None, limit: int) -> ChangePage:
    """A page of changes, newest first, below an id."""
    found = await audit.page(database, which, before=before, limit=limit)
    page = [ChangeView.model_validate(each) for each in found]
    return ChangePage(changes=page, next=page[-1].id if len(page) == limit else None)


async def keys(database: Database) -> list[KeyView]:
    """The keys that there are and were, without anything secret."""
    found = await list_keys(database.pool)
    return [
        KeyView(
            name=each.name,
            role=each.grant.role,
            personal=each.grant.personal,
            journeys=list(each.grant.journeys),
            origins=list(each.grant.origins),
            per_minute=each.grant.per_minute,
            created_at=each.created_at,
            ends_at=each.ends_at,
            former_until=each.former_until,
            used_at=each.used_at,
        )
        for each in found
    ]

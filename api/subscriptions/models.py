"""What the calls about outgoing webhooks take and answer, as OpenAPI shows it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, Field

from api.runs.models import Model
from store.keys import Caller, Right
from store.subscriptions import TYPES, Notification, Subscription, masked

State = Literal["active", "failing", "paused", "stopped"]
Name = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="the receiver's name: small letters, digits, - and _",
        examples=["crm"],
    ),
]
_TYPES = "; ".join(f"`{name}`: {what}" for name, what in TYPES.items())


class SubscriptionBody(Model):
    """Who is to be told of what."""

    url: str = Field(
        min_length=1,
        max_length=2_000,
        description="where notifications are posted to",
        examples=["https://crm.shop.example/hooks"],
    )
    types: list[Annotated[str, Field(max_length=60)]] = Field(
        min_length=1,
        max_length=100,
        description=f"what of: {_TYPES}. `run.*` is all of runs, `*` everything",
        examples=[["run.*"]],
    )
    journeys: list[Annotated[str, Field(max_length=64)]] = Field(
        default=[], max_length=1_000, description="of these journeys alone; none: of all"
    )
    segments: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=1_000, description="of these segments alone, and of runs that came from them; none: of all"
    )
    personal: bool = Field(
        default=False, description="customers are named by their `user_id`, too; asks for a key that may be shown that"
    )


class SubscriptionView(BaseModel):
    """Who is told of what, and how that goes."""

    id: UUID
    name: str
    url: str = Field(
        description="for who may not change it with … in the place of each value of its query and of long parts of its path"
    )
    types: list[str]
    journeys: list[str]
    segments: list[str]
    personal: bool
    state: State = Field(description="failing: it takes nothing now; stopped: it took nothing for days, or said 410")
    created_at: datetime
    created_by: str
    took_at: datetime | None = Field(description="when it last took something")
    failing_since: datetime | None
    failure: str | None = Field(description="why it is failing or stopped")
    waiting: int = Field(description="notifications that wait for it; counted up to 10,000")
    oldest_at: datetime | None = Field(description="when what waits first happened")

    @classmethod
    def of(cls, row: Subscription, caller: Caller) -> "SubscriptionView":
        """As it is shown to a key: whoever may not change it reads no secret in its address."""
        whole = caller.may(Right.OPERATE) and caller.has(None)
        return cls(
            id=row.id,
            name=row.name,
            url=row.url if whole else masked(row.url),
            types=list(row.types),
            journeys=list(row.journeys),
            segments=list(row.segments),
            personal=row.personal,
            state=row.state,
            created_at=row.created_at,
            created_by=row.created_by,
            took_at=row.took_at,
            failing_since=row.failing_since,
            failure=row.stopped_why or row.failure,
            waiting=row.waiting,
            oldest_at=row.oldest_at,
        )


class WithSecret(SubscriptionView):
    """The same, with what the receiver checks signatures with."""

    secret: str = Field(
        description="give it to the receiver: Standard Webhooks, `v1`", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    former_secret_until: datetime | None = Field(description="until when the secret before signs, too")


class SubscriptionPage(BaseModel):
    """All of them."""

    subscriptions: list[SubscriptionView]


class NotificationView(BaseModel):
    """Something that a receiver is told."""

    id: str = Field(description="the `webhook-id` that it comes with, each time")
    type: str
    at: datetime = Field(description="when it happened")
    customer_id: UUID | None
    about: dict[str, Any]
    state: Literal["waiting", "taken", "given up"]
    attempts: int
    retry_at: datetime | None
    settled_at: datetime | None
    status: int | None = Field(description="what was answered the last time")
    reason: str | None

    @classmethod
    def of(cls, id_: str, row: Notification) -> "NotificationView":
        """As it is shown."""
        return cls(
            id=id_,
            type=row.type,
            at=row.at,
            customer_id=row.profile_id,
            about=row.about,
            state=row.state,
            attempts=row.attempts,
            retry_at=row.retry_at,
            settled_at=row.settled_at,
            status=row.status,
            reason=row.reason,
        )


class NotificationPage(BaseModel):
    """A page, newest first."""

    notifications: list[NotificationView]
    next: int | None = Field(description="pass it as `before` for the next page; null on the last one")


class StateBody(Model):
    """Whether it is told."""

    state: Literal["active", "paused"] = Field(description="active: it goes on, also where it was stopped; nothing was lost")


class RotateBody(Model):
    """How the secret is replaced."""

    grace_hours: float = Field(default=24, ge=0, le=24 * 30, description="for so long the secret before signs, too")


class ReplayBody(Model):
    """What is told once more, under the same ids."""

    since: AwareDatetime = Field(description="what happened from then on; a month back at most")
    until: AwareDatetime | None = Field(default=None, description="and before then; left out: up to now")
    type: str | None = Field(default=None, max_length=60, description="only of this type")
    taken: bool = Field(default=False, description="also what the receiver took already; else what was given up")


class Replayed(BaseModel):
    """How much is told once more."""

    notifications: int

"""What apps and pages are given to show: content without a name or an address of its reader beyond what its text says."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from store.deliveries.inbox import Shown


class Told(StrEnum):
    """What somebody did with what was shown."""

    SEEN = "seen"
    CLICKED = "clicked"
    DISMISSED = "dismissed"


class ActionOut(BaseModel):
    """A link that it offers."""

    title: str
    link: str


class ContentOut(BaseModel):
    """What is shown: plain text, to be set as text and never as HTML."""

    title: str
    body: str = Field(description="plain text; line breaks count")
    image: str | None = None
    alt: str | None = Field(default=None, description="what the picture shows; null: it is decoration")
    actions: list[ActionOut] = []
    placement: str = Field(default="inbox", description="where its author wants it: inbox, banner, modal or inline")
    language: str | None = Field(default=None, description="BCP 47, where the template says it")


class MessageOut(ContentOut):
    """A message in the inbox."""

    id: UUID
    at: datetime
    expires_at: datetime
    seen: bool


class InboxOut(BaseModel):
    """The inbox, newest first, 50 messages at most."""

    messages: list[MessageOut]

    @classmethod
    def of(cls, shown: Sequence[Shown]) -> "InboxOut":
        """As an app is given it."""
        return cls(
            messages=[
                MessageOut(id=row.id, at=row.put_at, expires_at=row.expires_at, seen=row.seen, **row.content) for row in shown
            ]
        )

"""A campaign's message as a journey's: the rules by which the gate decides on it, and the request that asks for it.

Promise: what a campaign says is all there is; gate, ledger and reports see a journey of its name with one step.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from journeys.contracts import Cap, Channel, DeliverRequest, JourneySpec, Plain, Purpose, QuietHours
from journeys.errors import CatalogueError
from journeys.gate.hours import check_clock
from journeys.policies import PerKey, Topic
from segments.time.calendar import known_zones

#: Before the name of a campaign where a journey's would stand; no function of Python can be called so.
PREFIX = "campaign:"
_ALWAYS = timedelta(days=36_500)


class CapOf(BaseModel):
    """At most so many marketing messages to a customer, over all journeys and campaigns."""

    model_config = ConfigDict(extra="forbid")

    messages: int = Field(ge=1)
    within: timedelta | None = Field(
        default=None, gt=timedelta(0), description="in any stretch of this length: P1D, or seconds"
    )
    calendar: Literal["day", "week", "month"] | None = Field(default=None, description="in each of the customer's own")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.within is None) is (self.calendar is None):
            raise ValueError("a cap says `within` or `calendar`")
        return self


class Message(BaseModel):
    """What a campaign sends, and the rules that a journey would declare of it."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    template: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["note"])
    params: dict[str, Plain] = Field(default_factory=dict, description="what the template shows; a row's own go before")
    purpose: Purpose = Purpose.MARKETING
    holdout: float = Field(default=0.0, ge=0, lt=1, description="the share of customers from whom it is withheld")
    quiet_hours: tuple[str, str] | None = Field(
        default=("22:00", "08:00"), description="no marketing between these times of the customer's clock; null: at any time"
    )
    caps: list[CapOf] = Field(default_factory=list, max_length=10)
    useless_after: timedelta = Field(
        default=timedelta(hours=12), gt=timedelta(0), le=timedelta(days=31), description="so long after it was due"
    )
    timezone: str = Field(default="UTC", description="of customers whose zone is not known")
    priority: int = Field(default=0, ge=-1000, le=1000)
    topic: str | None = Field(default=None, max_length=64, description="what it is about, as customers turn it off")

    @model_validator(mode="after")
    def _on_a_clock(self) -> Self:
        if self.timezone not in known_zones():
            raise ValueError(f"{self.timezone!r} is no IANA time zone; write for example Europe/Madrid")
        for said in self.quiet_hours or ():
            try:
                check_clock("quiet_hours", said)
            except CatalogueError as error:
                raise ValueError(str(error)) from None
        return self

    def spec(self, journey: str) -> JourneySpec:
        """What a journey with this message as its only step would declare."""
        return JourneySpec(
            name=journey,
            entry=None,
            goal=None,
            reentry=PerKey("campaign"),  # each campaign is an entry of its own, and each customer is in it once
            purpose=self.purpose,
            ends_on_leave=False,
            max_lateness=_ALWAYS,
            useless_after=self.useless_after,
            holdout=self.holdout,
            quiet_hours=QuietHours(*self.quiet_hours) if self.quiet_hours else None,
            caps=tuple(Cap(each.messages, each.within, each.calendar) for each in self.caps),
            timezone=self.timezone,
            priority=self.priority,
            topic=Topic(self.topic) if self.topic else None,
        )

    def request(self, journey: str, run_id: UUID, due_at: datetime, version: str | None) -> DeliverRequest:
        """The message for a run; what a row says of its own stands with the run."""
        return DeliverRequest.of_known(
            run_id=run_id,
            journey=journey,
            step=f"{self.channel}:{self.template}",
            occurrence=1,
            channel=self.channel,
            template=self.template,
            purpose=self.purpose,
            params={},
            due_at=due_at,
            useless_after=due_at + self.useless_after,
            version=version,
        )


def message_of(plain: Mapping[str, Any]) -> Message:
    """A campaign's message, as it is kept."""
    return Message.model_validate(plain)

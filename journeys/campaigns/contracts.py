"""What crosses between a campaign's workflow and its activities: ids, counts and instants."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from journeys.clock import Clock
from journeys.contracts import Contract

#: The task queue of campaigns: their workflows, and the activities that work through their customers.
CAMPAIGN_QUEUE = "campaigns"


class CampaignStart(Contract):
    """The argument of a campaign's workflow."""

    campaign: UUID
    clock: Clock = Clock()


class CampaignPart(Contract):
    """A share of a campaign's customers: those whose number leaves this rest."""

    campaign: UUID
    part: int = Field(default=0, ge=0)
    parts: int = Field(default=1, ge=1)


class CampaignStands(Contract):
    """How a campaign stands: what its workflow does next, and what people see of it in Temporal's UI."""

    state: Literal["work", "wait", "over"]
    until: datetime | None = Field(default=None, description="when to look again; None: when it is told to")
    parts: int = 1
    told: str = Field(default="", description="its progress in words: numbers and reasons")


class CampaignTurn(Contract):
    """The turn of a recurring campaign."""

    campaign: UUID
    at: datetime

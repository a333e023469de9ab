"""What the calls about campaigns and bulk starts take and answer, as OpenAPI shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, computed_field, model_validator

from api.runs.models import Model
from journeys.campaigns.cron import fault
from journeys.campaigns.message import Message
from segments.time.calendar import known_zones

#: So much earlier than UTC's do the clocks of the first zone show a time.
_FIRST = timedelta(hours=14)
#: Rows of a call in JSON; more go as a file.
ROWS = 10_000
#: Years of an instant at which something may begin; before and after them a calendar is at its end.
_YEARS = range(1970, 9_000)
CampaignName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,50}$")]
SegmentName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Repeat(Model):
    """Again and again, by the clocks of a zone."""

    cron: str = Field(description="minute, hour, day, month, weekday", examples=["0 9 * * mon"])
    zone: str = Field(default="UTC", examples=["Europe/Madrid"])

    @model_validator(mode="after")
    def _understood(self) -> Self:
        if wrong := fault(self.cron.strip()):
            raise ValueError(wrong)
        if self.zone not in known_zones():
            raise ValueError(f"{self.zone!r} is no IANA time zone; write for example Europe/Madrid")
        return self


class When(Model):
    """When, and how fast."""

    at: datetime | None = Field(
        default=None,
        description="with its offset; `in_their_zone` without one: what each customer's own clock shows. null: at once",
        examples=["2026-12-01T09:00:00+01:00"],
    )
    in_their_zone: bool = False
    per_second: float | None = Field(default=None, gt=0, le=10_000, description="at most so many customers a second")
    repeat: Repeat | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if self.at is not None and self.at.year not in _YEARS:
            raise ValueError(f"`at` is of a year from {_YEARS[0]} to {_YEARS[-1]}")
        if self.in_their_zone and (self.at is None or self.at.tzinfo is not None):
            raise ValueError("in_their_zone takes an `at` without an offset, such as 2026-12-01T09:00")
        if not self.in_their_zone and self.at is not None and self.at.tzinfo is None:
            raise ValueError("`at` needs an offset, such as +01:00, or in_their_zone")
        if self.repeat is not None and (self.at is not None or self.in_their_zone):
            raise ValueError("say `at` or `repeat`, not both; what repeats goes by the clocks of its own zone")
        return self

    def begins_at(self, now: datetime) -> datetime:
        """The first instant at which somebody is due."""
        if self.at is None:
            return now
        return self.at if self.at.tzinfo is not None else self.at.replace(tzinfo=UTC) - _FIRST


class To(Model):
    """To whom: everybody who is in a segment, or on a list, as it begins."""

    segment: SegmentName | None = Field(default=None, description="a segment that is looked after")
    list: SegmentName | None = Field(default=None, description="a list of customers")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.segment is None) is (self.list is None):
            raise ValueError("say a segment or a list")
        return self


class Starts(When):
    """A journey for many: rows, or everybody in a segment or on a list."""

    rows: list[dict[str, Any]] | None = Field(
        default=None,
        max_length=ROWS,
        description="customers, each by one name, with parameters of their own; for more, send a file",
        examples=[[{"user_id": "u-1001", "params": {}}]],
    )
    segment: SegmentName | None = None
    list: SegmentName | None = None
    name: CampaignName | None = Field(
        default=None, description="what it is called; null: like its journey", examples=["spring-sale"]
    )
    params: dict[str, Any] = Field(default_factory=dict, description="of all; a row's own go before")
    dry_run: bool = Field(default=False, description="nobody is started: who would be, and why the others not")

    @model_validator(mode="after")
    def _whom(self) -> Self:
        if [self.rows, self.segment, self.list].count(None) != 2:  # noqa: PLR2004 - all but one of three
            raise ValueError("say exactly one of rows, segment and list")
        if self.repeat is not None and self.rows is not None:
            raise ValueError("what repeats goes to a segment or a list")
        return self


class NewCampaign(When):
    """One message to everybody in a segment or on a list."""

    name: CampaignName = Field(examples=["black-friday"])
    to: To
    message: Message
    dry_run: bool = Field(
        default=False, description="nothing is sent: whom it would reach, and what stands in the way of others"
    )


class RowProblem(BaseModel):
    """A row that could not be used."""

    row: int = Field(description="its line in the file, or its place in `rows` from 1 on")
    problem: str


#: In a trial, of whoever nothing is in the way of.
ENTERING, WRITTEN_TO = "enter", "be written to"


class Trial(BaseModel):
    """What would come of it."""

    rows: int
    bad: int
    twice: int = Field(description="rows that name somebody once more")
    would: dict[str, int] = Field(
        description="customers by what would come of them; who is in a holdout would enter, and be sent nothing",
        examples=[{"enter": 950, "already running": 30, "holdout of the prediction: churn": 20}],
    )
    problems: list[RowProblem] = Field(description="the first hundred bad rows")
    repeated: list[RowProblem] = Field(
        default_factory=list,
        description="the first hundred rows that name somebody once more, and whether with others",
    )

    @computed_field(description="customers with nothing in the way: they would be written to, or would come in")  # type: ignore[prop-decorator]
    @property
    def reached(self) -> int:
        """Customers with nothing in the way."""
        return sum(self.would.get(name, 0) for name in (ENTERING, WRITTEN_TO))

    warnings: list[str] = Field(default_factory=list, description="what to know first: there is one of this name, for example")


class CampaignView(BaseModel):
    """A campaign, or a bulk start, and how far it is."""

    id: UUID
    name: str
    journey: str = Field(description="whose runs it opens; of a message the campaign's own, under which reports have it")
    message: Message | None = Field(description="null: the journey is started")
    segment: str | None
    list: str | None
    refused: str | None = Field(
        description="why it does not go on, as it stands: its segment is not loaded yet, or is gone, or Temporal does"
        " not take it; it is tried again"
    )
    state: str = Field(
        description="scheduled, waiting for approval, waiting for its segment, running, paused, recurring, cancelled or"
        " finished"
    )
    begins_at: datetime
    in_their_zone: bool
    per_second: float | None
    repeat: Repeat | None
    occurrence_of: UUID | None = Field(description="the recurring one whose turn this was")
    by: str
    created_at: datetime
    needs_approval: bool
    approved_by: str | None
    finished_at: datetime | None
    rows: int = Field(description="of a segment or list: its members, as soon as it has begun")
    bad: int
    twice: int = Field(description="rows that name somebody once more, which are not taken: `report?of=twice` tells which")
    turns_switched: int | None = Field(
        default=None,
        description="as a recurring one is switched: how many of its turns were switched with it",
    )
    waiting: int = Field(description="customers who have not had their turn")
    under_way: int = Field(description="whose message is asked again later, or is at a provider")
    done: int
    outcomes: dict[str, int] = Field(
        description="what came of those who are done", examples=[{"sent": 950, "skipped: no consent": 50}]
    )
    asked_again: dict[str, int] = Field(description="why messages wait", examples=[{"quiet hours": 12}])
    # Not `list[str]`: within this class `list` is a field.
    warnings: Sequence[str] = Field(
        default=(), description="as it is made: what to know, such as that there is one of this name"
    )


class CampaignPage(BaseModel):
    """Campaigns, newest first."""

    campaigns: list[CampaignView]
    next: str | None = Field(description="pass as `after` for the following page; null on the last one")


class ReportRow(BaseModel):
    """A customer for whom nothing came of it."""

    row: int
    customer_id: UUID | None = Field(description="null: the row could not be used")
    reason: str


class ReportPage(BaseModel):
    """Some of these, by their rows."""

    rows: list[ReportRow]
    next: int | None = Field(description="pass as `after` for the following page; null on the last one")


class Wanted(Model):
    """What shall become of a campaign."""

    state: Annotated[str, Field(pattern="^(running|paused|cancelled)$")]

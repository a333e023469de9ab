"""What the calls about runs take and answer, as OpenAPI shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from api.config import ApiConfig
from api.runs.lines import standings
from api.runs.standing import Standing, Status
from journeys.keepable import SAID, flaws
from store import Database
from store.ids import ID_LIMIT, as_id
from store.runs import lists
from store.runs.calls import CallRow
from store.runs.views import Message, Run

_MILLIONTHS = 1_000_000

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
CustomerName = Annotated[str, Field(min_length=1, max_length=ID_LIMIT), AfterValidator(as_id)]
JourneyName = Annotated[str, Path(description="the journey's name", examples=["cart_abandonment"], max_length=64)]


class Model(BaseModel):
    """A body; a misspelt field is refused."""

    model_config = ConfigDict(extra="forbid")


class Customer(Model):
    """Who: exactly one of the three."""

    id: UUID | None = Field(default=None, description="our customer id")
    user_id: CustomerName | None = Field(default=None, description="the `userId` of identify", examples=["u-1001"])
    anonymous_id: CustomerName | None = Field(default=None, description="the `anonymousId` of a visitor")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [self.id, self.user_id, self.anonymous_id]
        if len(self.model_fields_set & {"id", "user_id", "anonymous_id"}) != 1 or given.count(None) != len(given) - 1:
            raise ValueError("give exactly one of id, user_id and anonymous_id")
        return self

    @property
    def name(self) -> tuple[str, str]:
        """The kind of name, and the name."""
        kind = next(iter(self.model_fields_set))
        return kind, str(getattr(self, kind))


class StartRun(Model):
    """A customer who shall enter a journey."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        """Refuse what Postgres cannot keep: U+0000, lone surrogates, numbers that are not finite or beyond 64 bits."""
        for place, kind in flaws(given).items():
            raise ValueError(f"cannot be stored: /{'/'.join(place)}: {SAID[kind]}")
        return given

    customer: Customer
    params: dict[str, Any] = Field(default_factory=dict, description="as the journey declares them; see `GET /v1/journeys`")
    key: Text | None = Field(default=None, description="for journeys that enter per key: which cart, order, …")
    entry: dict[str, Any] = Field(
        default_factory=dict,
        description="in the place of the entering event's properties: as the journey's model of them says, and as templates"
        " name them, `entry.…`",
        examples=[{"name": "Snow boots", "price": 89.9}],
    )


class EndRun(Model):
    """Why a run is ended by hand."""

    reason: Literal["ended by an operator"] = "ended by an operator"


class EndRuns(EndRun):
    """Which open runs are ended: those that the same filter lists. Without `at_most` nobody is: they are only counted."""

    journey: str | None = Field(default=None, max_length=64)
    customer: Customer | None = None
    status: lists.Status | None = None
    since: AwareDatetime | None = Field(default=None, description="who entered from then on")
    until: AwareDatetime | None = Field(default=None, description="who entered before")
    at_most: int | None = Field(
        default=None, ge=1, description="how many runs you mean to end, as counted before; if there are more, nobody is ended"
    )

    @model_validator(mode="after")
    def _not_everybody(self) -> Self:
        if all(each is None for each in (self.journey, self.customer, self.status, self.since, self.until)):
            raise ValueError("say which runs: by journey, customer, status, since or until; PUT /v1/state ends everything")
        return self


class EndedRuns(BaseModel):
    """How many runs such a filter finds, and how many of them were told to end."""

    runs: int
    people: int
    ended: int


class RunMessage(BaseModel):
    """One message of a run."""

    step: str
    occurrence: int
    channel: str
    template: str
    state: str = Field(
        description="claimed, sent, skipped, deferred, withheld, failed, unconfirmed or released (to be retried)"
    )
    reason: str | None
    detail: dict[str, Any] = Field(
        description="what decided: the segment it is only for, what it is like where they are, the product it shows, the zone,"
        " the provider's error, …",
        examples=[{"segment": "cold-weather"}],
    )
    due_at: datetime
    retry_at: datetime | None
    settled_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    attempts: int
    raced: bool = Field(description="the goal had been reached when it went out; the event came later")
    provider: str | None = Field(description="who has carried it, or may have, or was waited for last")
    cost: float | None = Field(description="by the declared price, of each copy that may have arrived", examples=[0.0659])
    currency: str | None

    @field_validator("cost", mode="before")
    @classmethod
    def _out_of_millionths(cls, given: int | None) -> float | None:
        return None if given is None else given / _MILLIONTHS


class RunView(BaseModel):
    """One customer in one journey."""

    id: UUID
    journey: str
    customer_id: UUID
    key: str
    status: Status = Field(
        description="in-line: to be let in; waiting: for time to pass, or for something to happen; deferred: a message is tried"
        " again; in-doubt: a provider may have one; failing: its code raises or no longer fits what it"
        " has done, or a step raises each time"
    )
    next: str | None = Field(description="what it does next", examples=["push cart-reminder again: quiet hours"])
    next_at: datetime | None = Field(
        description="when, at the latest; null where that is not known: it raises, or Temporal does not say when a timer fires"
    )
    failure: str | None = Field(
        description="why it fails: the error's kind and place", examples=["KeyError at shop/cart.py:12"]
    )
    entered_by: str
    segment: str | None
    holdout: bool
    entered_at: datetime
    waits_until: datetime | None = Field(description="it waits to be let in, because its journey has limits: until then")
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None = Field(description="finished, goal reached, left the segment, ended by an operator, …")
    ended_by: str | None = Field(description="the goal or exit that ended it, by its name", examples=["bought", "cancelled"])
    version: str | None = Field(description="of the catalogue: with its code and policies the run ends, whatever is deployed")
    move_to: str | None = Field(description="the version that it is to go on with from its next wait on, on purpose")
    move_refused: str | None = Field(description="why it stays with its version, though it was to go on with another")
    workflow_id: str
    temporal_url: str | None = Field(description="the run in the Temporal UI")


class RunCall(BaseModel):
    """One call of a run to a service of the company."""

    number: int = Field(description="which of the things that the run has done, from 1")
    service: str
    event: str = Field(description="what the service was told; of data asked for, the service's name")
    asked_at: datetime
    attempts: int
    retry_at: datetime | None
    settled_at: datetime | None
    reason: str | None = Field(description="why there is no answer: no answer in time, refused by the service, …")
    status: int | None = Field(description="the last HTTP status, where there was one")


class RunWithTimeline(RunView):
    """A run, its messages and its calls to services so far."""

    timeline: list[RunMessage]
    calls: list[RunCall]


class RunPage(BaseModel):
    """Some runs, newest first."""

    runs: list[RunView]
    next: str | None = Field(description="pass as `after` for the following page")


async def views(config: ApiConfig, database: Database, runs: Sequence[Run]) -> list[RunView]:
    """Runs as the API shows them."""
    stand = await standings(config.catalogue, database, runs, config.clock.now(), config.wakes)
    return [_view(config, run, stand[run.id]) for run in runs]


def _view(config: ApiConfig, run: Run, stands: Standing) -> RunView:
    return RunView(
        id=run.id,
        journey=run.journey,
        customer_id=run.profile_id,
        key=run.entry_key,
        status=stands.status,
        next=stands.next,
        next_at=stands.at,
        failure=run.failure if run.ended_at is None else None,
        version=run.version,
        move_to=run.move_to if run.ended_at is None else None,
        move_refused=run.move_refused,
        entered_by=run.entered_by,
        segment=run.segment,
        holdout=run.holdout,
        entered_at=run.entered_at,
        waits_until=run.waits_until if run.ended_at is None else None,
        started_at=run.started_at,
        ended_at=run.ended_at,
        outcome=run.outcome or run.exit_reason,
        ended_by=run.ended_by,
        workflow_id=run.workflow_id,
        temporal_url=_temporal_url(config, run.workflow_id),
    )


def _temporal_url(config: ApiConfig, workflow: str) -> str | None:
    if not config.temporal_ui_url:
        return None
    return f"{config.temporal_ui_url}/namespaces/{config.temporal_namespace}/workflows/{workflow.replace('/', '%2F')}"


def message(found: Message) -> RunMessage:
    """A message of a run as the API shows it."""
    return RunMessage.model_validate(found, from_attributes=True)


def called(found: CallRow) -> RunCall:
    """A call of a run as the API shows it."""
    return RunCall.model_validate(found, from_attributes=True)

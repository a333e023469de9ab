"""What the calls about segments take and answer, as OpenAPI shows it."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from api.problems import Fault, Problem
from segments import DefinitionError, Effect, Segment
from segments.concerns import Concern
from segments.overview import Overview
from segments.predicate import Predicate, event_types, trait_names
from segments.why import Finding
from segments.wire import predicate_from_json
from store.segments import Member

NAME = r"^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$"
Name = Annotated[str, Path(pattern=NAME, description="the segment's name", examples=["abandoned-cart"])]
_Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
_STEP = re.compile(r"[^.\[\]]+")
_EXAMPLE = {
    "all": [
        {"did": "Product Added", "within": 86400},
        {"not": {"did": "Order Completed", "since_last": "Product Added"}},
    ]
}
Definition = Annotated[
    dict[str, Any],
    Field(
        description="the predicate as JSON, as `GET /v1/segments/{name}` shows it (`all`, `any`, `not`, `did`, `trait`, …;"
        " windows in seconds)",
        examples=[_EXAMPLE],
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EffectBody(_Body):
    """What messages to this segment are meant to achieve."""

    base_rate: float = Field(gt=0, lt=1, description="the share that converts anyway", examples=[0.03])
    lift: float = Field(gt=-1, lt=1000, description="the relative change upon it; 0.1 is ten per cent more", examples=[0.1])


class SegmentBody(_Body):
    """A segment as a product team defines it."""

    predicate: Definition
    owner: Annotated[_Line, Field(min_length=1, description="who answers for it", examples=["growth-team"])]
    description: _Line = ""
    review_by: date | None = Field(default=None, description="until when it is trusted; then it shows as overdue")
    effect: EffectBody | None = None
    announce: bool = Field(
        default=False,
        description="whether customers who are in it already when it is first evaluated enter journeys (later:"
        " `POST /v1/segments/{name}/announce`); when a definition changes, those whom the change moves always do",
    )

    def segment(self, name: str) -> Segment:
        """The segment.

        Raises:
            Problem: 422, the definition cannot mean anything; with a JSON pointer to the place.
        """
        predicate = predicate_of(self.predicate)
        try:
            effect = Effect(self.effect.base_rate, self.effect.lift) if self.effect else None
        except DefinitionError as error:
            raise unusable(error, "/effect") from None
        try:
            return Segment(name, predicate, self.description, self.owner, self.review_by, effect)
        except DefinitionError as error:
            raise unusable(error, "/predicate") from None


class Question(_Body):
    """A definition that is not saved."""

    predicate: Definition
    limit: int = Field(default=20, ge=1, le=500, description="customers in a preview")


class SegmentView(BaseModel):
    """A segment at a glance."""

    name: str
    version: str = Field(description="changes when the definition's meaning does")
    description: str
    origin: Literal["code", "api"] = Field(description="api: defined by `PUT /v1/segments/{name}`")
    state: Literal["live", "loading", "waiting"] = Field(
        description="loading: a new or changed definition is being evaluated over all customers, and its old version goes on;"
        " waiting: no watch has taken it up yet"
    )
    loaded: float | None = Field(description="while loading, the share of the customers done, 0 to 1")
    members: int
    evaluated_to: datetime | None = Field(description="null until the watch has evaluated this version")
    owner: str
    review_by: date | None
    journeys: list[str] = Field(description="the journeys that its members enter, also through a segment made of it")
    concerns: list["ConcernView"]


class SegmentDetail(SegmentView):
    """A segment with its definition."""

    english: str = Field(description="the definition in words")
    predicate: dict[str, Any] = Field(description="the definition as JSON")
    event_types: list[str] = Field(description="the events that it reads")
    traits: list[str] = Field(description="the traits that it reads")


class ConcernView(BaseModel):
    """A reason not to trust a segment as it stands."""

    id: str = Field(description="GOV-03 too small, GOV-04 too many or overlapping, GOV-05 stale, GOV-10 review overdue")
    kind: str
    segment: str | None = Field(description="null when it is about all of them")
    sentence: str


class Announced(BaseModel):
    """What an announcement did."""

    announced: int = Field(description="members who enter journeys by it")
    remaining: int = Field(description="members who are still to be announced; call again until it is 0")


class Counted(BaseModel):
    """How many customers a definition is true of."""

    members: int
    at: datetime
    english: str = Field(description="the definition in words")


class MemberView(BaseModel):
    """A customer in a segment, with the traits that its definition names."""

    customer_id: UUID
    entered_at: datetime | None = Field(description="null in the preview of a definition that is not saved")
    traits: dict[str, Any]


class MemberPage(BaseModel):
    """Some members, by customer id."""

    members: list[MemberView]
    next: UUID | None = Field(description="pass as `after` for the following page; null on the last one")


class DayView(BaseModel):
    """A UTC day of a segment."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    entered: int
    left: int
    size: int = Field(description="members at the day's end: today's, counted back")


class FindingView(BaseModel):
    """One part of the definition, for one customer."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    holds: bool
    saw: Any = Field(default=None, description="the trait's value, or how many events counted and the last one")
    changes_at: datetime | None = Field(description="when time alone next changes its truth; null: never")
    parts: list["FindingView"]


class WhyView(BaseModel):
    """Why a customer is or is not in a segment."""

    customer_id: UUID
    segment: str
    at: datetime
    member: bool = Field(description="as the watch has written it")
    entered_at: datetime | None
    complete: bool = Field(description="false: the customer has more events than were looked at")
    finding: FindingView


class CoverageView(BaseModel):
    """A trait: who has it, and how fresh it is."""

    trait: str
    having: int = Field(description="of the customers looked at")
    share: float = Field(description="0 to 1")
    newest_at: datetime | None = Field(description="when a value last came; null: it is not known")
    median_at: datetime | None
    outdated: int = Field(description="values older than asked for")


class CoverageReport(BaseModel):
    """Coverage and freshness of every trait."""

    customers: int = Field(description="customers looked at; a sample when there are very many")
    traits: list[CoverageView]


def predicate_of(definition: dict[str, Any]) -> Predicate:
    """The predicate of a body; an error in `all[1].within` points to `/predicate/all/1/within`.

    Raises:
        Problem: 422, with a JSON pointer to the place.
    """
    try:
        return predicate_from_json(definition)
    except DefinitionError as error:
        steps = [] if "(" in error.place else _STEP.findall(error.place)
        raise unusable(error, "/".join(["/predicate", *steps])) from None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise unusable(DefinitionError("", f"cannot be read: {type(error).__name__}"), "/predicate") from None


def unusable(error: DefinitionError, pointer: str) -> Problem:
    """A definition's error as a problem."""
    fault = Fault(pointer=pointer, detail=error.problem)
    return Problem(422, f"the definition cannot be used: {error}", code="invalid-definition", errors=[fault])


def view(seen: Overview) -> SegmentView:
    """A segment at a glance."""
    return SegmentView.model_validate(_plain(seen))


def detail(seen: Overview) -> SegmentDetail:
    """A segment with its definition."""
    predicate = seen.known.segment.predicate
    return SegmentDetail.model_validate(
        _plain(seen)
        | {
            "english": str(predicate),
            "predicate": predicate.to_json(),
            "event_types": sorted(event_types(predicate)),
            "traits": sorted(trait_names(predicate)),
        }
    )


def concern(found: Concern) -> ConcernView:
    """A concern as the API shows it."""
    return ConcernView(id=found.id, kind=found.kind, segment=found.segment, sentence=found.sentence)


def member(found: Member) -> MemberView:
    """A customer as the API shows them."""
    return MemberView(customer_id=found.profile_id, entered_at=found.entered_at, traits=found.traits)


def finding(found: Finding) -> FindingView:
    """A finding with its parts."""
    return FindingView.model_validate(found)


def _plain(seen: Overview) -> dict[str, Any]:
    segment = seen.known.segment
    return {
        "name": segment.name,
        "version": segment.version,
        "description": segment.description,
        "origin": seen.known.origin,
        "state": seen.state,
        "loaded": seen.loaded,
        "members": seen.members,
        "evaluated_to": seen.evaluated_to,
        "owner": segment.owner,
        "review_by": segment.review_by,
        "journeys": list(seen.journeys),
        "concerns": [concern(each) for each in seen.concerns],
    }

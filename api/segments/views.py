"""What the calls about segments answer, as OpenAPI shows it."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from segments.ask.concerns import Concern
from segments.ask.overview import Overview, State
from segments.ask.why import Finding
from segments.define.naming import veiled, without_names
from segments.define.snapshots import taken_as_now
from segments.language.moves import event_types, trait_names
from segments.leaves.people import mentions
from store.segments.rows import Member
from store.segments.snapshots import Snapshot


class ConcernView(BaseModel):
    """A reason not to trust a segment as it stands."""

    id: str = Field(
        description="GOV-03 too small, GOV-04 too many or overlapping, GOV-05 stale, GOV-06 stale model,"
        " GOV-10 review overdue or cannot be read, PRO-04 unknown time zones,"
        " JRN-19 a journey waits for a segment that nobody has defined"
    )
    kind: str
    segment: str | None = Field(description="null when it is about all of them")
    sentence: str


class SegmentView(BaseModel):
    """A segment at a glance."""

    name: str
    version: str = Field(description="changes when the definition's meaning does, also through a segment that it names")
    description: str
    origin: Literal["code", "api"] = Field(description="api: defined by `PUT /v1/segments/{name}`")
    state: State = Field(
        description="loading: a new or changed definition is being evaluated over all customers, and its old version goes on;"
        " waiting: no watch has taken it up yet"
    )
    loaded: float | None = Field(description="while loading, the share of the customers done, 0 to 1")
    members: int
    evaluated_to: datetime | None = Field(description="null until the watch has evaluated this version")
    owner: str
    review_by: date | None
    journeys: list[str] = Field(description="the journeys that its members enter, also through a segment made of it")
    concerns: list[ConcernView]


_HINTS = (
    "why it may be true of nobody though it is valid: names never received, and values of another kind than it compares with"
    " (by a sample of the newest customers and events)"
)


class CheckedView(BaseModel):
    """What a definition means, and what it reads."""

    english: str = Field(description="the definition in words")
    made_of: list[str] = Field(description="the segments that its definition names, also through others")
    event_types: list[str] = Field(description="the events that it reads")
    traits: list[str] = Field(description="the traits that it reads")
    hints: list[str] = Field(description=_HINTS)


class SegmentDetail(SegmentView, CheckedView):
    """A segment with its definition."""

    predicate: dict[str, Any] = Field(
        description="the definition as JSON, other segments by their names; with … in the place of what names people (ids,"
        " addresses, names) for a key that may not be shown personal data"
    )


class Announced(BaseModel):
    """What an announcement did."""

    announced: int = Field(description="members who enter journeys by it")
    remaining: int = Field(description="members who are still to be announced; call again until it is 0")


class Counted(BaseModel):
    """How many customers a definition is true of."""

    members: int
    looked_at: int | None = Field(
        default=None, description="of how many customers that is estimated; null: everybody was counted"
    )
    at: datetime
    english: str = Field(description="the definition in words")
    hints: list[str] = Field(description=_HINTS)


class MemberView(BaseModel):
    """A customer in a segment, with the traits that its definition names."""

    customer_id: UUID
    entered_at: datetime | None = Field(description="null in the preview of a definition that is not saved")
    traits: dict[str, Any]


class Previewed(BaseModel):
    """Some customers of whom a definition is true."""

    customers: list[MemberView]
    hints: list[str] = Field(description=_HINTS)


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
    size: int | None = Field(description="members at the day's end: today's, counted back; null before it was first evaluated")


class FindingView(BaseModel):
    """One part of the definition, for one customer."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    holds: bool
    saw: Any = Field(
        default=None,
        description="what it looked at: the trait's value; how many events counted and the last one; how far away; the points"
        " of each rule; the amount and the threshold …",
    )
    changes_at: datetime | None = Field(description="when time alone next changes its truth; null: never")
    parts: list["FindingView"]
    how: Literal["all", "any", "not", "member_of", "score"] | None = Field(description="how the parts are combined; null: none")


class WhyView(BaseModel):
    """Why a customer is or is not in a segment."""

    customer_id: UUID
    segment: str
    at: datetime
    member: bool = Field(description="as the watch has written it")
    entered_at: datetime | None
    complete: bool = Field(description="false: the customer has more events than were looked at")
    finding: FindingView


class SnapshotView(BaseModel):
    """A list that is a snapshot of a segment."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    list_name: str = Field(alias="list")
    segment: str
    version: str = Field(description="of the segment's definition, as it was then")
    at: datetime = Field(description="who was in at this instant is on the list")
    state: Literal["evaluating", "writing", "finished"]
    members: int = Field(description="how many were in")
    written: int = Field(description="how many of them are on the list so far")
    taken_as_now: list[str] = Field(description="what the definition looks at that was taken as of `made_at` instead of `at`")
    by: str = Field(description="whose key made it")
    made_at: datetime


def view(seen: Overview) -> SegmentView:
    """A segment at a glance."""
    return SegmentView.model_validate(_plain(seen))


def detail(seen: Overview, hints: list[str], hidden: Collection[str] | None) -> SegmentDetail:
    """A segment with its definition: all of it, or without what names people, also by these traits (`hidden`)."""
    predicate = seen.known.segment.predicate
    words = predicate if hidden is None else without_names(predicate, hidden)
    written = seen.known.written if hidden is None else veiled(seen.known.written, hidden)
    return SegmentDetail.model_validate(
        _plain(seen)
        | {
            "english": str(words),
            "predicate": written,
            "made_of": sorted(mentions(predicate)),
            "event_types": sorted(event_types(predicate)),
            "traits": sorted(trait_names(predicate)),
            "hints": hints,
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


def snapshot(found: Snapshot) -> SnapshotView:
    """A snapshot as the API shows it; what was taken as of its making is told where it was made later than its instant."""
    return SnapshotView(
        list_name=found.list_name,
        segment=found.segment,
        version=found.version,
        at=found.as_of,
        state=found.state,
        members=found.members,
        written=found.written,
        taken_as_now=taken_as_now(found) if found.as_of < found.started_at else [],
        by=found.by,
        made_at=found.started_at,
    )


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

"""Entering a journey: whether a customer may, and what the run is then. Pure decisions, the same for every way in.

Promise: the same entry, told twice or by two at once, is one run; who may not enter hears why, with what it was decided on.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from journeys.arms import Lot
from journeys.contracts import JourneySpec, Purpose, Reason
from journeys.policies import After, GlobalHoldout, Limits, Once, PerKey, Restart, Whenever
from journeys.room import deadline, earliest
from segments.language.chance import draw

#: A key is part of what makes a run unique, so it has a limit; longer values are replaced by their hash.
_KEY_LENGTH = 200

TOO_LATE = "too late"
ALREADY_RUNNING = "already running"
ALREADY_WAITING = "already waiting to enter"
ENTERED_BEFORE = "entered before"
COOLING_DOWN = "cooling down"
NO_KEY = "no entry key"
UNLIKE_DECLARED = "event not as declared"
UNDECIDED = "cannot be decided"
STARTED_TOO_OFTEN = "started too often by journeys"

#: How often journeys may start a customer's journeys, all together, in any span of that length: a net under circles of starts.
MOST_STARTS, STARTS_WITHIN = 50, timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """A customer's earlier runs of a journey (with the same key, where it enters per key)."""

    running: bool
    runs: int
    last_ended_at: datetime | None
    last_entered_at: datetime | None = None
    #: Whether the one that runs still waits to be let in.
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody does not enter, and what that was decided on."""

    reason: str
    told: Mapping[str, Any] = field(default_factory=dict)


class Standing(Protocol):
    """What an entry finds: the customer, the id by which they are drawn, and their earlier runs of the journey (and key)."""

    @property
    def profile_id(self) -> UUID: ...  # noqa: D102
    @property
    def drawn_as(self) -> UUID: ...  # noqa: D102
    @property
    def open_id(self) -> UUID | None: ...  # noqa: D102
    @property
    def runs(self) -> int: ...  # noqa: D102
    @property
    def last_ended_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def last_entered_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def waiting(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody is to enter a journey: by a segment, by API or by another journey, since when, and with what."""

    spec: JourneySpec
    by: Literal["segment", "api", "journey", "campaign"]
    at: datetime
    key: str = ""
    control: str = "live"
    segment: str | None = None
    #: The predictions that brought them here and leave a share of those alone whom they let in.
    foretold: Mapping[str, float] = field(default_factory=dict)
    transition_id: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    traceparent: str | None = None
    version: str | None = None
    #: What is wrong with the entering event, by the model that the journey declares of it.
    unlike: Mapping[str, str] = field(default_factory=dict)
    #: How often journeys have started one of the customer's runs in the last `STARTS_WITHIN`, where a journey asks.
    started: int = 0
    campaign: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to open; `instead_of` is the one that ends for it. It waits to be let in where its journey has limits."""

    id: UUID
    journey: str
    profile_id: UUID
    entry_key: str
    entered_by: str
    entered_at: datetime
    workflow_id: str
    created_at: datetime
    segment: str | None = None
    transition_id: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)
    holdout: bool = False
    foretold: Mapping[str, float] | None = None
    idempotency_key: str | None = None
    traceparent: str | None = None
    version: str | None = None
    waits_from: datetime | None = None
    waits_until: datetime | None = None
    instead_of: UUID | None = None
    campaign: UUID | None = None
    #: Only of a run that has no workflow, since its campaign carries its message: then it is begun as soon as it is there.
    started_at: datetime | None = None


def let_in(entry: Entry, found: Standing, now: datetime) -> NewRun | Refused:
    """The run that an entry opens, or why it opens none."""
    past = Past(found.open_id is not None, found.runs, found.last_ended_at, found.last_entered_at, found.waiting)
    if refused := why_refused(entry, past, now):
        return refused
    if entry.spec.limits is None:
        return _new_run(entry, found, now)
    wait = in_line(entry, found.drawn_as, now)
    return wait if isinstance(wait, Refused) else replace(_new_run(entry, found, now), waits_from=wait[0], waits_until=wait[1])


def in_line(entry: Entry, drawn_as: UUID, now: datetime) -> tuple[datetime, datetime] | Refused:
    """From when on, and until when, somebody waits to be let in where a journey has limits; or why they never will be."""
    from_when = earliest(entry.spec, drawn_as, entry.at, now)
    if isinstance(from_when, datetime):
        return from_when, deadline(entry.spec, entry.at)
    limits = entry.spec.limits or Limits()
    told = {"opens": limits.opens, "closes": limits.closes}
    return Refused(from_when, {name: at.isoformat() for name, at in told.items() if at is not None})


def why_refused(entry: Entry, past: Past, now: datetime) -> Refused | None:
    """Why somebody may not enter, or None when they may: the switch, the event, the journey's own rules."""
    if entry.control == "killed" or (entry.control == "paused" and entry.by == "api"):  # who would lose them is told
        return Refused(f"journey {entry.control}")
    if entry.started >= MOST_STARTS:
        return Refused(STARTED_TOO_OFTEN, {"starts": entry.started, "within": str(STARTS_WITHIN)})
    if refused := refusal(entry.spec, entry.key, past, entry.at, now):
        return refused
    return Refused(UNLIKE_DECLARED, {"fields": dict(entry.unlike)}) if entry.unlike else None


def is_told(reason: str, runs: int, *, again: bool) -> bool:
    """Whether a refusal is one to tell: what people do again while they are known here is no entry that was refused.

    What they do of something new (another cart), or not as declared, is.
    """
    return not again or reason == UNLIKE_DECLARED or (not runs and reason != ALREADY_RUNNING)


def refusal(spec: JourneySpec, key: str, past: Past, entered_at: datetime, now: datetime) -> Refused | None:
    """Why the journey's own rules do not let somebody in, or None when they do.

    A cooldown counts from the end of the last run. An entry that is noticed later than the journey allows is too late. What
    happened before the newest run began, or before it ended, brings nobody in again.
    """
    if now - entered_at > spec.max_lateness:
        return Refused(TOO_LATE, {"noticed_after": str(now - entered_at), "max_lateness": str(spec.max_lateness)})
    if isinstance(spec.reentry, PerKey) and not key:
        return Refused(NO_KEY, {"property": spec.reentry.property})
    return _while_running(spec, past, entered_at) if past.running else _once_more(spec, past, entered_at)


def _once_more(spec: JourneySpec, past: Past, entered_at: datetime) -> Refused | None:
    match spec.reentry:
        case Once() | PerKey() if past.runs:
            return Refused(ENTERED_BEFORE, {"runs": past.runs})
        case After(cooldown) if past.last_ended_at and entered_at < past.last_ended_at + cooldown:
            again = {"last_ended_at": past.last_ended_at.isoformat(), "again_at": (past.last_ended_at + cooldown).isoformat()}
            return Refused(COOLING_DOWN, again)
        case Restart() | Whenever() if _is_older(entered_at, past):
            return Refused(ENTERED_BEFORE, {"runs": past.runs})
    return None


def _while_running(spec: JourneySpec, past: Past, entered_at: datetime) -> Refused | None:
    """Nobody is in a journey twice; where each entry begins anew, a newer one than the running one's ends that."""
    if isinstance(spec.reentry, Restart) and past.last_entered_at is not None and entered_at > past.last_entered_at:
        return None
    told = {"since": past.last_entered_at.isoformat()} if past.last_entered_at else {}
    return Refused(ALREADY_WAITING if past.waiting else ALREADY_RUNNING, told)


def _is_older(entered_at: datetime, past: Past) -> bool:
    """Whether an entry is one that the last run began with, or one that came while it went on."""
    began = past.last_entered_at is not None and entered_at <= past.last_entered_at
    return began or (past.last_ended_at is not None and entered_at < past.last_ended_at)


def _new_run(entry: Entry, found: Standing, now: datetime) -> NewRun:
    spec, id_ = entry.spec, UUID(str(uuid7()))
    return NewRun(
        id=id_,
        journey=spec.name,
        profile_id=found.profile_id,
        entry_key=entry.key,
        entered_by=entry.by,
        entered_at=entry.at,
        workflow_id=workflow_id(spec.name, found.profile_id, id_),
        created_at=now,
        segment=entry.segment,
        transition_id=entry.transition_id,
        params=entry.params,
        entry=entry.properties,
        holdout=is_left_alone(spec, entry.foretold, found.drawn_as),
        foretold=entry.foretold or None,
        idempotency_key=entry.idempotency_key,
        traceparent=entry.traceparent,
        version=entry.version,
        instead_of=found.open_id,
        campaign=entry.campaign,
    )


def entry_key(spec: JourneySpec, properties: dict[str, Any]) -> str:
    """The value of the journey's re-entry property in the entering event, or nothing."""
    if not isinstance(spec.reentry, PerKey):
        return ""
    return short_key(str(properties.get(spec.reentry.property) or ""))


def short_key(value: str) -> str:
    """A key as it is stored."""
    return value if len(value) <= _KEY_LENGTH else hashlib.sha256(value.encode()).hexdigest()


def workflow_id(journey: str, customer_id: UUID, run_id: UUID) -> str:
    """The workflow's id: readable, sortable under its customer, unique for ever, and without personal data."""
    return f"{journey}/{customer_id}/{run_id.hex[-12:]}"


def is_held_out(spec: JourneySpec, customer_id: UUID) -> bool:
    """Whether a customer is in a journey's holdout: by hash, so it never changes and a new journey moves nobody."""
    return draw(f"holdout/{spec.name}/{customer_id}".encode(), 8) / 2**64 < spec.holdout


def left_alone(foretold: Mapping[str, float], drawn_as: UUID) -> dict[str, Lot]:
    """Of each prediction by which somebody came in, by its share: whether it leaves them alone.

    By hash, so that it is the same in all journeys and campaigns, and independent of every journey's own holdout.
    """
    lots = ((name, share, draw(f"prediction/{name}/{drawn_as}".encode(), 8) / 2**64) for name, share in foretold.items())
    return {name: Lot(share, lot < share) for name, share, lot in lots}


def is_left_alone(spec: JourneySpec, foretold: Mapping[str, float], drawn_as: UUID) -> bool:
    """Whether a run is withheld everything: by its journey's holdout, or by that of a prediction that let the customer in."""
    return is_held_out(spec, drawn_as) or any(each.held for each in left_alone(foretold, drawn_as).values())


def holdouts(
    spec: JourneySpec, foretold: Mapping[str, float], drawn_as: UUID, *, withheld: bool
) -> tuple[bool, dict[str, Lot]]:
    """By what a run is withheld everything, as it was when it began: by its journey's holdout, by those of predictions."""
    left = {name: Lot(each.share, each.held and withheld) for name, each in left_alone(foretold, drawn_as).items()}
    return withheld and (not any(each.held for each in left.values()) or is_held_out(spec, drawn_as)), left


def is_held_out_of_all(holdout: GlobalHoldout | None, drawn_as: UUID) -> bool:
    """Whether a customer gets no marketing from any journey: by hash, independent of each journey's own holdout."""
    return holdout is not None and draw(f"global-holdout/{holdout.salt}/{drawn_as}".encode(), 8) / 2**64 < holdout.share


def withheld(spec: JourneySpec, company: GlobalHoldout | None, drawn_as: UUID, *, holdout: bool) -> Reason | None:
    """By which holdout nobody is told anything of a customer, and no experiment has them: the company's is one of marketing."""
    if spec.purpose is Purpose.MARKETING and is_held_out_of_all(company, drawn_as):
        return Reason.GLOBAL_HOLDOUT
    return Reason.HOLDOUT if holdout else None


def lot(experiment: str, drawn_as: UUID, shares: Mapping[str, float]) -> str:
    """The arm of an experiment that somebody is drawn into: by hash, independent of every other experiment and holdout."""
    place = draw(f"experiment/{experiment}/{drawn_as}".encode(), 8) / 2**64
    for arm, share in shares.items():
        if place < share:
            return arm
        place -= share
    return arm

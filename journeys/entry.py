"""Entering a journey: whether a customer may, and under which ids. Pure decisions, shared by the watch and the API."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from journeys.contracts import After, JourneySpec, Once, PerKey
from segments.language.chance import draw

#: A key is part of what makes a run unique, so it has a limit; longer values are replaced by their hash.
_KEY_LENGTH = 200

TOO_LATE = "too late"
ALREADY_RUNNING = "already running"
ENTERED_BEFORE = "entered before"
COOLING_DOWN = "cooling down"
NO_KEY = "no entry key"
KILLED = "journey killed"
UNLIKE_DECLARED = "event not as declared"
PARAMS_UNLIKE = "parameters not as declared"


@dataclass(frozen=True, slots=True)
class Past:
    """A customer's earlier runs of a journey (with the same key, where it enters per key)."""

    running: bool
    runs: int
    last_ended_at: datetime | None


def refusal(spec: JourneySpec, key: str, past: Past, entered_at: datetime, now: datetime) -> str | None:
    """Why an entry does not open a run, or None when it does.

    A cooldown counts from the end of the last run. An entry that is noticed later than the journey allows is too late.
    """
    if now - entered_at > spec.max_lateness:
        return TOO_LATE
    if isinstance(spec.reentry, PerKey) and not key:
        return NO_KEY
    if past.running:
        return ALREADY_RUNNING
    match spec.reentry:
        case Once() | PerKey() if past.runs:
            return ENTERED_BEFORE
        case After(cooldown) if past.last_ended_at and entered_at < past.last_ended_at + cooldown:
            return COOLING_DOWN
    return None


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


def lot(experiment: str, drawn_as: UUID, shares: Mapping[str, float]) -> str:
    """The arm of an experiment that somebody is drawn into: by hash, independent of every other experiment and holdout."""
    place = draw(f"experiment/{experiment}/{drawn_as}".encode(), 8) / 2**64
    for arm, share in shares.items():
        if place < share:
            return arm
        place -= share
    return arm

"""Why code could not go on with what a run has done, in words: which journey, after which step, what was done there.

Promise: of a history only names are told: journey, template, event, the summary of a wait; of an error its kind and place.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from journeys.errors import JourneyError
from workers.listening import Asked
from workers.replaying import Replayed

_PLACE = re.compile(r"HistoryEvent\(id: (\d+)")
_NOW = re.compile(r"Nondeterminism error: (\w[\w ]*?) machine does not handle")
_MACHINES = {
    "Timer": "waits",
    "Activity": "sends a message, or asks",
    "LocalActivity": "asks, or begins to wait for something to happen",
    "Complete workflow": "is over",
    "Cancel timer": "waits no longer",
}

#: What a step that leaves no words was for, by its activity.
_QUESTIONS = {
    "call": "the answer of a service",
    "expect": "what it waits for",
    "opens": "when a window opens",
    "when": "when a moment comes",
    "arm": "the arm of an experiment",
    "foretold": "what a prediction says",
    "is_in": "whether they are in a segment",
    "reached": "whether something is so",
}
#: An error of ours, raised where the engine looks for the journey: its sentence says all.
_SENTENCE = re.compile(r"^\w+Error: (.*) at \S*journeys/(?:catalogue|temporal/\w+)\.py:\d+$", re.DOTALL)
_LOCAL = "core_local_activity"
_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Runs that the code could not go on with, for one reason: at the same place of the same journey."""

    journey: str
    step: str
    cause: str
    people: int
    runs: int
    example: str


def unfit(found: Iterable[Replayed]) -> list[Unfit]:
    """Those that did not replay, the most people first."""
    groups: dict[tuple[str, str, str], list[WorkflowHistory]] = {}
    for replayed in found:
        if replayed.error is not None:
            key = journey_of(replayed.history), *place_and_cause(replayed)
            groups.setdefault(key, []).append(replayed.history)
    told = [Unfit(*key, people_in(group), len(group), group[0].workflow_id) for key, group in groups.items()]
    return sorted(told, key=lambda each: (-each.people, each.journey, each.step))


def journey_of(history: WorkflowHistory) -> str:
    """The journey whose run it is."""
    return str(_started(history).workflow_type.name)


def is_over(history: WorkflowHistory) -> bool:
    """Whether the run has ended, so that no code has to go on with it."""
    return history.events[-1].event_type in _ENDS


def people_in(histories: Iterable[WorkflowHistory]) -> int:
    """How many customers they are about."""
    return len({_input(_started(history))["customer_id"] for history in histories})


def place_and_cause(replayed: Replayed) -> tuple[str, str]:
    """After which step, and why."""
    text, events = str(replayed.error), replayed.history.events
    other = _other(replayed)
    before = events[: other[0].event_id - 1] if other is not None else events
    if isinstance(replayed.error, JourneyError):
        return _after(before), text
    if not isinstance(replayed.error, NondeterminismError):
        told = re.search(r'message: "((?:[^"\\]|\\.)*)"', text)
        return _after(before), _SENTENCE.sub(r"\1", (told[1] if told else replayed.why_not or "").replace("\\'", "'"))
    number = _PLACE.search(text)
    event = events[int(number[1]) - 1] if number and int(number[1]) <= len(events) else None
    if other is not None and (event is None or other[0].event_id <= event.event_id):
        event, does = other[0], f"asks for {other[1].words}"
    else:
        now = _NOW.search(text)
        does = _MACHINES.get(now[1], "does something else") if now else "does nothing of the kind"
    did = _told(event) if event is not None else "took a step"
    return _after(events[: event.event_id - 1] if event else events), f"there the run {did}; the code {does}"


def _other(replayed: Replayed) -> tuple[HistoryEvent, Asked] | None:
    """The first of what the run asked for where the code asks for something else, and what that is."""
    did = [(event, asked) for event in replayed.history.events if (asked := _asked(event)) is not None]
    both = zip(did, replayed.asked, strict=False)
    return next(((event, now) for (event, was), now in both if not _same(was, now)), None)


def _same(was: Asked, now: Asked) -> bool:
    named = was.activity != "deliver" or was.words == now.words
    return named and (was.activity, was.local) == (now.activity, now.local)


def _asked(event: HistoryEvent) -> Asked | None:
    """What an event of a history asked for."""
    if event.HasField("activity_task_scheduled_event_attributes"):
        asked = event.activity_task_scheduled_event_attributes
        given = _input(asked)
        message = f"{given['channel']} {given['template']}" if "template" in given else ""
        return Asked(asked.activity_type.name, message or _summary(event) or asked.activity_type.name)
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == _LOCAL:
        activity = json.loads(marker.details["data"].payloads[0].data)["activity_type"]
        return Asked(activity, _QUESTIONS.get(activity, activity), local=True)
    return None


def _after(events: Iterable[HistoryEvent]) -> str:
    """The last step before a place, as operators know it."""
    steps = [step for event in events if (step := _step(event))]
    return f"after {steps[-1]}" if steps else "at its beginning"


def _step(event: HistoryEvent) -> str | None:
    if event.HasField("timer_started_event_attributes"):
        return _summary(event) or "a wait"
    asked = _asked(event)
    return asked.words if asked is not None else None


def _told(event: HistoryEvent) -> str:
    step = _step(event)
    if step is None:
        return f"came to {re.sub(r'(?<!^)(?=[A-Z])', ' ', _kind(event)).lower()}"
    return f"waited: {step}" if event.HasField("timer_started_event_attributes") else f"asked for {step}"


def _kind(event: HistoryEvent) -> str:
    named = event.WhichOneof("attributes") or "a step"
    return "".join(part.capitalize() for part in named.removesuffix("_event_attributes").split("_"))


def _summary(event: HistoryEvent) -> str:
    data = event.user_metadata.summary.data
    return str(json.loads(data)) if data else ""


def _started(history: WorkflowHistory) -> Any:
    return history.events[0].workflow_execution_started_event_attributes


def _input(attributes: Any) -> dict[str, Any]:
    payloads: Iterator[Any] = iter(attributes.input.payloads)
    first = next(payloads, None)
    found: dict[str, Any] = json.loads(first.data) if first is not None else {}
    return found

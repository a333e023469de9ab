"""What a walk says of a question, of what a message carries, and of each way in which a wait or a call may end."""

from collections.abc import Iterator, Mapping
from typing import Any

from journeys.actions import Call, Called
from journeys.authoring import JourneyDefinition
from journeys.contracts import Plain, Reason
from journeys.heard import Expect, OfPeople
from journeys.questions import Question, Reached
from journeys.walk.samples import fetched
from segments.language.wire import predicate_from_json


def told_of(question: Question) -> str:
    """A question in words."""
    return f"{predicate_from_json(question.predicate)}?" if isinstance(question, Reached) else question.summary


def carried(values: Mapping[str, Any]) -> str:
    """Names and values in words."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def comings(expect: Expect) -> Iterator[tuple[str, str, dict[str, Plain]]]:
    """Each way in which a wait may end well: in words, by name, and with each outcome of a task."""
    for name, expected in expect.expected.items():
        choices = expected.choices if isinstance(expected, OfPeople) else ()
        for choice in choices:
            yield f"{name}: {choice}", name, {"outcome": choice}
        if not choices:
            yield name, name, {}


def outcomes(call: Call, definition: JourneyDefinition) -> Iterator[tuple[str, Called]]:
    """Each way in which a call may end, in words."""
    given = fetched(definition, call.gives) if call.gives else [{}]
    for values in given:
        chosen = ", ".join(f"{name}={value}" for name, value in values.items() if value != given[0].get(name))
        yield chosen or ("answered" if call.fetch else "done"), Called(values=values, status=200)
    yield Reason.NO_ANSWER.value, Called(reason=Reason.NO_ANSWER)
    yield Reason.SAID_NO.value, Called(reason=Reason.SAID_NO, status=404)
    if call.fetch:
        yield Reason.UNLIKE_DECLARED.value, Called(reason=Reason.UNLIKE_DECLARED)

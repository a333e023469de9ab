"""What a walk says of a question, of what a message carries, and of each way in which a wait may end well."""

from collections.abc import Iterator, Mapping
from typing import Any

from journeys.contracts import Plain
from journeys.heard import Expect, OfPeople
from journeys.questions import Question, Reached
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

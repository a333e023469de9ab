"""What an author says of a step besides what it is: for whom, with what, by when, to whom it goes on.

Promise: every argument of a word that reaches people has a name here, so that a change of it can be told.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from journeys.actions import Call, SetTraits, StartJourney, Track
from journeys.catalogue import asked as asked_about
from journeys.contracts import DeliverRequest, JourneySpec
from journeys.gate.moment import Moment
from journeys.heard import Expect, Expected, OfEvents, OfMessages, OfPeople
from journeys.policies import Conversion, Within
from journeys.questions import Arm, Choosing, Question, Reached, Understand, When
from journeys.spans import describe

#: Of a message or a call: its params; of an experiment: its shares; of traits and events: their values.
WITH = "with"
ONLY = "only for"
PURPOSE = "purpose"
#: What it means where nothing is said; else nothing.
UNSAID = {ONLY: "everybody"}

_CARRIED: dict[type[Question], str] = {
    Arm: "shares",
    Call: "params",
    SetTraits: "traits",
    StartJourney: "params",
    Track: "properties",
}


def of_message(request: DeliverRequest, spec: JourneySpec) -> dict[str, str]:
    """A message: what it says otherwise than its journey, and what it carries."""
    useful = request.useless_after - request.due_at
    return _said(
        {
            WITH: carried(request.params),
            ONLY: request.only or request.suits,
            PURPOSE: request.purpose.value,
            "useless after": describe(useful) if useful != spec.useless_after else None,
            "priority": request.priority,
            "window": request.window,
            "send time": request.send_time and Within(request.send_time),
        }
    )


def of_question(question: Question) -> dict[str, str]:
    """What is asked or done: with which values, for how long, with which choices."""
    given = {WITH: carried(getattr(question, _CARRIED.get(type(question), ""), {}))}
    match question:
        case Call():
            given["within"] = describe(question.until - question.at)
        case Choosing():
            given |= {
                of: ", ".join(options)
                for (of, _), options in zip(question.choice["dimensions"], question.dimensions, strict=True)
            }
            given["reward"] = str(Conversion.from_json(question.choice["reward"]))
            given["told apart by"] = ", ".join(name for name, _ in question.choice["context"])
            given["control and floor"] = f"{question.choice['control']:g} and {question.choice['floor']:g}"
            given["method"] = question.choice["method"]
        case Understand():
            given["choices"] = ", ".join(question.choices)
            given["number"] = "" if question.least is None else f"{question.least:g} to {question.most:g}"
    return _said(given)


def of_moment(moment: Moment) -> dict[str, str]:
    """A date in a trait: whether it comes again."""
    return _said({"each year": ("yes" if moment.yearly else "no") if moment.trait else None})


def of_wait(expect: Expect, entered: datetime) -> dict[str, str]:
    """What is waited for, under which names: of a task by when, to whom, with which choices; of events since when."""
    several = len(expect.expected) > 1
    found = {"under the names": ", ".join(expect.expected)} if several else {}
    for name, expected in expect.expected.items():
        found |= {f"{name}: {what}" if several else what: told for what, told in _of_expected(expected, expect, entered)}
    return _said(found)


def _of_expected(expected: Expected, expect: Expect, entered: datetime) -> Iterator[tuple[str, Any]]:
    match expected:
        case OfPeople():
            yield "to", expected.to
            yield "by", expected.by and describe(expected.by - expect.at)
            yield "escalate", expected.escalate
            yield "choices", ", ".join(expected.choices)
            yield "values", ", ".join(expected.values)
        case OfEvents(since=since) | OfMessages(since=since) if since != entered:
            apart = describe(abs(since - entered))
            yield "counted since", f"{apart} {'before' if since < entered else 'after'} entry"
        case OfMessages(occurrence=int(n)) if n > 1:
            yield "message", f"the {n}. of its kind"


def names_in(asked: Question | Expect) -> Iterator[tuple[str, str]]:
    """The traits and properties that a question, an action or a wait names: the kind, and the name."""
    match asked:
        case When(moment=Moment(trait=str(name))):
            yield "trait", name
        case SetTraits(traits=traits):
            yield from (("trait", name) for name in traits)
        case Track(properties=properties):
            yield from (("property", name) for name in properties)
        case Reached(predicate=predicate):
            yield from named(predicate)
        case Choosing(choice=choice):
            yield from named(choice)
        case Expect(expected=expected):
            for each in expected.values():
                yield from named(getattr(each, "predicate", None))


def named(plain: object) -> Iterator[tuple[str, str]]:
    """The same of a predicate, as JSON."""
    yield from ((kind, name) for kind in ("trait", "property") for name in asked_about(kind, plain))


def carried(values: Mapping[str, Any]) -> str:
    """Names and values in words."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _said(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None and value != ""}

"""What a catalogue declares, said as its author would: of journeys, services, places, holdouts, prices.

Promise: two values that differ are said differently, whatever kind they are of.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from inspect import formatannotation
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.contexts.context import Context
from journeys.contracts import JourneySpec, QuietHours
from journeys.policies import GlobalHoldout, Limits, Ramp, Topic
from journeys.services import Service
from journeys.spans import describe
from journeys.walk.outline import NONE
from segments import Segment

#: The fields of a declaration that change nothing for people.
_SILENT = {"name", "about"}
#: Of a service: what it is called, and an answer that is for tests.
_OF_NO_CUSTOMER = {"name", "sample"}


def of_journey(definition: JourneyDefinition) -> Iterator[tuple[str, Any]]:
    """What a journey declares, by name."""
    for field in fields(JourneySpec):
        if field.name not in _SILENT:
            value = getattr(definition.spec, field.name)
            yield field.name, limits_of(value) if field.name == "limits" else value
    yield "params", definition.params


def limits_of(limits: Limits | None) -> dict[str, Any]:
    """Those that are declared, by name."""
    return _set(limits) if limits is not None else {}


def of_service(service: Service[Any]) -> dict[str, Any]:
    """What is told of customers to whom, what is asked for, and how often."""
    return {each.name: getattr(service, each.name) for each in fields(service) if each.name not in _OF_NO_CUSTOMER}


def of_context(context: Context[Any]) -> dict[str, Any]:
    """What is asked of whom about a customer's place, how long it is taken for so, and what is so otherwise."""
    return {each.name: getattr(context, each.name) for each in fields(context) if each.name != "name"}


def of_catalogue(catalogue: Catalogue) -> dict[str, Any]:
    """What is declared for all journeys together, by what it is."""
    found: dict[str, Any] = {"the global holdout": catalogue.holdout, "what messages cost": {**catalogue.prices}}
    found |= {f"place {name}": place.rules for name, place in catalogue.places.items()}
    found |= {f"experiment {name}": each for name, each in catalogue.experiments.items()}
    return found | {f"how the trait {name} is read": reading for name, reading in catalogue.readings.items()}


def said(value: Any) -> str:
    """A declared value as its author would say it."""
    if value is None or value in ((), frozenset()):
        return NONE
    for kind, words in _WORDS.items():
        if isinstance(value, kind):
            return words(value)
    if isinstance(value, type) and issubclass(value, BaseModel):
        return ", ".join(_field(name, field) for name, field in value.model_fields.items()) or NONE
    if is_dataclass(value) and not isinstance(value, type) and type(value).__str__ is object.__str__:
        return said(_set(value))
    return str(value)


def _instant(at: datetime) -> str:
    return str(at) if at.second or at.microsecond else f"{at:%Y-%m-%d %H:%M %Z}".strip()


def _number(number: float) -> str:
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


#: How values of each kind are said, whatever they say of themselves.
_WORDS: dict[type, Callable[[Any], str]] = {
    Segment: lambda segment: f"{segment.name}: {segment.predicate}",
    JourneyDefinition: lambda definition: str(definition.name),
    timedelta: describe,
    datetime: _instant,
    tuple: lambda values: ", ".join(map(said, values)),
    Mapping: lambda values: ", ".join(f"{name}: {said(each)}" for name, each in values.items()) or NONE,
    QuietHours: lambda hours: f"{hours.start} to {hours.end}",
    Topic: lambda topic: f"{topic.name} ({said(dict(topic.titles))})",
    GlobalHoldout: lambda holdout: ", ".join(
        [f"{_number(holdout.share)} of all customers, drawn by {holdout.salt}"]
        + [str(each) for each in (holdout.plan, holdout.conversion) if each is not None]
    ),
    Ramp: lambda ramp: f"{', then '.join(map(said, ramp.stages))}, each for {describe(ramp.every)}",
    float: _number,
}


def _set(value: Any) -> dict[str, Any]:
    """The fields of an object that are set."""
    found = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: each for name, each in found.items() if each not in (None, (), {})}


def _field(name: str, field: FieldInfo) -> str:
    kind = formatannotation(field.annotation)
    bounds = f" ({', '.join(map(str, field.metadata))})" if field.metadata else ""
    default = "" if field.is_required() else f" = {field.default!r}"
    return f"{name}: {kind}{bounds}{default}"

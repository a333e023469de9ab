"""Messages that a version sends without what they need: a template that is not there, or that names what nobody passes or has.

Promise: every way through a journey is walked, so that it is told before somebody comes to that message. What the entry segment
of a journey asks for, what its model of the entering event needs, and what a service has to give count as there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo
from temporalio.client import WorkflowHistory

from activities.templates import Templates
from activities.templating.bare import Bare, bare
from activities.versions import UnknownVersion, Versions
from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.contracts import Channel
from journeys.errors import Problem
from journeys.rules import Rule
from journeys.temporal.held import catalogue_of
from journeys.walk.seen import look_through, message_calls
from segments import Segment
from store.versions import VersionInUse
from workers import definitions
from workers.replaying import version_of
from workers.unfit import Unfit, journey_of, people_in

_HOLDS = {"==", ">", ">=", "<", "<="}
Key = tuple[Channel, str]


@dataclass(frozen=True, slots=True)
class Lacking:
    """A message that cannot be sent as it stands."""

    journey: str
    message: str
    text: str


def lacking(catalogue: Catalogue, templates: Templates, journeys: Collection[str]) -> Iterator[Lacking]:
    """The messages of these journeys that lack something."""
    for name in sorted(set(journeys) & set(catalogue.journeys)):
        definition = catalogue.journeys[name]
        for call, error in definitions.lacking(definition, look_through(definition), templates):
            yield Lacking(name, f"{call.request.channel.value} {call.request.template}", error.problems[0].text)


def people_without(catalogue: Catalogue, templates: Templates, histories: Sequence[WorkflowHistory]) -> Iterator[Unfit]:
    """What is lacking in the journeys of these runs, with how many people are in each."""
    for each in lacking(catalogue, templates, {journey_of(history) for history in histories}):
        group = [history for history in histories if journey_of(history) == each.journey]
        yield Unfit(each.journey, each.message, each.text, people_in(group), len(group), group[0].workflow_id)


async def as_begun_without(versions: Versions, histories: Sequence[WorkflowHistory]) -> list[Unfit]:
    """The same, of each version that runs began with; one that cannot be had is told by replaying."""
    found: list[Unfit] = []
    for version in dict.fromkeys(map(version_of, histories)):
        try:
            templates = (await versions.of(version)).templates
        except UnknownVersion:
            continue
        group = [history for history in histories if version_of(history) == version]
        if isinstance(templates, Templates):
            found += people_without(catalogue_of(version), templates, group)
    return found


async def unable(versions: Versions, standing: Iterable[VersionInUse]) -> list[str]:
    """What people in older versions could not be sent with the engine at hand, in sentences; nothing, where all is well."""
    found: list[str] = []
    for each in standing:
        if each.dropped_at is not None or not each.runs:
            continue
        try:
            templates = (await versions.of(each.id)).templates
        except UnknownVersion as unknown:
            found.append(f"{unknown.message}; {each.people} people are in it")
        else:
            wrong = lacking(catalogue_of(each.id), templates, each.journeys) if isinstance(templates, Templates) else ()
            found += [f"version {each.id}, with {each.people} people in it: {w.journey}, {w.message}: {w.text}" for w in wrong]
    return found


def may_lack(catalogue: Catalogue, templates: Templates) -> Iterator[Problem]:
    """Each variable of a template that some journey sends, which may have no value for somebody in it."""
    for key, journeys in _senders(catalogue).items():
        found = [templates.found[key], *templates.translations.get(key, {}).values()] if key in templates.found else []
        for template in found:
            for each in bare(template):
                if not all(_is_there(each, definition, catalogue) for definition in journeys):
                    name = ".".join(each.path)
                    told = f"{name} may have no value, and then the message fails instead of being sent"
                    remedy = f"write {{{{ {name} | default: '…' }}}}, or {{% if {name} %}} around it"
                    file = str(definitions.above(catalogue.module) / template.file)
                    yield Problem(file, each.line, 1, told, False, remedy, Rule.MAY_LACK)


def _senders(catalogue: Catalogue) -> dict[Key, list[JourneyDefinition]]:
    found: dict[Key, dict[str, JourneyDefinition]] = {}
    for name, definition in catalogue.journeys.items():
        for request in message_calls(definition):
            found.setdefault((request.channel, request.template), {})[name] = definition
    return {key: list(senders.values()) for key, senders in found.items()}


def _is_there(variable: Bare, definition: JourneyDefinition, catalogue: Catalogue) -> bool:
    root, *rest = variable.path
    if root == "customer":
        entry = definition.spec.entry
        segment = entry if isinstance(entry, Segment) else catalogue.segments.get(entry or "")
        return segment is not None and ".".join(rest) in _asked_for(segment.predicate.to_json())
    if root == "fetched":
        service = catalogue.services.get(rest[0]) if rest else None
        return service is not None and len(rest) > 1 and _has(service.model, rest[1])
    return bool(rest) and _has(definition.spec.entry_model, rest[0])


def _asked_for(plain: Mapping[str, Any]) -> set[str]:
    """The traits without which the predicate is true of nobody, as far as that stands in its outermost conditions."""
    if isinstance(every := plain.get("all"), list):
        return {name for each in every for name in _asked_for(each)}
    return {plain["trait"]} if plain.get("is") in _HOLDS and isinstance(plain.get("trait"), str) else set()


def _has(model: Any, name: str) -> bool:
    """Whether a model's field always has a value."""
    field: FieldInfo | None = model.model_fields.get(name) if model is not None else None
    return field is not None and NoneType not in get_args(field.annotation) and field.default is not None

"""Messages that a version sends without what they need: a template that is not there, or that names what nobody passes.

Promise: every way through a journey is walked, so that it is told before somebody comes to that message.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from temporalio.client import WorkflowHistory

from activities.templates import Templates
from activities.versions import UnknownVersion, Versions
from journeys.catalogue import Catalogue
from journeys.temporal.held import catalogue_of
from journeys.walk.seen import look_through
from store.versions import VersionInUse
from workers import definitions
from workers.replaying import version_of
from workers.unfit import Unfit, journey_of, people_in


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

"""What is waited for and cannot come: news of messages before any was sent, and what ends the run first.

Promise: says only what is so on every way to the wait, whatever a customer does.
"""

from collections import defaultdict
from collections.abc import Iterator

from journeys.authoring import JourneyDefinition
from journeys.endings import by_events
from journeys.errors import Fault
from journeys.heard import OfEvents, OfMessages
from journeys.rules import Rule
from journeys.walk.explore import ANY_DAY, Effect, Explored, Path


def in_vain(definition: JourneyDefinition, explored: Explored) -> Iterator[tuple[Effect, Fault]]:
    """Each with the wait that it is about."""
    waits: dict[object, list[tuple[Path, int, Effect]]] = defaultdict(list)
    for path in explored.paths:
        for n, effect in enumerate(path.effects):
            if effect.expected and effect.place:
                waits[effect.place, effect.what].append((path, n, effect))
    known = explored.complete and not any(path.unknown for path in explored.paths)
    for met in waits.values():
        _, _, wait = met[0]
        yield from ((wait, fault) for fault in _ended_by(definition, wait))
        news = any(isinstance(each, OfMessages) for each in wait.expected)
        if known and news and not any(_written_before(path, n) for path, n, _ in met):
            told = f"'{wait.what}' waits for news of a message, and none was sent before it: that cannot come"
            yield wait, Fault(told, "send one before it, or do not wait for that", Rule.CANNOT_COME)


def _written_before(path: Path, n: int) -> bool:
    """Whether a message comes before an effect, or beside it in another branch."""
    here = path.effects[n].branch
    return any(effect.request is not None and (m < n or effect.branch != here) for m, effect in enumerate(path.effects))


def _ended_by(definition: JourneyDefinition, wait: Effect) -> Iterator[Fault]:
    endings = [(which or "the goal", predicate.to_json()) for _, which, predicate in by_events(definition.spec)]
    for each in wait.expected:
        if isinstance(each, OfEvents) and each.since >= ANY_DAY:
            for which, predicate in endings:
                if predicate == each.predicate:
                    told = f"'{wait.what}' waits for what ends the run first, {which}: that cannot come"
                    yield Fault(told, "leave it out: nothing is done after it", Rule.CANNOT_COME)

"""What is asked of predictions and no scoring has written down so far: a threshold that is new has no crossings yet.

Promise: reads only. Until the first scoring with it, questions are answered by the scores as they stand, which is what that
scoring writes down; of a prediction that lets nobody new in, that is nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from segments.facts import Event
from segments.language.predicate import Predicate
from segments.leaves.crossed import Foretold, Sorted
from segments.predictions.declared import predictions_in
from store import Connection, crossings, predictions
from store.predictions import PredictionRow


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a definition is not written down: by the type of its events, what asks for it."""

    leaves: Mapping[str, Foretold] = field(default_factory=dict)

    @property
    def types(self) -> frozenset[str]:
        """The types of the events that are to come."""
        return frozenset(self.leaves)


async def waiting(connection: Connection, predicate: Predicate, at: datetime) -> Waiting:
    """What of a definition the next scoring writes down for the first time."""
    leaves = {leaf.kind: leaf for leaf in predictions_in(predicate)}
    if not leaves:
        return Waiting()
    rows = {row.name: row for row in await predictions.found(connection)}
    new = {kind: leaf for kind, leaf in leaves.items() if is_new(leaf, rows.get(leaf.prediction), at)}
    never = await crossings.never_written(connection, new)
    return Waiting({kind: new[kind] for kind in sorted(never)})


def is_new(leaf: Foretold, row: PredictionRow | None, at: datetime) -> bool:
    """Whether the next scoring is the first one that writes down who is in by it, all of them."""
    return row is not None and row.held(at) is None and leaf.kind not in row.settled


async def to_come(connection: Connection, found: Waiting, customer: UUID, at: datetime) -> list[Event]:
    """The events that the next scoring would write of a customer, as the scores stand."""
    names = {leaf.prediction for leaf in found.leaves.values()}
    scores = await crossings.standing(connection, names, customer)
    events = []
    for kind, leaf in found.leaves.items():
        score = scores.get(leaf.prediction)
        if score is not None and leaf.is_so(score["score"], score["label"]):
            told = {"score": score["score"], "version": score["version"], "as_of": score["as_of"].isoformat()}
            events.append(Event(kind, min(score["as_of"], at), {leaf.says: leaf.said} | told))
    return events


def no_such_kind(leaf: Foretold, row: PredictionRow | None) -> str | None:
    """That a prediction sorts nobody into the kind that is asked for, with those into which it does; None where it may."""
    if not isinstance(leaf, Sorted) or row is None or row.card is None:
        return None
    names = sorted(each["name"] for part in ("kinds", "options") for each in row.card.get(part, []))
    if not names or leaf.label in names:
        return None
    return f"{leaf.label!r} by the prediction {leaf.prediction}, which has {', '.join(map(repr, names))} only"

"""Which events speak for a predicate: one more of them is what brought the customer in, or brings it about again.

Promise: pure; what only time completes has no trigger.
"""

from collections.abc import Iterator

from segments.language.predicate import Not, Predicate
from segments.leaves.aggregates import Aggregate
from segments.leaves.did import Did
from segments.leaves.events import Events
from segments.leaves.held import Held
from segments.leaves.sequences import Outermost
from segments.leaves.versus import Versus


def triggers(predicate: Predicate, *, positive: bool = True) -> Iterator[Events]:
    """The `did` leaves of which one more event speaks for the predicate (under an even number of `~`)."""
    if isinstance(predicate, Held) and positive:
        return  # only time completes it
    match predicate:
        case Did() if positive and predicate.at_least_times > 0:
            yield from _speaking(predicate)
        case Aggregate() if positive and predicate.grows:
            yield from _speaking(predicate.of)
        case Versus() if positive:
            for side in predicate.growing:
                yield from _speaking(side)
        case Outermost() if positive and predicate.which == "last":
            yield Did(predicate.type, predicate.window, predicate.condition)
    for part in predicate.parts:
        yield from triggers(part, positive=positive is not isinstance(predicate, Not))


def _speaking(leaf: Events) -> Iterator[Events]:
    """The leaf itself, or what completes its sequence; nothing where only time does."""
    if leaf.then_ is None or (leaf.then_.span is None and not leaf.then_.wanted):
        yield leaf
    elif leaf.then_.wanted:
        yield from _speaking(leaf.then_.next)

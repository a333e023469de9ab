"""Which predicates can be the goal of a journey: what the customer does reaches it, and at a moment.

Promise: pure.
"""

from collections.abc import Iterator

from segments.errors import DefinitionError
from segments.evaluate import holds_on_nothing
from segments.language.moves import leaves
from segments.language.predicate import Predicate
from segments.leaves.did import Did
from segments.leaves.held import Held
from segments.leaves.score import Scored


def check_goal(goal: Predicate) -> None:
    """Refuse a goal that nothing the customer does can reach.

    Raises:
        DefinitionError: it looks at traits, or it is true before anything has happened.
    """
    for leaf in leaves(goal):
        if not isinstance(leaf, Did):
            raise DefinitionError(f"goal {goal}", f"a goal is made of did(…); this is not: {leaf}")
        if (leaf.period, leaf.then_, leaf.hours, leaf.days) != (None,) * 4:
            raise DefinitionError(f"goal {goal}", f"a goal takes no hours or days, no calendar period and no sequence: {leaf}")
    if any(isinstance(part, Held) for part in _all_parts(goal)):
        raise DefinitionError(f"goal {goal}", "what only time completes is no goal; name the events themselves")
    if any(isinstance(part, Scored) for part in _all_parts(goal)):
        raise DefinitionError(f"goal {goal}", "a score has no moment at which it is reached; name the events themselves")
    if holds_on_nothing(goal):
        raise DefinitionError(f"goal {goal}", "is true before anything has happened, so the run would end at once")


def _all_parts(predicate: Predicate) -> Iterator[Predicate]:
    yield predicate
    for part in predicate.parts:
        yield from _all_parts(part)

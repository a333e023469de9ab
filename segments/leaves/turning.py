"""Which way time turns a predicate: at some edges it can only come true, at others only become false.

Promise: pure, and never too few: what is not known to turn one way only is in both.
"""

from datetime import timedelta

from segments.language.predicate import All, Edge, Either, Not, Predicate
from segments.leaves.did import Did
from segments.leaves.listed import Listed
from segments.leaves.people import MemberOf

_AT_ONCE = timedelta(0)


def turning(predicate: Predicate, *, to: bool) -> frozenset[Edge]:
    """The edges at which it can become this: a combination only where one of its parts does."""
    match predicate:
        case Not():
            return turning(predicate.part, to=not to)
        case All() | Either() | MemberOf() | Listed():
            return frozenset().union(*(turning(part, to=to) for part in predicate.parts))
        case Did() if predicate.then_ is None and not (predicate.at_least_times and predicate.most is not None):
            return _more(predicate) if to is (predicate.most is None) else _fewer(predicate)
    return predicate.edges


def _more(leaf: Did) -> frozenset[Edge]:
    """Where more events come to count."""
    return frozenset({Edge(leaf.type, _AT_ONCE)})


def _fewer(leaf: Did) -> frozenset[Edge]:
    """Where an event is out; what `since_last` looks for begins a new count, also where there was none."""
    grown = () if leaf.window is None else (Edge(leaf.type, leaf.window),)
    return frozenset(grown if leaf.since is None else (*grown, Edge(leaf.since, _AT_ONCE)))

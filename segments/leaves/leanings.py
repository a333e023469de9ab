"""Which way one more event can move a predicate: an order can only end "did not order", never begin it.

Promise: pure, and never wrong about "cannot": a leaf that is not known here leans both ways. So the watch need not look again
at a member of whom only such events have come in as can make the predicate true.
"""

from collections.abc import Iterator
from functools import singledispatch
from typing import NamedTuple

from segments.language.predicate import All, Either, Not, Predicate
from segments.leaves.aggregates import Aggregate
from segments.leaves.did import Did
from segments.leaves.events import Events, Follow
from segments.leaves.held import Held
from segments.leaves.people import MemberOf


class Leaning(NamedTuple):
    """One more event of this type can make the predicate true (`up`), or can make it false."""

    type: str
    up: bool


def leanings(predicate: Predicate) -> frozenset[Leaning]:
    """What one more event of each type can do, whatever its time and its properties."""
    return frozenset(_leanings(predicate))


@singledispatch
def _leanings(predicate: Predicate) -> Iterator[Leaning]:
    for edge in predicate.edges:
        yield from _either_way(edge.type)


@_leanings.register(All)
@_leanings.register(Either)
@_leanings.register(MemberOf)
@_leanings.register(Held)
def _(predicate: Predicate) -> Iterator[Leaning]:
    for part in predicate.parts:
        yield from _leanings(part)


@_leanings.register
def _(predicate: Not) -> Iterator[Leaning]:
    yield from _turned(_leanings(predicate.part), up=False)


@_leanings.register
def _(predicate: Did) -> Iterator[Leaning]:
    if predicate.at_least_times > 0:
        yield from _counted(predicate)
    if predicate.most is not None:
        yield from _turned(_counted(predicate), up=False)


@_leanings.register
def _(predicate: Aggregate) -> Iterator[Leaning]:
    if predicate.grows and predicate.measured.measure in ("largest", "smallest", "distinct", "count"):
        yield from _counted(predicate.of)
    else:  # a total can fall, for there are negative amounts
        for edge in predicate.edges:
            yield from _either_way(edge.type)


def _counted(leaf: Events) -> Iterator[Leaning]:
    """What can make more, or fewer, events count."""
    yield Leaning(leaf.type, up=True)
    if leaf.since is not None:  # the anchor moves: what counted before it counts no longer
        yield from _either_way(leaf.since)
    if leaf.then_ is not None:
        yield from _following(leaf.then_)


def _following(follow: Follow) -> Iterator[Leaning]:
    yield Leaning(follow.next.type, up=follow.wanted)
    if follow.next.then_ is not None:
        yield from _turned(_following(follow.next.then_), up=follow.wanted)


def _turned(found: Iterator[Leaning], *, up: bool) -> Iterator[Leaning]:
    for each in found:
        yield Leaning(each.type, up=each.up is up)


def _either_way(type_: str) -> Iterator[Leaning]:
    yield Leaning(type_, up=True)
    yield Leaning(type_, up=False)

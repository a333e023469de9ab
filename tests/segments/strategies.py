"""Random definitions and logs for the differential tests: few names, values of every kind, instants at the edges."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from hypothesis import strategies as st

from segments import Predicate, did, prop, trait
from segments.evaluate import Event
from segments.happened import Did
from segments.language import Term
from tests.segments.shop import T0

TYPES = ("A", "B", "C")
NAMES = ("x", "y", "deep.x", "deep.deeper.y")
INSTANTS = [T0 + timedelta(seconds=n) for n in (-7200, -3600, -60, 0)]
SPANS = [timedelta(seconds=n) for n in (1, 60, 3600, 7200)]

numbers = st.sampled_from([0, 1, -1, 1.0, 1.5, 0.1, 10**20, 1e300, Decimal("0.10"), Decimal("1.000000000000000000001")])
texts = st.sampled_from(
    ["", "a", "A", "á", "ab", "b", "1", "true", "2026-01-01", "now", "infinity", "2026-02-30", "😀", "'; --"]
)
iso = st.sampled_from(
    ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 01:00+01:00", "2026-01-01T00:00:00.5", "2025-12-31T19:00:00-0500"]
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, -1, 1.5, 0.1, 10**20, 1e300]), texts, iso),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "x": json_values,
        "y": json_values,
        "deep": st.one_of(
            json_values,
            st.fixed_dictionaries({"x": json_values}, optional={"deeper": st.fixed_dictionaries({"y": json_values})}),
        ),
    },
)
instants = st.sampled_from([date(2026, 1, 1), datetime.fromisoformat("2026-01-01T00:00:00.500+00:00"), T0])
COMPARED: dict[str, Callable[[Any, Any], Predicate]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
ordered = st.one_of(numbers, texts, instants)


@st.composite
def comparisons(draw: st.DrawFn, term: Callable[[str], Term]) -> Predicate:
    subject = term(draw(st.sampled_from(NAMES)))
    op = draw(st.sampled_from([*COMPARED, "==", "!=", "in", "contains", "exists"]))
    if op in COMPARED:
        return COMPARED[op](subject, draw(ordered))
    if op in ("==", "!="):
        operand = draw(ordered | st.booleans())
        return subject == operand if op == "==" else subject != operand
    if op == "in":
        return subject.in_(draw(st.lists(ordered | st.booleans(), min_size=1, max_size=4)))
    return subject.contains(draw(numbers | texts.filter(bool) | st.booleans())) if op == "contains" else subject.exists()


@st.composite
def happenings(draw: st.DrawFn) -> Did:
    leaf = did(draw(st.sampled_from(TYPES)))
    if draw(st.booleans()):
        leaf = leaf.within(draw(st.sampled_from(SPANS)))
    if draw(st.booleans()):
        leaf = leaf.where(draw(combined(comparisons(prop), 2)))
    least = draw(st.none() | st.integers(1, 3))
    most = draw(st.none() | st.integers(0, 3).filter(lambda n: least is None or n >= least))
    leaf = leaf if least is None else leaf.at_least(least)
    leaf = leaf if most is None else leaf.at_most(most)
    return leaf.since_last(draw(st.sampled_from(TYPES))) if draw(st.integers(0, 3)) == 0 else leaf


def combined(leaf: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Any]:
    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        pairs = st.tuples(inner, inner)
        return st.one_of(pairs.map(lambda p: p[0] & p[1]), pairs.map(lambda p: p[0] | p[1]), inner.map(lambda p: ~p))

    return st.recursive(leaf, grow, max_leaves=size)


@st.composite
def carts(draw: st.DrawFn) -> Predicate:
    """What the compiler narrows: a recent A beside "since the last A"."""
    first, second = draw(st.sampled_from(TYPES)), draw(st.sampled_from(TYPES))
    since = draw(happenings()).since_last(first) if draw(st.booleans()) else did(second).since_last(first)
    recent = did(first).within(draw(st.sampled_from(SPANS)))
    return recent & draw(st.sampled_from([since, ~since, since | did(second), ~since & did(second)]))


predicates = combined(st.one_of(happenings(), carts(), comparisons(trait)), 5)
goals = combined(happenings(), 4)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """At the edges of the windows around T0, an hour or a microsecond beside them, and in the future."""
    span = draw(st.sampled_from([timedelta(0), *SPANS]))
    beside = draw(st.sampled_from([timedelta(0), timedelta(microseconds=1), -timedelta(microseconds=1), timedelta(hours=1)]))
    return Event(draw(st.sampled_from(TYPES)), T0 - span + beside, draw(documents))


histories = st.lists(events(), max_size=8)

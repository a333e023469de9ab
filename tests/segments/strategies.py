"""Random definitions and logs for the differential tests: few names, values of every kind, instants at the edges."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from hypothesis import strategies as st

from segments import DefinitionError, Predicate, age, did, held, prop, trait
from segments.facts import Event, Origins
from segments.leaves.countable import Amount, Ratio
from segments.leaves.did import Did
from segments.leaves.sequences import first, last
from segments.leaves.traits import Term
from tests.segments.shop import T0

TYPES = ("A", "B", "C")
NAMES = ("x", "y", "deep.x", "deep.deeper.y")
INSTANTS = [T0 + timedelta(seconds=n) for n in (-7200, -3600, -60, 0)]
SPANS = [timedelta(seconds=n) for n in (1, 60, 3600, 7200)]

numbers = st.sampled_from([0, 1, -1, 1.0, 1.5, 0.1, 10**20, 1e300, Decimal("0.10"), Decimal("1.000000000000000000001")])
texts = st.sampled_from(
    ["", "\u00a0 ", "a", "A", "á", "ab", "b", "1", "true", "2026-01-01", "now", "infinity", "2026-02-30", "😀", "'; --"]
)
iso = st.sampled_from(
    ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 01:00+01:00", "2026-01-01T00:00:00.5", "2025-12-31T19:00:00-0500"]
)
iso |= st.sampled_from(["2026-11-16T12:00:00Z", "2026-11-16T13:00:00", "2026-11-16T11:59:59.999999Z", "2026-11-16T11:00:00Z"])
iso |= st.sampled_from(
    ["2026-11-16t12:00:00z", "2026-11-16 12:00:00 UTC", "2026-11-16T12:00:00.1234567Z", "2026-11-16T14:00:00.000000999+02"]
)
iso |= st.sampled_from(["2026-11-16 13:00:00 +0100", "2026-11-16T11:59:60Z", "2026-11-16T12:00:60", "2026-11-16T12:00+15"])
iso |= st.sampled_from(["2026-11-16", "2026-11-17", "2008-11-16", "2008-11-17", "2008-11-15", "2008-02-29", "0001-01-01"])
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, -1, 1.5, 0.1, 10**20, 1e300]), texts, iso),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
inner_documents = st.fixed_dictionaries(
    {"x": json_values},
    optional={
        "y": json_values,
        "deeper": st.one_of(
            *(
                inner(st.fixed_dictionaries({"y": json_values}))
                for inner in (lambda it: it, lambda it: st.lists(it, max_size=2))
            )
        ),
    },
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "x": json_values,
        "y": json_values,
        "timezone": st.sampled_from(["Europe/Madrid", "Asia/Tokyo", "Nowhere/Land", "", 5, None, "utc", "Pacific/Kiritimati"]),
        "deep": st.one_of(json_values, inner_documents, st.lists(json_values | inner_documents, max_size=3)),
    },
)
instants = st.sampled_from([date(2026, 1, 1), datetime.fromisoformat("2026-01-01T00:00:00.500+00:00"), T0])
COMPARED: dict[str, Callable[[Any, Any], Predicate]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
ordered = st.one_of(numbers, texts, instants)
RANGES: list[tuple[Any, Any]] = [(0, 1), (Decimal("0.1"), 1.5), (1, 10**20), ("A", "b"), (date(2026, 1, 1), T0)]


@st.composite
def comparisons(draw: st.DrawFn, term: Callable[[str], Term]) -> Predicate:
    subject = term(draw(st.sampled_from(NAMES)))
    op = draw(st.sampled_from([*COMPARED, "==", "!=", "in", "contains", "exists", "between", "starts_with", "matches"]))
    if op == "between":
        low, high = draw(st.sampled_from(RANGES))
        return subject.between(low, high)
    if op in ("starts_with", "matches"):
        text = draw(texts.filter(bool))
        return subject.starts_with(text) if op == "starts_with" else subject.matches(text)
    if op in COMPARED:
        return COMPARED[op](subject, draw(ordered))
    if op in ("==", "!="):
        operand = draw(ordered | st.booleans())
        return subject == operand if op == "==" else subject != operand
    if op == "in":
        return subject.in_(draw(st.lists(ordered | st.booleans(), min_size=1, max_size=4)))
    return (
        subject.contains(draw(numbers | texts.filter(bool) | st.booleans()))
        if op == "contains"
        else draw(st.sampled_from([subject.exists(), subject.filled()]))
    )


@st.composite
def conditions(draw: st.DrawFn, term: Callable[[str], Term] = prop) -> Predicate:
    """On one document: comparisons, and several of them on the same item of a list."""
    if draw(st.integers(0, 3)):
        return draw(comparisons(term))
    return term(draw(st.sampled_from(["deep", "deep.deeper", "x"]))).any_item(draw(combined(comparisons(prop), 2)))


#: Who said each trait, how surely, and when; some traits that are there have no origin, as before it was kept.
origins = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("x", "y", "deep"),
        st.tuples(
            st.sampled_from(["crm", "crm-2", "web"]),
            st.sampled_from([None, 0, 0.1, 0.8, Decimal("0.80"), 1]),
            st.sampled_from([*INSTANTS, T0 - timedelta(microseconds=1), T0 + timedelta(minutes=1), None]),
        ),
    ),
)


@st.composite
def sourced(draw: st.DrawFn) -> Predicate:
    term = trait(draw(st.sampled_from(["x", "y", "deep", "timezone"])))
    match draw(st.integers(0, 3)):
        case 0:
            return term.declared()
        case 1:
            return term.said_within(draw(st.sampled_from(SPANS)))
        case 2:
            said = term.source()
            return draw(st.sampled_from([said == "crm", said != "crm", said.in_("web", "crm"), said.starts_with("crm")]))
    sure, value = term.confidence(), draw(st.sampled_from([0, 1, 0.8, 0.1, Decimal("0.8")]))
    op = draw(st.sampled_from([*COMPARED, "==", "!=", "between"]))
    if op in COMPARED:
        return COMPARED[op](sure, value)
    return sure == value if op == "==" else sure != value if op == "!=" else sure.between(0, value)


@st.composite
def dates(draw: st.DrawFn) -> Predicate:
    name, zone = draw(st.sampled_from(NAMES)), draw(st.sampled_from([None, "UTC", "Asia/Kolkata", "Pacific/Kiritimati"]))
    match draw(st.integers(0, 3)):
        case 0:
            return trait(name).within_next(draw(st.sampled_from([*SPANS, timedelta(days=2)])))
        case 1:
            return trait(name).within_last(draw(st.sampled_from([*SPANS, timedelta(days=2)])))
        case 2:
            return trait(name).anniversary(draw(st.sampled_from([0, 1, 180])), zone=zone, otherwise="America/New_York")
    years = age(name, zone=zone, otherwise="America/New_York")
    return draw(st.sampled_from([years >= 18, years < 18, years == 18, years != 17, years.between(17, 18), years > 17.5]))


def narrowed(draw: st.DrawFn, leaf: Did) -> Did:
    """By a fixed stretch, a calendar period, hours and days, or by what follows."""
    match draw(st.integers(0, 11)):
        case 0:
            ends = sorted(draw(st.lists(st.sampled_from(INSTANTS), min_size=2, max_size=2, unique=True)))
            return leaf.between(*draw(st.sampled_from([tuple(ends), (ends[0], None), (None, ends[1])])))
        case 1:
            unit = draw(st.sampled_from([leaf.today, leaf.this_week, leaf.this_month]))
            return unit(zone=draw(st.sampled_from([None, "UTC", "Asia/Kolkata"])), otherwise="America/New_York")
        case 2 | 3:
            following = Did(draw(st.sampled_from(TYPES)))
            if draw(st.booleans()):
                following = following.where(draw(conditions()))
            if draw(st.integers(0, 2)) == 0:
                following = followed(draw, following, None)
            return followed(draw, leaf, leaf.window, following)
        case 4 | 5:
            return at_wall(draw, leaf)
    return leaf


def at_wall(draw: st.DrawFn, leaf: Did) -> Did:
    """At local hours or on local days; T0 is a Monday at noon in UTC."""
    zone = st.sampled_from([{"otherwise": "America/New_York"}, {"zone": "Asia/Kolkata"}, {}])
    if draw(st.booleans()):
        hours = draw(st.sampled_from([(11, 12), (12, 24), (20, 8), (time(5, 30), 19)]))
        leaf = leaf.at_hours(*hours, **draw(zone))
    if leaf.hours is None or draw(st.booleans()):
        days = draw(st.sampled_from([("mon",), ("tue", "sun"), ("sat", "sun", "wed")]))
        leaf = leaf.on_days(*days, **draw(zone))
    return leaf


def followed(draw: st.DrawFn, leaf: Did, window: timedelta | None, following: Did | str = "B") -> Did:
    if draw(st.booleans()):
        return leaf.then(following, draw(st.none() | st.sampled_from(SPANS)))
    return leaf.without(
        following, draw(st.none() | st.sampled_from([s for s in SPANS if window is None or s < window] or [None]))
    )


def measured(draw: st.DrawFn) -> Amount:
    leaf = replace(draw(happenings()), least=None, most=None)
    measure = draw(st.sampled_from([leaf.total, leaf.largest, leaf.smallest, leaf.average, leaf.distinct, leaf.count]))
    return leaf.count() if measure == leaf.count else measure(draw(st.sampled_from(NAMES)))  # type: ignore[operator]


def against(draw: st.DrawFn, amount: Amount | Ratio, value: Any) -> Predicate:
    op = draw(st.sampled_from([*COMPARED, "==", "!="]))
    return COMPARED[op](amount, value) if op in COMPARED else amount == value if op == "==" else amount != value


@st.composite
def amounts(draw: st.DrawFn) -> Predicate:
    amount = measured(draw)
    if draw(st.integers(0, 4)) == 0:
        return amount.between(*draw(st.sampled_from([(0, 1), (Decimal("0.1"), 3), (-1, 10**20)])))
    return against(draw, amount, draw(st.sampled_from([0, 1, 2, -1, 1.5, 0.1, 0.75, Decimal("0.2"), 10**20])))


@st.composite
def versus(draw: st.DrawFn) -> Predicate:
    """An amount against another one (of the same events, more often than not), a multiple of it, or a share of it."""
    left, right = measured(draw), measured(draw)
    if draw(st.booleans()):
        right = replace(left, of=replace(left.of, condition=draw(st.none() | conditions())))
    if left.measured.to_json() == right.measured.to_json():
        right = replace(left, of=replace(left.of, type="A" if left.of.type == "B" else "B"))
    match draw(st.integers(0, 3)):
        case 0:
            return against(draw, left / right, draw(st.sampled_from([0, 0.5, Decimal("0.1"), 1, 2, -1])))
        case 1:
            return (left / right).between(*draw(st.sampled_from([(0, 1), (Decimal("-0.5"), 0.5), (1, 10**20)])))
        case 2:
            return against(draw, left, draw(st.sampled_from([2, 0.5, Decimal("0.1")])) * right)
    return against(draw, left, right)


@st.composite
def outermosts(draw: st.DrawFn) -> Predicate:
    leaf = draw(st.sampled_from([first, last]))(draw(st.sampled_from(TYPES)))
    leaf = leaf.within(draw(st.sampled_from(SPANS))) if draw(st.booleans()) else leaf
    return leaf.where(draw(combined(conditions(), 2))) if draw(st.booleans()) else leaf


@st.composite
def happenings(draw: st.DrawFn) -> Did:
    leaf = did(draw(st.sampled_from(TYPES)))
    if draw(st.booleans()):
        leaf = leaf.within(draw(st.sampled_from(SPANS)))
    if draw(st.booleans()):
        leaf = leaf.where(draw(combined(conditions(), 2)))
    least = draw(st.none() | st.integers(1, 3))
    most = draw(st.none() | st.integers(0, 3).filter(lambda n: least is None or n >= least))
    leaf = narrowed(draw, leaf)
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
    since = replace(draw(happenings()), since=first) if draw(st.booleans()) else did(second).since_last(first)
    recent = did(first).within(draw(st.sampled_from(SPANS)))
    return recent & draw(st.sampled_from([since, ~since, since | did(second), ~since & did(second)]))


def has_a_past(predicate: Predicate) -> bool:
    try:
        held(predicate, SPANS[0])
    except DefinitionError:
        return False
    return True


def known(said: dict[str, tuple[str, Any, datetime | None]]) -> Origins:
    """What `origins` drew, as it is known."""
    told = {
        name: {"source": source} if sure is None else {"source": source, "confidence": Decimal(str(sure))}
        for name, (source, sure, _) in said.items()
    }
    return Origins(told, {name: said_at for name, (_, _, said_at) in said.items() if said_at is not None})


of_events = st.one_of(happenings(), happenings(), amounts(), versus(), outermosts(), carts(), conditions(trait))
helds = st.builds(held, combined(of_events.filter(has_a_past), 3), st.sampled_from(SPANS))
predicates = combined(st.one_of(of_events, dates(), helds, sourced()), 5)
goals = combined(happenings().map(lambda leaf: replace(leaf, period=None, then_=None, hours=None, days=None)), 4)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """At the edges of the windows around T0, an hour or a microsecond beside them, and in the future."""
    span = draw(st.sampled_from([timedelta(0), *SPANS]))
    beside = draw(st.sampled_from([timedelta(0), timedelta(microseconds=1), -timedelta(microseconds=1), timedelta(hours=1)]))
    return Event(draw(st.sampled_from(TYPES)), T0 - span + beside, draw(documents))


histories = st.lists(events(), max_size=8)

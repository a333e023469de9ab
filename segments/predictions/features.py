"""Features: what is known of a customer at an instant as one number, in the words of the segment language.

Promise: pure and point in time. A feature looks at what had happened and had been received by then, and at nothing that is only
kept as it is now: traits are read from what identify calls said up to that instant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import as_kind
from segments.language.events import TRAITS_CHANGED
from segments.language.predicate import Read
from segments.language.reading import an_object, only
from segments.language.values import check_name
from segments.language.wire import predicate_from_json
from segments.leaves.amounts import MEASURES, Measured
from segments.leaves.countable import Amount
from segments.leaves.did import Did, did
from segments.leaves.events import Events, events_from_json
from segments.predictions.messaged import Messaged
from segments.predictions.ordered import Ordered

_DAY = timedelta(days=1)
_MOST = 200
#: Under what a definition in JSON has the path of a trait or a property.
_NAMING = ("trait", "property", "lat", "lon", *MEASURES)


@dataclass(frozen=True, eq=False)
class DaysSince:
    """Days since the last (or the first) event that counts; unknown where none does."""

    of: Events
    which: str = "last"

    def __post_init__(self) -> None:
        if self.which not in ("last", "first"):
            raise DefinitionError(self.place, f'is of the "last" or the "first" event, not of {self.which!r}')
        if self.of.counted:
            raise DefinitionError(self.place, "takes no count; write days_since(did(…))")

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"days_since(did({self.of.type!r}))"

    def amount(self, facts: Facts, at: datetime) -> float | None:
        """Days and parts of one."""
        events = self.of.counting(facts, at)
        return (at - events[-1 if self.which == "last" else 0].ts) / _DAY if events else None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The event, and which of them."""
        only(plain, "name", "days_since", "which")
        return cls(events_from_json("days_since", plain["days_since"], read), plain.get("which", "last"))

    def to_json(self) -> dict[str, Any]:
        """`{"days_since": {"did": …}}`, with `"which": "first"` of the first one."""
        return {"days_since": self.of.to_json()} | ({"which": self.which} if self.which != "last" else {})

    def __str__(self) -> str:
        return f"days since the {self.which} {self.of.what}"


@dataclass(frozen=True, eq=False)
class TraitValue:
    """A trait that is a number, as identify calls had said it; unknown where the last of them said none."""

    trait: str

    def __post_init__(self) -> None:
        check_name(f"trait({self.trait!r})", "trait", self.trait)

    def amount(self, facts: Facts, at: datetime) -> float | None:
        """The number."""
        said = [event.properties[self.trait] for event in facts.until(TRAITS_CHANGED, at) if self.trait in event.properties]
        number = as_kind("number", said[-1]) if said else None
        return None if number is None else float(number)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], _: Read) -> Self:
        """The trait."""
        only(plain, "name", "trait")
        return cls(plain["trait"])

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …}`."""
        return {"trait": self.trait}

    def __str__(self) -> str:
        return f"the trait {self.trait}"


Term = Measured | DaysSince | TraitValue | Ordered | Messaged


@dataclass(frozen=True, eq=False)
class Feature:
    """A number with a name that is of one customer at one instant."""

    name: str
    of: Term

    def __post_init__(self) -> None:
        check_name(f"feature({self.name!r})", "name", self.name)
        events = getattr(self.of, "of", None)
        if isinstance(events, Events) and events.traits:
            said = "goes by the customer's zone, which is only known as it is now"
            raise DefinitionError(f"feature {self.name!r}", f"{said}; leave out calendar periods, hours and days")

    @property
    def reads(self) -> frozenset[str]:
        """The traits and properties it looks at: what `never` is compared with."""
        match self.of:
            case TraitValue(trait):
                return frozenset({trait})
            case Measured(of, _, path):
                return frozenset({*path, *_asked(of)})
            case DaysSince(of):
                return frozenset(_asked(of))
            case Ordered(of):
                return frozenset({*self.of.reads, *_asked(of)})
            case Messaged():
                return self.of.reads

    def amount(self, facts: Facts, at: datetime) -> float | None:
        """Its value of a customer at an instant; None where it is unknown."""
        found = self.of.amount(facts, at)
        return None if found is None else float(found)

    def to_json(self) -> dict[str, Any]:
        """The name, and what it is worked out from."""
        return {"name": self.name} | self.of.to_json()

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """What `to_json` made.

        Raises:
            DefinitionError: it is none; the error names the place.
        """
        found = an_object("feature", plain, "name")
        if "name" not in found:
            raise DefinitionError("feature", "has no name")
        kinds: tuple[tuple[tuple[str, ...], Any], ...] = (
            (("days_since",), DaysSince.from_json),
            (("trait",), TraitValue.from_json),
            (("ordered",), Ordered.from_json),
            (MEASURES, lambda each, read: Measured.from_json(each, read, "name")),
        )
        for keys, from_json in kinds:
            if any(key in found for key in keys):
                return cls(found["name"], from_json(found, _read))
        raise DefinitionError("feature", f"needs one of days_since, trait, ordered, {', '.join(MEASURES)}")

    def __str__(self) -> str:
        return f"{self.name}: {self.of}"


class Features(tuple[Feature, ...]):
    """Some features: a tuple that lists and tuples of one's own are added to, before or behind."""

    __slots__ = ()

    def __add__(self, other: Iterable[Feature]) -> "Features":  # type: ignore[override]  # of a tuple, which takes no list
        """These, and then the others."""
        return Features((*self, *other)) if isinstance(other, list | tuple) else NotImplemented

    def __radd__(self, other: Iterable[Feature]) -> "Features":
        """The others, and then these."""
        return Features((*other, *self)) if isinstance(other, list | tuple) else NotImplemented


def feature(name: str, of: Amount | DaysSince | TraitValue | Ordered) -> Feature:
    """A feature of an amount (`did("Order Completed").within(days=90).total("total")`), of days since, or of a trait.

    Raises:
        DefinitionError: it is of something else, or not known at an instant of the past.
    """
    if not isinstance(of, Amount | DaysSince | TraitValue | Ordered):
        raise DefinitionError(f"feature({name!r})", f"is of an amount, DaysSince(did(…)) or TraitValue(…), not of {of!r}")
    return Feature(name, of.measured if isinstance(of, Amount) else of)


def rfm(order: str = "Order Completed", total: str = "total", days: Sequence[int] = (30, 90, 365)) -> Features:
    """How recently, how often and for how much a customer ordered."""
    orders = did(order)
    windows = [(each, orders.within(days=each)) for each in days]
    return Features(
        (
            feature("days_since_order", DaysSince(orders)),
            feature("days_since_first_order", DaysSince(orders, "first")),
            feature("orders", orders.count()),
            *(feature(f"orders_{each}d", within.count()) for each, within in windows),
            *(feature(f"spent_{each}d", within.total(total)) for each, within in windows),
            feature("order_average", orders.average(total)),
        )
    )


def engagement(
    events: Sequence[str] = ("Application Opened", "Product Viewed", "Product Added"), days: Sequence[int] = (7, 30, 90)
) -> Features:
    """How recently and how often a customer did each of some things."""
    return Features(each for event in events for each in _engagement(did(event), _slug(event), days))


def _engagement(of: Did, slug: str, days: Sequence[int]) -> Iterator[Feature]:
    yield feature(f"days_since_{slug}", DaysSince(of))
    for each in days:
        yield feature(f"{slug}_{each}d", of.within(days=each).count())


def check_features(place: str, features: Sequence[Feature], never: frozenset[str]) -> None:
    """Refuse features that cannot stand together, or that look at what is never to be looked at.

    Raises:
        DefinitionError: there are none, too many, two of one name, or one reads what `never` names.
    """
    if not 0 < len(features) <= _MOST:
        raise DefinitionError(f"{place}, features", f"needs 1 to {_MOST} features, not {len(features)}")
    names = [each.name for each in features]
    if double := next((name for name in names if names.count(name) > 1), None):
        second = len(names) - 1 - names[::-1].index(double)
        raise DefinitionError(f"{place}, features[{second}]", f"is another one called {double!r}; give one another name")
    for n, each in enumerate(features):
        if read := forbidden(each.reads | {each.name}, never):
            raise DefinitionError(f"{place}, features[{n}]", f"{each.name!r} reads {read!r}, which stands under never")


def names_read(plain: Any) -> Iterator[str]:
    """The traits and properties that a definition looks at, by their paths; `plain` is its JSON."""
    match plain:
        case Mapping():
            yield from (each for word in _NAMING if isinstance(each := plain.get(word), str))
            for each in plain.values():
                yield from names_read(each)
        case list() | tuple():
            for each in plain:
                yield from names_read(each)


def forbidden(reads: Iterable[str], never: frozenset[str]) -> str | None:
    """What of this must not be looked at: by its whole path or any part of it, in letters of either case."""
    words = {name.casefold() for name in never}
    return next((each for each in sorted(reads) if words & {part.casefold() for part in (each, *each.split("."))}), None)


def check_always(place: str, features: Sequence[Feature], always: frozenset[str], most: int | None) -> None:
    """Refuse a selection that cannot keep what is always to be in.

    Raises:
        DefinitionError: a name is no feature's, or more are always in than may be.
    """
    if strange := sorted(always - {each.name for each in features}):
        raise DefinitionError(f"{place}, always", f"names {strange[0]!r}, which is none of its features")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or not max(len(always), 1) <= most):
        raise DefinitionError(f"{place}, most", f"is a number of features, {max(len(always), 1)} or more, not {most!r}")


def _asked(events: Events) -> Iterator[str]:
    """Properties that conditions look at."""
    yield from (name for expected in events.expects() for name in expected.path)
    if events.then_ is not None:
        yield from _asked(events.then_.next)


def _slug(event: str) -> str:
    return "_".join("".join(each if each.isalnum() else " " for each in event.lower()).split())


def _read(place: str, plain: Mapping[str, Any]) -> Any:
    try:
        return predicate_from_json(plain)
    except DefinitionError as error:
        raise error.within(place) from None

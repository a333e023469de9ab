"""Who may enter a journey again, when, and how many at once: as an author declares it.

Promise: plain values that say of themselves, in words, what they mean; `journeys.entry` and `journeys.room` decide by them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from journeys.arms import HOLDOUT, Plan
from journeys.spans import describe
from segments import Predicate, Segment, purchases
from segments.language.wire import predicate_from_json


@dataclass(frozen=True, slots=True)
class Once:
    """A customer enters at most once, ever."""

    def __str__(self) -> str:
        return "once"


@dataclass(frozen=True, slots=True)
class After:
    """A customer may enter again once `cooldown` has passed since the last run ended."""

    cooldown: timedelta

    def __str__(self) -> str:
        return f"again {describe(self.cooldown)} after the last run ended"


@dataclass(frozen=True, slots=True)
class PerKey:
    """A customer enters once for each value of a property of the entering event (several carts at once)."""

    property: str

    def __str__(self) -> str:
        return f"once per {self.property}"


@dataclass(frozen=True, slots=True)
class Restart:
    """A customer enters whenever they do what brings them in; a run that is open ends then, and the new one begins."""

    def __str__(self) -> str:
        return "each entry begins anew and ends the run before it"


@dataclass(frozen=True, slots=True)
class Whenever:
    """A customer enters whenever they do what brings them in, as often as that is; not while a run of theirs is open."""

    def __str__(self) -> str:
        return "as often as wanted, one run at a time"


Reentry = Once | After | PerKey | Restart | Whenever


@dataclass(frozen=True, slots=True)
class Window:
    """From a time of day up to but without another, `HH:MM`; over midnight where the first is not the earlier.

    `weekdays` are those on which it begins; none: every day.
    """

    start: str
    end: str
    weekdays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        days = (self.weekdays,) if isinstance(self.weekdays, str) else self.weekdays
        object.__setattr__(self, "weekdays", tuple(days) if isinstance(days, list | set | frozenset) else days)

    def __str__(self) -> str:
        days = ", ".join(self.weekdays)
        return f"{self.start} to {self.end}{f' on {days}' if days else ''}"


@dataclass(frozen=True, slots=True)
class Within:
    """A message goes in the customer's own best hour, at most so long after it was due."""

    span: timedelta

    def __str__(self) -> str:
        return f"the best hour within {describe(self.span)}"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many customers in any span of that length."""

    number: int
    per: timedelta

    def __str__(self) -> str:
        return f"{self.number:,} in {describe(self.per)}"


Stage = TypeVar("Stage", Rate, float)


@dataclass(frozen=True, slots=True)
class Ramp(Generic[Stage]):
    """One stage after another from the journey's opening on, each for so long; the last one stays."""

    stages: tuple[Stage, ...]
    every: timedelta

    def at(self, opened: datetime, now: datetime) -> Stage:
        """The stage of an instant."""
        return self.stages[min(max((now - opened) // self.every, 0), len(self.stages) - 1)]

    def turn(self, opened: datetime, now: datetime) -> datetime | None:
        """When the next stage begins."""
        after = max((now - opened) // self.every, -1) + 1
        return opened + after * self.every if after < len(self.stages) else None

    def reaches(self, opened: datetime, enough: Callable[[Stage], bool]) -> datetime | None:
        """When the first stage begins that is enough; None where none is."""
        return next((opened + n * self.every for n, stage in enumerate(self.stages) if enough(stage)), None)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a journey takes customers in, and how many: who does not fit waits in order, `max_wait` at the longest."""

    opens: datetime | None = None
    closes: datetime | None = None
    hours: Window | None = None
    capacity: int | None = None
    rate: Rate | Ramp[Rate] | None = None
    share: float | Ramp[float] | None = None
    max_wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Moves:
    """Somebody enters a segment, or leaves it, after they have entered the journey."""

    segment: Segment | str
    inside: bool

    @property
    def name(self) -> str:
        """The segment's, whether its definition is at hand or somebody writes it through the API."""
        return self.segment.name if isinstance(self.segment, Segment) else self.segment

    def __str__(self) -> str:
        return f"{'entering' if self.inside else 'leaving'} {self.name}"


#: What ends a run that has reached no goal: an event, a move, an instant, an age.
Exit = Predicate | Moves | datetime | timedelta


@dataclass(frozen=True, init=False)
class Topic:
    """What marketing is about, as customers are asked on the preference page: its name, and what it is called by language.

    Example:
        news = Topic("news", en="News and stories", es="Novedades e historias")
    """

    name: str
    titles: tuple[tuple[str, str], ...]

    def __init__(self, name: str, **titles: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "titles", tuple(sorted(titles.items())))

    def called(self, language: str) -> str:
        """What it is called in a language, else in English, else in any that it has."""
        known = dict(self.titles)
        return known.get(language) or known.get("en") or next(iter(known.values()), self.name)

    def __str__(self) -> str:
        return self.name


#: What takes orders back, as Segment's spec calls it.
REFUNDED, CANCELLED = "Order Refunded", "Order Cancelled"
TAKE_BACK = frozenset({REFUNDED, CANCELLED})


class Since(StrEnum):
    """From when on an event counts."""

    #: When the customer was exposed: the first attempt at a message that nothing forbade, in whichever arm.
    EXPOSURE = "exposure"
    #: When the run began in which they were.
    ENTRY = "entry"
    #: When a message was sent. Nobody is sent anything in a holdout: arms are compared from the exposure on all the same.
    SENT = "sent"


class Credit(StrEnum):
    """Which of a customer's messages an order is credited to."""

    LAST = "last"
    FIRST = "first"
    LINEAR = "linear"
    POSITION = "position"
    DECAY = "decay"


class Kpi(StrEnum):
    """What a journey is judged by, of all that is measured of its customers."""

    CONVERSION = "conversion"
    ORDERS = "orders"
    REVENUE = "revenue"


@dataclass(frozen=True, slots=True)
class Conversion:
    """How it is told whether a journey works: `Conversion(within=days(14), kpi="revenue", currency="EUR", cap=500)`.

    Args:
        by: What counts as a conversion, made of `did(…)`; else the journey's `kpi=`, else its `goal=`.
        within: For how long it counts.
        since: From when on: "exposure", "entry" or "sent".
        credit: To which message an order is given, where the journey claims it (the report `attribution` by journey):
            "last", "first", "linear", "position" or "decay".
        kpi: What the journey is judged by: "conversion", "orders" or "revenue".
        orders: Which events are orders, of one type; all purchases, or those of what the journey is about.
        currency: In which money is counted; an order in another one brings none. Without it all are taken for the same.
        cap: What a customer's revenue counts for at most; without it one large order can hide any effect.
        before: For how long before, what the customer had done already is compared with (CUPED).
        margin: What is earned of each unit of revenue, such as 0.35; for the return on what messages cost.
    """

    by: Predicate | None = None
    within: timedelta = timedelta(days=7)
    since: str = Since.EXPOSURE
    credit: str = Credit.LAST
    kpi: str = Kpi.CONVERSION
    orders: Predicate = purchases
    currency: str | None = None
    cap: float | None = None
    before: timedelta = timedelta(days=28)
    margin: float | None = None

    @property
    def types(self) -> frozenset[str]:
        """The events that it looks at, but for what takes orders back."""
        asked = [each for each in (self.by, self.orders) if each is not None]
        return frozenset(edge.type for each in asked for edge in each.edges)

    def to_json(self) -> dict[str, Any]:
        """Spans are in seconds."""
        return {
            "by": None if self.by is None else self.by.to_json(),
            "within": self.within.total_seconds(),
            "since": str(self.since),
            "credit": str(self.credit),
            "kpi": str(self.kpi),
            "orders": self.orders.to_json(),
            "currency": self.currency,
            "cap": self.cap,
            "before": self.before.total_seconds(),
            "margin": self.margin,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            by=None if plain["by"] is None else predicate_from_json(plain["by"]),
            within=timedelta(seconds=plain["within"]),
            since=plain["since"],
            credit=plain["credit"],
            kpi=plain["kpi"],
            orders=predicate_from_json(plain["orders"]),
            currency=plain["currency"],
            cap=plain["cap"],
            before=timedelta(seconds=plain["before"]),
            margin=plain.get("margin"),
        )

    def __str__(self) -> str:
        told = [
            f"{'its goal' if self.by is None else self.by} within {describe(self.within)} of the {self.since}",
            f"judged by {self.kpi}",
        ]
        told += [f"credit: {self.credit}", f"orders: {self.orders}", f"against {describe(self.before)} before"]
        told += [f"in {self.currency}"] if self.currency else []
        told += [f"at most {self.cap:g}"] if self.cap is not None else []
        return ", ".join([*told, f"a margin of {self.margin:g}"] if self.margin is not None else told)


@dataclass(frozen=True, slots=True)
class GlobalHoldout:
    """A fraction of all customers who get no marketing from any journey: what journeys do together is what the others do more.

    Kept at the top of any module of the catalogue, once. Another `salt` draws other customers, and begins anew.

    Args:
        share: The fraction, between 0 and 1.
        salt: By which customers are drawn.
        plan: When it is read, and what it is to find.
        conversion: By which rule it is measured; else by purchases within 28 days.
    """

    share: float
    salt: str = "global"
    plan: Plan | None = None
    conversion: Conversion | None = None

    @property
    def name(self) -> str:
        """What its experiment is called."""
        return HOLDOUT if self.salt == "global" else f"{HOLDOUT} {self.salt}"

    def __str__(self) -> str:
        return f"{self.share:.3g} of all customers"

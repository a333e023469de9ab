"""What a customer will still bring, as it is declared: the orders, their money, and how far ahead.

Promise: pure. Orders are what reports count as orders (`segments.predictions.ordered`), so a refund lowers what is foretold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from json import loads
from math import isnan
from typing import Any, ClassVar

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.words import span_in_words
from segments.leaves.crossed import Foretold
from segments.leaves.did import Did
from segments.predictions.declared import Declared, check_never, names_at, no_labels, predicate_at
from segments.predictions.features import Feature, forbidden
from segments.predictions.ordered import WHICH, Ordered
from segments.predictions.reasons import Reason, unchanged

YEAR = timedelta(days=365)
_MOST_TOLERANCE = 10.0


@dataclass(frozen=True, kw_only=True)
class LifetimeValue(Declared):
    """What a customer is expected to bring within the horizon, with an interval: their orders to come, times their value.

    Attributes:
        orders: The event of an order, `did("Order Completed")`, also with `where(…)`.
        amount: The property that is its money; none: `revenue`, else `total`, as reports read it.
        currency: Three letters; orders in another one are none then. None: all money counts alike.
        of: Of whom; unless told, of all who have ordered.
        horizon: From the instant of the score on.
        tolerance: No model lets anybody enter whose totals have come to be further than this share from what came.
    """

    kind: ClassVar[str] = "lifetime-value"
    what: ClassVar[str] = "its amounts"
    spans: ClassVar[tuple[str, ...]] = ("horizon", *Declared.spans)
    meant: ClassVar[tuple[str, ...]] = ("kind", "of", "orders", "amount", "currency", "horizon")
    keys: ClassVar[tuple[str, ...]] = ("orders", "amount", "currency", "never", "tolerance")
    needed: ClassVar[tuple[str, ...]] = ("name", "orders")

    orders: Did
    amount: str = ""
    currency: str = ""
    of: Predicate = None  # type: ignore[assignment]  # __post_init__ says who
    horizon: timedelta = YEAR
    never: frozenset[str] = frozenset()
    tolerance: float = 0.3
    _columns: tuple[Feature, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.orders, Did):
            raise DefinitionError(f"{self.place}, orders", f'is an event, did("Order Completed"), not {self.orders!r}')
        if self.orders.window is not None:
            raise DefinitionError(f"{self.place}, orders", "are all that there ever were; leave out within")
        if self.of is None:
            object.__setattr__(self, "of", self.orders)
        object.__setattr__(self, "never", names_at(f"{self.place}, never", self.never))
        columns = tuple(Feature(which, Ordered(self.orders, which, self.amount, self.currency)) for which in WHICH)
        object.__setattr__(self, "_columns", columns)
        super().__post_init__()
        if isinstance(self.tolerance, bool) or not 0 < self.tolerance < _MOST_TOLERANCE:
            raise DefinitionError(
                f"{self.place}, tolerance", f"is a share of what was foretold, above 0, not {self.tolerance!r}"
            )
        check_never(f"{self.place}, of", self.of, self.never)
        if read := forbidden({name for each in self.columns for name in each.reads}, self.never):
            raise DefinitionError(f"{self.place}, orders", f"read {read!r}, which stands under never")

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Purchases, when the first and the last one were, and what all brought."""
        return self._columns

    @property
    def ahead(self) -> timedelta:
        """The horizon."""
        return self.horizon

    def tolerated(self, foretold: float) -> float:
        """That share of it."""
        return self.tolerance * foretold

    def check(self, leaf: Foretold) -> None:
        """Refuse what is no amount of money."""
        for word, each in no_labels(self.place, leaf).thresholds:
            if not each > 0:
                raise DefinitionError(self.place, f"crosses an amount of money above 0, not {each!r} ({word})")

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """Their purchases, how long ago the last one was, and what an order of theirs is worth."""
        model = loads(unchanged(parameters, digest))
        purchases = values["purchases"]
        if isnan(purchases) or not purchases:
            return [Reason("purchases", 0.0, None, "no order of theirs stands, so nothing is expected")]
        mean, own = model["value"], values["spent"] / purchases
        expects = mean["p"] * (mean["v"] + values["spent"]) / (mean["p"] * purchases + mean["q"] - 1)
        of_all = mean["p"] * mean["v"] / (mean["q"] - 1)
        pace = (values["first"] - values["last"]) / (purchases - 1) if purchases > 1 else None
        every = f", one in {pace:,.3g} days" if pace else ""
        worth = f"{own:,.2f} on average; the next is expected at {expects:,.2f} (of all: {of_all:,.2f})"
        return [
            Reason("purchases", purchases, None, f"{purchases:,.6g} purchases{every}"),
            Reason("last", values["last"], None, f"the last one was {values['last']:,.4g} days ago"),
            Reason("spent", values["spent"], None, worth),
        ]

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain = super().to_json() | {"orders": self.orders.to_json(), "never": sorted(self.never), "tolerance": self.tolerance}
        return plain | {word: text for word in ("amount", "currency") if (text := getattr(self, word))}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The orders, their money, and numbers."""
        told = {word: found[word] for word in ("amount", "currency", "tolerance") if word in found}
        if not isinstance(names := found.get("never", []), list):
            raise DefinitionError(place, "has a list of names as never")
        return told | {"orders": predicate_at(f"{place}, orders", found["orders"]), "never": frozenset(names)}

    def __str__(self) -> str:
        return f"{self.name}: of who {self.of}, what {self.orders.what} brings within {span_in_words(self.horizon)}"

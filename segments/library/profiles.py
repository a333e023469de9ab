"""What customers are: their type, their size of deal, how complete their profile is, and scores by a sheet of rules."""

from collections.abc import Mapping
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import NamedTuple

from segments import Predicate, Segment, points, score, trait

_HUNDRED = 100


def customer_type(kind: str, *, by: str = "customer_type", name: str | None = None) -> Segment:
    """Individual, corporate, government: the trait says it."""
    return Segment(name or f"customer-{kind.lower()}", trait(by) == kind, f"Customers of type {kind}.")


class Tickets(NamedTuple):
    """Deals by size."""

    small: Segment
    medium: Segment
    large: Segment


def ticket_size(
    *, by: str = "deal_amount", low: int | Decimal = 2_000, high: int | Decimal = 10_000, name: str = "ticket"
) -> Tickets:
    """Below the low cut; from it to the high one, both included (transactional); above. Nobody without an amount."""
    amount = trait(by)
    return Tickets(
        Segment(f"{name}-small", amount < low, f"Deals below {low}."),
        Segment(f"{name}-medium", (amount >= low) & (amount <= high), f"Deals of {low} to {high}."),
        Segment(f"{name}-large", amount > high, f"Deals above {high}."),
    )


def complete_profiles(*fields: str, percent: int = 100, name: str = "complete-profiles") -> Segment:
    """At least this share of the fields is filled in; at 100, all of them."""
    filled: list[Predicate] = [trait(field).filled() for field in fields]
    if percent == _HUNDRED:
        return Segment(name, reduce(and_, filled), f"{len(fields)} fields filled in.")
    sheet = score(*(points(_HUNDRED, field) for field in filled))
    return Segment(name, sheet >= percent * len(fields), f"{percent} % of {len(fields)} fields filled in.")


def lead_score(rules: Mapping[str, tuple[int, Predicate]], at_least: int, *, name: str = "hot-leads") -> Segment:
    """A sheet of rules, each with its reason and points: `{"saw the prices": (20, did("Pricing Viewed").within(days=30))}`.

    A rule with a window is the decay: its points go when the window is over.
    """
    return Segment(name, score(*(points(count, when, why) for why, (count, when) in rules.items())) >= at_least, "Hot leads.")

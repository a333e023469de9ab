"""Do I have enough? What is known of the customers, trait by trait, and whether that is enough for the segments that ask.

Promise: reads only. Shares are of all customers (of many, a sample): who lacks a trait fails every comparison with it, so a
segment that asks for what few have is small for want of data, not of people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from segments.language.documents import AnyItem, Compare
from segments.language.moves import leaves, trait_names
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from store import Database
from store.segments.rows import Coverage, coverage

_ZONE = "timezone"  # what calendars look at, with something to fall back on


@dataclass(frozen=True, slots=True)
class Need:
    """A trait that a segment asks for: the share of all customers who have it, and of their values the outdated (0 to 1)."""

    trait: str
    share: float
    outdated: float
    enough: bool


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """A segment with what it needs; the sentence says what is missing and what to do, None where nothing is."""

    segment: str
    needs: tuple[Need, ...]
    sentence: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """How many customers were looked at, every trait of theirs, and what that means for each segment."""

    customers: int
    traits: tuple[Coverage, ...]
    segments: tuple[Sufficiency, ...]


async def report(
    database: Database, segments: Iterable[Segment], outdated_before: datetime, *, enough: float, only: str | None = None
) -> Report:
    """The coverage of every trait (`only`: among the members of that segment), and whether it is enough for these segments."""
    customers, everybody = await coverage(database, outdated_before)
    needs = tuple(each for each in (sufficiency(s, customers, everybody, enough) for s in segments) if each.needs)
    if only is not None:
        customers, everybody = await coverage(database, outdated_before, only)
    return Report(customers, tuple(everybody), needs)


def sufficiency(segment: Segment, customers: int, found: Sequence[Coverage], enough: float) -> Sufficiency:
    """Whether each trait that a segment asks for is known of a large enough share of the customers."""
    known = {each.trait: each for each in found}
    needs = tuple(_need(name, known.get(name), customers, enough) for name in sorted(needed(segment.predicate)))
    thin = [f"{need.trait} is known of {need.share:.1%}" for need in needs if not need.enough]
    advice = f"of all customers, less than {enough:.0%}; collect it, or ask for something else"
    return Sufficiency(segment.name, needs, f"{', '.join(thin)} {advice}" if thin else None)


def needed(predicate: Predicate) -> frozenset[str]:
    """The traits that a definition asks for; a time zone only where it is compared, since calendars can do without."""
    compared = (leaf for leaf in leaves(predicate) if isinstance(leaf, Compare | AnyItem))
    return trait_names(predicate) - {_ZONE} | frozenset[str]().union(*(leaf.traits for leaf in compared))


def _need(name: str, known: Coverage | None, customers: int, enough: float) -> Need:
    if known is None or not customers:
        return Need(name, 0.0, 0.0, enough=enough <= 0)
    share = known.having / customers
    return Need(name, share, known.outdated / known.having, enough=share >= enough)

"""Providers as tables for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rich.console import RenderableType
from rich.table import Table

from store import Database
from store.deliveries.providers import Carried, Limit, Set, Stopped, carried, limits, stopped, used

_MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """All that is known of those who carry messages."""

    carried: Sequence[Carried]
    stopped: Sequence[Stopped]
    limits: Sequence[Set]
    used_today: Mapping[str, tuple[int, int]]
    day: date

    def tables(self) -> Iterator[RenderableType]:
        """What was carried in 24 hours, who is stopped, what is limited."""
        table = Table("channel", "provider", "accepted in 24 h", "cost")
        for each in self.carried:
            table.add_row(each.channel, each.provider, f"{each.accepted:,}", _money(each))
        yield table
        for at_rest in self.stopped:
            by = f"{at_rest.workers} worker{'s' if at_rest.workers > 1 else ''} since {at_rest.since:%H:%M:%S} UTC"
            yield f"{at_rest.provider} is not used by {by}: {at_rest.reason}"
        if self.limits:
            yield self._limits()

    def _limits(self) -> Table:
        table = Table("limits of", "a second", "today", "used", "set by")
        for each in self.limits:
            limit, ceiling = each.limit, each.limit.ceiling(self.day)
            pace = f"{limit.per_second:g}" if limit.per_second else "-"
            total = sum(self.used_today.get(limit.who, (0, 0)))
            table.add_row(limit.who, pace, _today(limit, ceiling, self.day), f"{total:,}", each.by)
        return table


def _money(carried: Carried) -> str:
    """In cents at least; what is less than that, to the millionth that it is kept in."""
    if not carried.cost:
        return "-"
    digits = 2 if carried.cost >= _MILLIONTHS else 6
    whole, _, part = f"{carried.cost / _MILLIONTHS:,.{digits}f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2} {carried.currency or ''}".strip()


def _today(limit: Limit, ceiling: int | None, day: date) -> str:
    begins = limit.warm_up_from if limit.warm_up_from and limit.warm_up_from > day else None
    warming = f" (warming up from {begins})" if begins else " (warming up)" if limit.warming(day) is not None else ""
    return "-" if ceiling is None else f"{ceiling:,}{warming}"


async def asked(database: Database, now: datetime) -> Told:
    """All of it, as of now."""
    day = now.astimezone(UTC).date()
    found = await carried(database, now - timedelta(days=1)), await stopped(database), await limits(database)
    return Told(*found, await used(database, day), day)

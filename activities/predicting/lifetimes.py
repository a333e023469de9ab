"""What customers will bring: fitted to the orders of a sample, and tried on a past that lies as far back as it can."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from activities.predicting.kind import Chosen, Columns, Floats, Kind, Labels, Made, Says, comparable, numbers
from segments.ask import known
from segments.ask.known import Table
from segments.errors import DefinitionError
from segments.models.card import Match
from segments.models.stored import Kept, Lifetime
from segments.models.worth import HIGH, LOW, Purchases, Trial, compared, expected, fit, interval, tried
from segments.predictions.lifetime import LifetimeValue
from store import Connection, Database, predictions
from store.predictions import Champion

_MOST = 50_000  # customers that it is fitted to and tried on
_LITTLE = 0.01  # of a score: what changes less is no news
_RULE = (
    "fitted to what was known before the trial, it replaces the champion unless the squares of what the money of the same"
    " people is off by are higher by more than chance has it (one-sided, 5 %); always where the champion is of another"
    " declaration, cannot be read or is too old"
)


class Lifetimes(Kind):
    """MBG/NBD for orders, Gamma-Gamma for their value."""

    async def train(self, database: Database, declared: LifetimeValue, at: datetime, champion: Champion | None) -> Made:
        """A model of all that is known by now, and of an earlier instant one to be tried."""
        await predictions.doing(database, declared.name, f"orders as of {at:%Y-%m-%d %H:%M}")
        async with database.transaction() as connection:
            seen = Purchases.of(numbers(await known.table(connection, declared, at, most=_MOST)))
        model = await asyncio.to_thread(fit, seen)
        back = _trial_of(seen, declared.horizon)
        await predictions.doing(database, declared.name, f"orders as of {at - back:%Y-%m-%d %H:%M}")
        async with database.transaction() as connection:
            table = await known.table(connection, declared, at - back, most=_MOST)
            later = await known.columns(connection, declared.columns, len(table), at)
        before = Purchases.of(then := numbers(table))
        came = {name: (np.frombuffer(later[name]) - then[name])[before.known] for name in ("purchases", "spent")}
        earlier = await asyncio.to_thread(fit, before)
        trial = tried(earlier, before, came["purchases"], came["spent"], back)
        match = _against(champion, declared, (earlier, before, came["spent"], back), at)
        kept = Kept.of(model)
        card = _card(declared, seen, model, trial, (at, back))
        card |= {"family": kept.family, "against": match and champion and {"version": champion.version} | match.to_json()}
        by = f"fitted to {len(seen):,} customers, tried on {trial.people:,}"
        return Made(kept, card, match is None or not match.worse, by)

    def says(self, model: Any, declared: LifetimeValue, columns: Columns, before: Labels | None = None) -> Says:  # noqa: ARG002 - as all
        """What each brings, between which amounts, in how many orders, and whether they are a customer still."""
        if not isinstance(model, Lifetime):
            raise DefinitionError("model", "is of a family that gives no amounts; train it again")
        of = Purchases.of(columns)
        worth = expected(model, of, declared.horizon)

        def of_all(values: Floats, digits: int) -> Floats:
            found = np.zeros(len(of.known))
            found[of.known] = np.round(values, digits)
            return found

        low, high = (of_all(each, 2) for each in interval(model, of, declared.horizon))
        more = {"orders": of_all(worth.orders, 3), "alive": of_all(worth.alive, 3)}
        return Says(of_all(worth.value, 2), low, high, more=more)

    def news(self, scores: Floats, before: Floats) -> Chosen:
        """Whose amount moved by more than a hundredth of itself."""
        other: Chosen = ~(np.isfinite(before) & (np.abs(scores - before) <= _LITTLE * np.abs(before)))
        return other

    async def came(self, connection: Connection, declared: LifetimeValue, table: Table) -> Floats:
        """What each has brought since."""
        later = await known.columns(connection, declared.columns, len(table), table.as_of + declared.horizon)
        found: Floats = np.frombuffer(later["spent"]) - np.frombuffer(table.columns["spent"])
        return found


def _trial_of(seen: Purchases, horizon: timedelta) -> timedelta:
    """How far back it is tried: a horizon, or a third of what is known where that is less."""
    longest = timedelta(weeks=float(seen.histories.observed.max()))
    return max(min(horizon, longest / 3), timedelta(hours=1))


def _against(
    champion: Champion | None,
    declared: LifetimeValue,
    trial: tuple[Lifetime, Purchases, Floats, timedelta],
    at: datetime,
) -> Match | None:
    """The new model against the one that scores; None where the new one wins without."""
    model = comparable(champion, declared, at)
    new, of, came, ahead = trial
    return compared(new, model, of, came, ahead) if isinstance(model, Lifetime) else None


def _card(
    declared: LifetimeValue, seen: Purchases, model: Lifetime, trial: Trial, when: tuple[datetime, timedelta]
) -> dict[str, Any]:
    """What is told of a model."""
    at, back = when
    again = seen.count > 1
    alike = float(np.corrcoef(seen.count[again], seen.spent[again] / seen.count[again])[0, 1]) if again.sum() > 1 else 0.0
    told = (
        f"of {trial.people:,} people {trial.value:,.0f} was foretold for {trial.days:,.3g} days, {trial.came_value:,.0f} came;"
        f" off by {trial.off:,.2f} a person, with one amount for all (the mean of what came) by {trial.naive:,.2f}"
    )
    return {
        "kind": declared.kind,
        "told": told,
        **declared.told,
        "horizon": declared.horizon.total_seconds(),
        "never": sorted(declared.never),
        "tolerance": declared.tolerance,
        "parameters": model.to_json(),
        "people": {"fitted": len(seen), "judged": trial.people},
        "window": [(at - timedelta(weeks=float(seen.histories.observed.max()))).isoformat(), at.isoformat()],
        "tried_as_of": (at - back).isoformat(),
        "judged_as_of": (at - max(back, declared.horizon)).isoformat(),
        "measures": trial.to_json(),
        "interval": {
            "low": LOW,
            "high": HIGH,
            "of": "possible futures of the customer; the parameters are taken for known",
            "told": trial.intervals,
        },
        "alike": alike if np.isfinite(alike) else 0.0,
        "rule": _RULE,
    }

"""Experiments and holdouts as the sums by day have them, read as if looked at every day.

Promise: an experiment is read from its first day on, by all of its days that are over, since only so its bounds hold at every
look, and no hour of a day shows what another does not. Where it is kept how it stood (`activities.measuring.standing`), that
is what reading all days up to then would come to.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from math import isclose
from pathlib import Path
from typing import Any

from journeys import experiments as statistics
from journeys.arms import HOLDOUT, WITHHELD, WRITTEN, Experiment, Plan
from journeys.deciding.options import ruled_by
from journeys.experiments import (
    Comparison,
    Decision,
    Finding,
    Following,
    Kind,
    Metric,
    Question,
    Result,
    Standing,
    Sums,
    decision,
)
from journeys.policies import Conversion
from segments.language import sizing
from store import Connection, Database, queries
from store.database import columns
from store.measuring import experiments, values
from store.measuring.experiments import Kept
from store.reports.counting import MILLIONTHS
from store.reports.reading import at_once, plan_for_many

_SQL = queries("reports")
_DAY = timedelta(days=1)
_NOBODY = "nobody yet"
#: The metrics, in their order; the name of each of the sums, and of its table.
CONVERSION, ORDERS, REVENUE, ORDER_VALUE = "conversion", "orders", "revenue", "order value"
METRICS = (CONVERSION, ORDERS, REVENUE, ORDER_VALUE)
#: By which sources experiments are read: what others kept is not read on from.
_SOURCES = (*sorted(Path(statistics.__file__).parent.glob("*.py")), Path(sizing.__file__), Path(__file__))
CODE = sha256(b"".join(each.read_bytes() for each in _SOURCES)).hexdigest()


@dataclass(slots=True)
class Looked:
    """An experiment, or the part of it with these `labels`: the sums of its arms by day, and what its messages came to."""

    name: str
    labels: tuple[str, ...]
    journey: str = ""
    days: dict[str, dict[date, dict[str, Sums]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(dict)))
    exposed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    first: dict[str, date] = field(default_factory=dict)
    last: dict[str, date] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    costs: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    rule: Conversion | None = None
    #: What holds of what was declared, of which version, and whether something else was declared since.
    declared: Experiment | None = None
    version: str = ""
    changed: bool = False
    shares: dict[str, float] = field(default_factory=dict)
    broken: str = ""
    results: dict[str, Result] = field(default_factory=dict)
    #: How it stood when it was last kept, by whom its sums are read on from there; and whether it may be.
    kept: Kept | None = None
    stands: bool = True
    #: Of which its sums are; '' is of none.
    journeys: set[str] = field(default_factory=set)
    #: What is told of it is of the days before this one, which is not over yet, or not asked for.
    until: date = date.max

    @property
    def mixed(self) -> bool:
        """Whether its sums are of several journeys."""
        return len(self.journeys) > 1

    @property
    def title(self) -> str:
        """Its name, with what it is a part of it by."""
        return " · ".join(filter(None, (self.name, *self.labels)))

    @property
    def control(self) -> str:
        """The arm with which the others are compared."""
        if self.declared is not None:
            return self.declared.control
        return next((arm for arm in (WITHHELD, "control") if arm in self.shares or arm in self.exposed), min(self.exposed))

    @property
    def treated(self) -> list[str]:
        """The other arms in which somebody is."""
        return [arm for arm in sorted({*self.exposed, *self.shares}) if arm not in (self.control, _NOBODY)]

    @property
    def currency(self) -> str:
        """In which its money is counted; nothing where none was declared."""
        return (self.rule and self.rule.currency) or ""

    @property
    def judged(self) -> str:
        """By which metric it is judged: what it declares, else what its journey does."""
        if self.plan is not None and self.plan.kpi is not None:
            return str(self.plan.kpi)
        return str(self.rule.kpi) if self.rule else CONVERSION

    @property
    def plan(self) -> Plan | None:
        """When it is over, and what it is to find, where that was declared."""
        return None if self.declared is None else self.declared.plan

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked of it: of each arm against the control, or of the levels of its factors."""
        if self.declared is not None and self.declared.factors:
            return self._by(Metric(CONVERSION)).questions
        return tuple(Question(arm, self.control, ((arm,), (self.control,))) for arm in self.treated)

    def comparison(self, metric: str) -> Comparison:
        """It by a metric, as it is read: a part of it as all of it."""
        assert self.rule is not None, "nothing is compared of what nothing measures"
        return self._by(metric_of(metric, self.rule, rare=self._is_rare))

    def _by(self, metric: Metric) -> Comparison:
        if self.declared is None:
            return Comparison(self.name, metric, self.shares, self.control)
        found = Comparison.of(self.declared, metric)
        about = found.effect if metric.kind in (Kind.RATE, Kind.RARE) else None
        return replace(found, effect=about)

    @property
    def _is_rare(self) -> bool:
        return self.plan is not None and self.plan.rare

    @property
    def begins(self) -> date:
        """The day on which its first customer was exposed: that of the first look."""
        return min(self.first.values())

    def total(self, metric: str, *arms: str) -> Sums:
        """All that a metric came to in an arm, or in several, by its last look; people are those who were exposed."""
        days = [arms_of for day, arms_of in self.days[metric].items() if day < self.until]
        return sum((sum((day.get(arm, Sums()) for day in days), Sums()) for arm in arms), Sums())

    def came(self, since: date) -> int:
        """How many were exposed on a day or later."""
        return sum(each.people for day, arms in self.days[CONVERSION].items() if day >= since for each in arms.values())

    def people(self, group: Iterable[str]) -> int:
        """How many are in these arms."""
        return sum(self.exposed.get(arm, 0) for arm in group)

    @property
    def read_by(self) -> str:
        """By which declaration, shares and rule it is read."""
        return sha256(repr([self.comparison(metric) for metric in METRICS]).encode()).hexdigest()

    def follow(self, metric: str) -> Following:
        """It by a metric, to be followed from its first day on, or from the day after that on which it was kept."""
        plain = None if self.kept is None else self.kept.standing["metrics"][metric]
        return Following(self.comparison(metric), None if plain is None else Standing.from_json(plain))

    @property
    def next_day(self) -> date:
        """The first day on which it is to be looked at."""
        return self.begins if self.kept is None else self.kept.day + _DAY

    def finding(self, metric: str, of: str | Question) -> Finding | None:
        """What is found of a question, or of an arm against the control; None where nothing may be read."""
        result, asked = self.results.get(metric), self._question(of)
        if result is None:
            return None
        return next((each for each in result.findings if each.question[:2] == asked[:2]), None)

    def counting(self, metric: str, of: str | Question) -> Finding | None:
        """The same; None also where the arms are not of the declared sizes, so that nothing counts."""
        return None if self.decision(metric, of) == Decision.BROKEN else self.finding(metric, of)

    def decision(self, metric: str, of: str | Question, *, alone: bool = False) -> str:
        """What a question has come to; of a part only whether there is anything to see, but where there is no other."""
        found = self.finding(metric, of)
        if self.broken or found is None:
            return str(Decision.BROKEN) if self.broken else "not measured"
        come_to = decision(self.results[metric], found)
        return str(come_to if alone or not self.labels or come_to in (Decision.BROKEN, Decision.EARLY) else Decision.PART)

    def _question(self, of: str | Question) -> Question:
        return of if isinstance(of, Question) else Question(of, self.control, ((of,), (self.control,)))

    def added(self, metric: str, of: str | Question) -> "Added":
        """What those arms brought that they would not have brought without, with its bounds."""
        found = self.counting(metric, of)
        if found is None or found.difference is None or found.interval is None:
            return Added()
        people = found.groups[0].people
        return Added(found.difference * people, *(bound * people for bound in found.interval))

    def cost(self, *arms: str) -> tuple[float | None, str]:
        """What the messages to these arms cost, and in which money; unknown where there is no price, or several moneys."""
        costs = [each for arm in arms for each in self.costs.get(arm, {}).items()]
        moneys = {currency for currency, _ in costs}
        return (float(sum(money for _, money in costs)), moneys.pop()) if len(moneys) == 1 else (None, "")


@dataclass(frozen=True, slots=True)
class Added:
    """So much more, from, to; None where that cannot be said."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def cells(self) -> tuple[float | None, float | None, float | None]:
        """As cells, one after the other."""
        return self.value, self.low, self.high

    def each(self, by: float | None) -> "Added":
        """By so many."""
        return Added(*(None if by is None or not by or each is None else each / by for each in self.cells))


async def look(
    database: Database,
    until: date,
    today: date,
    *,
    journey: str | None = None,
    by: Sequence[str] = (),
    metrics: Sequence[str] = METRICS,
    anew: Sequence[str] = (),
) -> list[Looked]:
    """Every experiment of a journey, or of all, as of the end of the day before `until`, in parts by version or segment.

    The day that it is is counted, and not looked at: it is not over yet. Of other metrics than those asked for
    nothing is read, and nothing found. Some are read `anew`, so that what each of their days came to is known, too.
    """
    async with at_once(database) as connection:
        return await look_by(connection, until, today, journey=journey, by=by, metrics=metrics, anew=anew)


def day_by_day(looked: Looked) -> Iterator[tuple[date, Result]]:
    """What an experiment had come to at the end of each of its days, by what it is judged by; it was read anew."""
    assert looked.kept is None, "of one that is read on from how it stood the days before that are not known apart"
    if looked.judged not in looked.results:
        return
    following = looked.follow(looked.judged)
    for n in range(looked.results[looked.judged].looks):
        day = looked.begins + n * _DAY
        following.look(looked.days[looked.judged].get(day, {}))
        yield day, following.result


async def look_by(
    connection: Connection,
    until: date,
    today: date,
    *,
    journey: str | None = None,
    by: Sequence[str] = (),
    metrics: Sequence[str] = METRICS,
    anew: Sequence[str] = (),
) -> list[Looked]:
    """The same by a connection whose transaction sees one instant; some experiments `anew`, from their first day on."""
    await plan_for_many(connection)
    kept = {} if by else await experiments.standings(connection, min(until, today), journey, CODE, anew)
    found = {(name,): _on_from(each, metrics) for name, each in kept.items()}
    since = [list(kept), [each.day for each in kept.values()]]
    for row in await connection.fetch(_SQL["customers"], until, journey, list(by), list(metrics), *since):
        key = (row["experiment"], *(row[name] for name in by))
        _take(found.setdefault(key, Looked(row["experiment"], key[1:])), row, metrics)
    for row in await connection.fetch(_SQL["spent"], min(until, today), journey, list(by)):
        if each := found.get((row["experiment"], *(row[name] for name in by))):
            _spend(each, row)
    looked = [found[key] for key in sorted(found) if found[key].exposed]
    await _measured(connection, looked)
    await _declared(connection, looked)
    await _drawn(connection, looked)
    for each in looked:
        _read(each, until, today, metrics)
    if stale := [each.name for each in looked if not each.stands]:
        return await look_by(connection, until, today, journey=journey, by=by, metrics=metrics, anew=[*anew, *stale])
    return looked


def _on_from(kept: Kept, metrics: Sequence[str]) -> Looked:
    """An experiment as it stood, as if all of that had been on its last day."""
    looked = Looked(kept.experiment, (), kept.journey, kept=kept, journeys={kept.journey})
    for arm, people, first, last in kept.standing["arms"]:
        looked.exposed[arm] = people
        if first and last:
            looked.first[arm], looked.last[arm] = date.fromisoformat(first), date.fromisoformat(last)
    for metric in metrics:
        sums = Standing.from_json(kept.standing["metrics"][metric]).sums
        looked.days[metric][kept.day] = {arm: sums[arm] for arm in looked.exposed}
    return looked


def _take(looked: Looked, row: Any, metrics: Sequence[str]) -> None:
    looked.journeys |= {row["journey"], row["last_journey"]}
    looked.journey = looked.journey or row["journey"]
    arm, day, people = row["arm"], row["day"], row["exposed"]
    looked.exposed[arm] += people
    if people:
        looked.first.setdefault(arm, day)
        looked.last[arm] = day
    for metric in metrics:
        y, yy, x, xx, xy, nonzero = (each or 0.0 for each in row[metric.replace(" ", "_")])
        looked.days[metric][day][arm] = Sums(people, y, yy, x, xx, xy, round(nonzero))


def _spend(looked: Looked, row: Any) -> None:
    if row["metric"] == "sent":
        looked.sent[row["arm"]] += row["n"]
    else:
        looked.costs[row["arm"]][row["reason"]] += row["y"] / MILLIONTHS


async def _declared(connection: Connection, looked: Iterable[Looked]) -> None:
    """By which declaration each is read: the one that stood when its first customer was exposed."""
    told = list(looked)
    holding = await experiments.declared(connection, [each.name for each in told])
    for each in told:
        if (held := holding.get(each.name)) is not None:
            each.version, each.changed = held.version, held.declared != held.last
            each.declared = None if held.declared is None else Experiment.from_json(held.declared)


async def _measured(connection: Connection, looked: Iterable[Looked]) -> None:
    """By which rule each is measured: the latest of its journey, or its choice's."""
    told = list(looked)
    ruled = {each.name: ruled_by(each.name) or each.journey for each in told}
    rules = await values.rules(connection, set(ruled.values()))
    for each in told:
        plain = rules.get((ruled[each.name], None))
        each.rule = None if plain is None else Conversion.from_json(plain)


async def _drawn(connection: Connection, looked: Sequence[Looked]) -> None:
    """By which shares the arms of each were drawn."""
    asked = [(each.name, arm, _instant(each.first[arm]), _instant(each.last[arm])) for each in looked for arm in each.first]
    rows = iter(await connection.fetch(_SQL["shares"], *columns(asked, 4)))
    for each in looked:
        _share(each, [next(rows) for _ in each.first])


def _share(looked: Looked, rows: Iterable[Any]) -> None:
    for row in rows:
        if row["last"] is not None:
            looked.shares[row["arm"]] = row["last"]
        if others := [each for each in row["shares"] if not isclose(each, row["shares"][0])]:
            back = " and back" if isclose(row["last"], row["shares"][0]) else ""
            told = f"from {row['shares'][0]:g} to {others[-1]:g}{back}"
            looked.broken = f"the share of {row['arm']} was changed {told} while it ran"
    if looked.declared is not None:
        _share_as_declared(looked, looked.declared.arms)
        return
    unknown, left = [arm for arm in looked.exposed if arm not in looked.shares], 1 - sum(looked.shares.values())
    if looked.name.startswith(HOLDOUT) and len(looked.shares) == 1:
        unknown = [WITHHELD if WRITTEN in looked.shares else WRITTEN]
    if left > _LITTLE and len(unknown) <= 1:
        looked.shares[unknown[0] if unknown else _NOBODY] = left
    elif abs(left) > _LITTLE or unknown:
        looked.broken = looked.broken or _NO_SHARES


def _share_as_declared(looked: Looked, arms: Mapping[str, float]) -> None:
    """The declared shares; what was drawn otherwise is broken."""
    strange = sorted(arm for arm in looked.exposed if arm not in arms)
    others = sorted(arm for arm, share in looked.shares.items() if arm in arms and not isclose(share, arms[arm]))
    if strange:
        looked.broken = looked.broken or f"somebody is in {strange[0]}, which is none of the arms that it declares"
    elif others:
        looked.broken = looked.broken or f"{others[0]} is not drawn by the share that it declares"
    looked.shares = dict(arms)


_LITTLE = 1e-9
_NO_SHARES = "the shares by which its arms were drawn are not known any more, or do not add up to 1"


def _read(looked: Looked, until: date, today: date, metrics: Sequence[str]) -> None:
    """The result of each of these metrics, where there is anything to compare."""
    looked.until = min(until, today)
    if looked.broken or looked.rule is None or len(looked.shares) < 2:  # noqa: PLR2004 - a comparison needs two
        return
    looked.stands = looked.kept is None or looked.kept.read_by == looked.read_by
    if not looked.stands:
        return
    first = looked.next_day
    days = [first + n * _DAY for n in range((looked.until - first).days)]
    for metric in metrics:
        following = looked.follow(metric)
        for day in days:
            following.look(looked.days[metric].get(day, {}))
        looked.results[metric] = following.result


def metric_of(name: str, rule: Conversion, *, rare: bool) -> Metric:
    """What is compared by one of `METRICS`."""
    money = rule.currency or ""
    match name:
        case "conversion":
            return Metric("conversion rate", Kind.RARE if rare else Kind.RATE)
        case "orders":
            return Metric("orders per customer", Kind.MEAN, before=True)
        case "revenue":
            return Metric("revenue per customer", Kind.MEAN, money, rule.cap, before=True)
    return Metric("order value", Kind.RATIO, money)


def _instant(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

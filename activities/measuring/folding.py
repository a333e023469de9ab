"""The sums by day: what has changed is added up every few seconds; once a day, and when asked for, a day is added up anew.

Promise: both come to the same, and where they do not, that is written down and logged; what was found stands then. Nothing is
done where nothing has changed. Whoever was exposed counts once, for ever: as they were closed, else by the rule of now while
there are all events at which it looks, else as they last did.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import structlog
from temporalio import activity

from activities.measuring.deciding import decide
from activities.measuring.done import BEGINNING, done
from activities.measuring.values import Exposed, changes, looks_from
from activities.metrics import SUM_DIFFERENCES
from activities.versions import Versions
from journeys.clock import Clock
from journeys.contracts import JourneySpec
from journeys.deciding.options import ruled_by
from journeys.policies import TAKE_BACK, Conversion
from segments import purchases
from segments.facts import Event
from store import Connection, Database
from store.measuring import experiments, sums, values
from store.measuring.experiments import Said
from store.measuring.sums import Difference
from store.measuring.values import Added, Declared, Exposure, Value
from store.segments import sizes

log = structlog.get_logger(__name__)

#: By which the company's holdout, and places of pages, are measured: no journey declares it.
COMPANYS = Conversion(by=purchases, within=timedelta(days=28))
#: How often what has changed is added up (seconds), and how many days back a day is added up anew each night.
EVERY, NIGHTS = 2.0, 3
_CUSTOMERS = 500
_ATTEMPTS = 120
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Folding:
    """The activity, the chore of the watch, and what they work with."""

    database: Database
    versions: Versions | None
    clock: Clock
    _declared: set[tuple[str | None, frozenset[str]]] = field(default_factory=set)

    async def fold(self) -> None:
        """Add up what has changed."""
        await self.declare()
        while await sums.in_turn(self.database, self._some):
            pass

    async def declare(self) -> None:
        """Write down by which rules conversions count and experiments are read, of each version that somebody is in, once."""
        if self.versions and not self._declared:
            company = self.versions.own.holdout
            rule = COMPANYS if company is None or company.conversion is None else company.conversion
            await values.declare(self.database, [_of_company(rule)], self.clock.now())
        for served in (self.versions.own, *self.versions.held) if self.versions else ():
            known = (served.version, frozenset(served.specs))
            if known not in self._declared:
                now, version = self.clock.now(), served.version or ""
                await values.declare(self.database, list(_declared(version, served.specs.values())), now)
                said = [Said(each.name, version, each.to_json()) for each in served.compared]
                await experiments.declare(self.database, said, now)
                self._declared.add(known)

    @activity.defn(name="recompute-sums")
    async def nightly(self) -> None:
        """The last days once more, from the ledger and the events alone; then what experiments have come to is written down."""
        today = self.clock.now().astimezone(UTC).date()
        for day in (today - back * _DAY for back in range(1, NIGHTS + 1)):
            found = await self.recompute(day)
            for each in found:
                SUM_DIFFERENCES.labels(each.journey).inc()
            if found:
                told = {"sums": len(found), "journeys": sorted({each.journey for each in found})}
                log.error("sums were not what ledger and events say", day=day.isoformat(), **told)
        if found := await sizes.recount(self.database, self.clock.now()):
            SUM_DIFFERENCES.labels("").inc(len(found))
            told = {each.segment: [int(each.had[0]), int(each.found[0])] for each in found}
            log.error("segments had other sizes than members", segments=told)
        for decided in await decide(self.database, today, self.clock.now()):
            told = {"question": decided.question, "decision": decided.decision}
            log.info("an experiment has come to something", experiment=decided.experiment, **told)

    async def recompute(self, day: date) -> list[Difference]:
        """A day (UTC) from the ledger and the events alone; returns where the sums were others.

        Raises:
            TimeoutError: somebody else had the sums for minutes.
        """

        async def anew(connection: Connection) -> list[Difference]:
            return await self._recompute(connection, day)

        found = await sums.in_turn(self.database, anew, _ATTEMPTS)
        if found is None:
            raise TimeoutError("somebody else has been adding up sums for minutes; try again")
        return found

    async def _some(self, connection: Connection) -> bool:
        """Add up some of what has changed; whether there is more."""
        messages = await sums.fold_messages(connection)
        marks, customers = await values.take_touched(connection, _CUSTOMERS)
        await _renew(connection, customers)
        return messages == sums.AT_ONCE or marks == _CUSTOMERS

    async def _recompute(self, connection: Connection, day: date) -> list[Difference]:
        now = self.clock.now()
        found = await sums.recompute_messages(connection, day, now)
        await values.touch(connection, await values.untold(connection))  # what is on its way to the sums is no difference
        while True:
            marks, customers = await values.take_touched(connection, _CUSTOMERS)
            await _renew(connection, customers)
            if not marks:
                break
        begins = datetime.combine(day, time(), UTC)
        about = await values.of_day(connection, await values.types(connection), begins, begins + _DAY)
        anew: list[Value] = []
        moved: list[Added] = []
        for n in range(0, len(about), _CUSTOMERS):
            fresh, differing = await _looked_at(connection, about[n : n + _CUSTOMERS])
            anew += fresh
            moved += differing
        anew += await values.of_erased(connection)
        of_day = values.together(each for value in anew for each in value.added() if each.about[0] == day)
        await values.add(connection, [each for each in moved if each.about[0] != day])
        return [*found, *await values.differing(connection, day, now, of_day)]


def _declared(version: str, specs: Iterable[JourneySpec]) -> Iterable[Declared]:
    for spec in specs:
        rule = spec.measured
        yield Declared(spec.name, version, rule.to_json() if rule else None, rule.types | TAKE_BACK if rule else frozenset())


def _of_company(rule: Conversion) -> Declared:
    by = replace(rule, by=purchases) if rule.by is None else rule
    return Declared("", "", by.to_json(), by.types | TAKE_BACK)


async def _renew(connection: Connection, customers: Sequence[UUID]) -> None:
    """Bring values and sums of customers up to what their events say."""
    if customers:
        _, moved = await _looked_at(connection, customers)
        await values.add(connection, moved)


async def _looked_at(connection: Connection, customers: Sequence[UUID]) -> tuple[list[Value], list[Added]]:
    """The values of customers, which stand from now on, and by how much they are others than those that stood."""
    old = {(each.profile_id, each.experiment): each for each in await values.stored(connection, customers)}
    new = {(each.profile_id, each.experiment): each for each in await _values(connection, customers, list(old.values()))}
    gone = [each for key, each in old.items() if new.get(key) != each]
    come = [each for key, each in new.items() if old.get(key) != each]
    if gone or come:
        await values.replace(connection, gone, come)
    moved = [*(added for each in gone for added in each.taken()), *(added for each in come for added in each.added())]
    return list(new.values()), moved


async def _values(connection: Connection, customers: Sequence[UUID], old: Sequence[Value]) -> list[Value]:
    """The values of customers: anew where there are all events at which their rule looks, else as they stood.

    Of whom nothing stood, what can still be seen counts: who was exposed is not lost.
    """
    exposures = [each for each in await values.exposed(connection, customers) if not each.closed]
    rules = await _rules(connection, exposures)
    horizon = await values.known_from(connection) or BEGINNING
    stood = {(each.experiment, each.exposed_as): each for each in old}
    found: list[Value] = []
    looks: list[tuple[Exposure, Conversion | None, datetime]] = []
    for each in exposures:
        rule, last = rules[_ruled(each)], stood.get((each.experiment, each.exposed_as))
        since = _looks_from(each, rule)
        if since < horizon and last is not None and not last.apart:
            found.append(replace(last, profile_id=each.who, whole=False))
        else:
            looks.append((each, rule, since))
    if not looks:
        return found
    rules_of: dict[UUID, list[Conversion]] = {each.who: [] for each, _, _ in looks}
    for each, rule, _ in looks:
        rules_of[each.who] += [rule] if rule else []
    events = await done(connection, rules_of, max(horizon, min(since for _, _, since in looks)), horizon)
    return [*found, *(_value(each, rule, begins >= horizon, horizon, events[each.who]) for each, rule, begins in looks)]


async def _rules(connection: Connection, exposures: Sequence[Exposure]) -> dict[tuple[str, str], Conversion | None]:
    """The rule of each exposure's version, or else the latest of its journey."""
    asked = {_ruled(each) for each in exposures}
    told = await values.rules(connection, {journey for journey, _ in asked})
    plain = {key: told.get(key, told.get((key[0], None))) for key in asked}
    return {key: None if rule is None else Conversion.from_json(rule) for key, rule in plain.items()}


def _ruled(exposure: Exposure) -> tuple[str, str]:
    """Under which name and version its rule stands: a choice has its own."""
    choice = ruled_by(exposure.experiment)
    return (exposure.journey, exposure.version) if choice is None else (choice, "")


def _looks_from(exposure: Exposure, rule: Conversion | None) -> datetime:
    if rule is None:
        return exposure.exposed_at
    return Exposed(exposure.exposed_at, exposure.entered_at).since(rule) - rule.before


def _value(exposure: Exposure, rule: Conversion | None, whole: bool, horizon: datetime, events: Sequence[Event]) -> Value:
    exposed = Exposed(exposure.exposed_at, exposure.entered_at)
    since = exposure.exposed_at if rule is None else looks_from(rule, exposed, events)
    return Value.of(exposure, max(since, horizon), whole, changes(rule, exposed, events))

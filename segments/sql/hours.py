"""Hours of the day and days of the week as SQL: Python works out the offsets of the zones, and hands the database a table.

Promise: no zone is ever converted in the database (as in `periods`), so both sides know the same zones and the same rules.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import Grouping

from segments.language.spans import earlier
from segments.leaves.events import Events
from segments.sql.tables import INSTANT
from segments.time.calendar import ZONE_TRAIT
from segments.time.hours import Home, Hours, Weekdays
from segments.time.wall_clock import DAY, MONDAY, STRIDE, WallTable, wall_table

Expression = sa.ColumnElement[Any]
WALL_BOUND: Final = "wall_"
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_HOUR = 3_600
#: As good as the first and the last instant of Python's calendar, which are stored as infinities and so have no seconds.
_TOLD_APART = datetime(1700, 1, 1, tzinfo=UTC), datetime(2240, 1, 1, tzinfo=UTC)  # 2 ** 33 seconds around 1970
_EARLIEST, _LATEST = _BEGINNING + _MICRO, datetime.max.replace(tzinfo=UTC) - _MICRO


def at_wall(e: Any, leaf: Events, back: timedelta, traits: Expression | None) -> list[Expression]:
    """Whether an event happened at the hours and on the days of a leaf; both in one look where they share a zone.

    `back` is how long before the instant asked about the leaf may be asked (`held`); the traits are those of the customer.
    """
    asked = [each for each in (leaf.hours, leaf.days) if each is not None]
    homes = dict.fromkeys(each.home for each in asked)
    span = timedelta(0) if leaf.oldest is None else leaf.oldest + back  # 0 when the events can be of any age
    return [_shown(e, home, [each for each in asked if each.home == home], span, traits) for home in homes]


def _shown(e: Any, home: Home, asked: Iterable[Hours | Weekdays], span: timedelta, traits: Expression | None) -> Expression:
    return _tests(_wall(e.c.ts, home, span, traits), asked)


def hour_shown(ts: Expression, home: Home, span: timedelta, traits: Expression) -> Expression:
    """The hour, 0 to 23, that a customer's clock shows at an instant no further back than a span."""
    return _wall(ts, home, span, traits) // _whole(_HOUR) % _whole(DAY // _HOUR)


def _wall(ts: Expression, home: Home, span: timedelta, traits: Expression | None) -> Expression:
    """Seconds since a Monday, 00:00, as a clock on the wall counts them."""
    of = f"{span // _MICRO}_{'' if home.zone is None else home.zone.encode().hex()}"
    elapsed = _seconds(ts) + _whole(MONDAY)
    if home.zone is not None or traits is None:
        return elapsed + _offset(of, elapsed)
    return elapsed + _offset(of, elapsed + _whole(STRIDE) * _number(of, home, traits))


def _seconds(ts: Expression) -> Expression:
    """Whole seconds since 1970: of binary fractions, where these tell a microsecond, which is half of the time."""
    finite = sa.func.least(sa.func.greatest(ts, _instant(_EARLIEST)), _instant(_LATEST), type_=INSTANT)
    exactly = sa.cast(sa.func.floor(sa.extract("epoch", finite)), sa.BigInteger)
    quickly = sa.cast(sa.func.floor(sa.func.date_part("epoch", ts, type_=sa.Double)), sa.BigInteger)
    return sa.case((ts.between(_instant(_TOLD_APART[0]), _instant(_TOLD_APART[1])), quickly), else_=exactly)


def _number(of: str, home: Home, traits: Expression) -> Expression:
    """The number of the customer's zone in the table."""
    homes = sa.bindparam(f"{WALL_BOUND}homes_{of}", type_=JSONB)
    own, otherwise = (sa.bindparam(None, name, sa.Text, unique=True) for name in (ZONE_TRAIT, home.otherwise))
    known = homes.op("->>", return_type=sa.Text())(traits.op("->>", return_type=sa.Text())(own))
    number = sa.func.coalesce(known, homes.op("->>", return_type=sa.Text())(otherwise), type_=sa.Text())
    return sa.cast(number, sa.BigInteger)


def _offset(of: str, key: Expression) -> Expression:
    keys = sa.bindparam(f"{WALL_BOUND}keys_{of}", type_=ARRAY(sa.BigInteger))
    offsets = sa.bindparam(f"{WALL_BOUND}offsets_{of}", type_=ARRAY(sa.BigInteger))
    bracketed: Any = Grouping(offsets)  # else the index would be read as part of the parameter's type
    found: Expression = bracketed[sa.func.width_bucket(key, keys, type_=sa.Integer())]
    return found


def _tests(shown: Expression, asked: Iterable[Hours | Weekdays]) -> Expression:
    return sa.and_(*(_at(shown, each) if isinstance(each, Hours) else _on(shown, each) for each in asked))


def _at(shown: Expression, hours: Hours) -> Expression:
    return (shown + _whole(DAY - hours.start * 60)) % _whole(DAY) < _whole(hours.length * 60)


def _on(shown: Expression, weekdays: Weekdays) -> Expression:
    days = sa.bindparam(None, list(weekdays.days), ARRAY(sa.BigInteger), unique=True)
    return shown // _whole(DAY) % _whole(7) == sa.any_(days)


def wall_bound(name: str) -> Callable[[datetime], Any]:
    """The value, at an instant, of a parameter that `at_wall` made."""
    _, which, micros, zone = name.split("_", 3)
    span, home = int(micros) * _MICRO, bytes.fromhex(zone).decode() or None

    def value(at: datetime) -> Any:
        since = earlier(at, span) if span else _BEGINNING
        table: WallTable = wall_table(since, at, home)
        return getattr(table, which)

    return value


def _whole(number: int) -> Expression:
    return sa.bindparam(None, number, sa.BigInteger, unique=True)


def _instant(at: datetime) -> Expression:
    return sa.bindparam(None, at, INSTANT, unique=True)

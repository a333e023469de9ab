"""The SQL of dates in traits: instants against now, and days against the customer's today, which Python works out.

Promise: a text that is no date is left out before it is cast; no zone is converted in the database.
"""

from typing import Any

import sqlalchemy as sa

from segments.language.comparing import compared
from segments.leaves.dates import Age, Anniversary, Near
from segments.sql.conditions import Selection, inside
from segments.sql.documents import Expression, Value, anywhere, bound, day_of, instant_of
from segments.sql.periods import today
from segments.sql.rows import not_after, now, younger_than
from segments.sql.tables import profile


@inside.register
def _(predicate: Near, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    after = younger_than(predicate.after) if predicate.after else now()
    before = not_after(predicate.before) if predicate.before else now()

    def near(value: Value) -> Expression:
        return instant_of(value, lambda instant: sa.and_(instant > after, instant <= before))

    return anywhere(profile.c.traits, predicate.path, near)


@inside.register
def _(predicate: Anniversary, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    this_day = today(predicate.day)

    def returns(born: Expression) -> Expression:
        years = _year(this_day) - _year(born)
        return sa.or_(*(_near(born, each, this_day, predicate.within_days) for each in (years, years + sa.literal(1))))

    return anywhere(profile.c.traits, predicate.path, lambda value: day_of(value, returns))


def _near(born: Expression, years: Expression, this_day: Expression, within: int) -> Expression:
    days = sa.cast(_after(born, years), sa.Date) - this_day
    return sa.and_(years > sa.literal(0), days >= sa.literal(0), days <= sa.literal(within))


@inside.register
def _(predicate: Age, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    this_day = today(predicate.day)

    def aged(born: Expression) -> Expression:
        years = _year(this_day) - _year(born)
        early = sa.cast(_after(born, years) > this_day, sa.Integer)
        return sa.and_(born <= this_day, _test(predicate, years - early))

    return anywhere(profile.c.traits, predicate.path, lambda value: day_of(value, aged))


def _test(leaf: Age, age: Expression) -> Expression:
    if leaf.op == "between":
        low, high = (bound(end, "number") for end in leaf.value)
        return sa.and_(age >= low, age <= high)
    found: Any = compared(leaf.op, age, bound(leaf.value, "number"))
    return found  # type: ignore[no-any-return]  # the operators build expressions, too


def _year(day: Expression) -> Expression:
    return sa.cast(sa.func.date_part(bound("year", "text"), day), sa.Integer)


def _after(day: Expression, years: Expression) -> Expression:
    """So many years later; Postgres, too, makes the 29th of February the 28th."""
    return day + sa.func.make_interval(years, type_=sa.Interval())

"""Messages and experiments once more in DuckDB, from ledger, exposures and events alone: no sum, view or function of ours."""

from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest

from api.reports.known import report
from store import Database
from store.reports.report import Asked
from tests.reports.planted import START, UNTIL, plant

MESSAGES = """
with told as (
    select step, channel, provider in ('smtp', 'fcm', 'apns') as silent, state = 'sent' or returned_at is not null as sent, *
    from delivery where journey = 'carts'
)
select step, channel, count(*) as due, count(*) filter (sent) as sent, count(*) filter (state = 'withheld') as withheld,
       count(*) filter (state = 'skipped') as skipped, count(delivered_at) as delivered, count(opened_human_at) as opened_human,
       count(delivered_at) filter (not silent) / nullif(count(*) filter (sent and not silent), 0) as delivery_rate,
       count(returned_at) filter (delivered_at is null) / nullif(count(*) filter (sent), 0) as bounce_rate,
       count(opened_human_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as open_rate,
       count(opened_machine_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as open_rate_machine,
       count(opened_unknown_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as open_rate_unknown,
       count(clicked_human_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as ctr,
       count(clicked_human_at) / nullif(count(opened_human_at), 0) as ctor,
       count(unsubscribed_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as unsubscribe_rate,
       count(complained_at) filter (not silent) / nullif(count(delivered_at) filter (not silent), 0) as complaint_rate,
       sum(cost) / 1e6 as "cost_EUR"
from told group by step, channel order by step, channel
"""
#: An order counts once, in seven days from the exposure on; before it, those of 28 days are what CUPED adjusts by.
CUSTOMERS = """
with ordered as (
    select x.profile_id, x.arm, e.properties ->> 'order_id' as order_id, e.ts >= x.exposed_at as after,
           sum(case e.type when 'Order Completed' then (e.properties ->> 'revenue')::double
                           else -(e.properties ->> 'total')::double end) as money
    from exposure x join event e on e.profile_id = x.profile_id
    where x.experiment = '$holdout/carts' and e.ts < x.exposed_at + interval 7 day and e.ts >= x.exposed_at - interval 28 day
    group by all
), customer as (
    select x.profile_id, x.arm, coalesce(sum(o.money) filter (after), 0) as y,
           coalesce(sum(o.money) filter (not after), 0) as x,
           count(o.order_id) filter (after) as orders, (count(o.order_id) filter (after) > 0)::int as converted
    from exposure x left join ordered o on o.profile_id = x.profile_id
    where x.experiment = '$holdout/carts' group by all
), slope as (
    select covar_samp(x, y) / var_samp(x) as theta, avg(x) as middle from customer
), arm as (
    select arm, count(*) as n, avg(converted) as rate, var_samp(converted) as rate_v,
           avg(y) - theta * (avg(x) - middle) as mean, sum(y) / sum(orders) as value,
           var_samp(y) + theta ** 2 * var_samp(x) - 2 * theta * covar_samp(x, y) as v
    from customer, slope group by arm, theta, middle
)
select t.n, c.n as others, t.rate, c.rate as other_rate, t.mean, c.mean as other_mean, t.value, c.value as other_value,
       t.rate_v, c.rate_v as other_rate_v, t.v, c.v as other_v
from arm t, arm c where t.arm = 'written to' and c.arm = 'withheld'
"""
#: Bounds that hold at every look, narrowest at 5,000 people, by the larger of own and pooled error.
BOUNDS = """
with given as (select ?::double as m1, ?::double as m0, ?::double as v1, ?::double as v0, ?::double as n1, ?::double as n0),
f as (select *, (n1 + n0) * 8.2119681 / 5000 as x from given),
width as (select *, sqrt(2 * (x + 1) / x * ln(sqrt(x + 1) / 0.05)) as half from f),
error as (select *, sqrt(greatest(v1 / n1 + v0 / n0, (n1 * v1 + n0 * v0) / (n1 + n0) * (1 / n1 + 1 / n0))) as se,
                 sqrt(greatest(v1 / m1 ** 2 / n1 + v0 / m0 ** 2 / n0,
                               (n1 * v1 / m1 ** 2 + n0 * v0 / m0 ** 2) / (n1 + n0) * (1 / n1 + 1 / n0))) as rse from width)
select m1 - m0, m1 - m0 - half * se, m1 - m0 + half * se, m1 / m0 - 1, exp(ln(m1 / m0) - half * rse) - 1,
       exp(ln(m1 / m0) + half * rse) - 1
from error
"""


@pytest.fixture
async def duck(database: Database) -> duckdb.DuckDBPyConnection:
    """What is in ledger, exposures and events of a planted shop."""
    await plant(database)
    read = duckdb.connect()
    for table in ("delivery", "exposure", "event"):
        found = [_plain(dict(row)) for row in await database.pool.fetch(f"select * from {table}")]
        read.register(f"of_{table}", pa.Table.from_pylist(found))
        read.execute(f"create table {table} as select * from of_{table}")
    return read


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    told = {"profile_id", "run_id", "endpoint_id"}
    return {
        name: str(value) if name in told else orjson.dumps(value).decode() if isinstance(value, dict | list) else value
        for name, value in row.items()
    }


def _dicts(answer: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [each[0] for each in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


async def test_kpi_01_messages_are_what_duckdb_finds(database: Database, duck: duckdb.DuckDBPyConnection) -> None:
    made = await report(database, "messages", Asked(now=START, since=START.date(), until=UNTIL, journey="carts"))
    by_duck = _dicts(duck.execute(MESSAGES))
    assert len(by_duck) == 2
    for ours, theirs in zip(made.table().dicts(), by_duck, strict=True):
        told = {name: None if ours[name] is None else float(ours[name]) for name in theirs if name not in ("step", "channel")}  # type: ignore[arg-type]
        assert (ours["step"], ours["channel"]) == (theirs.pop("step"), theirs.pop("channel"))
        assert told == pytest.approx(theirs)


async def test_kpi_04_a_holdout_is_what_duckdb_finds(database: Database, duck: duckdb.DuckDBPyConnection) -> None:
    made = await report(database, "experiments", Asked(now=START, until=UNTIL))
    [seen] = _dicts(duck.execute(CUSTOMERS))
    n, others = seen["n"], seen["others"]
    told = {table.name: next(row for row in table.dicts() if row["experiment"] == "$holdout/carts") for table in made.tables}
    brought = told["experiments"]
    assert (brought["exposed"], brought["exposed_against"]) == (n, others)
    for name, mean, variance in (("conversion", "rate", "rate_v"), ("revenue", "mean", "v")):
        means = [seen[mean], seen[f"other_{mean}"]]
        assert [told[name]["mean"], told[name]["mean_against"]] == pytest.approx(means)
        bounds = duck.execute(BOUNDS, [*means, seen[variance], seen[f"other_{variance}"], n, others]).fetchone()
        names = ("difference", "low", "high", "lift", "lift_low", "lift_high")
        assert bounds is not None
        assert [told[name][each] for each in names] == pytest.approx(list(bounds), rel=1e-6)
        incremental = "incremental_conversions" if name == "conversion" else "incremental_revenue"
        assert [brought[f"{incremental}{end}"] for end in ("", "_low", "_high")] == pytest.approx(
            [each * n for each in bounds[:3]], rel=1e-6
        )
    assert [told["order_value"]["mean"], told["order_value"]["mean_against"]] == pytest.approx(
        [seen["value"], seen["other_value"]]
    )

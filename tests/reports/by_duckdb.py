"""Every report once more in DuckDB: from events, ledger, runs and exposures as they stand, by what docs/measuring.md says.

Nothing of ours is read that was added up, and no view or function of ours: rows are copied over as plain values.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from journeys.policies import Conversion
from store import Database

Row = dict[str, Any]
_FILE = Path(__file__).with_suffix(".sql").read_text()
#: The statements of the file beside this one, by their names.
SQL: dict[str, str] = dict(re.findall(r"^-- name: (\w+)\n((?:(?!-- name: ).*\n)+)", _FILE, re.MULTILINE))

_TABLES = {
    "event": "profile_id::text, ts, type, kind, source, message_id, properties::text as properties, context::text as context",
    "delivery": "run_id::text, step, occurrence, profile_id::text, journey, channel, purpose, template, state, reason,"
    " provider, raced, due_at, claimed_at, settled_at, delivered_at, cost, currency, version, segment, arms::text as arms",
    "run": "id::text, journey, profile_id::text, segment, version, entered_at, ended_at, exit_reason, outcome",
    "exposure": "experiment, profile_id::text, arm, share, exposed_at, run_id::text, version",
    "profile": "id::text, merged_into::text",
    "endpoint": "profile_id::text, channel, first_seen_at",
    "segment": "name, known_from",
    "segment_member": "segment, profile_id::text, entered_at",
    "segment_transition": "id, segment, profile_id::text, kind, at",
}


async def raw(database: Database, *tables: str) -> duckdb.DuckDBPyConnection:
    """The rows of tables (of all) in DuckDB, and nothing else of ours."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    for table in tables or _TABLES:
        rows = await database.pool.fetch(f"select {_TABLES[table]} from {table}")
        assert rows != []
        columns = {name: pa.array([row[name] for row in rows]) for name in rows[0].keys()}  # noqa: SIM118 - a record
        duck.register(
            "whole",
            pa.table({name: each.cast(pa.string()) if pa.types.is_null(each.type) else each for name, each in columns.items()}),
        )
        duck.execute(f"create table {table} as select * from whole")
        duck.unregister("whole")
    return duck


def rows(answer: duckdb.DuckDBPyConnection) -> list[Row]:
    """An answer by the names of its columns."""
    names = [each[0] for each in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


_COUNTED = {
    **{
        name: f"metric = '{name}'"
        for name in ("due", "sent", "withheld", "skipped", "failed", "unconfirmed", "raced", "delivered")
    },
    **{f"bounced_{name or 'unsaid'}": f"metric = 'bounced' and reason = '{name}'" for name in ("hard", "soft", "")},
    **{f"opened_{name}": f"metric = 'opened' and reason = '{name}'" for name in ("human", "machine", "unknown")},
    **{f"clicked_{name}": f"metric = 'clicked' and reason = '{name}'" for name in ("human", "machine")},
    **{name: f"metric = '{name}'" for name in ("complained", "unsubscribed", "replied")},
}
_TELLS = "provider not in ('smtp', 'fcm', 'apns')"


def _rate(part: str, whole: str, only: str = "true") -> str:
    return f"count(*) filter ({part} and {only}) / nullif(count(*) filter ({whole} and {only}), 0)"


_RATED = {
    "delivery_rate": _rate("metric = 'delivered'", "metric = 'sent'", _TELLS),
    "bounce_rate": _rate("metric = 'bounced'", "metric = 'sent'"),
    "open_rate": _rate(_COUNTED["opened_human"], "metric = 'delivered'", _TELLS),
    "open_rate_machine": _rate(_COUNTED["opened_machine"], "metric = 'delivered'", _TELLS),
    "open_rate_unknown": _rate(_COUNTED["opened_unknown"], "metric = 'delivered'", _TELLS),
    "ctr": _rate(_COUNTED["clicked_human"], "metric = 'delivered'", _TELLS),
    "ctor": _rate(_COUNTED["clicked_human"], _COUNTED["opened_human"]),
    "unsubscribe_rate": _rate("metric = 'unsubscribed'", "metric = 'delivered'", _TELLS),
    "complaint_rate": _rate("metric = 'complained'", "metric = 'delivered'", _TELLS),
}
_SIDES = ", ".join(
    f"count(*) filter ({it}) as n{i}, count(*) filter ({it} and y <> 0) as nz{i}, avg(y) filter ({it}) as my{i},"
    f" avg(x) filter ({it}) as mx{i}, sum(y) filter ({it}) as sy{i}, var_samp(y) filter ({it}) as vy{i},"
    f" var_samp(x) filter ({it}) as vx{i}, covar_samp(y, x) filter ({it}) as c{i}"
    for i, it in ((1, "v.arm = q.arm"), (0, "v.arm = q.control"))
)
_ESTIMATES = ", ".join(
    f"if(metric = 'order value', my{i} / nullif(mx{i}, 0), my{i}) as raw{i},"
    f" if(metric = 'order value', raw{i}, my{i} - theta * (mx{i} - mx)) as m{i},"
    f" if(metric = 'order value', (vy{i} + raw{i} ** 2 * vx{i} - 2 * raw{i} * c{i}) / nullif(mx{i}, 0) ** 2,"
    f" vy{i} + theta ** 2 * vx{i} - 2 * theta * c{i}) as v{i}"
    for i in (1, 0)
)


_NOT_SENT = ("withheld", "skipped", "failed", "unconfirmed")
_STEPS = ("due", "sent", "delivered", "opened", "clicked", "not_sent")
_HELD = (
    "exposed",
    "exposed_holdout",
    "conversion_rate",
    "conversion_rate_holdout",
    "lift",
    "lift_low",
    "lift_high",
    "decision",
)
_RANKED = ("incremental_conversions", "messages", "currency", "cost", "incremental_revenue", "roi")
_SHARED = ("incremental_conversions", "currency", "revenue_per_recipient", "incremental_revenue", "roi")


def _rule(rule: Conversion) -> tuple[Any, ...]:
    goals = sorted(edge.type for edge in rule.by.edges) if rule.by is not None else []
    spans = rule.within.total_seconds(), rule.before.total_seconds()
    return goals, *spans, rule.since == "entry", rule.currency, rule.cap, rule.margin, str(rule.kpi)


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _named(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _who(row: Row, by: Sequence[str]) -> Row:
    return {"experiment": row["experiment"], "arm": row["arm"], "against": row["against"]} | (
        {by[0]: row["part"]} if by else {}
    )


def _decision(row: Row, by: Sequence[str] = ()) -> str:
    if row["changed"]:
        return "broken"
    if not row["ruled"]:
        return "not measured"
    if row["split_p"] <= 0.01:
        return "broken"
    if by and row["can"]:
        return "part"
    if row["shown"] is not None:
        return "higher" if row["shown"] > 0 else "lower"
    return "open" if row["can"] else "early"


def _bounds(row: Row) -> list[float | None]:
    if not (row["counts"] and row["can"]):
        return [None] * 3
    return [row["difference"], row["difference"] - row["wide"], row["difference"] + row["wide"]]


def _added(row: Row) -> list[float | None]:
    return [None if each is None else each * row["n1"] for each in _bounds(row)]


def _lift(row: Row) -> list[float | None]:
    if not (row["counts"] and row["can"] and row["clear"]):
        return [None] * 3
    return [row["lift"], row["lift_low"], row["lift_high"]]


def _measured(row: Row, by: Sequence[str]) -> Row:
    which = "m" if row["counts"] and row["can"] else "raw"
    means = [row[f"{which}{side}"] if row["ruled"] else None for side in (1, 0)]
    names = ("mean", "mean_against", "difference", "low", "high", "lift", "lift_low", "lift_high")
    numbers = dict(zip(names, [*means, *_bounds(row), *_lift(row)], strict=True))
    return _who(row, by) | {
        "currency": row["currency"],
        **numbers,
        "p": row["p"] if row["counts"] else None,
        "decision": _decision(row, by),
    }


def _needed(row: Row) -> int | None:
    """People in all arms who show a lift of ten per cent on the control so far; the arm that needs most decides."""
    usual, other = row["raw0"], (row["raw0"] or 0) * 1.1
    if not row["has_result"] or _decision(row) not in ("open", "early") or not usual or not usual > 0:
        return None
    if row["metric"] == "conversion":
        if other >= 1:
            return None
        variances = usual * (1 - usual), other * (1 - other)
    elif row["metric"] == "order value":
        variances = row["v0"], row["v0"]
    else:  # less what goes with what the same customers did before
        variances = (row["vy0"] - (row["c0"] ** 2 / row["vx0"] if row["vx0"] else 0),) * 2
    spread = variances[0] / row["other_share"] + variances[1] / row["least_share"]
    return ceil((row["beyond"] + 0.8416212335729143) ** 2 * spread / (other - usual) ** 2 - 1e-6) if spread > 0 else None


def _arrive(walks: Sequence[Row], closed: str | None) -> float:
    """The chance of coming to an order, walking on from touch to touch as often as the paths did."""
    went: dict[str, dict[str, int]] = {}
    for row in walks:
        steps = ["start", *row["path"], "order" if row["currency"] is not None else "nothing"]
        for here, there in pairwise(steps):
            went.setdefault(here, {})[there] = went.setdefault(here, {}).get(there, 0) + 1
    at, arrived = {"start": 1.0}, 0.0
    for _ in range(400):
        then: dict[str, float] = {}
        for here, chance in at.items():
            for there, times in went[here].items():
                then[there] = then.get(there, 0) + chance * times / sum(went[here].values())
        arrived += then.pop("order", 0)
        at = {there: chance for there, chance in then.items() if there not in ("nothing", closed)}
    return arrived


class Oracle:
    """What every report of a shop must say."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, rules: Mapping[str, Sequence[Conversion | None]], until: date) -> None:
        self.duck = duck
        self._looks: dict[Any, list[Row]] = {}
        duck.execute("set variable until = $until::date", {"until": until})
        duck.execute(
            "create table rule (journey text, version text, goals text[], within double, before double, from_entry bool,"
            " currency text, cap double, margin double, kpi text)"
        )
        for journey, versions in rules.items():
            for n, rule in enumerate(versions, 1):
                told = _rule(rule) if rule else (None,) * 8
                duck.execute("insert into rule values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [journey, journey and f"v{n}", *told])
        for statements in (SQL["orders"], SQL["messages"], SQL["customers"]):
            duck.execute(statements)

    def ask(self, sql: str, **what: Any) -> list[Row]:
        """A question, by the names of its columns."""
        found = rows(self.duck.execute(sql, {name: value for name, value in what.items() if f"${name}" in sql}))
        return [{name: float(each) if isinstance(each, Decimal) else each for name, each in row.items()} for row in found]

    def orders(self, since: datetime, until: datetime) -> list[Row]:
        """By currency how many there were, and their money, to the last decimal."""
        asked = "select cur, count(*) as orders, sum(amount) as money from made where placed >= ? and placed < ? group by all"
        return rows(self.duck.execute(asked, [since, until]))

    def messages(self, by: Sequence[str], since: date, until: date, journey: str | None = None) -> list[Row]:
        """All columns of messages, told apart by these names."""
        asked = {"since": since, "until": until, "journey": journey}
        within = "day >= $since and day < $until and ($journey is null or journey = $journey)"
        monies = [
            row["reason"]
            for row in self.ask(f"select distinct reason from fact where metric = 'cost' and {within} order by 1", **asked)
        ]
        costs = [f"sum(y) filter (metric = 'cost' and reason = '{each}') as \"cost_{each}\"" for each in monies]
        made = [f'{sql} as "{name}"' for name, sql in _RATED.items()]
        made += [f'count(*) filter ({sql}) as "{name}"' for name, sql in _COUNTED.items()]
        return self.ask(
            f"select {', '.join([*by, *made, *costs])} from fact where {within} group by all order by {', '.join(by)}", **asked
        )

    def funnel(self, journey: str, since: date, until: date) -> tuple[list[Row], list[Row]]:
        """Steps in their order, and why messages were not sent."""
        now = self.ask(
            "select coalesce(step, '') as step, count(*) as people from run r left join ("
            "  select run_id, arg_max(step, (due_at, occurrence)) as step from message"
            "  where state not in ('claimed', 'deferred', 'released') group by run_id) m on m.run_id = r.id"
            " where journey = $journey and ended_at is null and exit_reason is null group by all", journey=journey,
        )  # fmt: skip
        people = {row["step"]: row["people"] for row in now}
        reached = self.ask(
            "select coalesce(step, '') as step, count(*) as people from run r left join ("
            "  select m.run_id, arg_max(m.step, (m.claimed_at, m.due_at, m.step)) as step"
            "  from message m join run r on r.id = m.run_id where m.state = 'sent' and m.claimed_at <= r.ended_at"
            "  group by all) m on m.run_id = r.id"
            " where journey = $journey and outcome = 'goal reached' and ended_at >= $since::date and ended_at < $until::date"
            " group by all", journey=journey, since=since, until=until,
        )  # fmt: skip
        converted = {row["step"]: row["people"] for row in reached}
        order = self.ask(
            "select m.step, min(m.due_at - r.entered_at) as after from message m join run r on r.id = m.run_id"
            " where m.journey = $journey group by all", journey=journey,
        )  # fmt: skip
        after = {row["step"]: row["after"] for row in order}
        groups = self.messages(("step", "channel"), since, until, journey)
        found: list[Row] = [
            {"step": "(before the first)", "channel": "", **dict.fromkeys(_STEPS), "converted": converted.get("", 0)}
            | {"people_now": people.get("", 0)}
        ]
        for row in sorted(groups, key=lambda row: (after[row["step"]], row["step"], row["channel"])):
            told = row["delivery_rate"] is not None or row["sent"] == 0
            found.append(
                {name: row[name] for name in ("step", "channel", "due", "sent")}
                | {
                    "delivered": row["delivered"] if told else None,
                    "opened": row["opened_human"],
                    "clicked": row["clicked_human"],
                }
                | {"not_sent": sum(row[name] for name in _NOT_SENT), "converted": converted.get(row["step"], 0)}
                | {"people_now": people.get(row["step"], 0)}
            )
        reasons = self.ask(
            "select step, metric as outcome, reason, count(*) as messages from fact where journey = $journey and day >= $since"
            f" and day < $until and metric in {_NOT_SENT} group by all", journey=journey, since=since, until=until,
        )  # fmt: skip
        return found, reasons

    def deliverability(self, since: date, until: date, journey: str | None = None) -> list[Row]:
        """Providers by channel."""
        found = []
        for row in self.messages(("channel", "provider"), since, until, journey):
            rate = row["complaint_rate"]
            state = "unknown" if rate is None else "stop" if rate >= 0.003 else "warn" if rate >= 0.001 else "ok"
            plain = (
                "channel",
                "provider",
                "sent",
                "delivered",
                "delivery_rate",
                "unconfirmed",
                "unsubscribe_rate",
                "complained",
                "complaint_rate",
            )
            bounces = {f"bounce_rate_{how}": share(row[f"bounced_{how}"], row["sent"]) for how in ("hard", "soft", "unsaid")}
            found.append({name: row[name] for name in plain} | bounces | {"refused": row["failed"], "state": state})
        return [row for row in found if row["provider"]]

    def looks(self, until: date, journey: str | None = None, by: Sequence[str] = ()) -> list[Row]:
        """Each arm of each experiment and metric against its control, as of the end of the day before."""
        asked = until, journey, (label := by[0] if by else "''")
        if asked not in self._looks:
            sql = SQL["looks"].format(part=label, sides=_SIDES, estimates=_ESTIMATES)
            self._looks[asked] = self.ask(sql, until=until, journey=journey)
        return self._looks[asked]

    def experiments(self, until: date, journey: str | None = None, by: Sequence[str] = ()) -> dict[str, list[Row]]:
        """All tables of the report."""
        looks, found = self.looks(until, journey, by), {}
        of = {(row["experiment"], row["part"], row["arm"], row["metric"]): row for row in looks}
        for metric in ("conversion", "orders", "revenue", "order value"):
            found[metric.replace(" ", "_")] = [_measured(row, by) for row in looks if row["metric"] == metric]
        found["experiments"] = [
            self._brought(row, *(of[(*key[:3], metric)] for metric in ("revenue", "order value", row["kpi"] or "conversion")),
                          (until, journey, by))
            for key, row in of.items() if key[3] == "conversion"
        ]  # fmt: skip
        return found | {"decisions": []}

    def spent(self, row: Row, until: date, journey: str | None, by: Sequence[str]) -> tuple[int, float | None, str]:
        """Messages to an arm, what they cost, and in which money, where that is one."""
        part = f"and {by[0]} = $part" if by and row["part"] else ""
        told = self.ask(
            "select count(*) filter (metric = 'sent') as sent, sum(y) filter (metric = 'cost') as cost,"
            " list(distinct reason) filter (metric = 'cost') as monies from fact"
            " where json_extract_string(arms, '$.\"' || $experiment || '\"') = $arm and day < $until"
            f" and ($journey is null or journey = $journey) {part}",
            experiment=row["experiment"], arm=row["arm"], until=until, journey=journey, part=row["part"],
        )[0]  # fmt: skip
        one = len(told["monies"] or ()) == 1
        return told["sent"], told["cost"] if one else None, told["monies"][0] if one else ""

    def _brought(self, row: Row, revenue: Row, value: Row, judged: Row, asked: tuple[date, str | None, Sequence[str]]) -> Row:
        sent, cost, money = self.spent(row, *asked)
        others, _, _ = self.spent(row | {"arm": row["against"]}, *asked)
        known = cost and row["margin"] is not None and money == row["currency"]
        known = known and (row["against"] == "withheld" or not others)
        roi = [None if not known or each is None else (each * row["margin"] - cost) / cost for each in _added(revenue)]
        needed = None if asked[2] else _needed(judged)
        return _who(row, asked[2]) | {
            "exposed": row["n1"], "exposed_against": row["n0"], "split_p": row["split_p"] if row["has_result"] else None,
            "judged_by": row["kpi"] or "conversion", "decision": _decision(judged, asked[2]), "currency": row["currency"],
            **dict(zip(_named("incremental_conversions"), _added(row), strict=True)),
            "revenue_per_recipient": value["sy1"] / row["n1"] if row["ruled"] else None,
            **dict(zip(_named("incremental_revenue"), _added(revenue), strict=True)),
            "messages": sent, "cost": cost, "margin": row["margin"], **dict(zip(_named("roi"), roi, strict=True)),
            "plan": None, "over": None,  # nothing is declared of any
            "people_needed": needed,
            "days_to_go": None if needed is None else max(0, ceil((needed - row["people"]) / row["a_day"] - 1e-9)),
        }  # fmt: skip

    def versions(self, journey: str, until: date) -> list[Row]:
        """The two that began last."""
        known = self.ask(
            "select version, min(day) as first_day, max(day) as last_day from (select version, day from fact"
            " where journey = $journey and metric = 'due'"
            " union all select version, first_day from customer where journey = $journey) group by version order by 2, 3, 1",
            journey=journey,
        )[-2:]  # fmt: skip
        counted = {
            row["version"]: row for row in self.messages(("version",), min(row["first_day"] for row in known), until, journey)
        }
        own = {
            row["version"]: row
            for row in self.experiments(until, journey, ("version",))["experiments"]
            if "/" in row["experiment"]
        }
        looks = {
            (row["part"], row["metric"]): row for row in self.looks(until, journey, ("version",)) if "/" in row["experiment"]
        }
        found = []
        for row in known:
            if row["version"] not in own:
                found.append(row | counted[row["version"]] | dict.fromkeys((*_HELD, *_SHARED)))
                continue
            of, brought = looks[row["version"], "conversion"], own[row["version"]]
            ruled, lift = of["ruled"], _lift(of)
            found.append(row | counted[row["version"]] | {
                "exposed": of["n1"], "exposed_holdout": of["n0"], "conversion_rate": of["raw1"] if ruled else None,
                "conversion_rate_holdout": of["raw0"] if ruled else None, **dict(zip(_named("lift"), lift, strict=True)),
                "decision": _decision(of, ("version",)), **{name: brought[name] for name in _SHARED},
            })  # fmt: skip
        return found

    def ranking(self, until: date) -> list[Row]:
        """Journeys with a holdout of their own, unordered among equals."""
        found = []
        brought = {row["experiment"]: row for row in self.experiments(until)["experiments"]}
        for row in self.looks(until):
            if row["metric"] != "conversion" or not row["experiment"].startswith("$holdout/"):
                continue
            of = brought[row["experiment"]]
            sent, cost, money = self.spent(row, until, None, ())
            by_thousand = [None if each is None or not sent else each * 1000 / sent for each in _added(row)]
            revenue = of["incremental_revenue"]
            ratio = revenue / cost if revenue is not None and cost and money == of["currency"] else None
            found.append({
                "journey": row["experiment"].removeprefix("$holdout/"), "decision": _decision(row), "lift": _lift(row)[0],
                **dict(zip(("per_1000_messages", "per_1000_low", "per_1000_high"), by_thousand, strict=True)),
                "revenue_by_cost": ratio, **{name: of[name] for name in _RANKED},
            })  # fmt: skip
        places = ("higher", "open", "early", "not shown", "lower")
        found.sort(
            key=lambda row: (
                places.index(row["decision"]) if row["decision"] in places else 5,
                -(row["per_1000_messages"] or 0),
                row["journey"],
            )
        )
        return [row | {"rank": n if row["per_1000_messages"] is not None else None} for n, row in enumerate(found, 1)]

    def credit(
        self,
        since: date | datetime,
        until: date | datetime,
        by: str,
        *,
        touch: str = "sent",
        transactional: bool = False,
        within: float = 7 * 86400,
        half: float = 2 * 86400,
    ) -> list[Row]:
        """By rule: orders, money and refunds."""
        return self.ask(
            SQL["credit"], since=since, until=until, by=by, touch=touch, transactional=transactional, within=within, half=half
        )

    def paths(self, since: date, until: date) -> list[Row]:
        """Shapley's value by its definition for games that all on a path win together; Markov by walking step by step."""
        found = self.ask(SQL["paths"], since=since, until=until)
        walks: list[Row] = []
        for currency in sorted({row["currency"] for row in found if row["currency"] is not None}):
            mine = [row for row in found if row["currency"] in (currency, None)]
            channels = sorted({channel for row in mine for channel in row["path"]})
            whole = _arrive(mine, None)
            removed = {channel: 1 - _arrive(mine, channel) / whole for channel in channels}
            money = sum(row["amount"] or 0 for row in mine)
            for channel in channels:
                shapley = sum((row["amount"] or 0) / len(set(row["path"])) for row in mine if channel in row["path"])
                markov = money * removed[channel] / sum(removed.values())
                walks.append(
                    {
                        "channel": channel,
                        "currency": currency,
                        "shapley": shapley,
                        "markov": markov,
                        "removal": removed[channel],
                    }
                )
        return walks

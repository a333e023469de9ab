"""The reports of customers once more: what they are worth and cost, and what goes with converting, customer by customer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import erfc, exp, log, sqrt

from tests.reports.by_duckdb import SQL, Oracle, Row, share

ALL = "(all)"
Z = 1.959963984540054
_COMMERCE = ("order-value", "returns", "again", "retention", "lifetime-value", "cost-of-a-customer")


def commerce(
    oracle: Oracle,
    since: datetime,
    until: datetime,
    *,
    by_segment: bool = False,
    spend: Mapping[str, float] | None = None,
    acquisition: Sequence[str] = (),
) -> dict[str, list[Row]]:
    """All tables of the report; what was spent is in EUR, by source."""
    placed: dict[str, dict[str, list[Row]]] = {}
    for row in oracle.ask(SQL["ordered"], until=until):
        if row["segment"] is None or by_segment:
            placed.setdefault(row["segment"] or ALL, {}).setdefault(row["who"], []).append(row)
    found: dict[str, list[Row]] = {name: [] for name in _COMMERCE}
    for segment, customers in sorted(placed.items()):
        told = _worth(customers, since, until)
        for name, lines in told.items():
            found[name] += [{"segment": segment} | line for line in lines]
    new = [orders[0]["source"] for orders in placed.get(ALL, {}).values() if orders[0]["placed"] >= since]
    costs = oracle.ask(
        "select currency, sum(cost) / 1e6 as cost from message where list_contains($acquisition, journey) and cost is not null"
        " and coalesce(claimed_at, settled_at, due_at) >= $since and coalesce(claimed_at, settled_at, due_at) < $until"
        " group by all",
        acquisition=list(acquisition), since=since, until=until,
    )  # fmt: skip
    for source, spent in (spend or {}).items():
        many = new.count(source)
        found["cost-of-a-customer"].append(
            {
                "source": source,
                "currency": "EUR",
                "spend": spent,
                "messages": None,
                "new_customers": many,
                "cost": share(spent, many),
            }
        )
    sent = {row["currency"]: row["cost"] for row in costs}
    for currency in {*sent, *(["EUR"] if spend else [])} or {""}:
        paid = sum(spend.values()) if spend and currency == "EUR" else None
        cost = None if paid is None else share(paid + sent.get(currency, 0), len(new))
        found["cost-of-a-customer"].append(
            {
                "source": ALL,
                "currency": currency,
                "spend": paid,
                "messages": sent.get(currency),
                "new_customers": len(new),
                "cost": cost,
            }
        )
    return found


def drivers(oracle: Oracle, journey: str, since: datetime, until: datetime, *, by_segment: bool = False) -> list[Row]:
    """Each feature of ten people or more in each cell, with Newcombe's interval and q by the procedure itself."""
    asked = {"journey": journey, "since": since, "until": until, "by_segment": by_segment}
    first, second, third = [each for each in SQL["drivers"].split(";\n") if each.strip()]
    oracle.ask(first, **asked)
    oracle.ask(second)
    cells = _unbetraying(oracle.ask(third))
    for row in cells:
        (p1, low1, high1), (p0, low0, high0) = _wilson(row["c1"], row["with"]), _wilson(row["c0"], row["without"])
        pooled = (row["c1"] + row["c0"]) / (row["with"] + row["without"])
        z = (p1 - p0) / sqrt(pooled * (1 - pooled) * (1 / row["with"] + 1 / row["without"]))
        row |= {"difference": p1 - p0, "p": erfc(abs(z) / sqrt(2))}
        row |= {
            "low": p1 - p0 - sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2),
            "high": p1 - p0 + sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2),
        }
    ranked = sorted(row["p"] for row in cells)
    names = {"trait": "{name} is {what}", "segment": "in {name}", "channel": "reachable by {name}", "event": "did {name}"}
    shown = ("with", "rate_with", "without", "rate_without", "difference", "low", "high", "p")
    return [
        {"segment": row["entered"], "feature": names[row["kind"]].format(**row), **{name: row[name] for name in shown}}
        | {"q": min(p * len(cells) / rank for rank, p in enumerate(ranked, 1) if p >= row["p"])}
        for row in cells
    ]


def _worth(customers: Mapping[str, list[Row]], since: datetime, until: datetime, period: int = 30) -> dict[str, list[Row]]:
    """What customers paid and how they came back, customer by customer."""
    now: dict[str, list[list[Row]]] = {}
    for orders in customers.values():
        for currency in {order["cur"] for order in orders if order["placed"] >= since}:
            now.setdefault(currency, []).append(
                [each for each in orders if each["cur"] == currency and each["placed"] >= since]
            )
    new = [orders for orders in customers.values() if orders[0]["placed"] >= since]
    gaps = [
        ((to["placed"] - at["placed"]).days, True, n == 0) for orders in new for n, (at, to) in enumerate(pairwise(orders))
    ] + [((until - orders[-1]["placed"]).days, False, len(orders) == 1) for orders in new]
    second = _lasting([gap[:2] for gap in gaps if gap[2]])
    seen: dict[tuple[str, int], list[bool]] = {}
    worth: dict[tuple[str, str], float] = {}
    for orders in new:
        first = orders[0]["placed"]
        for order in orders:
            key = f"{first:%Y-%m}", order["cur"]
            worth[key] = worth.get(key, 0.0) + order["amount"] - order["refunded"]
        for k in range(1, 61):
            if first + timedelta(days=(k + 1) * period) <= until:
                back = any((each["placed"] - first) // timedelta(days=period) == k for each in orders[1:])
                for cohort in (f"{first:%Y-%m}", ALL):
                    seen.setdefault((cohort, k), []).append(back)
    cohorts = [f"{orders[0]['placed']:%Y-%m}" for orders in new]
    again = sum(len(orders) > 1 for orders in new)
    longest = max((days for days, _, is_first in gaps if is_first), default=0)
    half = {"days_to_second": _half(second), "days_between": _half(_lasting([gap[:2] for gap in gaps]))}
    return {
        "order-value": [_value(currency, each) for currency, each in now.items()],
        "returns": [{"customers": len(new), "again": again, "repeat_rate": share(again, len(new)), **half}],
        "again": [
            {"days": day, "seen": sum(days >= day for days, _, is_first in gaps if is_first)} | _by(second, day)
            for day in range(period, longest + 1, period)
        ],
        "retention": [
            {"cohort": cohort, "period": k, "seen": len(back), "ordered": sum(back), "retention": sum(back) / len(back)}
            for (cohort, k), back in seen.items()
        ],
        "lifetime-value": [
            {"cohort": cohort, "currency": currency, "customers": many, "net_revenue": net, "lifetime_value": net / many}
            for (cohort, currency), net in worth.items() for many in [cohorts.count(cohort)]
        ],
    }  # fmt: skip


def _value(currency: str, customers: list[list[Row]]) -> Row:
    """The average order, with the error of drawing customers: what each paid beyond the average for each of their orders."""
    money, orders = [sum(each["amount"] for each in of) for of in customers], [len(of) for of in customers]
    mean, n = sum(money) / sum(orders), len(customers)
    wide = Z * sqrt(sum((y - mean * x) ** 2 for y, x in zip(money, orders, strict=True))) / sum(orders)
    refunds = sum(each["refunded"] for of in customers for each in of)
    bounds = (max(mean - wide, 0), mean + wide) if n > 1 else (None, None)
    counts = {"customers": n, "orders": sum(orders), "revenue": sum(money), "refunds": refunds}
    return {"currency": currency, **counts, "order_value": mean, "low": bounds[0], "high": bounds[1]}


def _lasting(gaps: Sequence[tuple[int, bool]]) -> list[tuple[int, float, float]]:
    """Kaplan and Meier: after so many days what share has not ordered again, and Greenwood's sum."""
    left, spread, steps = 1.0, 0.0, []
    for day in sorted({days for days, ended in gaps if ended}):
        at_risk, many = sum(days >= day for days, _ in gaps), sum(ended for days, ended in gaps if days == day)
        left *= 1 - many / at_risk
        spread += many / (at_risk * (at_risk - many)) if at_risk > many else 0.0
        steps.append((day, left, spread))
    return steps


def _half(steps: Sequence[tuple[int, float, float]]) -> int | None:
    return next((day for day, left, _ in steps if left <= 0.5 + 1e-12), None)


def _by(steps: Sequence[tuple[int, float, float]], day: int) -> Row:
    _, left, spread = ([(0, 1.0, 0.0)] + [step for step in steps if step[0] <= day])[-1]
    if not 0 < left < 1:
        return {"again": 1 - left, "low": 1 - left, "high": 1 - left}
    wide = Z * sqrt(spread) / abs(log(left))
    return {"again": 1 - left, "low": 1 - left ** exp(-wide), "high": 1 - left ** exp(wide)}


def _wilson(of_them: int, people: int) -> tuple[float, float, float]:
    p = of_them / people
    middle, below = p + Z**2 / (2 * people), 1 + Z**2 / people
    wide = Z * sqrt(p * (1 - p) / people + Z**2 / (4 * people**2))
    return p, (middle - wide) / below, (middle + wide) / below


def _unbetraying(cells: list[Row]) -> list[Row]:
    """Of a trait the values whose others are nobody, or ten and more who converted and who did not; the smallest go first."""
    found = [row for row in cells if row["kind"] != "trait"]
    for entered, name in {(row["entered"], row["name"]) for row in cells if row["kind"] == "trait"}:
        mine = sorted(
            (row for row in cells if (row["entered"], row["kind"], row["name"]) == (entered, "trait", name)),
            key=lambda row: -row["with"],
        )
        while len(mine) > 1:
            rest = mine[0]["with"] + mine[0]["without"] - sum(row["with"] for row in mine)
            converted = mine[0]["c1"] + mine[0]["c0"] - sum(row["c1"] for row in mine)
            if not any(0 < each < 10 for each in (converted, rest - converted)):
                break
            mine.pop()
        found += mine
    return found

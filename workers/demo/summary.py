"""The end of the demo as tables: each step, the orders, how runs ended. Every figure comes from a query on Postgres."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.reports.known import report as report_of
from store import Database, report
from store.report import Conversions, StepOutcome
from store.reports.report import Asked
from workers.demo.words import CHANNELS, money, span

#: What a message can come to; columns that are always shown, and those that are shown when there is something in them.
_ALWAYS = ("sent", "skipped")
_STATES = (*_ALWAYS, "withheld", "failed", "unconfirmed", "deferred", "released", "claimed")


async def print_summary(console: Console, database: Database, journey: str) -> None:
    """Print what became of the journey."""
    by_step = group_by_step(await report.steps(database, journey))
    console.print(steps_table(by_step), "")
    orders = conversions_table(await report.conversions(database, journey), [_channel(group) for group in by_step])
    console.print(orders, "")
    rows = {
        "Runs ended": await report.endings(database, journey),
        "Entries that opened no run": await report.refusals(database, journey),
        "Broken calls, kept aside": _short(await report.dead_letters(database)),
        "Sent before a late order came in": {"raced": sum(o.raced for group in by_step for o in group)},
    }
    console.print(counts_table(rows), "")


async def print_conclusions(console: Console, database: Database, now: datetime) -> None:
    """Print what may be concluded of the shop's experiments and holdouts, and what not."""
    found = await report_of(database, "experiments", Asked(now=now))
    if found.findings:
        console.print("[bold]What may be concluded[/] (journeys report experiments; docs/reading-an-experiment.md)")
        for sentence in found.findings:
            console.print(f"  {escape(sentence)}", highlight=False)
        console.print()


def group_by_step(outcomes: Sequence[StepOutcome]) -> list[list[StepOutcome]]:
    """The outcomes of each step together, in the order of the journey."""
    groups: dict[str, list[StepOutcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.step].append(outcome)
    return list(groups.values())


def steps_table(by_step: Sequence[Sequence[StepOutcome]]) -> Table:
    """A row per step: due, sent, not sent, and why not."""
    table = _table("Messages", "after entry", "message")
    tallies = [_tally(group) for group in by_step]
    states = [state for state in _STATES if state in _ALWAYS or any(tally[state] for tally in tallies)]
    for heading in ("due", *states):
        table.add_column(heading, justify="right")
    table.add_column("because")
    for group, tally in zip(by_step, tallies, strict=True):
        counts = map(str, (tally.total(), *(tally[state] for state in states)))
        table.add_row(span(group[0].after_entry), _channel(group), *counts, "\n".join(_reasons(group)) or "-")
    return table


def conversions_table(found: Sequence[Conversions], channels: Sequence[str]) -> Table:
    """A row per phase of the journey, and all together: orders and revenue."""
    table = _table("Orders after an abandoned cart", "when")
    for heading in ("orders", "revenue"):
        table.add_column(heading, justify="right")
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        total[row.currency] += row.revenue
        table.add_row(_phase(row, channels), str(row.orders), money(row.revenue, row.currency))
    table.add_section()
    sums = ", ".join(money(amount, currency) for currency, amount in total.items())
    table.add_row("together", str(sum(row.orders for row in found)), sums or "-")
    return table


def counts_table(rows: Mapping[str, Mapping[str, int]]) -> Table:
    """A row per question: its answers with their counts; questions whose answer is nothing are left out."""
    table = _table("Besides", "what", "how many")
    for name, counts in rows.items():
        told = [f"{count} {what}" for what, count in counts.items() if count]
        if told:
            table.add_row(name, "\n".join(told))
    return table


def _short(reasons: Mapping[str, int]) -> Counter[str]:
    """Dead letters by the code that their reasons begin with."""
    short: Counter[str] = Counter()
    for reason, count in reasons.items():
        short[reason.partition(":")[0]] += count
    return short


def _table(title: str, *headings: str) -> Table:
    return Table(*headings, title=title, title_justify="left", title_style="bold", min_width=60)


def _tally(group: Sequence[StepOutcome]) -> Counter[str]:
    tally: Counter[str] = Counter()
    for outcome in group:
        tally[outcome.state] += outcome.messages
    return tally


def _reasons(group: Sequence[StepOutcome]) -> Iterator[str]:
    for outcome in sorted(group, key=lambda outcome: -outcome.messages):
        if outcome.state != "sent":
            yield f"{outcome.messages} {outcome.reason or outcome.state}"


def _channel(group: Sequence[StepOutcome]) -> str:
    return CHANNELS.get(group[0].channel, group[0].channel)


def _phase(row: Conversions, channels: Sequence[str]) -> str:
    if row.messages_before is None:
        return "after the journey was over"
    if row.messages_before == 0:
        return f"before the {channels[0]}" if channels else "before any message"
    last, following = channels[: row.messages_before][-1], channels[row.messages_before : row.messages_before + 1]
    return f"after the {last}" + "".join(f", before the {channel}" for channel in following)

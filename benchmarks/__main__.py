"""`python -m benchmarks`: run the benchmarks on servers of their own, telling what happens, and print one table."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import psutil
import typer
from rich.console import Console
from rich.markup import escape

from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.table import Row

if TYPE_CHECKING:
    from benchmarks.ground import Ground

Benchmark = Callable[["Ground"], Awaitable[list[Row]]]
#: Wide enough for the table where nobody watches.
console = Console(width=None if Console().is_terminal else 180)


class Name(StrEnum):
    """The benchmarks, in the order in which they run."""

    THROUGHPUT = "throughput"
    DELIVERY = "delivery"
    INGEST = "ingest"
    REACTION = "reaction"
    SLEEPERS = "sleepers"
    MEMBERSHIP = "membership"
    LEAVES = "leaves"
    SIMULATION = "simulation"
    MONTH = "month"
    BLAST = "blast"
    SENDING = "sending"
    EXPORTING = "exporting"
    REPORTS = "reports"
    MEASURING = "measuring"
    CAMPAIGN = "campaign"
    CONSOLE = "console"
    PREDICTING = "predicting"


def main(
    only: Annotated[list[Name] | None, typer.Option(help="Run this one only; may be given several times.")] = None,
    customers: Annotated[int | None, typer.Option(min=1_000, help="Membership, reports: the largest shop.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small amounts: to see that it works, not to compare.")] = False,
    json: Annotated[Path | None, typer.Option(help="Also write the rows to this file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the table, as in docs/benchmarks.md, to this file.")] = None,
) -> None:
    """Measure journeys, deliveries, ingest, reaction and sleep, with the budgets of the design beside each number.

    throughput: journeys per second and worker CPU against a workflow written by hand. delivery: the same with real messages,
    and the history of a run. ingest: the API against a bare COPY. reaction: from an event to a message, to the end of a run,
    to a transition. sleepers: memory of sleeping runs, and their waking. membership: segments in a shop of a million customers.
    leaves: every kind of definition over everybody, beside SQL by hand. simulation: simulated runs per second beside the bare
    handle. month: a month of recorded events through the reference catalogue.
    blast: a transactional message behind 20,000 of marketing. sending: worker CPU of a delivery beside a bare loop.
    exporting: a million events as CSV, Arrow and Parquet beside a bare COPY. reports: each report over a year of a million
    customers, and a day added up anew. measuring: ingest and the tick with it and without, and how late the sums are.
    campaign: worker CPU of a campaign's message beside a bare loop; a bulk start of 100,000, and single starts beside it.
    console: each page of the console over the same year, with a thousand journeys.
    predicting: features, a training and scorings over a million customers, and the watch beside them.
    """
    _forget_settings()
    from benchmarks.meter import Meter
    from benchmarks.report import circumstances, table, to_markdown, write_json

    meter = Meter()
    sizes = QUICK if quick else FULL
    sizes = sizes if customers is None else replace(sizes, customers=customers)
    results, failed = asyncio.run(_run(only or list(Name), sizes))
    about = circumstances(meter.others(), quick=quick)
    console.print()
    rows = [row for group in results.values() for row in group]
    console.print(table(rows))
    console.print(about, style="dim", highlight=False)
    if json is not None:
        write_json(json, results, about)
    if markdown is not None:
        markdown.write_text(to_markdown(rows, about))
    _leave(code=int(failed))


async def _run(names: list[Name], sizes: Sizes) -> tuple[dict[str, list[Row]], bool]:
    from benchmarks.ground import ground

    began, results, failed = time.monotonic(), {}, False
    say = _teller(began)
    say("starting Postgres and Temporal")
    async with ground(sizes, say) as place:
        for name in names:
            place.say = _teller(began, name)
            try:
                results[name.value] = await _benchmark(name)(place)
            except Exception as error:  # noqa: BLE001 - the others are worth their table
                results[name.value], failed = [_failure(name, error)], True
                console.print_exception()
    return results, failed


def _benchmark(name: Name) -> Benchmark:  # noqa: C901, PLR0912 - a line for each
    """Imported when its turn comes, so that --help is instant."""
    match name:
        case Name.THROUGHPUT:
            from benchmarks.throughput import throughput as benchmark
        case Name.DELIVERY:
            from benchmarks.delivery import delivery as benchmark
        case Name.INGEST:
            return _ingest
        case Name.REACTION:
            from benchmarks.reaction import reaction as benchmark
        case Name.SLEEPERS:
            from benchmarks.sleepers import sleepers as benchmark
        case Name.MEMBERSHIP:
            from benchmarks.membership import membership as benchmark
        case Name.LEAVES:
            from benchmarks.leaves import leaves as benchmark
        case Name.SIMULATION:
            from benchmarks.simulation import simulation as benchmark
        case Name.MONTH:
            from benchmarks.month import month as benchmark
        case Name.BLAST:
            from benchmarks.blast import blast as benchmark
        case Name.SENDING:
            from benchmarks.sending import sending as benchmark
        case Name.EXPORTING:
            from benchmarks.exporting import exporting as benchmark
        case Name.REPORTS:
            from benchmarks.measured.reports import reports as benchmark
        case Name.MEASURING:
            from benchmarks.measured.beside import measuring as benchmark
        case Name.CAMPAIGN:
            from benchmarks.campaign import campaign as benchmark
        case Name.CONSOLE:
            from benchmarks.measured.pages import pages as benchmark
        case Name.PREDICTING:
            from benchmarks.predicting import predicting as benchmark
    return benchmark


async def _ingest(ground: "Ground") -> list[Row]:
    from benchmarks.ingest import measure

    ground.say("one API process, batches of 100, in turns with COPY")
    return await measure(ground.dsn)


def _failure(name: Name, error: Exception) -> Row:
    return Row(name.value, "failed", "", f"{type(error).__name__}: {error}")


def _teller(began: float, name: str = "servers") -> Callable[[str], None]:
    def say(what: str) -> None:
        load = psutil.getloadavg()[0]
        console.print(
            f"[dim]{time.monotonic() - began:5.0f} s  load {load:3.1f}  {name:<11}[/] {escape(what)}", highlight=False
        )

    return say


def _forget_settings() -> None:
    """What is measured is the product on its defaults, whatever deployment this shell is set up for."""
    for name in [name for name in os.environ if name.startswith("JOURNEYS_")]:
        del os.environ[name]


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter down piece by piece, which can abort it (temporalio/sdk-python issue 300)."""
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    typer.run(main)

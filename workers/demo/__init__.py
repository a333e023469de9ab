"""`journeys demo`: a small shop's days through the cart journey, on an embedded stack of its own, told as it happens."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from rich.console import Console
from rich.markup import escape

from store import Database, connect, report
from workers.demo.errors import DemoError, DemoOff, DemoStuck
from workers.demo.generator import generate
from workers.demo.links import print_links
from workers.demo.playback import Playback
from workers.demo.recording import CUSTOMERS, Line, recorded
from workers.demo.show import JOURNEY, Show
from workers.demo.stage import fast_clock, midnight, set_up
from workers.demo.summary import print_conclusions, print_summary
from workers.demo.timeline import print_story
from workers.demo.words import counted
from workers.embedded.stack import EmbeddedStack
from workers.embedded.supervision import Supervision
from workers.settings import Settings

__all__ = ["DemoError", "DemoOff", "DemoStuck", "run"]


async def run(
    settings: Settings, *, speed: float = 3600, keep: bool = False, seed: int | None = None, console: Console | None = None
) -> None:
    """Run the demo; `speed` is business time over real time, a `seed` makes another shop than the recorded one.

    Raises:
        DemoStuck: the API did not take the shop's calls.
        DemoOff: the figures are not as they must be.
        EmbeddedError: the stack could not be started, or a part keeps dying.
    """
    lines = recorded() if seed is None else generate(seed, CUSTOMERS)
    await perform(settings, lines, speed=speed, keep=keep, console=console or Console())


async def perform(settings: Settings, lines: Sequence[Line], *, speed: float, keep: bool, console: Console) -> None:
    """Play these calls on a stack of their own, and tell what came of them; raises as `run`."""
    clock = fast_clock(speed)
    stack = set_up(settings, clock, lambda part, said: console.print(f"  ✓ {part:<9} {escape(said)}", highlight=False))
    console.print(f"Starting the embedded stack; its data is in {stack.settings.data_dir}", highlight=False)
    async with stack, _database(stack) as database:
        show = Show(stack, database, clock, Playback(lines, midnight(clock), clock), console)
        _introduce(console, show)
        await show.run()
        await _tell(console, show)
        problems = await show.problems()
        await _part(console, stack, problems, keep=keep)
    if problems:
        raise DemoOff("the demo did not end as it must: " + "; ".join(problems))


@asynccontextmanager
async def _database(stack: EmbeddedStack) -> AsyncIterator[Database]:
    database = await connect(stack.dsn, max_size=2)
    try:
        yield database
    finally:
        await database.close()


def _introduce(console: Console, show: Show) -> None:
    minutes = max(1, round(show.lasts / timedelta(minutes=1)))
    console.print(
        f"\nA small shop's days: {len(show.playback.lines):,} calls from its site, app and back office, through the real API."
        f" Whoever leaves a cart enters [bold]{JOURNEY}[/]: a push after 1 hour, a WhatsApp after 1 day, an email after 3 days,"
        f" and nothing more once they order. It takes about {counted(minutes, 'minute')}.\n",
        highlight=False,
    )


async def _tell(console: Console, show: Show) -> None:
    """The tables, one customer's timeline, the links."""
    console.print()
    await print_summary(console, show.database, JOURNEY)
    await print_conclusions(console, show.database, show.clock.now())
    run_id = await report.telling_run(show.database, JOURNEY)
    subject = await report.subject(show.database, run_id) if run_id else None
    if run_id and subject:
        steps = await report.steps(show.database, JOURNEY)
        print_story(console, subject, await report.story(show.database, run_id), steps)
    days = show.playback.begins_at.date(), show.clock.now().date()
    print_links(console, show.stack, JOURNEY, run_id, subject, days)


async def _part(console: Console, stack: EmbeddedStack, problems: list[str], *, keep: bool) -> None:
    for problem in problems:
        console.print(f"[red]✗ {escape(problem)}[/]", highlight=False)
    if keep:
        console.print("\nThe stack stays up, and business time goes on. Ctrl-C stops everything.")
        await _until_told_to_stop(console, stack)
    else:
        console.print("\nThe stack stops now; [bold]journeys demo --keep[/] leaves it up, so that the links can be opened.")
    console.print("Stopping …")


async def _until_told_to_stop(console: Console, stack: EmbeddedStack) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    supervision = Supervision(stack.parts, lambda part, said: console.print(f"! {part} {said}"))
    while not stop.is_set():
        await supervision.look()
        await asyncio.sleep(0.5)

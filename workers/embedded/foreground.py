"""`journeys dev`: the stack in the foreground, with its addresses on the screen, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from contextlib import suppress
from functools import partial
from itertools import count

import asyncpg
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from store import StoreError
from workers.embedded.attention import Warnings
from workers.embedded.stack import EmbeddedStack, Say
from workers.embedded.supervision import Supervision

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAMES = {"postgres": "Postgres", "temporal": "Temporal", "sandbox": "Sandbox", "api": "API", "workers": "Workers"}


#: So many looks at the parts to one at what was declared: five seconds.
_DECLARED_EVERY = 10


async def dev(stack: EmbeddedStack, console: Console) -> None:
    """Run the stack until told to stop.

    Raises:
        EmbeddedError: a part could not be started, or keeps dying.
        StoreError: the configured Postgres cannot be used.
    """
    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, main.cancel)
    with suppress(asyncio.CancelledError):
        await _run(stack, console)
    console.print("Stopped.")


async def _run(stack: EmbeddedStack, console: Console) -> None:
    of = f"the catalogue '{stack.settings.catalogue}'"
    console.print(f"Starting the embedded stack with {of}; its data is in {stack.settings.data_dir}", highlight=False)
    stack.say = partial(_say, console, "[green]✓[/]")
    try:
        await stack.start()
        console.print(addresses(stack))
        console.print("Ctrl-C stops everything; the data stays.")
        await _attend(stack, partial(_say, console, "[yellow]![/]"))
    finally:
        _let_it_stop()
        if stack.parts:
            console.print("Stopping …")
        await stack.stop()


async def _attend(stack: EmbeddedStack, say: Say) -> None:
    supervision, warnings = Supervision(stack.parts, say), Warnings(stack.settings.data_dir / "logs")
    for n in count():
        await supervision.look()
        if n % _DECLARED_EVERY == 0:
            with suppress(StoreError, asyncpg.PostgresError, OSError):  # Postgres is being started again: a later look
                await stack.train_what_is_declared()
        for part, sentence in warnings.new():
            say(part, sentence)
        await asyncio.sleep(0.5)


def addresses(stack: EmbeddedStack) -> Table:
    """What a person opens and types, as a table."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in _addresses(stack).items():
        table.add_row(f"[bold]{name}[/]", Text(value, overflow="fold"))
    return table


def _addresses(stack: EmbeddedStack) -> dict[str, str]:
    return {
        "API": stack.api_url,
        "API docs": f"{stack.api_url}/docs",
        "Console": f"{stack.api_url}/console  (sign on with the operate key)",
        "Temporal UI": stack.ui_url or "not known (JOURNEYS_TEMPORAL_UI_URL)",
        "Messages": stack.sandbox_url,
        "Metrics": "  ".join(stack.metrics_urls.values()),
        "Logs": str(stack.settings.data_dir / "logs"),
        "Ingest key": stack.keys.ingest,
        "Client key": f"{stack.keys.client}  (for pages and apps: docs/ingest.md)",
        "Identity secret": f"{stack.identity_secret}  (signs user ids for the client key)",
        "Operate key": f"{stack.keys.operate}  (for keys and audit: journeys keys create me --role admin)",
    }


def _say(console: Console, mark: str, part: str, sentence: str) -> None:
    encoding = console.encoding
    shown = sentence.encode(encoding, "backslashreplace").decode(encoding)  # a log may quote what no terminal can show
    console.print(f"  {mark} {_NAMES.get(part, part):<10} {escape(shown)}", highlight=False)


def _let_it_stop() -> None:
    """A second Ctrl-C must not cut the clean stop short."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, lambda: None)

"""The live view: a panel that stays in place on a terminal, a line every few seconds anywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from store.report import Progress
from workers.demo.words import CHANNELS, OF_THE_CART, moment

_LINE_EVERY = 5.0  # real seconds between two lines where there is no terminal


@dataclass(frozen=True, slots=True)
class Look:
    """What the view shows at one moment; `sent` of `calls` are on their way, `share` of the demo is over."""

    at: datetime
    sent: int
    calls: int
    share: float
    progress: Progress


@dataclass(slots=True)
class Screen:
    """Shows looks. Use inside `with screen.open():`."""

    console: Console
    title: str
    _live: Live | None = field(default=None, init=False)
    _told_at: float = field(default=0.0, init=False)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take the bottom of the terminal while the block runs, and leave the last look there."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=8) as self._live:
            yield

    def show(self, look: Look) -> None:
        """Show a look: in place, or as a line when it is time for one."""
        if self._live is not None:
            self._live.update(panel(self.title, look))
        elif time.monotonic() - self._told_at >= _LINE_EVERY:
            self._told_at = time.monotonic()
            self.console.print(line(look), highlight=False, soft_wrap=True)


def line(look: Look) -> str:
    """A look as one plain line."""
    now = look.progress
    return (
        f"{moment(look.at)}  calls {look.sent}/{look.calls}  customers {now.customers}  in segment {now.members}"
        f"  runs {now.open_runs} open, {now.ended_runs} ended  sent {_by_channel(now)}  converted {now.conversions}"
    )


def panel(title: str, look: Look) -> Panel:
    """A look as a panel."""
    rows = Table.grid(padding=(0, 3))
    rows.add_column(style="dim")
    rows.add_column()
    for name, value in _rows(look):
        rows.add_row(name, value)
    bar = ProgressBar(total=1.0, completed=min(look.share, 1.0), width=60)
    return Panel(Group(rows, Text(), bar), title=f"{title} · [bold]{moment(look.at)}[/]", title_align="left", width=78)


def _rows(look: Look) -> Iterator[tuple[str, str]]:
    now = look.progress
    yield "shop", f"{look.sent:,} of {look.calls:,} calls sent, {now.customers} customers and visitors"
    yield "segment", f"{now.members} in abandoned-cart now"
    yield "runs", f"[bold]{now.open_runs}[/] open, {now.ended_runs} ended"
    yield "messages", _by_channel(now)
    yield "converted", f"[green]{now.conversions}[/]"


def _by_channel(now: Progress) -> str:
    return ", ".join(f"{now.sent.get(channel, 0)} {CHANNELS[channel]}" for channel in OF_THE_CART)

"""What came of a simulation, for people and for programs: tables, a chart of messages over time, and JSON.

Promise: what `--json` says is all that the tables say; another simulation's can be laid beside it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from workers.cli.asked import fail
from workers.cli.tables import Rows

if TYPE_CHECKING:
    from journeys.simulate import Tally

_FEW_HOURS = 72
_WIDTH = 48
#: What a channel's messages look like in the chart, also where there are no colours.
_BARS = (("█", "cyan"), ("▒", "green"), ("░", "yellow"), ("▚", "magenta"), ("▤", "blue"), ("▞", "red"))
#: What two simulations are compared by: sums of a journey's lines.
_FIGURES = ("entered", "sent", "not sent", "had to wait")


def drawn(tally: "Tally", unread: Counter[str], told: dict[str, Any], other: dict[str, Any] | None) -> Iterator[RenderableType]:
    """All of it, as tables and a chart."""
    yield _journeys(tally)
    if tally.messages:
        yield from _over_time(tally)
    if tally.met or tally.together:
        yield _conflicts(tally)
    if tally.chosen:
        yield _choices(tally)
    if other is not None:
        yield _compared(other, told)
    for reason, count in unread.most_common():
        yield f"{count:,} calls not taken: {reason}"


def plain(tally: "Tally", unread: Counter[str]) -> dict[str, Any]:
    """All of it, for programs."""
    pairs = {"refused": tally.refused, "outcomes": tally.outcomes, "put_off": tally.put_off}
    return {
        "messages": list(tally.messages),
        "entries": dict(tally.entries),
        "waited": dict(tally.waited),
        **{name: [{"journey": j, "what": w, "count": n} for (j, w), n in found.items()] for name, found in pairs.items()},
        "conflicts": [{"journey": j, "with": w, "what": r, "count": n} for (j, w, r), n in tally.met.items()],
        "together": [{"journeys": list(pair), "customers": n} for pair, n in tally.together.items()],
        "choices": [{"choice": c, "shares": v, "option": o, "by": by, "count": n} for (c, v, o, by), n in tally.chosen.items()],
        "not_taken": dict(unread),
    }


def before(file: Path) -> dict[str, Any]:
    """What another simulation has written with `--json`."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        _figures(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        fail(f"{file} is not what `journeys simulate --json` writes; write one with the other catalogue first")
    return dict(found)


def _journeys(tally: "Tally") -> Rows:
    heads, rows = ("journey", "entered", "refused", "sent", "not sent", "had to wait", "ended"), []
    for journey in sorted({*tally.entries, *(name for name, _ in tally.refused)}):
        lines = [line for line in tally.messages if line.journey == journey]
        row = (
            journey,
            f"{tally.entries.get(journey, 0):,}",
            _told(Counter({why: n for (name, why), n in tally.refused.items() if name == journey})),
            f"{sum(line.messages for line in lines if line.state == 'sent'):,}",
            _told(_summed((line.reason, line.messages) for line in lines if line.state != "sent")),
            _told(Counter({why: n for (name, why), n in tally.put_off.items() if name == journey})),
            _told(Counter({how: n for (name, how), n in tally.outcomes.items() if name == journey})),
        )
        rows.append(row)
    return Rows(heads, rows, title="journeys")


def _choices(tally: "Tally") -> Rows:
    """How often each option was given, and by which shares: a past answers no draw of today, so they stay as they stood."""
    drawers: dict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    for (choice, version, option, by), count in tally.chosen.items():
        drawers[choice, version, option][by] += count
    heads = ("choice", "by the shares", "option", "given", "drawn by")
    rows = [
        (choice, f"of version {version}" if version else "of the start", option or "nothing", f"{by.total():,}", _told(by))
        for (choice, version, option), by in sorted(drawers.items())
    ]
    return Rows(heads, rows, title="choices (nothing is learned in a simulation)")


def _over_time(tally: "Tally") -> Iterator[RenderableType]:
    """By the hour, or by the day where there are many, and then by the hour of the day as well."""
    times = [line.hour for line in tally.messages]
    by_day = max(times) - min(times) > timedelta(hours=_FEW_HOURS)
    yield _chart(tally, "%a %d %b %Y" if by_day else "%a %d %b %H:00", "day" if by_day else "hour (UTC)")
    if by_day:
        yield _chart(tally, "%H:00", "hour of the day (UTC)")


def _chart(tally: "Tally", form: str, heading: str) -> Table:
    channels = sorted({line.channel for line in tally.messages})
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for line in tally.messages:
        counted[f"{line.hour:{form}}"][line.channel if line.state == "sent" else "not sent"] += line.messages
    most = max(sum(row[channel] for channel in channels) for row in counted.values())
    places = sorted(counted) if form == "%H:00" else list(counted)
    legend = Text("messages ", style="italic")
    for channel, (bar, style) in zip(channels, _BARS, strict=False):
        legend.append(f" {bar} {channel}", style=style)
    table = Table(Column(heading, no_wrap=True), *channels, "not sent", Column(legend))
    for place in places:
        numbers = counted[place]
        table.add_row(place, *(f"{numbers[each]:,}" for each in (*channels, "not sent")), _Bar(channels, numbers, most))
    return table


@dataclass(frozen=True, slots=True)
class _Bar:
    """Each channel's share of a line, as long as there is room for; nothing that was sent is without a mark."""

    channels: list[str]
    numbers: Counter[str]
    most: int

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Shorter where the terminal is narrow."""
        return Measurement(len(_BARS), _WIDTH).clamp(max_width=options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A mark for each part of it."""
        room, bar = min(_WIDTH, options.max_width), Text(no_wrap=True, overflow="crop")
        for channel, (mark, style) in zip(self.channels, _BARS, strict=False):
            wide = round(room * self.numbers[channel] / self.most) if self.most else 0
            bar.append(mark * max(wide, int(self.numbers[channel] > 0)), style=style)
        yield bar


def _conflicts(tally: "Tally") -> Rows:
    """Which journeys had the same customers at once, and whose messages waited for whose."""
    heads = ("journey", "with", "customers in both at once", "messages kept back by the other")
    kept: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (journey, other, reason), count in tally.met.items():
        kept[journey, other][reason] += count
    both = {pair: n for one, n in tally.together.items() for pair in (one, one[::-1])}
    pairs = {*kept, *(pair for pair in tally.together if pair not in kept and pair[::-1] not in kept)}
    ordered = sorted(pairs, key=lambda each: (-sum(kept[each].values()), -both.get(each, 0), each))
    rows = [(*pair, f"{both.get(pair, 0):,}", _told(kept[pair])) for pair in ordered]
    return Rows(heads, rows, ahead=2, title="conflicts")


def _compared(other: dict[str, Any], told: dict[str, Any]) -> Table:
    table = Table("journey", *_FIGURES, title="the other simulation → this one")
    was, now = _figures(other), _figures(told)
    for journey in sorted({*was, *now}):
        pairs = [(was[journey][each], now[journey][each]) for each in _FIGURES]
        table.add_row(journey, *(f"{a:,}" if a == b else f"{a:,} → {b:,}" for a, b in pairs))
    return table


def _figures(told: dict[str, Any]) -> defaultdict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for journey, count in told["entries"].items():
        found[journey]["entered"] += count
    for line in told["messages"]:
        journey, state, messages = (
            (line["journey"], line["state"], line["messages"])
            if isinstance(line, dict)
            else (line.journey, line.state, line.messages)
        )
        found[journey]["sent" if state == "sent" else "not sent"] += messages
    for journey, count in told["waited"].items():
        found[journey]["had to wait"] += count
    return found


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for what, number in pairs:
        counted[what] += number
    return counted


def _told(counted: Counter[str]) -> str:
    return "\n".join(f"{number:,} {what}" for what, number in counted.most_common()) or "-"

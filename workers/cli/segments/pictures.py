"""What `journeys segments` draws: a segment's size over time as bars, and why somebody is in or not as a tree."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from segments.ask.ask import Answer
from segments.ask.why import Finding
from segments.language.words import span_in_words
from store.segments.rows import Day
from workers.cli.tables import instant, words

_SECOND = timedelta(seconds=1)
_LONG = 60  # characters of a combination that is worth repeating
_BAR = 40  # characters of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉"


def days(name: str, found: Sequence[Day]) -> Iterable[RenderableType]:
    """A size over time, with a bar for each day."""
    most = max((day.size or 0 for day in found), default=0)
    table = Table("day (UTC)", "entered", "left", "size", "", box=None, padding=(0, 1))
    for column in table.columns[1:4]:
        column.justify = "right"
    for day in found:
        came, went = f"+{day.entered:,}" if day.entered else "·", f"-{day.left:,}" if day.left else "·"
        table.add_row(
            str(day.day), Text(came, "green"), Text(went, "red"), _size(day.size), Text(bar(day.size or 0, most), "cyan")
        )
    yield table
    if found:
        entered, left = sum(day.entered for day in found), sum(day.left for day in found)
        span = f"{found[0].day} to {found[-1].day}" if len(found) > 1 else str(found[0].day)
        yield Text(f"{name}, {span}: {_size(found[-1].size)} at the end, {entered:,} entered, {left:,} left", style="bold")


def _size(size: int | None) -> str:
    return "not known" if size is None else f"{size:,}"


def bar(size: int, most: int) -> str:
    """A bar to the eighth of a character; whoever is not nobody can be seen."""
    eighths = max(8 * _BAR * size // most, 1) if size else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def why(name: str, found: Answer) -> Iterable[RenderableType]:
    """The definition as a tree, each part with its truth."""
    since = f" since {instant(found.entered_at)}" if found.entered_at else ""
    yield Text(f"{'is' if found.member else 'is not'} a member of {name}{since}", style="bold")
    if found.member is not found.finding.holds:
        yield Text("the watch has not looked at the last change yet; it will in a moment", style="yellow")
    tree = Tree(_line(found.finding, found.at))
    _grow(tree, found.finding, found.at)
    yield tree
    if not found.complete:
        yield Text("this customer has more events than were looked at; counts may be higher", style="yellow")


def _line(found: Finding, at: datetime) -> Text:
    line = Text("✓ " if found.holds else "✗ ", style="green" if found.holds else "red") + Text(_text(found))
    if found.saw is not None or not found.parts:
        line += Text(f"   saw {words(found.saw)}", style="cyan")
    if found.changes_at is not None:
        line += Text(f"   until {instant(found.changes_at)}, in {_ahead(found.changes_at - at)}", style="dim")
    return line


def _text(found: Finding) -> str:
    """The words of a part; long ones that stand again in its own parts are left to them."""
    return f"{found.how} of these" if found.how in ("all", "any") and len(found.text) > _LONG else found.text


def _ahead(span: timedelta) -> str:
    """A span as precise as one needs it: days and hours, hours and minutes, or minutes and seconds."""
    unit = timedelta(hours=1) if span > timedelta(days=2) else timedelta(minutes=1) if span > timedelta(hours=1) else _SECOND
    return span_in_words(max(span // unit, 1) * unit)


def _grow(tree: Tree, found: Finding, at: datetime) -> None:
    for part in found.parts:
        _grow(tree.add(_line(part, at)), part, at)

"""What `journeys segments` shows: each answer as a table for people, or as JSON for programs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO, TypeVar

import orjson
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.progress import open as open_with_progress
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from api.segment_models import MemberView, SegmentDetail, SegmentView
from segments.asking import Answer
from segments.concerns import Concern
from segments.importing import Report
from segments.why import Finding
from segments.words import span_in_words
from store.segments import Coverage, Day

T = TypeVar("T")
_BAR = 40  # characters of the longest bar


def show(found: T, draw: Callable[[T], Iterable[RenderableType]], *, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        print(orjson.dumps(_plain(found), default=str, option=orjson.OPT_INDENT_2).decode())  # noqa: T201 - a command's output
        return
    console = Console()
    for part in draw(found):
        console.print(part)


def overview(found: Sequence[SegmentView]) -> Iterable[RenderableType]:
    """All segments, and below them what to worry about."""
    table = Table("segment", "version", "from", "members", "owner", "review by", "feeds", "concerns")
    for each in found:
        overdue = any(concern.id == "GOV-10" for concern in each.concerns)
        table.add_row(
            each.name,
            each.version[:8],
            each.origin,
            _members(each),
            each.owner or "-",
            Text(f"{each.review_by or '-'}{' OVERDUE' if overdue else ''}", style="red" if overdue else ""),
            ", ".join(each.journeys) or "-",
            ", ".join(sorted({concern.kind for concern in each.concerns})) or "-",
        )
    yield table
    for each in found:
        for concern in each.concerns:
            yield Text(f"{concern.id} {each.name}: {concern.sentence}", style="yellow")


def detail(found: SegmentDetail) -> Iterable[RenderableType]:
    """One segment with its definition."""
    told = {
        "segment": found.name,
        "about": found.description,
        "version": found.version,
        "members": f"{_members(found)}, as of {_instant(found.evaluated_to)}" if found.state == "live" else _members(found),
        "owner": found.owner,
        "review by": str(found.review_by or ""),
        "feeds": ", ".join(found.journeys),
        "reads events": ", ".join(found.event_types),
        "reads traits": ", ".join(found.traits),
        "in words": found.english,
        "as JSON": orjson.dumps(found.predicate, option=orjson.OPT_INDENT_2).decode(),
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in told.items():
        grid.add_row(Text(name, style="bold"), Text(value or "-"))
    yield grid
    for concern in found.concerns:
        yield Text(f"{concern.id} {concern.kind}: {concern.sentence}", style="yellow")


def counted(found: dict[str, Any]) -> Iterable[RenderableType]:
    """A count, and of what."""
    yield Text(f"{found['members']:,} customer{'' if found['members'] == 1 else 's'}: {found['english']}")


def members(found: Sequence[MemberView]) -> Iterable[RenderableType]:
    """Some members."""
    names = sorted({name for member in found for name in member.traits})
    table = Table("customer", "entered", *names)
    for member in found:
        table.add_row(
            str(member.customer_id), _instant(member.entered_at), *(_value(member.traits.get(name)) for name in names)
        )
    yield table


def days(found: Sequence[Day]) -> Iterable[RenderableType]:
    """A size over time, with a bar."""
    most = max((day.size for day in found), default=0) or 1
    table = Table("day (UTC)", "entered", "left", "size", "")
    for day in found:
        table.add_row(str(day.day), f"+{day.entered:,}", f"-{day.left:,}", f"{day.size:,}", "█" * (_BAR * day.size // most))
    yield table


def why(name: str, found: Answer) -> Iterable[RenderableType]:
    """The definition as a tree, each part with its truth."""
    since = f" since {_instant(found.entered_at)}" if found.entered_at else ""
    yield Text(f"{'is' if found.member else 'is not'} a member of {name}{since}", style="bold")
    if found.member is not found.finding.holds:
        yield Text("the watch has not looked at the last change yet; it will in a moment", style="yellow")
    tree = Tree(_line(found.finding))
    _grow(tree, found.finding)
    yield tree
    if not found.complete:
        yield Text("this customer has more events than were looked at; counts may be higher", style="yellow")


def concerns(found: Sequence[Concern]) -> Iterable[RenderableType]:
    """What to worry about."""
    if not found:
        yield Text("nothing to worry about")
        return
    table = Table("id", "concern", "segment", "what and what to do")
    for concern in found:
        table.add_row(concern.id, concern.kind, concern.segment or "all", concern.sentence)
    yield table


def coverage(found: Sequence[Coverage], now: datetime) -> Iterable[RenderableType]:
    """Who has which trait, and how fresh it is."""
    table = Table("trait", "have it", "share", "newest", "median age", "outdated")
    for each in found:
        share = f"{each.having / each.customers:.1%}"
        ages = (_age(each.newest_at, now), _age(each.median_at, now))
        table.add_row(each.trait, f"{each.having:,} of {each.customers:,}", share, *ages, f"{each.outdated:,}")
    yield table


def lists(found: Sequence[dict[str, Any]]) -> Iterable[RenderableType]:
    """The lists."""
    table = Table("list", "members", "made by")
    for each in found:
        table.add_row(each["name"], f"{each['members']:,}", each["by"])
    yield table


def imported(name: str, done: Report) -> Iterable[RenderableType]:
    """What an import did, and its bad rows."""
    removed = f", {done.removed:,} taken off" if done.removed else ""
    yield Text(f"{name}: {done.rows:,} rows, {done.added:,} added, {done.already:,} on it already, {done.bad:,} bad{removed}")
    if done.problems:
        table = Table("row", "problem")
        for problem in done.problems:
            table.add_row(str(problem["row"]), str(problem["problem"]))
        yield table
    if done.bad > len(done.problems):
        yield Text(f"and {done.bad - len(done.problems):,} more bad rows")


@contextmanager
def reading(file: Path, *, quiet: bool) -> Iterator[TextIO]:
    """A text file, with a progress bar on a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield lines
    else:
        with open_with_progress(file, "r", encoding="utf-8-sig", newline="", description="importing", console=console) as lines:
            yield lines


@contextmanager
def bar(description: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal: call it with the share that is done, 0 to 1."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=1)
        yield lambda share: progress.update(task, completed=share)


def _members(found: SegmentView) -> str:
    match found.state:
        case "live":
            return f"{found.members:,}"
        case "loading":
            return f"{found.members:,}, loading {found.loaded or 0:.0%}"
    return f"{found.members:,}, not yet evaluated" if found.members else "not yet evaluated"


def _line(found: Finding) -> Text:
    mark = Text("✓ " if found.holds else "✗ ", style="green" if found.holds else "red")
    line = mark + Text(found.text)
    if found.saw is not None:
        line += Text(f"   saw {_value(_plain(found.saw))}", style="cyan")
    if found.changes_at is not None:
        line += Text(f"   until {_instant(found.changes_at)}", style="dim")
    return line


def _grow(tree: Tree, found: Finding) -> None:
    for part in found.parts:
        _grow(tree.add(_line(part)), part)


def _plain(found: Any) -> Any:
    match found:
        case BaseModel():
            return found.model_dump(mode="json")
        case list() | tuple():
            return [_plain(each) for each in found]
        case dict():
            return {name: _plain(each) for name, each in found.items()}
    return asdict(found) if is_dataclass(found) and not isinstance(found, type) else found


def _value(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def _age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "not known"
    return span_in_words(timedelta(minutes=(now - at) // timedelta(minutes=1))) or "now"

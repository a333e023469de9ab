"""What `journeys segments` lists: segments, members, worries, coverage of traits, snapshots; each as a table for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from api.segments.coverage import CoverageReport
from api.segments.views import Previewed, SegmentDetail, SegmentView, SnapshotView
from segments.ask.concerns import Concern
from segments.language.words import span_in_words
from store.segments.snapshots import Snapshot
from workers.cli.tables import instant, show, value

__all__ = ["concerns", "counted", "coverage", "detail", "freezing", "frozen", "members", "overview", "show", "standing"]


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
        "members": f"{_members(found)}, as of {instant(found.evaluated_to)}" if found.state == "live" else _members(found),
        "owner": found.owner,
        "review by": str(found.review_by or ""),
        "feeds": ", ".join(found.journeys),
        "made of": ", ".join(found.made_of),
        "reads events": ", ".join(found.event_types),
        "reads traits": ", ".join(found.traits),
        "in words": found.english,
        "as JSON": orjson.dumps(found.predicate, option=orjson.OPT_INDENT_2).decode(),
    }
    grid = Table.grid(padding=(0, 2))
    for name, text in told.items():
        grid.add_row(Text(name, style="bold"), Text(text or "-"))
    yield grid
    for concern in found.concerns:
        yield Text(f"{concern.id} {concern.kind}: {concern.sentence}", style="yellow")
    yield from hints(found.hints)


def counted(found: dict[str, Any]) -> Iterable[RenderableType]:
    """A count, and of what."""
    yield Text(f"{found['members']:,} customer{'' if found['members'] == 1 else 's'}: {found['english']}")
    yield from hints(found["hints"])


def hints(found: Iterable[str]) -> Iterable[RenderableType]:
    """Why a definition may be true of nobody."""
    yield from (Text(f"hint: {each}", style="yellow") for each in found)


def members(found: Previewed) -> Iterable[RenderableType]:
    """Some members."""
    names = sorted({name for member in found.customers for name in member.traits})
    table = Table("customer", "entered", *names)
    for member in found.customers:
        table.add_row(str(member.customer_id), instant(member.entered_at), *(value(member.traits.get(name)) for name in names))
    yield table
    yield from hints(found.hints)


def concerns(found: Sequence[Concern]) -> Iterable[RenderableType]:
    """What to worry about."""
    if not found:
        yield Text("nothing to worry about")
        return
    table = Table("id", "concern", "segment", "what and what to do")
    for concern in found:
        table.add_row(concern.id, concern.kind, concern.segment or "all", concern.sentence)
    yield table


def coverage(found: CoverageReport, now: datetime) -> Iterable[RenderableType]:
    """Who has which trait, where it comes from and how fresh it is; then whether that is enough for the segments."""
    table = Table("trait", "have it", "share", "sources", "inferred", "newest", "median age", "outdated")
    for each in found.traits:
        sources = ", ".join(f"{one.source or 'unknown'} {one.share:.0%}" for one in each.sources)
        sure = "" if each.median_confidence is None else f" (median confidence {each.median_confidence:g})"
        having = f"{each.having:,} of {found.customers:,}"
        ages = (_age(each.newest_at, now), _age(each.median_at, now), f"{each.outdated_share:.1%}")
        table.add_row(Text(each.trait), having, f"{each.share:.1%}", Text(sources), f"{each.inferred_share:.0%}{sure}", *ages)
    yield table
    needs = Table("segment", "asks for", "known of", "outdated", "enough")
    for segment in found.segments:
        for need in segment.needs:
            enough = Text("yes" if need.enough else "NO", style="" if need.enough else "yellow")
            needs.add_row(segment.segment, Text(need.trait), f"{need.share:.1%}", f"{need.outdated:.1%}", enough)
    yield needs
    for segment in found.segments:
        if segment.sentence:
            yield Text(f"PRO-04 {segment.segment}: {segment.sentence}", style="yellow")


def standing(found: Sequence[Concern]) -> Iterable[RenderableType]:
    """What stands still, below the list of segments."""
    for concern in found:
        yield Text(f"{concern.id} {concern.segment}: {concern.sentence}", style="yellow")


def frozen(found: SnapshotView) -> Iterable[RenderableType]:
    """A snapshot that was made."""
    of = f"{found.segment} (version {found.version[:8]}) at {instant(found.at)}"
    yield Text(f"{found.list_name}: {found.members:,} member{'' if found.members == 1 else 's'} of {of}")
    if found.taken_as_now:
        sentence = f"taken as they are now, not as they were then: {'; '.join(found.taken_as_now)}"
        yield Text(sentence, style="yellow")
    yield Text(f'use it in a definition by {{"listed": "{found.list_name}"}}', style="dim")


@contextmanager
def freezing(*, quiet: bool) -> Iterator[Callable[[Snapshot], None]]:
    """Progress of a snapshot, on a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("evaluating", total=None)
        yield lambda row: progress.update(task, description="writing", total=row.members, completed=row.written)


def _age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "not known"
    return span_in_words(timedelta(minutes=(now - at) // timedelta(minutes=1))) or "now"


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

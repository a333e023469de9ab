"""One customer's run as a person would tell it: what they did, what we did, and why it ended there."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from segments.language import events
from store.report import Happening, StepOutcome, Subject
from workers.demo.words import CHANNELS, moment, money, whole

_SURFACES = {"web": "on the web", "app": "in the app", "server": ""}
_DEVICES = {"ios": " to the iPhone", "android": " to the Android phone"}


def print_story(console: Console, subject: Subject, happened: Sequence[Happening], steps: Sequence[StepOutcome]) -> None:
    """Print the timeline of a run, and what it was spared."""
    table = Table(title=f"One of them: {subject.first_name or 'a visitor'}", title_justify="left", title_style="bold", box=None)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for at, sentence in tell(subject, happened):
        table.add_row(moment(at), sentence)
    for sentence in spared(subject, steps):
        table.add_row("", f"[dim]{sentence}[/]")
    console.print(table, "")


def tell(subject: Subject, happened: Sequence[Happening]) -> Iterator[tuple[datetime, str]]:
    """Each happening as a sentence; what says nothing new is left out."""
    name = subject.first_name or "The visitor"
    for happening in happened:
        if sentence := _sentence(name, happening):
            yield happening.at, sentence.strip()


def spared(subject: Subject, steps: Sequence[StepOutcome]) -> Iterator[str]:
    """The messages that would have come, had the run not ended."""
    if subject.ended_at is None:
        return
    due_at = {step.channel: subject.entered_at + whole(step.after_entry) for step in steps}
    for channel, at in due_at.items():
        if at > subject.ended_at:
            yield f"not sent any more: the {CHANNELS.get(channel, channel)} of {moment(at)}"


def _sentence(name: str, happening: Happening) -> str | None:
    match happening.kind:
        case "message":
            return _message(happening)
        case "segment":
            verb = "entered the segment" if happening.what == "entered" else "left the segment"
            return f"→ {verb} {happening.open_detail['segment']}"
        case "run":
            return _run(happening)
    return _deed(name, happening)


def _run(happening: Happening) -> str:
    if happening.what == "entered":
        return f"→ {happening.open_detail['journey']} begins"
    return f"→ the journey is over: {happening.open_detail['outcome']}"


def _message(happening: Happening) -> str:
    detail = happening.open_detail
    what = f"{CHANNELS.get(detail['channel'], detail['channel'])} {detail['template']}"
    if happening.what == "sent":
        due = datetime.fromisoformat(detail["due_at"])
        return f"→ {what} sent{_DEVICES.get(detail['platform'] or '', '')} (due {due:%H:%M})"
    return f"→ {what} {happening.what}: {detail['reason']}"


def _deed(name: str, happening: Happening) -> str | None:
    detail = happening.open_detail
    where = _SURFACES[detail["surface"]]
    match happening.what:
        case "Product Viewed":
            return f"{name} looks at {_product(detail)} {where}"
        case "Product Added":
            price = _amount(detail, "price")
            return f"{name} puts {_product(detail)}{f' ({price})' if price else ''} into the cart {where}"
        case "Order Completed":
            total = _amount(detail, "total")
            return f"{name} orders{f' for {total}' if total else ''} {where}"
        case events.TRAITS_CHANGED | events.ALIASED if detail["surface"] != "server":
            return f"{name} logs in {where}: from here on we know who it is"
    return None


def _product(detail: dict[str, Any]) -> str:
    return f"“{detail['name']}”" if detail.get("name") else "something"


def _amount(detail: dict[str, Any], name: str) -> str:
    """Money as the shop sent it; nothing where it is no number."""
    value = detail.get(name)
    return money(value, str(detail.get("currency") or "")) if isinstance(value, int | float) else ""

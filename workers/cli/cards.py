"""Messages drawn as cards for a terminal: what is read first on top, what can be tapped, then everything else by its name.

Promise: nothing that a message carries is left out, but a letter's HTML (its text stands there) and the bytes of pictures.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import singledispatch
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from activities.channels.message import Content, EmailContent, InAppContent, PushContent, SmsContent, WebPushContent
from activities.channels.preview import Preview
from activities.channels.wallet.content import AREAS, PassContent
from activities.channels.whatsapp.content import WhatsAppContent
from activities.channels.whatsapp.free_form import Buttons, Flow, FreeForm, Link, Listed
from segments.language.words import span_in_words
from workers.cli.tables import value

_WIDTH = 76


@dataclass(frozen=True, slots=True)
class _Face:
    """What of a message is read at a glance, and which of its fields that were, or nobody reads."""

    head: str = ""
    body: str = ""
    taps: tuple[str, ...] = ()
    drawn: frozenset[str] = frozenset()


def drawn(found: Preview) -> Iterable[RenderableType]:
    """A preview: the card, and below it what had no value, and whose clock, language and price it goes by."""
    yield Panel(Group(*_card(found)), title=f"{found.channel} · {found.template}", title_align="left", width=_WIDTH)
    if found.missing:
        yield Text("no value, so the template says something else: " + ", ".join(found.missing), style="yellow")
    told = [str(found.size)] if found.size else []
    told += [found.cost] if found.cost else []
    yield Text(" · ".join([*told, f"language {found.language}", f"dates in {found.zone}", found.file]), style="dim")


def _card(found: Preview) -> Iterator[RenderableType]:
    face = _face(found.content)
    if face.head:
        yield Text(face.head, style="bold")
    if face.body:
        yield Text(face.body)
    if face.taps:
        yield Text("  ".join(f"[ {each} ]" for each in face.taps), style="cyan")
    fields = found.shown | {name: span_in_words(each) for name, each in found.content if isinstance(each, timedelta)}
    rest = {name: each for name, each in fields.items() if name not in face.drawn and each not in ("", [], {}, False)}
    if rest:
        table = Table.grid(padding=(0, 2))
        for name, told in _flat(rest):
            table.add_row(Text(name, style="dim"), Text(told, overflow="fold"))
        yield Group(*([Text()] if face != _Face() else []), table)


def _flat(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Fields in fields by their path, as `buttons 1 title`; a list of texts in one line."""
    for name, each in told.items():
        path = f"{above} {name}".strip().replace("_", " ")
        if name == "buttons" and all(isinstance(button, Mapping) and "place" in button for button in each):
            yield from ((f"{above} {_button(button)}".strip(), button["value"]) for button in each)
        elif isinstance(each, Mapping):
            yield from _flat(each, path)
        elif isinstance(each, list) and any(isinstance(item, Mapping) for item in each):
            yield from _flat({str(number): item for number, item in enumerate(each, 1)}, path)
        elif each not in ("", [], None, False):
            yield path, ", ".join(map(str, each)) if isinstance(each, list) else value(each)


def _button(told: Mapping[str, Any]) -> str:
    """A button of an approved template, whose words stand in WhatsApp Manager: `button 1 (quick reply)`."""
    return f"button {told['place'] + 1} ({told['kind'].replace('_', ' ')})"


@singledispatch
def _face(_: Content) -> _Face:
    return _Face()


@_face.register
def _(content: EmailContent) -> _Face:
    return _Face(content.subject, f"\n{content.text.rstrip()}", (), frozenset({"subject", "text", "html", "track"}))


@_face.register
def _(content: SmsContent) -> _Face:
    return _Face("", content.text, (), frozenset({"text", "parts"}))


@_face.register
def _(content: PushContent) -> _Face:
    return _Face(content.title, content.body, (), frozenset({"title", "body"}))


@_face.register
def _(content: WebPushContent) -> _Face:
    return _Face(content.title, content.body, _named(content.buttons), frozenset({"title", "body", "buttons"}))


@_face.register
def _(content: InAppContent) -> _Face:
    return _Face(content.title, content.body, _named(content.actions), frozenset({"title", "body", "actions"}))


@_face.register
def _(content: PassContent) -> _Face:
    fields = [each for area in AREAS for each in content.fields.get(area, ())]
    lines = [f"{each.label}: {each.value}" if each.label else each.value for each in fields]
    return _Face(content.logo or content.organization, "\n".join(lines), (), frozenset({"logo", "organization", "fields"}))


@_face.register
def _(content: WhatsAppContent) -> _Face:
    """Its text stands in WhatsApp Manager; ours is what fills the gaps."""
    names = content.body.names or tuple(str(number) for number in range(1, len(content.body.texts) + 1))
    gaps = [f"{{{{{name}}}}} {text}" for name, text in zip(names, content.body.texts, strict=True)]
    head = f"approved template {content.template} ({content.language}), whose gaps are filled so:"
    return _Face(head, "\n".join(gaps), (), frozenset({"template", "language", "body"}))


@_face.register
def _(content: FreeForm) -> _Face:
    head = content.header if isinstance(content.header, str) else ""
    body = "\n".join(filter(None, (content.text, content.footer)))
    plain = frozenset({"header"}) if head else frozenset()
    taps = _taps(content.action)
    return _Face(head, body, taps, plain | {"text", "footer"} | ({"action"} if taps else set()))


def _taps(action: object) -> tuple[str, ...]:
    match action:
        case Buttons():
            return tuple(each.title for each in action.choices)
        case Listed():
            return (action.button, *(f"{row.title}" for section in action.sections for row in section.rows))
        case Link():
            return (f"{action.button}: {action.url}",)
        case Flow():
            return (action.button,)
    return ()


def _named(buttons: Iterable[Any]) -> tuple[str, ...]:
    return tuple(f"{each.title}: {each.link}" for each in buttons)

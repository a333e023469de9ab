"""What of a message is read at a glance, and everything else that it carries by its name: for whoever draws it.

Promise: nothing that a message carries is left out, but a letter's HTML (its text stands there) and the bytes of pictures.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import singledispatch
from typing import Any

from activities.channels.message import Content, EmailContent, InAppContent, PushContent, SmsContent, WebPushContent
from activities.channels.preview import Preview
from activities.channels.wallet.content import AREAS, PassContent
from activities.channels.whatsapp.content import WhatsAppContent
from activities.channels.whatsapp.free_form import Buttons, Flow, FreeForm, Link, Listed
from segments.language.words import span_in_words


@dataclass(frozen=True, slots=True)
class Face:
    """What of a message is read at a glance, what can be tapped, and which of its fields that were, or nobody reads."""

    head: str = ""
    body: str = ""
    taps: tuple[str, ...] = ()
    drawn: frozenset[str] = frozenset()


def the_rest(found: Preview) -> list[tuple[str, str]]:
    """What a message carries besides its face, each by its path."""
    face = face_of(found.content)
    fields = found.shown | {name: span_in_words(each) for name, each in found.content if isinstance(each, timedelta)}
    rest = {name: each for name, each in fields.items() if name not in face.drawn and each not in ("", [], {}, False)}
    return list(_flat(rest))


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
            yield path, ", ".join(map(str, each)) if isinstance(each, list) else _plain(each)


def _plain(each: Any) -> str:
    return each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)


def _button(told: Mapping[str, Any]) -> str:
    """A button of an approved template, whose words stand in WhatsApp Manager: `button 1 (quick reply)`."""
    return f"button {told['place'] + 1} ({told['kind'].replace('_', ' ')})"


@singledispatch
def face_of(_: Content) -> Face:
    """What of a message is read at a glance."""
    return Face()


@face_of.register
def _(content: EmailContent) -> Face:
    return Face(content.subject, f"\n{content.text.rstrip()}", (), frozenset({"subject", "text", "html", "track"}))


@face_of.register
def _(content: SmsContent) -> Face:
    return Face("", content.text, (), frozenset({"text", "parts"}))


@face_of.register
def _(content: PushContent) -> Face:
    return Face(content.title, content.body, (), frozenset({"title", "body"}))


@face_of.register
def _(content: WebPushContent) -> Face:
    return Face(content.title, content.body, _named(content.buttons), frozenset({"title", "body", "buttons"}))


@face_of.register
def _(content: InAppContent) -> Face:
    return Face(content.title, content.body, _named(content.actions), frozenset({"title", "body", "actions"}))


@face_of.register
def _(content: PassContent) -> Face:
    fields = [each for area in AREAS for each in content.fields.get(area, ())]
    lines = [f"{each.label}: {each.value}" if each.label else each.value for each in fields]
    return Face(content.logo or content.organization, "\n".join(lines), (), frozenset({"logo", "organization", "fields"}))


@face_of.register
def _(content: WhatsAppContent) -> Face:
    """Its text stands in WhatsApp Manager; ours is what fills the gaps."""
    names = content.body.names or tuple(str(number) for number in range(1, len(content.body.texts) + 1))
    gaps = [f"{{{{{name}}}}} {text}" for name, text in zip(names, content.body.texts, strict=True)]
    head = f"approved template {content.template} ({content.language}), whose gaps are filled so:"
    return Face(head, "\n".join(gaps), (), frozenset({"template", "language", "body"}))


@face_of.register
def _(content: FreeForm) -> Face:
    head = content.header if isinstance(content.header, str) else ""
    body = "\n".join(filter(None, (content.text, content.footer)))
    plain = frozenset({"header"}) if head else frozenset()
    taps = _taps(content.action)
    return Face(head, body, taps, plain | {"text", "footer"} | ({"action"} if taps else set()))


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

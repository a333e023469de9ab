"""What the templates of a catalogue ask for, for simulations, which render none: products, a service window, a life, buttons.

Promise: templates are loaded only once one is sent whose file asks for something, and then once.
"""

import re
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from journeys.catalogue import load
from journeys.contracts import Channel
from journeys.place import spec_of
from journeys.simulate.products import Wish, Wishes, no_wish

if TYPE_CHECKING:
    from activities.templates import Templates

_PRODUCT = re.compile(r"^product:", re.MULTILINE)
_OF_CART = re.compile(r"\bto:\s*['\"]?last added\b")
#: A WhatsApp message that names no approved template is one of one's own.
_APPROVED = re.compile(r"^template:", re.MULTILINE)

#: What Meta's template shows on a button, where its author says it.
_TITLED = re.compile(r"^\s+(- )?title:", re.MULTILINE)


@runtime_checkable
class Living(Protocol):
    """A template of what is shown for a while."""

    @property
    def lives(self) -> timedelta:
        """For how long."""
        ...


def wishes_of(module: str) -> Wishes:
    """What a catalogue's templates ask for, by channel and name."""
    return partial(_wish, module)


@cache
def asks_of_carts(module: str) -> bool:
    """Whether some template goes by what stands in the cart."""
    return any(_OF_CART.search(file.read_text(encoding="utf-8", errors="ignore")) for file in _files(module))


@cache
def lives_of(module: str) -> dict[str, timedelta]:
    """How long the app shows a message, by its template."""
    return {name: each.lives for (_, name), each in _templates(module).found.items() if isinstance(each, Living)}


@cache
def approved_in(module: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """What Meta has to approve for a catalogue's WhatsApp messages: by template, the names and languages of it there."""
    templates = _templates(module) if _folder(module) else None
    keys = [key for key in (templates.found if templates else ()) if key[0] is Channel.WHATSAPP]
    found = {name: _approved(templates, channel, name) for channel, name in keys if templates}
    return {name: each for name, each in found.items() if each}


def _approved(templates: "Templates", channel: Channel, name: str) -> tuple[tuple[str, str], ...]:
    languages = (None, *templates.translations.get((channel, name), {}))
    terms = (templates.terms(channel, name, language) for language in languages)
    return tuple(dict.fromkeys(each.approved for each in terms if each and each.approved))


@cache
def _wish(module: str, channel: Channel, template: str) -> Wish:
    found = _all(module).get((channel, template)) if f"{template}.{channel}" in _asking(module) else None
    return found or no_wish(channel, template)


@cache
def _all(module: str) -> dict[tuple[Channel, str], Wish]:
    templates = _templates(module)
    found: dict[tuple[Channel, str], Wish] = {}
    for key, template in templates.found.items():
        terms = templates.terms(*key)
        relation, to = (template.wish.relation, template.wish.to) if template.wish else (None, "bought")
        found[key] = Wish(relation, terms is not None and terms.free_form, templates.titles(*key), to)
    return found


@cache
def _templates(module: str) -> "Templates":
    from activities.templates import Vocabulary, load_templates  # with every channel behind it: half a second

    named, folder = load(module), _folder(module)
    assert folder is not None, "a template of it asks"
    vocabulary = Vocabulary().extended(
        traits=named.traits, properties=named.properties, fetched=named.fetched, around=named.around
    )
    return load_templates(folder, vocabulary)


@cache
def _asking(module: str) -> frozenset[str]:
    """The files that may ask for something, without the ends of their names: `goes-with-it.push`."""
    return frozenset(file.stem for file in _files(module) if _asks(file))


def _files(module: str) -> list[Path]:
    folder = _folder(module)
    return [file for ending in ("*.yaml", "*.mjml") for file in folder.rglob(ending)] if folder else []


def _asks(file: Path) -> bool:
    text = file.read_text(encoding="utf-8", errors="ignore")
    own = file.suffixes[-2:] == [".whatsapp", ".yaml"] and not _APPROVED.search(text)
    return own or _TITLED.search(text) is not None or _PRODUCT.search(text) is not None


def _folder(module: str) -> Path | None:
    spec = spec_of(module)
    return Path(found[0]) if spec and (found := list(spec.submodule_search_locations or ())) else None

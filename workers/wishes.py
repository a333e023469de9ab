"""Which products the templates of a catalogue ask for, and how long the app shows them: for simulations, which render none.

Promise: templates are loaded only once one is sent whose file says such a thing, and then once.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from journeys.catalogue import load
from journeys.contracts import Channel
from journeys.place import spec_of
from journeys.simulate.products import Wishes

if TYPE_CHECKING:
    from activities.templating.base import Template

_ASKS = "product:"


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
def lives_of(module: str) -> dict[str, timedelta]:
    """How long the app shows a message, by its template."""
    return {name: each.lives for (_, name), each in _templates(module).items() if isinstance(each, Living)}


@cache
def _wish(module: str, channel: Channel, template: str) -> str | None:
    return _all(module).get((channel, template)) if f"{template}.{channel}" in _asking(module) else None


@cache
def _all(module: str) -> dict[tuple[Channel, str], str]:
    return {key: template.wish.relation for key, template in _templates(module).items() if template.wish}


@cache
def _templates(module: str) -> "Mapping[tuple[Channel, str], Template]":
    from activities.templates import Vocabulary, load_templates  # with every channel behind it: half a second

    named, folder = load(module), _folder(module)
    assert folder is not None, "a template of it asks"
    vocabulary = Vocabulary().extended(traits=named.traits, properties=named.properties, fetched=named.fetched)
    return load_templates(folder, vocabulary).found


@cache
def _asking(module: str) -> frozenset[str]:
    """The files that may ask for a product, without the ends of their names: `goes-with-it.push`."""
    folder = _folder(module)
    files = [file for ending in ("*.yaml", "*.mjml") for file in folder.rglob(ending)] if folder else []
    return frozenset(file.stem for file in files if _ASKS in file.read_text(encoding="utf-8", errors="ignore"))


def _folder(module: str) -> Path | None:
    spec = spec_of(module)
    return Path(found[0]) if spec and (found := list(spec.submodule_search_locations or ())) else None

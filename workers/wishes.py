"""Which products the templates of a catalogue ask for, for simulations, which render none.

Promise: templates are loaded only once one is sent whose file asks for a product, and then once.
"""

from functools import cache, partial
from pathlib import Path

from journeys.catalogue import load
from journeys.contracts import Channel
from journeys.place import spec_of
from journeys.simulate.products import Wishes

_ASKS = "product:"


def wishes_of(module: str) -> Wishes:
    """What a catalogue's templates ask for, by channel and name."""
    return partial(_wish, module)


@cache
def _wish(module: str, channel: Channel, template: str) -> str | None:
    return _all(module).get((channel, template)) if f"{template}.{channel}" in _asking(module) else None


@cache
def _all(module: str) -> dict[tuple[Channel, str], str]:
    from activities.templates import Vocabulary, load_templates  # with every channel behind it: half a second

    named, folder = load(module), _folder(module)
    assert folder is not None, "a template of it asks"
    vocabulary = Vocabulary().extended(traits=named.traits, properties=named.properties)
    found = load_templates(folder, vocabulary).found
    return {key: template.wish.relation for key, template in found.items() if template.wish}


@cache
def _asking(module: str) -> frozenset[str]:
    """The files that may ask for a product, without the ends of their names: `goes-with-it.push`."""
    folder = _folder(module)
    files = [file for ending in ("*.yaml", "*.mjml") for file in folder.rglob(ending)] if folder else []
    return frozenset(file.stem for file in files if _ASKS in file.read_text(encoding="utf-8", errors="ignore"))


def _folder(module: str) -> Path | None:
    spec = spec_of(module)
    return Path(found[0]) if spec and (found := list(spec.submodule_search_locations or ())) else None

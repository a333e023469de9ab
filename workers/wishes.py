"""Which products the templates of a catalogue ask for, for simulations, which render none.

Promise: templates are read only where one of them asks for a product, and once.
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


def _wish(module: str, channel: Channel, template: str) -> str | None:
    return _all(module).get((channel, template))


@cache
def _all(module: str) -> dict[tuple[Channel, str], str]:
    spec = spec_of(module)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not _any_asks(Path(folders[0])):
        return {}
    from activities.templates import Vocabulary, load_templates  # half a second that most catalogues do not need

    named = load(module)
    vocabulary = Vocabulary().extended(traits=named.traits, properties=named.properties)
    found = load_templates(Path(folders[0]), vocabulary).found
    return {key: template.wish.relation for key, template in found.items() if template.wish}


def _any_asks(folder: Path) -> bool:
    files = (file for ending in ("*.yaml", "*.mjml") for file in folder.rglob(ending))
    return any(_ASKS in file.read_text(encoding="utf-8", errors="ignore") for file in files)

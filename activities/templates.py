"""Templates: what stands beside the journeys, checked when the catalogue is loaded and rendered when a message is due.

Promise: a template that names an unknown variable, holds an invalid link or is passed the wrong params never gets as
far as a customer; it is rejected when the catalogue is loaded, with file and line.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any

from activities.channels.kinds import KINDS
from activities.channels.kinds import Template as Written
from activities.channels.message import Content
from activities.templating.base import Template
from activities.templating.dates import LANGUAGE, ZONE, locale_of
from activities.templating.errors import BrokenTemplate, Problem, TemplateError
from activities.templating.source import Text, read_yaml
from activities.templating.values import seen
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish
from journeys.contracts import Channel

__all__ = ["BrokenTemplate", "Context", "Problem", "TemplateError", "Templates", "Vocabulary", "load_templates"]

_CONSTANTS = "shop.yaml"
_MEANT = {".yaml", ".yml"}
#: Folders of other programs, in which nothing is ours.
_OTHERS = {"node_modules"}
_NONE_AT_ALL = (
    "no template at all stands beside the catalogue: if it is installed, its package must bring them"
    ' ([tool.setuptools.package-data]: "*" = ["*.yaml", "*.mjml"])'
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a message is rendered from: the customer as they are now, the event behind the entry, and the params.

    `product` is what a template that asks for one offers, `bought` the last purchase that it is offered for. Dates are shown in
    `zone` (else UTC) and, where a template does not say its own, in `language` (else the customer's, else English).
    """

    customer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unsubscribe_url: str | None = field(default=None, repr=False)
    product: Mapping[str, Any] = field(default_factory=dict, repr=False)
    bought: Mapping[str, Any] = field(default_factory=dict, repr=False)
    zone: tzinfo | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of a catalogue by channel and name."""

    found: Mapping[tuple[Channel, str], Template]
    shop: Mapping[str, str]

    def check(self, channel: Channel, name: str, params: Collection[str] = (), *, given: Collection[str] = ()) -> None:
        """Insist that a journey can send this template with the params that it passes.

        `given` are params that every run of the journey has (its start params): used if declared, ignored if not.

        Raises:
            TemplateError: there is no such template, it needs another param, or it does not know one.
        """
        template = self._named(channel, name)
        missing = template.params - set(params) - set(given)
        unknown = set(params) - template.params
        if missing or unknown:
            raise TemplateError(Problem(template.file, 1, _mismatch(missing, unknown, template.params)))

    def render(self, channel: Channel, name: str, context: Context) -> Content:
        """The content of one message.

        Raises:
            BrokenTemplate: it cannot be rendered for this customer; says which variable.
            TemplateError: there is no such template.
        """
        values: dict[str, Any] = {
            "customer": seen(context.customer),
            "entry": seen(context.entry),
            "params": seen(context.params),
            "shop": self.shop,
            "product": seen(context.product),
            "bought": seen(context.bought),
            ZONE: context.zone,
            LANGUAGE: context.language or language_of(context.customer),
        }
        if context.unsubscribe_url:
            values["unsubscribe_url"] = context.unsubscribe_url
        return self._named(channel, name).render(values)

    def wish(self, channel: Channel, name: str) -> ProductWish | None:
        """The product that a template asks for; none for a template that is not there, which rendering tells."""
        template = self.found.get((Channel(channel), name))
        return template.wish if template else None

    def _named(self, channel: Channel, name: str) -> Template:
        template = self.found.get((Channel(channel), name))
        if template is None:
            names = sorted(known for of, known in self.found if of == channel)
            close = difflib.get_close_matches(name, names, n=1)
            guess = f"did you mean {close[0]}? " if close else ""
            known = f"{guess}Known: {', '.join(names) or 'none'}" if self.found else _NONE_AT_ALL
            text = f"there is no {channel} template {name}; {known}"
            raise TemplateError(Problem("templates", 1, text))
        return template


def load_templates(package: ModuleType | Path, vocabulary: Vocabulary | None = None) -> Templates:
    """Read every template below a catalogue package (or folder).

    Constants for all of them, named `shop.…`, stand in its `shop.yaml`.

    Raises:
        TemplateError: all that is wrong with them, a problem a line.
    """
    folder = Path(next(iter(package.__path__))) if isinstance(package, ModuleType) else package
    vocabulary = _with_constants(folder, vocabulary or Vocabulary())
    found: dict[tuple[Channel, str], Template] = {}
    problems: list[Problem] = []
    endings = _endings()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in endings and path.is_file()):
        if _OTHERS & set(path.relative_to(folder).parts):
            continue
        try:
            _add(path, folder, vocabulary, found)
        except TemplateError as error:
            problems += error.problems
    if problems:
        raise TemplateError(*problems)
    return Templates(found, vocabulary.shop)


def _add(path: Path, folder: Path, vocabulary: Vocabulary, found: dict[tuple[Channel, str], Template]) -> None:
    file = _relative(path, folder)
    if path.name == _CONSTANTS or _beside_another(path):
        return
    kinds = _kinds()
    channel = next((channel for channel, kind in kinds.items() if path.name.endswith(kind.suffix)), None)
    if channel is None:
        suffixes = ", ".join(kind.suffix for kind in kinds.values())
        raise TemplateError(Problem(file, 1, f"not a template; a name ends with {suffixes}"))
    key = (channel, path.name.removesuffix(kinds[channel].suffix))
    if key in found:
        raise TemplateError(Problem(file, 1, f"the name is taken by {found[key].file}; all journeys share names"))
    found[key] = _read(path, file, vocabulary, kinds[channel])


def _kinds() -> dict[Channel, Written]:
    return {kind.channel: kind.template for kind in KINDS.values() if kind.template}


def _endings() -> set[str]:
    """How the names of files end that stand there as templates, or were meant to."""
    names = [name for kind in _kinds().values() for name in (kind.suffix, kind.beside) if name]
    return {Path(name).suffix for name in names} | _MEANT


def _beside_another(path: Path) -> bool:
    return any(
        path.with_name(path.name.removesuffix(kind.beside) + kind.suffix).is_file()
        for kind in _kinds().values()
        if kind.beside and path.name.endswith(kind.beside)
    )


def _read(path: Path, file: str, vocabulary: Vocabulary, kind: Written) -> Template:
    beside = path.with_name(path.name.removesuffix(kind.suffix) + kind.beside) if kind.beside else None
    texts = [_text(each, file) for each in (path, beside) if each and each.is_file()]
    return kind.kind.read(file, texts[0], vocabulary, *texts[1:])


def _text(path: Path, file: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateError(Problem(file, 1, "not UTF-8")) from None


def _with_constants(folder: Path, vocabulary: Vocabulary) -> Vocabulary:
    path = folder / _CONSTANTS
    if not path.is_file():
        return vocabulary
    file = _relative(path, folder)
    fields = read_yaml(file, _text(path, file)).fields
    shop = {name: value.value for name, value in fields.items() if isinstance(value, Text)}
    return replace(vocabulary, shop={**shop, **vocabulary.shop})


def _relative(path: Path, folder: Path) -> str:
    return (Path(folder.name) / path.relative_to(folder)).as_posix()


def _mismatch(missing: Iterable[str], unknown: Iterable[str], declared: Iterable[str]) -> str:
    faults = [f"the journey does not pass {name}" for name in sorted(missing)]
    faults += [f"the journey passes {name}, which the template does not declare" for name in sorted(unknown)]
    return f"{'; '.join(faults)}. Declared params: {', '.join(sorted(declared)) or 'none'}"


def language_of(traits: Mapping[str, Any]) -> str | None:
    """What a customer reads, as far as their traits say: `language`, else `locale` (`es`, `es-MX`)."""
    return next((said for name in ("language", "locale") if locale_of(said := traits.get(name))), None)

"""Templates: what stands beside the journeys, checked when the catalogue is loaded and rendered when a message is due.

Promise: a template that names an unknown variable, holds an invalid link or is passed the wrong params never gets as
far as a customer; it is rejected when the catalogue is loaded, with file and line.
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from activities.channels.languages import language_of
from activities.channels.message import Content
from activities.template_files import Folder, file_of, texts_in, translated
from activities.templating.base import LeadsOut, OnTerms, Tapped, Template, Terms
from activities.templating.dates import LANGUAGE, ZONE
from activities.templating.errors import BrokenTemplate, Problem, TemplateError
from activities.templating.values import seen
from activities.templating.vocabulary import CONTEXT, USER_ID, Vocabulary
from activities.templating.wish import ProductWish
from activities.translations import Translations, apart, fitting
from journeys.contracts import Channel, Purpose
from journeys.gate.approval import Approved

__all__ = [
    "BrokenTemplate",
    "Context",
    "Folder",
    "Problem",
    "TemplateError",
    "Templates",
    "Vocabulary",
    "load_templates",
    "templates_of",
    "texts_in",
]

_NONE_AT_ALL = (
    "no template at all stands beside the catalogue: if it is installed, its package must bring them"
    ' ([tool.setuptools.package-data]: "*" = ["*.yaml", "*.mjml"])'
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a message is rendered from: the customer as they are now, the event behind the entry, params, what services gave.

    `around` is what contexts tell of where the customer is.

    `user_id` is the id by which the company knows them, `wallet` holds the links by which passes are added, `product` is
    what a template that asks for one offers, `bought` or `added` what it is offered for. Dates are shown in `zone`
    (else UTC) and, where a template does not say its own, in `language` (else the customer's, else English).
    """

    customer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    fetched: Mapping[str, Any] = field(default_factory=dict, repr=False)
    wallet: Mapping[str, str] = field(default_factory=dict, repr=False)
    unsubscribe_url: str | None = field(default=None, repr=False)
    product: Mapping[str, Any] = field(default_factory=dict, repr=False)
    bought: Mapping[str, Any] = field(default_factory=dict, repr=False)
    added: Mapping[str, Any] = field(default_factory=dict, repr=False)
    zone: tzinfo | None = None
    language: str | None = None
    confirm_url: str | None = field(default=None, repr=False)
    user_id: str | None = field(default=None, repr=False)
    around: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of a catalogue by channel and name."""

    found: Mapping[tuple[Channel, str], Template]
    shop: Mapping[str, str]
    linking: frozenset[tuple[Channel, str]] = frozenset()
    translations: Translations = field(default_factory=dict)
    contexts: Mapping[tuple[Channel, str], frozenset[str]] = field(default_factory=dict)

    def check(self, channel: Channel, name: str, params: Collection[str] = (), *, given: Collection[str] = ()) -> None:
        """Insist that a journey can send this template with the params that it passes.

        `given` are params that every run of the journey has (its start params): used if declared, ignored if not.

        Raises:
            TemplateError: there is no such template, it needs another param, or it does not know one.
        """
        template = self.named(channel, name)
        missing = template.params - set(params) - set(given)
        unknown = set(params) - template.params
        if missing or unknown:
            told, remedy = _mismatch(missing, unknown, template.params)
            told = f"the {Channel(channel)} template {name} ({template.file}): {told}"
            raise TemplateError(Problem(template.file, 1, told, remedy, "template-params"))

    def check_choices(self, channel: Channel, name: str, choices: Collection[str]) -> None:
        """Insist that a message has what a journey asks to be tapped. One without anything to tap is answered by typing.

        Raises:
            TemplateError: it has no button or row of such a name.
        """
        template = self.found.get((Channel(channel), name))
        known: tuple[str, ...] = template.choices if isinstance(template, Tapped) else ()
        unknown = sorted(set(choices) - set(known)) if known else []
        if unknown and template is not None:
            told = f"the message {name} has no button or row {' or '.join(unknown)}"
            guess = difflib.get_close_matches(unknown[0], known, n=1)
            remedy = f"{f'did you mean {guess[0]}? ' if guess else ''}It has {', '.join(known)}"
            raise TemplateError(Problem(template.file, 1, told, remedy, "unknown-choice"))

    def titles(self, channel: Channel, name: str) -> tuple[tuple[str, str], ...]:
        """What is shown on a message's buttons and rows, in all its languages, each with the name that a journey hears."""
        key = (Channel(channel), name)
        every = [self.found[key], *self.translations.get(key, {}).values()] if key in self.found else []
        return tuple(dict.fromkeys(title for each in every if isinstance(each, Tapped) for title in each.titles))

    def check_purpose(self, channel: Channel, name: str, purpose: Purpose) -> None:
        """Insist that a template is of a category for such messages, where it says its category.

        Raises:
            TemplateError: it is of another.
        """
        terms = self.terms(channel, name)
        if terms is None or terms.category is None or Approved(category=terms.category).fits(purpose):
            return
        told = f"a {purpose.value} message by the template {name}, which is of the category {terms.category}"
        remedy = "marketing goes by marketing templates; anything else by utility and authentication, with transactional=True"
        raise TemplateError(Problem(self.found[Channel(channel), name].file, 1, told, remedy, "template-category"))

    def check_way_out(self, channel: Channel, name: str) -> None:
        """Insist that marketing by a template leads out of it, in each of its languages, where the channel is left by a link.

        Raises:
            TemplateError: it does not.
        """
        key = (Channel(channel), name)
        for each in (self.named(*key), *self.translations.get(key, {}).values()):
            if isinstance(each, LeadsOut) and not each.leads_out:
                told = f"a marketing message by the template {name}, whose text does not link to {{{{ unsubscribe_url }}}}"
                remedy = "add the link to it; or, where this is no marketing, send it with transactional=True"
                raise TemplateError(Problem(each.file, 1, f"{told} ({each.file})", remedy, "no-way-out"))

    def render(self, channel: Channel, name: str, context: Context) -> Content:
        """The content of one message.

        Raises:
            BrokenTemplate: it cannot be rendered for this customer; says which variable.
            TemplateError: there is no such template.
        """
        values: dict[str, Any] = {
            "customer": seen(context.customer if context.user_id is None else {**context.customer, USER_ID: context.user_id}),
            "entry": seen(context.entry),
            "params": seen(context.params),
            "fetched": seen(context.fetched),
            CONTEXT: seen(context.around),
            "wallet": context.wallet,
            "shop": self.shop,
            "product": seen(context.product),
            "bought": seen(context.bought),
            "added": seen(context.added),
            ZONE: context.zone,
            LANGUAGE: context.language or language_of(context.customer),
        }
        if context.unsubscribe_url:
            values["unsubscribe_url"] = context.unsubscribe_url
        if context.confirm_url:
            values["confirm_url"] = context.confirm_url
        return self.fitting(channel, name, values[LANGUAGE]).render(values)

    def fitting(self, channel: Channel, name: str, language: object) -> Template:
        """The template, or the translation of it that somebody reads who says this language (`es`, `es-MX`).

        Raises:
            TemplateError: there is no such template.
        """
        return fitting(self.named(channel, name), self.translations.get((Channel(channel), name), {}), language)

    def links_to_passes(self, channel: Channel, name: str) -> bool:
        """Whether a message names one of the customer's passes."""
        return (Channel(channel), name) in self.linking

    def around(self, channel: Channel, name: str) -> frozenset[str]:
        """The contexts that a message names, in any of its languages."""
        return self.contexts.get((Channel(channel), name), frozenset())

    def wish(self, channel: Channel, name: str) -> ProductWish | None:
        """The product that a template asks for; none for a template that is not there, which rendering tells."""
        template = self.found.get((Channel(channel), name))
        return template.wish if template else None

    def terms(self, channel: Channel, name: str, language: object = None) -> Terms | None:
        """On what terms a provider takes what is made of a template for who reads this language, where it has any."""
        key = (Channel(channel), name)
        template = fitting(self.found[key], self.translations.get(key, {}), language) if key in self.found else None
        return template.terms if isinstance(template, OnTerms) else None

    def named(self, channel: Channel, name: str) -> Template:
        """A template.

        Raises:
            TemplateError: there is no such template, with the nearest name.
        """
        template = self.found.get((Channel(channel), name))
        if template is None:
            names = sorted(known for of, known in self.found if of == channel)
            close = difflib.get_close_matches(name, names, n=1)
            guess = f"did you mean {close[0]}? Or " if close else ""
            known = f"{guess}write {file_of(channel, name)} beside the journeys"
            known += f" (there are {', '.join(names)})" if names else ""
            known = known if self.found else f"{_NONE_AT_ALL}; else write {file_of(channel, name)} there"
            raise TemplateError(Problem("templates", 1, f"there is no {channel} template {name}", known, "unknown-template"))
        return template


def load_templates(package: ModuleType | Path, vocabulary: Vocabulary | None = None) -> Templates:
    """Read every template below a catalogue package (or folder).

    Constants for all of them, named `shop.…`, stand in its `shop.yaml`.

    Raises:
        TemplateError: all that is wrong with them, a problem a line.
    """
    folder = Path(next(iter(package.__path__))) if isinstance(package, ModuleType) else package
    return templates_of(Folder(folder.name, texts_in(folder)), vocabulary)


def templates_of(folder: Folder, vocabulary: Vocabulary | None = None) -> Templates:
    """The templates that stand in a folder, or stood in it when it was archived.

    Raises:
        TemplateError: all that is wrong with them, a problem a line.
    """
    vocabulary = folder.with_passes(folder.with_constants(vocabulary or Vocabulary()))
    found, problems = folder.templates(vocabulary)
    named, translations, wrong = apart(found, {PurePosixPath(place).name for place in folder.texts})
    if problems or wrong:
        raise TemplateError(*problems, *wrong)
    contexts: dict[tuple[Channel, str], frozenset[str]] = {}
    for (channel, name), names in folder.around(found, vocabulary.around).items():
        of = (channel, into.of if (into := translated(name)) else name)
        contexts[of] = contexts.get(of, frozenset()) | names
    linking = {(channel, into.of if (into := translated(name)) else name) for channel, name in folder.linking(found)}
    return Templates(named, vocabulary.shop, frozenset(linking), translations, contexts)


def _mismatch(missing: Collection[str], unknown: Collection[str], declared: Collection[str]) -> tuple[str, str]:
    faults = [f"the journey does not pass {name}" for name in sorted(missing)]
    faults += [f"the journey passes {name}, which the template does not declare" for name in sorted(unknown)]
    known = f"the template declares {', '.join(sorted(declared)) or 'none'}"
    if unknown:
        known += f": write params: [{', '.join(sorted({*declared, *unknown}))}] beside its subject or title, or do not pass it"
    return ", and ".join(faults), known

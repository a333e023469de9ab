"""A message of the catalogue rendered for a customer, real or made up, as a worker would render it now.

Promise: it reads only; nothing is sent, written or counted. Links that are made for one customer (out of marketing, a
confirmation, a pass) have the word `preview` in place of their signature, so whoever follows one changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from activities.channels.kinds import KINDS
from activities.channels.languages import language_of
from activities.channels.message import Content, SmsContent
from activities.channels.preview import CannotPreview, Given, Preview
from activities.channels.sms.parts import size_of
from activities.templates import BrokenTemplate, Context, TemplateError, Templates
from activities.templating.bare import variables
from activities.templating.base import Template
from activities.templating.language import noting
from activities.templating.vocabulary import OFFERED, USER_ID
from activities.templating.wish import ProductWish
from journeys import entering
from journeys.clock import Clock
from journeys.contexts.context import Context as Around
from journeys.contracts import Channel
from journeys.gate.budget import cost_of
from segments.language.events import AHEAD
from segments.time.calendar import rules_of
from segments.time.zones import country_of_number, read_zone, whereabouts
from store import Database
from store.customers.profiles import language_evidence, profile, zone_evidence
from store.lists import resolve
from store.products.offers import offer

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Previews:
    """The messages of a catalogue, to be looked at; prices in millionths of the currency, by channel and country.

    `homes` are the zones of the journeys that send a template, where they are one; `home` is that of most journeys. It counts
    as a journey's own zone does in a message. `contexts` are those that the catalogue declares: nobody is asked.
    """

    templates: Templates
    prices: Mapping[str, int] = field(default_factory=dict)
    currency: str | None = None
    public_url: str = "http://127.0.0.1:8080"
    home: str = "UTC"
    homes: Mapping[tuple[Channel, str], str] = field(default_factory=dict)
    contexts: Mapping[str, Around[Any]] = field(default_factory=dict)

    async def __call__(self, clock: Clock, database: Database, channel: str, name: str, given: Given) -> Preview:
        """A message for whoever is given.

        Raises:
            CannotPreview: as below.
        """
        if given.named is None:
            return self.of(channel, name, given)
        return await self.of_customer(database, channel, name, given, clock.now())

    def of(self, channel: str, name: str, given: Given) -> Preview:
        """A message for somebody made up.

        Raises:
            CannotPreview: there is no such template, or it cannot be rendered with what is given.
        """
        return self._rendered(channel, name, given, _Evidence(phone=_text(given.customer.get("phone"))))

    async def of_customer(self, database: Database, channel: str, name: str, given: Given, at: datetime) -> Preview:
        """A message for a customer as they are now; values that are given count instead of theirs.

        Raises:
            CannotPreview: besides, there is no such customer, or no product to offer them.
        """
        template, customer = self._template(channel, name), await _customer(database, given)
        found = await profile(database, customer)
        if found is None:
            raise _nobody()
        traits = {each.trait: each.value for each in found.traits}
        traits |= {USER_ID: found.user_ids[0]} if found.user_ids else {}
        given = replace(given, customer={**traits, **given.customer})
        async with database.pool.acquire() as connection:
            _, language = await language_evidence(connection, customer)
        if template.wish and not given.product:
            given = await _offered(database, customer, template.wish, given, at)
        return self._rendered(channel, name, given, _Evidence(*await zone_evidence(database, customer), language))

    def _rendered(self, channel: str, name: str, given: Given, evidence: "_Evidence") -> Preview:
        _insist_on_fitting(self._template(channel, name), given)
        around = self._around(channel, name, given)
        language = language_of(given.customer, evidence.locale)
        template = self.templates.fitting(Channel(channel), name, language)
        zone = self._zone(channel, name, given, evidence)
        with noting() as missing:
            content = self._content(channel, name, self._context(given, zone, language, around))
        return Preview(
            channel=channel,
            template=name,
            file=template.file,
            content=content,
            missing=tuple(missing),
            otherwise={
                each: value for each, value in _told(around) if each in variables(template) and not _is_given(given, each)
            },
            language=getattr(template, "language", None) or language or "en",
            zone=zone,
            size=size_of(content.text) if isinstance(content, SmsContent) else None,
            cost=self._cost(channel, content, evidence.phone),
        )

    def _around(self, channel: str, name: str, given: Given) -> dict[str, dict[str, Any]]:
        """What contexts tell, as it is given, else as they declare it for when they are not told."""
        named = self.templates.around(Channel(channel), name)
        if strange := sorted(set(given.context) - named):
            told = ", ".join(sorted(named)) or "none"
            raise CannotPreview(f"this message names no context {', '.join(strange)}; it names {told}")
        return {each: _as_told(self.contexts[each], given.context.get(each, {})) for each in named if each in self.contexts}

    def _zone(self, channel: str, name: str, given: Given, evidence: "_Evidence") -> str:
        if given.timezone is not None:
            return read_zone(given.timezone) or _no_zone(given.timezone)
        home = self.homes.get((Channel(channel), name), self.home)
        return whereabouts(given.customer, evidence.device, evidence.phone, home).likely(home)

    def _content(self, channel: str, name: str, context: Context) -> Content:
        try:
            return self.templates.render(Channel(channel), name, context)
        except BrokenTemplate as error:
            wrong = f"{error.detail}. The message would be recorded as failed, not sent"
            raise CannotPreview(f"{wrong}: give the value, or write a fallback there, | default: '…'") from None

    def _context(self, given: Given, zone: str, language: str | None, around: Mapping[str, Any]) -> Context:
        url = self.public_url.rstrip("/")
        return Context(
            customer=given.customer,
            entry=given.entry,
            params=given.params,
            fetched=given.fetched,
            wallet={pass_: f"{url}/pass/preview" for of, pass_ in self.templates.found if of == Channel.WALLET},
            unsubscribe_url=f"{url}/u/preview",
            confirm_url=f"{url}/o/preview",
            product=given.product,
            bought=given.bought,
            added=given.added,
            zone=rules_of(zone),
            language=language,
            around=around,
        )

    def _cost(self, channel: str, content: Content, phone: str | None) -> str | None:
        country = country_of_number(phone) if phone else None
        cost = cost_of(self.prices, channel, country, getattr(content, "parts", 1))
        return None if cost is None else f"{Decimal(cost) / _MILLION:f} {self.currency or ''}".rstrip()

    def _template(self, channel: str, name: str) -> Template:
        written = [kind.name for kind in KINDS.values() if kind.template]
        if channel not in written:
            raise CannotPreview(f"there is no channel {channel[:50]}; it is one of {', '.join(written)}", "template")
        try:
            return self.templates.named(Channel(channel), name)
        except TemplateError as error:
            told = "; ".join(f"{each.text}; {each.remedy}" for each in error.problems)
            raise CannotPreview(told, "template") from None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What tells a customer's clock, their country and their language, besides their traits."""

    device: str | None = None
    phone: str | None = None
    locale: str | None = None


def _as_told(context: Around[Any], given: Any) -> dict[str, Any]:
    fields = context.model.model_fields
    if not isinstance(given, Mapping) or set(given) - set(fields):
        raise CannotPreview(f"context.{context.name} tells {', '.join(fields)}, each by its name; give some of these")
    try:
        return entering.read(context.model, {**context.default, **given})
    except entering.UnlikeDeclared as unlike:
        raise CannotPreview(f"context.{context.name} is not as it is declared: {unlike}") from None


def _told(around: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Any]]:
    return [(f"context.{name}.{each}", value) for name, told in around.items() for each, value in told.items()]


def _is_given(given: Given, variable: str) -> bool:
    _, name, each = variable.split(".")
    return each in given.context.get(name, {})


def _insist_on_fitting(template: Template, given: Given) -> None:
    if strange := sorted(set(given.params) - template.params):
        declared = ", ".join(sorted(template.params)) or "none"
        raise CannotPreview(f"{template.file} declares no param {', '.join(strange)}; it declares {declared}")
    if template.wish and not given.product:
        raise CannotPreview(
            f"{template.file} offers a product; give one as `product`, with {', '.join(sorted(OFFERED['product']))}"
        )


async def _customer(database: Database, given: Given) -> UUID:
    assert given.named is not None
    async with database.pool.acquire() as connection:
        [customer] = await resolve(connection, [given.named])
    if customer is None:
        raise _nobody()
    return customer


async def _offered(database: Database, customer: UUID, wish: ProductWish, given: Given, at: datetime) -> Given:
    async with database.pool.acquire() as connection:
        found = await offer(connection, customer, wish.relation, at + AHEAD, wish.to)
    if found is None:
        told = f"there is no {wish.relation} product to offer this customer: the message would be skipped"
        raise CannotPreview(f"{told} (no product to offer); give one as `product` to see it all the same")
    product = {name: getattr(found.product, name) for name in OFFERED["product"]}
    if found.to == "added":
        return replace(given, product=product, added={**found.goes_with, **given.added})
    return replace(given, product=product, bought={**found.goes_with, **given.bought})


def _nobody() -> CannotPreview:
    return CannotPreview("no such customer", "customer")


def _no_zone(said: str) -> NoReturn:
    raise CannotPreview(f"there is no timezone {said[:50]}; give an IANA name such as Europe/Madrid")


def _text(said: Any) -> str | None:
    return said if isinstance(said, str) else None

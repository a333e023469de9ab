"""Messages as they would look: fallbacks named, real customers as they are now, and sentences where nothing can be shown."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rich.console import Console

from activities.channels import EmailContent, PushContent, SmsContent
from activities.channels.preview import CannotPreview, Given, Preview
from activities.preview import Previews
from activities.templates import Templates, Vocabulary, load_templates
from journeys import Journey, journey
from journeys.catalogue import Catalogue
from journeys.contracts import Channel
from store import Database
from store.products.offers import Product, put_products
from tests.activities.test_templates import written
from workers.cli.cards import drawn
from workers.definitions import previews_of

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
FILES = {
    "hi__push__yaml": "params: [week]\ntitle: \"{{ customer.firstName | default: 'Hello' }}, week {{ params.week }}\"\n"
    "body: '{% if entry.price %}{{ entry.price | money: entry.currency }}{% else %}Still here{% endif %}'\n",
    "hi__sms__yaml": "text: '{{ customer.firstName }}, {{ entry.starts_at | date: \"%H:%M\" }} \u017c'\n",
    "offer__push__yaml": "product: {relation: better, to: last purchase}\ntitle: '{{ product.name }}'\n"
    "body: For {{ bought.name }}\n",
    "card__push__yaml": "title: Card\nbody: \"{{ customer.user_id | default: 'guest' }}\"\n",
    "out__email__mjml": "---\nsubject: Hi\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>"
    '<a href="{{ unsubscribe_url }}">out</a></mj-text></mj-column></mj-section></mj-body></mjml>\n',
}


@pytest.fixture
def previews(tmp_path: Path) -> Previews:
    vocabulary = Vocabulary().extended(properties=["starts_at"])
    prices = {"sms": 70_000, "sms/ES": 60_900}
    return Previews(
        load_templates(written(tmp_path, **FILES), vocabulary), prices, "EUR", "https://shop.example/", "Europe/Paris"
    )


def refused(previews: Previews, name: str, channel: str = "push", **given: Any) -> str:
    with pytest.raises(CannotPreview) as caught:
        previews.of(channel, name, Given(**given))
    return str(caught.value)


def test_what_had_no_value_is_named_once_and_in_order(previews: Previews) -> None:
    found = previews.of("push", "hi", Given(customer={"firstName": "  "}, params={"week": 3}))
    assert isinstance(found.content, PushContent)
    assert (found.content.title, found.content.body) == ("Hello, week 3", "Still here")
    assert found.missing == ("customer.firstName", "entry.price")
    full = Given(customer={"firstName": "Ana", "language": "es"}, entry={"price": 5, "currency": "EUR"}, params={"week": 3})
    found = previews.of("push", "hi", full)
    assert (found.shown["body"], found.missing, found.language) == ("5,00 €", (), "es")


def test_a_text_is_counted_priced_and_dated_by_the_numbers_country(previews: Previews) -> None:
    entry = {"starts_at": "2026-11-16T12:00:00Z"}
    found = previews.of("sms", "hi", Given(customer={"firstName": "Ana", "phone": "+34600111222"}, entry=entry))
    assert isinstance(found.content, SmsContent)
    assert (str(found.size), found.cost) == ("1 part (12 units of UCS-2)", "0.0609 EUR")
    nowhere = previews.of("sms", "hi", Given(customer={"firstName": "Ana"}, entry=entry))
    assert (nowhere.shown["text"], nowhere.cost, nowhere.zone) == ("Ana, 13:00 ż", "0.07 EUR", "Europe/Paris")


def test_dates_are_shown_as_the_journey_would_that_sends_the_template(previews: Previews) -> None:
    previews = replace(previews, homes={(Channel.SMS, "hi"): "Atlantic/Canary"})
    entry = {"starts_at": "2026-11-16T12:00:00Z"}
    ana = {"firstName": "Ana", "phone": "+34600111222"}

    def shown(timezone: str | None = None, **traits: str) -> tuple[object, str]:
        found = previews.of("sms", "hi", Given(customer=ana | traits, entry=entry, timezone=timezone))
        return found.shown["text"], found.zone

    assert shown() == ("Ana, 12:00 ż", "Atlantic/Canary")
    assert shown(phone="+819012345678") == ("Ana, 21:00 ż", "Asia/Tokyo")
    assert shown("europe/madrid") == ("Ana, 13:00 ż", "Europe/Madrid")
    previews = replace(previews, homes={})
    assert shown() == ("Ana, 13:00 ż", "Europe/Madrid"), "not the Canaries, as the alphabet has it"
    assert "there is no timezone Mars; give an IANA name" in refused(
        previews, "hi", "sms", customer=ana, entry=entry, timezone="Mars"
    )


def test_the_zone_of_a_template_is_that_of_the_journeys_that_send_it() -> None:
    @journey(timezone="Europe/Madrid")
    async def here(j: Journey) -> None:
        await j.push("hi")
        await j.push("both")

    @journey(timezone="Asia/Tokyo")
    async def there(j: Journey) -> None:
        await j.push("both")

    found = Catalogue("made_up", MappingProxyType({"here": here, "there": there}), MappingProxyType({}))
    assert dict(previews_of(found, Templates({}, {}), "https://shop.example").homes) == {(Channel.PUSH, "hi"): "Europe/Madrid"}


def test_a_link_of_a_preview_is_nobodys(previews: Previews) -> None:
    found = previews.of("email", "out", Given())
    assert isinstance(found.content, EmailContent)
    assert found.content.unsubscribe_url == "https://shop.example/u/preview"


def test_what_cannot_be_shown_says_what_to_do(previews: Previews) -> None:
    assert "no value for params.week and no default" in (told := refused(previews, "hi"))
    assert "recorded as failed, not sent: give the value, or write a fallback" in told
    assert "declares no param day; it declares week" in refused(previews, "hi", params={"day": 1})
    assert "did you mean hi?" in refused(previews, "hii")
    assert "it is one of email, sms" in refused(previews, "hi", channel="fax")
    assert "offers a product; give one as `product`" in refused(previews, "offer")


async def a_customer(database: Database, **traits: Any) -> None:
    from uuid_utils.compat import uuid7

    id_ = uuid7()
    await database.pool.execute(
        "insert into profile (id, traits, created_at, updated_at) values ($1, $2, $3, $3)", id_, traits, NOW
    )
    await database.pool.execute(
        "insert into identity (kind, value, since, profile_id, created_at) values ('user_id', 'ana', $2, $1, $2)", id_, NOW
    )


async def test_a_real_customer_is_read_and_given_values_count_instead(previews: Previews, database: Database) -> None:
    await a_customer(database, firstName="Ana", timezone="Asia/Tokyo")

    async def shown(template: str = "hi", who: str = "ana", **given: Any) -> Preview:
        asked = Given(named=("user_id", who), **given)
        return await previews.of_customer(database, "push", template, asked, NOW)

    found = await shown(params={"week": 1})
    assert (found.shown["title"], found.zone, found.missing) == ("Ana, week 1", "Asia/Tokyo", ("entry.price",))
    assert (await shown(params={"week": 1}, customer={"firstName": "Eva"})).shown["title"] == "Eva, week 1"
    assert (await shown("card", customer={"id": "not-this"})).shown["body"] == "ana", "the userId"
    assert previews.of("push", "card", Given(customer={"user_id": "u-1"})).shown["body"] == "u-1"
    assert previews.of("push", "card", Given(customer={"id": "trait"})).missing == ("customer.user_id",)
    with pytest.raises(CannotPreview, match="no such customer"):
        await shown(who="nobody")
    with pytest.raises(CannotPreview, match="no better product to offer this customer"):
        await shown("offer")
    assert (await shown("offer", product={"name": "Boots"}, bought={"name": "Socks"})).shown["body"] == "For Socks"


async def test_a_real_customer_is_offered_what_they_would_be(previews: Previews, database: Database) -> None:
    await a_customer(database, firstName="Ana")
    pair = [Product("p1", "Socks", relations={"better": ["p2"]}), Product("p2", "Warm socks")]
    async with database.transaction() as connection:
        await put_products(connection, pair, "test", NOW)
    bought = {"products": [{"product_id": "p1", "name": "Socks", "price": 5}]}
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " select id, $1, 'Order Completed', 'track', 'm1', $2, 'test', $1 from profile", NOW, bought,
    )  # fmt: skip
    found = await previews.of_customer(database, "push", "offer", Given(named=("user_id", "ana")), NOW)
    assert (found.shown["title"], found.shown["body"]) == ("Warm socks", "For Socks")


def test_a_card_is_for_people(tmp_path: Path) -> None:
    buttons = "buttons:\n  - quick_reply: remind-me-later\n  - url: '{{ entry.cart_id }}'\n"
    shown = {
        "ask__whatsapp__yaml": f"template: ask\nlanguage: en\ncategory: marketing\n{buttons}",
        "help__in-app__yaml": "title: Hi\nbody: b\nlives: 3 days\n",
    }
    previews = Previews(load_templates(written(tmp_path, **shown)))
    console = Console(width=100, record=True, file=io.StringIO())
    for channel, name in (("whatsapp", "ask"), ("in_app", "help")):
        console.print(*drawn(previews.of(channel, name, Given(entry={"cart_id": "c-1"}))))
    lines = [" ".join(each.strip("│ ").split()) for each in console.export_text().splitlines()]
    assert "button 1 (quick reply) remind-me-later" in lines
    assert "button 2 (url) c-1" in lines
    assert "lives 3 days" in lines


def test_the_catalogues_own_messages_can_all_be_looked_at() -> None:
    import definitions

    previews = Previews(load_templates(definitions))
    fitting = {"offer": "free-shipping", "discount": "5%", "level": "Gold", "step": 1, "n": 1}
    for (channel, name), template in previews.templates.found.items():
        params = {each: fitting.get(each, "1") for each in template.params}
        product = {"id": "p", "name": "Boots", "price": 5, "currency": "EUR", "url": "https://shop.example/p"}
        found = previews.of(Channel(channel), name, Given(params=params, product=product, bought={"name": "Socks"}))
        assert [*drawn(found)], name

"""Which language a customer reads: traits, then what their device said last; messages, terms, previews and pages agree."""

from datetime import timedelta
from typing import Any

import pytest

from activities.channels.email.unsubscribe import sign_unsubscribe
from activities.channels.languages import language_of
from activities.channels.preview import Given
from journeys.contracts import Channel, DeliverRequest, Reason
from store.runs.views import Run
from tests.activities.test_approval import message, stands
from tests.activities.test_deliver import request, start
from tests.activities.test_wallet import card, link
from workers.definitions import load_definitions, previews_of
from workers.testing.shop import Shop

SPANISH, ENGLISH = ("usted",), ("you",)


@pytest.mark.parametrize(
    ("traits", "device", "reads"),
    [
        ({}, None, None),
        ({}, "es-ES", "es-ES"),
        ({"language": "fr"}, "es-ES", "fr"),
        ({"locale": "fr"}, "es-ES", "fr"),
        ({"language": "de", "locale": "fr"}, "es-ES", "de"),
        ({"language": "Klingon?", "locale": 7}, "es-ES", "es-ES"),
        ({}, "nowhere at all", None),
    ],
)
def test_what_was_said_of_the_customer_counts_before_what_a_device_says(
    traits: dict[str, Any], device: str | None, reads: str | None
) -> None:
    assert language_of(traits, device) == reads


async def seen(shop: Shop, hours: int, locale: object, user: str = "ana") -> None:
    """An event of so many hours before the shop opened, from a device of that language."""
    at = (shop.opened_at - timedelta(hours=hours)).isoformat()
    await shop.send("track", userId=user, event="Seen", timestamp=at, context={"locale": locale} if locale else {})


async def reads(shop: Shop, run: Run, occurrence: int = 1) -> tuple[str, ...]:
    """What a message of WhatsApp's says to a run's customer."""
    assert (await shop.parts.delivery.deliver(message(run, occurrence))).sent
    return shop.sandbox.messages[-1].params


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_newest_event_tells_the_language_whatever_the_order_of_arrival(trial: Shop, order: tuple[int, ...]) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    assert await reads(trial, run) == ENGLISH
    for n in order:
        await seen(trial, *((3, "en-US"), (2, "es-MX"))[n])
    await seen(trial, 1, None)  # a server knows nothing of languages
    assert await reads(trial, run, 2) == SPANISH
    await trial.send("identify", userId="ana", traits={"language": "en"})
    assert await reads(trial, run, 3) == ENGLISH


async def test_zone_and_language_of_a_device_are_kept_side_by_side(trial: Shop) -> None:
    """One statement writes both; each by the event that told it last."""
    await trial.send("identify", userId="ana")
    for hours, told in (
        (3, {"timezone": "Asia/Tokyo", "locale": "ja-JP"}),
        (1, {"locale": "es-ES"}),
        (2, {"timezone": "Europe/Paris"}),
    ):
        at = (trial.opened_at - timedelta(hours=hours)).isoformat()
        await trial.send("track", userId="ana", event="Seen", timestamp=at, context=told)
    kept = await trial.database.pool.fetchrow("select device_zone, device_locale from profile")
    assert tuple(kept or ()) == ("Europe/Paris", "es-ES")


async def test_a_merge_keeps_the_language_of_the_device_heard_from_last(trial: Shop) -> None:
    for user, hours, locale in (("old", 2, "es-ES"), ("new", 1, "fr-FR")):
        await trial.send("identify", userId=user)
        await seen(trial, hours, locale, user)
    await trial.send("alias", previousId="new", userId="old")
    kept = await trial.database.pool.fetchval("select device_locale from profile where merged_into is null")
    assert kept == "fr-FR"


async def test_the_terms_of_a_template_are_those_of_the_language_that_is_read(trial: Shop) -> None:
    await trial.signs_up("ana")
    await seen(trial, 1, "es-ES")
    await stands(trial, "REJECTED", language="es")
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(message(run, 1))).reason is Reason.TEMPLATE_OFF


async def test_a_preview_is_in_the_language_that_a_message_would_be_in(trial: Shop) -> None:
    await trial.signs_up("ana")
    await seen(trial, 1, "es-ES")
    catalogue, templates = load_definitions(trial.settings.catalogue)
    previews = previews_of(catalogue, templates, "http://shop.test")
    found = await previews(trial.clock, trial.database, "whatsapp", "note", Given(named=("user_id", "ana")))  # type: ignore[arg-type]
    assert (found.file.rpartition("/")[2], found.language) == ("note.es.whatsapp.yaml", "es")


def letter(run: Run) -> DeliverRequest:
    return request(run, step="email:note", channel=Channel.EMAIL)


async def test_pages_are_in_the_customers_language_before_the_browsers(trial: Shop) -> None:
    await trial.signs_up("ana")
    await seen(trial, 1, "es-MX")
    run = await start(trial, "while_vip")
    ana = await trial.database.pool.fetchval("select profile_id from run where id = $1", run.id)
    out = "/u/" + sign_unsubscribe(trial.settings.signing_secret, ana, "email", "marketing", letter(run).key)
    chosen = (await trial.operate("post", f"/v1/profiles/{ana}/preference-link")).json()["url"]
    preferences = "/p/" + chosen.rpartition("/")[2]
    assert (await trial.parts.delivery.deliver(card(run))).sent
    english = {"Accept-Language": "en-GB"}
    for page in (out, preferences, await link(trial, run)):
        assert (await trial.api.get(page, headers=english)).headers["content-language"] == "es"
        assert (await trial.api.get(f"{page}?lang=en")).headers["content-language"] == "en"
    assert (await trial.api.post(preferences, data={"shown": []}, headers=english)).headers["content-language"] == "es"
    assert (await trial.api.post(out, headers=english)).headers["content-language"] == "es"
    await trial.send("identify", userId="ana", traits={"language": "fr"})  # of which there are no pages
    assert (await trial.api.get(out, headers=english)).headers["content-language"] == "en"

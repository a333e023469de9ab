"""Double opt-in as the catalogue has it: pending, a letter, a link that confirms once, and only then marketing."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from activities.channels.confirming import Confirmation, confirm_url
from activities.channels.suppression import suppression_digest
from store import Database
from store.customers.consent import SAID_NO
from store.customers.suppressions import Suppression, add, newest
from workers.testing.shop import SECRET, Shop, open_shop

ADDRESS = {"key": "ana@example.com", "type": "EMAIL", "by": "customer"}


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path) as opened:
        yield opened


async def signs_up(shop: Shop) -> str:
    """The path of the link in the letter that came of it."""
    pending = {"messaging_subscriptions": [ADDRESS | {"status": "PENDING", "text": "footer-1"}]}
    await shop.send("identify", userId="ana", traits={"email": "ana@example.com"}, context=pending)
    await shop.does("ana", "Subscription Requested")
    await shop.look()
    run = await shop.run("double_opt_in")
    await shop.settled(run, 1)
    [letter] = shop.sandbox.messages
    [link] = set(re.findall(r"http://shop\.test/o/[\w.-]+", letter.html or ""))
    return urlsplit(link).path


async def states(shop: Shop) -> tuple[str, list[str]]:
    held = await shop.database.pool.fetchval("select marketing from endpoint where channel = 'email'")
    return held, [row["state"] for row in await shop.database.pool.fetch("select state from consent order by id")]


async def test_a_letter_confirms_once_and_looking_at_it_does_not(shop: Shop) -> None:
    digest = suppression_digest(SECRET, "email", "ana@example.com")
    await add(shop.database, [Suppression("email", digest, "marketing", SAID_NO, shop.clock.now(), source="import: olga")])
    link = await signs_up(shop)
    assert await states(shop) == ("pending", ["pending"])
    page = await shop.api.get(link, headers={"Accept-Language": "es"})
    assert (page.status_code, "Sí, escribidme" in page.text) == (200, True)
    assert await states(shop) == ("pending", ["pending"])

    shop.clock.set(shop.clock.now() + timedelta(minutes=5))
    assert "Thank you" in (await shop.api.post(link)).text
    assert await states(shop) == ("granted", ["pending", "granted"])
    assert await newest(shop.database, channel=None, before=(shop.clock.now(), b""), limit=9) == [], (
        "nor stands the import's no"
    )
    word = await shop.database.pool.fetchrow("select said_by, source, text_version from consent where state = 'granted'")
    assert tuple(word or ()) == ("customer", "double opt-in", "confirm-en-1")
    await shop.look()
    run = await shop.run("double_opt_in")
    assert (await shop.over(run)).outcome.value == "goal reached"

    shop.clock.set(shop.clock.now() + timedelta(minutes=5))
    no = {"messaging_subscriptions": [ADDRESS | {"status": "UNSUBSCRIBED"}]}
    await shop.send("identify", userId="ana", context=no)
    shop.clock.set(shop.clock.now() + timedelta(minutes=5))
    again = await shop.api.post(link)
    assert (again.status_code, "used already" in again.text) == (410, True)
    assert (await states(shop))[0] == "withdrawn", "an old letter signs nobody up again"


async def test_too_late_forged_or_of_nobody_confirms_nothing(shop: Shop) -> None:
    link = await signs_up(shop)
    run = await shop.run("double_opt_in")
    forged = Confirmation(
        run.profile_id, "email", f"{run.id}/email:confirm-subscription/1", shop.clock.now() + timedelta(days=1)
    )
    for path in (link[:-2], urlsplit(confirm_url("http://shop.test", "x" * 20, forged)).path):
        assert (await shop.api.post(path)).status_code == 404
    shop.clock.set(shop.clock.now() + timedelta(days=8))
    assert (await shop.api.post(link)).status_code == 410
    other = Confirmation(
        run.profile_id, "email", f"{run.id}/email:confirm-subscription/2", shop.clock.now() + timedelta(days=1)
    )
    assert (await shop.api.post(urlsplit(confirm_url("http://shop.test", SECRET, other)).path)).status_code == 410, "no letter"
    assert await states(shop) == ("pending", ["pending"])

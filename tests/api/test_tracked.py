"""Our own links and pictures against a real Postgres: nobody is led elsewhere, and people are told from machines."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from uuid_utils.compat import uuid7

from activities.channels import EmailContent
from activities.channels.message import Campaign
from activities.channels.tracking import Track, Tracking
from api.config import ApiConfig
from api.door import Door
from api.state import Store
from api.webhooks.tracked import router
from journeys.clock import Clock
from store import Database
from tests.activities.channels.test_tracking import hrefs
from tests.api.mail_shop import NOW, SECRET, MailShop, mail_shop

PERSON = {"user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"}
APPLE = {"user-agent": "Mozilla/5.0"}
GMAIL = {"user-agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}
SCANNER = {"user-agent": "Barracuda Sentinel (EE)"}
CAMPAIGN = Campaign(journey="welcome", template="hello", purpose="marketing")
LETTER = EmailContent(
    subject="s", text="t", html='<a href="https://shop.example/boots">1</a><a href="https://shop.example/hats">2</a>'
)


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[MailShop]:
    async with mail_shop(database, router) as shop:
        await shop.sent()
        yield shop


def links(shop: MailShop) -> list[str]:
    """The letter's links: to boots, to hats, and the one that nobody sees; then its picture."""
    tracking = Tracking(Track.ALWAYS, Track.ALWAYS, url="http://api")
    written = tracking.marked(LETTER, SECRET, "email", shop.key(), CAMPAIGN, {})
    assert isinstance(written, EmailContent)
    return [*hrefs(written), written.html.partition('src="')[2].partition('"')[0]]


async def clicks(shop: MailShop) -> list[tuple[str | None, bool | None]]:
    return [(told.get("link"), told.get("machine")) for kind, told in await shop.events() if kind == "Message Clicked"]


async def test_a_person_is_led_on_and_what_they_did_is_an_event(shop: MailShop) -> None:
    boots, *_ = links(shop)
    await shop.database.pool.execute(
        "insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id)"
        " values ('words', $1, 'short', 0.5, $2, $3)",
        *(shop.profile, NOW, shop.run),
    )
    for _ in range(3):
        answer = await shop.http.get(boots, headers=PERSON)
        assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/boots")
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    ((kind, told),) = await shop.events()
    assert (kind, told["link"], told["machine"]) == ("Message Clicked", "https://shop.example/boots", False)
    assert (told["run_id"], told["step"], told["journey"], told["template"]) == (str(shop.run), "hello", "welcome", "hello")
    assert told["arms"] == {"words": "short"}
    assert (await shop.row())["delivered_at"] is not None


async def test_an_opening_is_kept_once_of_each_kind(shop: MailShop) -> None:
    picture = links(shop)[-1]
    for who in (APPLE, GMAIL, PERSON, APPLE, PERSON):
        answer = await shop.http.get(picture, headers=who)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert sorted(str(told.get("machine")) for _, told in await shop.events()) == ["False", "None", "True"]


async def test_a_machine_alone_makes_no_reader(shop: MailShop) -> None:
    await shop.http.get(links(shop)[-1], headers=APPLE)
    row = await shop.row()
    assert (row["read_at"], row["delivered_at"] is not None) == (None, True)
    await shop.http.get(links(shop)[-1], headers=PERSON)
    assert (await shop.row())["read_at"] is not None


async def test_a_click_soon_after_sending_and_before_any_opening_may_be_either(shop: MailShop) -> None:
    await shop.database.pool.execute("update delivery set claimed_at = $1", datetime.now(UTC) - timedelta(seconds=5))
    boots, hats, _, picture = links(shop)
    await shop.http.get(boots, headers=PERSON)
    assert await clicks(shop) == [("https://shop.example/boots", None)]
    await shop.http.get(picture, headers=PERSON)
    await shop.database.pool.execute("update event set ts = ts - interval '1 minute'")
    await shop.http.get(hats, headers=PERSON)
    assert (await clicks(shop))[-1] == ("https://shop.example/hats", False)


async def test_two_links_at_once_are_a_machine_and_the_first_is_called_one_afterwards(shop: MailShop) -> None:
    boots, hats, *_ = links(shop)
    await shop.http.get(boots, headers=PERSON)
    assert await clicks(shop) == [("https://shop.example/boots", False)]
    await shop.database.pool.execute("delete from dirty")
    await shop.http.get(hats, headers=PERSON)
    assert {machine for _, machine in await clicks(shop)} == {True}
    assert await shop.database.pool.fetchval("select count(*) from dirty where profile_id = $1", shop.profile) >= 1


async def test_the_link_that_nobody_sees_gives_a_machine_away(shop: MailShop) -> None:
    boots, hats, hidden, _ = links(shop)
    await shop.http.get(boots, headers=PERSON)
    assert (await shop.http.get(hidden, headers=PERSON)).status_code == 204
    await shop.database.pool.execute("update event set ts = ts - interval '1 minute'")
    await shop.http.get(hats, headers=PERSON)
    assert {machine for _, machine in await clicks(shop)} == {True}


async def test_a_machine_says_so_by_its_name_and_a_head_is_no_click(shop: MailShop) -> None:
    boots, *_ = links(shop)
    transport = shop.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    config = ApiConfig(dsn="")
    door = httpx.ASGITransport(Door(transport.app, config, Store(config, shop.database)))
    async with httpx.AsyncClient(transport=door) as http:
        assert (await http.head(boots, headers=PERSON)).headers["location"] == "https://shop.example/boots"
    assert await clicks(shop) == []
    await shop.http.get(boots, headers=SCANNER)
    assert await clicks(shop) == [("https://shop.example/boots", True)]


@pytest.mark.parametrize("token", ["", "x", "%00", "a" * 9000, "https://evil.example", "//evil.example", "..%2f..%2fu"])
async def test_no_link_of_others_leads_anywhere(shop: MailShop, token: str) -> None:
    answer = await shop.http.get(f"/c/{token}")
    assert answer.status_code in (404, 422)
    assert "location" not in answer.headers
    assert await shop.events() == []


async def test_a_tampered_link_leads_nowhere(shop: MailShop) -> None:
    boots, *_ = links(shop)
    for wrong in (boots[:-3] + "AAA", boots + "A", boots.replace("/c/", "/c/A"), f"{boots}/../evil"):
        answer = await shop.http.get(wrong)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_no_letter_of_a_link_can_be_changed(shop: MailShop) -> None:
    boots, *_ = links(shop)
    for n in range(boots.index("/c/") + 3, len(boots)):
        wrong = boots[:n] + ("A" if boots[n] != "A" else "B") + boots[n + 1 :]
        answer = await shop.http.get(wrong)
        assert (answer.status_code, "location" in answer.headers) == (404, False), (n, len(boots))
    assert await shop.events() == []


async def test_a_customer_who_is_erased_is_led_on_and_nothing_is_kept(shop: MailShop) -> None:
    boots, *_ = links(shop)
    await shop.database.pool.execute("update profile set merged_into = $1 where id = $1", shop.profile)
    gone = boots.replace("http://api", "")
    await shop.database.pool.execute("update delivery set profile_id = $1", uuid7())
    assert (await shop.http.get(gone, headers=PERSON)).status_code == 302
    assert await shop.events() == []


async def test_a_link_leads_on_while_postgres_is_away(shop: MailShop, monkeypatch: pytest.MonkeyPatch) -> None:
    boots, *_, picture = links(shop)

    async def away(self: Store) -> Database:
        raise OSError("nobody there")

    monkeypatch.setattr(Store, "open", away)
    assert (await shop.http.get(boots, headers=PERSON)).headers["location"] == "https://shop.example/boots"
    assert (await shop.http.get(picture, headers=PERSON)).status_code == 200
    assert Clock().now() >= NOW

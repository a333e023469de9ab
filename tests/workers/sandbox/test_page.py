"""The message page: whatever a message contains is shown as text, and a mail's HTML stays in its frame."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.workers.sandbox.sending import PHONE, TOKEN, chat, mail, post, push, template
from workers.sandbox import Sandbox
from workers.sandbox.messages import Message, Provider

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """The page as a browser takes it: its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


async def page(http: httpx.AsyncClient, path: str = "/", **query: str) -> Page:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200
    return Page(answer.text)


async def test_an_empty_page_says_what_will_appear(http: httpx.AsyncClient) -> None:
    text = (await page(http)).text
    assert "Push notifications appear here" in text
    assert "WhatsApp messages appear here as chat bubbles" in text
    assert "Emails appear here with their HTML" in text
    assert "No faults: every message is accepted." in text


async def test_each_channel_shows_what_the_customer_sees(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    image = "https://cdn.example/b.jpg"
    await push(http, sandbox, notification={"title": "Your cart", "body": "Still here", "image": image})
    parameters = [{"type": "text", "text": "Ana"}]
    what = {"name": "cart", "language": {"code": "en"}, "components": [{"type": "body", "parameters": parameters}]}
    await chat(http, template(template=what))
    await post(sandbox)
    shown = await page(http)
    for text in ("Your cart", "Still here", TOKEN, "cart", "Ana", PHONE, "Your boots ☃"):
        assert text in shown.text
    assert [element["src"] for element in shown.all("img")] == [image]


@pytest.mark.parametrize("provider", Provider)
async def test_whoever_carried_it_a_message_is_drawn(http: httpx.AsyncClient, sandbox: Sandbox, provider: Provider) -> None:
    what = {"title": "Shown to all", "html": "", "raw": {"headers": []}, "accepted_at": NOW, "received_at": NOW}
    sandbox.log.add(Message(provider=provider, provider_id="1", to="ana", **what))
    assert "Shown to all" in (await page(http)).text


@pytest.mark.parametrize("name", ["title", "body", "image"])
async def test_a_hostile_push_is_text(http: httpx.AsyncClient, sandbox: Sandbox, name: str) -> None:
    await push(http, sandbox, {"token": HOSTILE.replace(" ", ""), "notification": {name: HOSTILE, "body": HOSTILE}})
    await push(http, sandbox, data={"message_key": HOSTILE, "link": HOSTILE})
    shown = await page(http)
    assert shown.text.count(HOSTILE) >= 2
    assert [script.keys() for script in shown.all("script")] == [{"nonce"}]
    assert shown.all("img") == []
    assert not [attributes for _, attributes in shown.elements if any(name.startswith("on") for name in attributes)]


async def test_a_hostile_chat_mail_rule_and_search_are_text(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await chat(http, {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": HOSTILE}})
    await post(sandbox, mail(Subject=HOSTILE, X_Message_Key=HOSTILE, **{f"X-{HOSTILE[2:10]}": HOSTILE}))
    sandbox.faults.tell("fcm", "500", match=HOSTILE)
    for shown in (await page(http), await page(http, q=HOSTILE), await page(http, "/cards", q=HOSTILE)):
        assert len(shown.all("script")) <= 1
        assert shown.all("img") == []


async def test_the_html_of_a_mail_stays_in_its_frame(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await post(sandbox, mail(html="<script>parent.alert(1)</script><b>Hello</b>"))
    shown = await page(http)
    [frame] = shown.all("iframe")
    assert frame["sandbox"] == ""
    assert frame["src"] == f"/mail/{sandbox.messages[0].id}"
    assert "parent.alert" not in shown.text
    framed = await http.get(str(frame["src"]))
    assert "<b>Hello</b>" in framed.text
    policy = framed.headers["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert not [part for part in policy if part.startswith("script-src") or "allow-scripts" in part]


async def test_only_mail_has_a_frame(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await push(http, sandbox)
    assert (await http.get(f"/mail/{sandbox.messages[0].id}")).status_code == 404
    assert (await http.get("/mail/none")).status_code == 404


async def test_the_pages_own_script_runs_by_its_nonce_only(http: httpx.AsyncClient) -> None:
    answers = [await http.get("/") for _ in range(2)]
    nonces = [re.findall(r"script-src 'nonce-([^']+)'", answer.headers["Content-Security-Policy"]) for answer in answers]
    assert nonces[0] != nonces[1]
    assert [Page(answers[0].text).all("script")[0]["nonce"]] == nonces[0]


@pytest.mark.parametrize(
    ("link", "clickable"),
    [
        ("https://shop.example/cart?a=1&b=2", True),
        ("shop://cart/c1", False),
        ("javascript:alert(1)", False),
        ("data:text/html,<b>", False),
        ("c1", False),
    ],
)
async def test_only_web_addresses_can_be_clicked(http: httpx.AsyncClient, sandbox: Sandbox, link: str, clickable: bool) -> None:
    await push(http, sandbox, notification={"title": "a"}, data={"link": link})
    shown = await page(http)
    assert link in shown.text
    assert (link in [anchor.get("href") for anchor in shown.all("a")]) is clickable


async def test_a_picture_that_is_no_web_address_is_named(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await push(http, sandbox, notification={"title": "a", "image": "file:///etc/passwd"})
    shown = await page(http)
    assert "file:///etc/passwd" in shown.text
    assert shown.all("img") == []


async def test_a_search_shows_one_customer_or_one_run(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await push(http, sandbox, {"token": "ana-phone", "data": {"message_key": "run1/s/1"}})
    await push(http, sandbox, {"token": "ben-phone", "data": {"message_key": "run2/s/1"}})
    for sought in ("ANA-", "run1"):
        text = (await page(http, "/cards", q=sought)).text
        assert ("ana-phone" in text, "ben-phone" in text) == (True, False)
    assert "Nothing for “cleo” here." in (await page(http, "/cards", q="cleo")).text


async def test_what_has_not_changed_is_not_sent_again(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    async def revision() -> str:
        [live] = [a for a in (await page(http, "/cards")).all("div") if a.get("id") == "live"]
        return str(live["data-revision"])

    changes: list[Any] = [
        lambda: push(http, sandbox),
        lambda: http.post("/_sandbox/faults", json={"provider": "fcm", "fault": "500"}),
        lambda: push(http, sandbox),
        lambda: http.delete("/_sandbox/messages"),
    ]
    for change in changes:
        seen = await revision()
        assert (await http.get("/cards", params={"seen": seen})).status_code == 204
        await change()
        assert (await http.get("/cards", params={"seen": seen})).status_code == 200


async def test_duplicates_faults_and_dropped_messages_stand_at_the_top(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "550", match="ana@*", probability=0.5, times=4)
    for _ in range(3):
        await push(http, sandbox, data={"message_key": "k"})
    text = " ".join((await page(http)).text.split())
    assert "3 messages 2 duplicates 1 fault rule " in text
    assert "smtp 550 to ana@* with probability 0.5 struck 0 of 4" in text

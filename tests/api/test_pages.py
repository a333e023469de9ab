"""Every page that we show, in a real browser: nothing of it keeps anybody out (axe-core), with a picture for whoever looks.

Each page of `api/pages` is named here, and the sandbox's; what a page does is tested where it belongs.
"""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from activities.channels import sign_unsubscribe
from activities.channels.confirming import Confirmation, confirm_url
from activities.channels.preferences import preferences_url
from journeys.contracts import Channel, Purpose
from store import Database
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.activities.test_wallet import card, link
from tests.browser import barriers, chromium, page  # noqa: F401 - fixtures
from tests.reports.planted import UNTIL, plant
from workers.testing.shop import SECRET, Shop, open_shop

#: Where pictures of what is seen go, for whoever looks at them.
_PICTURES = os.environ.get("PICTURES")
_HOST = "http://shop.test"
#: By template, which pages show it; `card.html` is what the small ones have in common.
PAGES = {
    "wallet": ["a pass", "no pass"],
    "unsubscribe": ["a way out", "out"],
    "confirm": ["asked", "confirmed", "asked in Spanish"],
    "consent": ["proof of consent"],
    "preferences": ["preferences"],
    "problem": ["a problem"],
    "onsite": ["on-site"],
    "web-push": ["web push"],
    "report": ["a report", "a report in the dark"],
    "docs": ["the API's description"],
}
#: What is not our own: the page of the API's description is Swagger UI's, as its makers ship it.
OTHERS = {"the API's description": "#swagger-ui"}
NAMES = [name for names in PAGES.values() for name in names]


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened


@pytest.fixture
async def shown(trial: Shop, page: Page) -> Page:  # noqa: F811 - it asks for the fixture
    """A window in which the shop's address is our API; an operator's key is with what is asked."""

    async def answer(route: Route) -> None:
        asked = route.request
        said = await trial.operate(asked.method, urlsplit(asked.url)._replace(scheme="", netloc="").geturl())
        await route.fulfill(status=said.status_code, headers=dict(said.headers), body=said.content)

    await page.route(f"{_HOST}/**", answer)
    return page


def test_every_page_is_looked_at() -> None:
    templates = {file.stem for file in (Path(__file__).parents[2] / "api" / "pages").glob("*.html")}
    assert templates == {*PAGES, "card"}


async def opened(trial: Shop, page: Page, name: str) -> None:  # noqa: F811 - a window, and no fixture
    await trial.signs_up("ana", firstName="Ana")
    run = await start(trial, "while_vip")
    said = Confirmation(run.profile_id, "email", f"{run.id}/email:note/1", trial.clock.now() + timedelta(days=1))
    confirm = urlsplit(confirm_url(_HOST, SECRET, said)).path
    paths = {
        "a pass": "", "no pass": "/pass/cut", "a way out": f"/u/{unsubscribe(run)}", "out": f"/u/{unsubscribe(run)}",
        "asked": confirm, "confirmed": confirm, "asked in Spanish": f"{confirm}?lang=es",
        "proof of consent": f"/v1/profiles/{run.profile_id}/consent/document",
        "preferences": urlsplit(preferences_url(_HOST, SECRET, run.profile_id)).path, "a problem": "/problems/entry-refused",
        "on-site": "/onsite", "web push": "/web-push", "the API's description": "/docs",
    }  # fmt: skip
    if name == "confirmed":
        letter = request(run, channel=Channel.EMAIL, step="email:note", purpose=Purpose.TRANSACTIONAL)
        assert (await trial.parts.delivery.deliver(letter)).sent
    if name == "a pass":
        assert (await trial.parts.delivery.deliver(card(run))).sent
        paths[name] = await link(trial, run)
    if PAGES["report"].count(name):
        await plant(trial.database)
        paths[name] = f"/v1/reports/experiments?to={UNTIL}&format=html"
        await page.emulate_media(color_scheme="dark" if name.endswith("dark") else "light")
    await page.goto(_HOST + paths[name])
    if name in ("out", "confirmed"):
        await page.get_by_role("button").first.click()
        await page.wait_for_load_state()


def unsubscribe(run: Run) -> str:
    return sign_unsubscribe(SECRET, run.profile_id, "email", "marketing", f"{run.id}/email:note/1")


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_of_a_page_keeps_anybody_out(trial: Shop, shown: Page, name: str) -> None:
    await opened(trial, shown, name)
    if name not in OTHERS:
        await picture(shown, name)
    assert await barriers(shown, OTHERS.get(name)) == []
    if name in OTHERS:
        return
    assert "" not in [each.strip() for each in await shown.locator("legend, h1, h2, th, button").all_inner_texts()]
    await shown.set_viewport_size({"width": 360, "height": 740})
    assert await shown.evaluate("document.documentElement.scrollWidth") <= 360, "on a phone nothing stands beside the screen"
    await picture(shown, f"{name} on a phone")


async def test_nothing_of_the_sandboxs_messages_keeps_anybody_out(trial: Shop, page: Page) -> None:  # noqa: F811 - the fixture
    await trial.signs_up("ana", firstName="Ana")
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(card(run))).sent
    assert (await trial.parts.delivery.deliver(request(run))).sent
    await page.goto(trial.sandbox.url)
    await picture(page, "messages")
    assert await barriers(page) == []


async def test_a_question_on_whatsapp_is_answered_by_a_tap(trial: Shop, page: Page) -> None:  # noqa: F811 - the fixture
    titles = {"yes": "Sí, por favor", "no": "No"}
    buttons = [{"type": "reply", "reply": {"id": name, "title": title}} for name, title in titles.items()]
    asked = {"type": "button", "body": {"text": "¿Más?"}, "footer": {"text": "La tienda"}, "action": {"buttons": buttons}}
    told = {"messaging_product": "whatsapp", "to": "34600111222", "type": "interactive", "interactive": asked}
    async with httpx.AsyncClient(headers={"authorization": "Bearer x"}) as http:
        answer = await http.post(f"{trial.sandbox.url}/v23.0/1/messages", json=told)
    assert answer.is_success, answer.text
    await page.goto(trial.sandbox.url)
    await expect(page.get_by_text("La tienda")).to_be_visible()
    await picture(page, "a question")
    async with page.expect_request("**/whatsapp/replies") as said:
        await page.get_by_role("button", name="Sí, por favor").click()
    answered = (await said.value).post_data_json
    assert (answered["choice"], answered["text"], answered["from"]) == ("yes", "Sí, por favor", "34600111222")
    assert await barriers(page) == []


async def picture(page: Page, name: str) -> None:  # noqa: F811 - a window, and no fixture
    if _PICTURES:
        await page.screenshot(path=Path(_PICTURES) / f"{name.replace(' ', '-')}.png", full_page=True)

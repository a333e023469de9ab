"""People sign on with their company's account, at a real provider: only what it signed, for us and for what was begun here."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from api import ApiConfig
from api.accounts import BadRoles, Oidc, grants_of
from store import Database
from store.audit import Which
from store.audit import page as audited
from store.keys import Grant, Role
from tests.api.console.provider import CLIENT, SECRET, Provider, providing
from tests.api.server import serving
from workers.serve import api_config
from workers.settings import Settings

ROLES = "admins=admin, ops = operate+personal, carts=operate:cart_abandonment|cart_doubts, marketing=read"


@dataclass
class Desk:
    """A console that knows a provider, and the provider."""

    config: ApiConfig
    provider: Provider
    url: str
    database: Database

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Origin": self.url}, timeout=60)

    async def signs_on(self, browser: httpx.AsyncClient, to: str = "/console/customers") -> httpx.Response:
        """What somebody sees who follows the link, and is sent there and back."""
        return await browser.get("/console/oidc", params={"to": to}, follow_redirects=True)


@pytest.fixture
async def desk(dsn: str, database: Database) -> AsyncIterator[Desk]:
    async with providing() as provider:
        oidc = Oidc(provider.issuer, CLIENT, SECRET, grants_of(ROLES))
        config = ApiConfig(dsn=dsn, secret="s" * 32, oidc=oidc)
        async with serving(config) as url:
            yield Desk(config, provider, url, database)


def came_in(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and answer.url.path == "/console/customers"


async def test_olga_signs_on_with_her_account_and_may_what_her_group_may(desk: Desk) -> None:
    async with desk.browser() as browser:
        assert 'href="/console/oidc?to=/console/customers"' in (await browser.get("/console/login?to=/console/customers")).text
        answer = await desk.signs_on(browser)
        assert came_in(answer), answer.text
        assert ("olga@shop.example" in answer.text, "operate" in answer.text) == (True, True)
        assert (await browser.post("/console/state", data={"to": "paused"})).status_code == 303
        await browser.post("/console/logout")
        assert (await browser.get("/console")).status_code == 303
    entries = await audited(desk.database, Which(by="olga@shop.example"), limit=9)
    assert [(each.verb, each.kind, each.role) for each in entries] == [
        ("switch", "journey", "operate"),
        ("sign on", "console", "operate"),
    ]


@pytest.mark.parametrize(
    ("groups", "role"), [(["marketing"], "read"), ("marketing", "read"), (["marketing", "admins"], "admin")]
)
async def test_the_first_group_of_the_settings_counts(desk: Desk, groups: Any, role: str) -> None:
    desk.provider.groups = groups
    async with desk.browser() as browser:
        answer = await desk.signs_on(browser)
        assert f'<span class="soft">{role}' in answer.text
        assert (await browser.post("/console/state", data={"to": "live"})).status_code == (303 if role == "admin" else 403)


@pytest.mark.parametrize("groups", [[], ["people"], None, {"ops": True}])
async def test_who_is_in_none_of_the_groups_is_told_so(desk: Desk, groups: Any) -> None:
    desk.provider.groups = groups
    async with desk.browser() as browser:
        answer = await desk.signs_on(browser)
        assert (answer.status_code, "None of your groups" in answer.text) == (403, True)
        assert (await browser.get("/console")).status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["journeys", "another"]},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3_600},
        {"iat": int(time.time()) + 86_400},
        {"sub": None},
    ],
    ids="-".join,
)
async def test_a_token_for_another_or_of_another_time_is_not_believed(desk: Desk, wrong: dict[str, Any]) -> None:
    desk.provider.wrong = wrong
    async with desk.browser() as browser:
        answer = await desk.signs_on(browser)
        assert (answer.status_code, "not in a way we believe" in answer.text) == (403, True)


async def test_a_token_that_somebody_else_signed_is_not_believed(desk: Desk) -> None:
    desk.provider.signs = RSAKey.generate_key(2048, {"kid": "one"})
    async with desk.browser() as browser:
        answer = await desk.signs_on(browser)
        assert (answer.status_code, "not in a way we believe" in answer.text) == (403, True)


async def test_what_was_begun_in_another_browser_or_not_at_all_ends_nowhere(desk: Desk) -> None:
    async with desk.browser() as one, desk.browser() as other, httpx.AsyncClient() as provider:
        begun = await one.get("/console/oidc")
        back = (await provider.get(begun.headers["location"])).headers["location"]
        for browser, address in (
            (other, back),
            (one, back.replace("state=", "state=x")),
            (one, f"{desk.url}/console/oidc/back"),
        ):
            answer = await browser.get(address)
            assert (answer.status_code, "was not begun here" in answer.text) == (403, True)
        assert (await one.get(back)).status_code == 303
        assert (await one.get(back)).status_code == 403, "once"


async def test_a_session_ends_when_the_settings_let_its_group_in_no_more(desk: Desk) -> None:
    async with desk.browser() as browser:
        assert came_in(await desk.signs_on(browser))
        cookies = {"journeys_session": browser.cookies["journeys_session"]}
    assert desk.config.oidc is not None
    other = replace(desk.config.oidc, grants={"marketing": Grant(Role.READ)})
    for oidc in (other, None):
        async with serving(replace(desk.config, oidc=oidc)) as url, httpx.AsyncClient(base_url=url, cookies=cookies) as browser:
            assert "/console/login" in (await browser.get("/console")).headers["location"]


async def test_a_provider_that_is_away_or_another_is_said_to_be(desk: Desk) -> None:
    desk.provider.says_to_be = "https://evil.example"
    async with desk.browser() as browser:
        answer = await desk.signs_on(browser)
        assert (answer.status_code, "does not answer as it should" in answer.text) == (403, True)


async def test_without_a_provider_there_is_no_such_page(dsn: str, database: Database) -> None:
    async with serving(ApiConfig(dsn=dsn, secret="s" * 32)) as url, httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.get("/console/oidc")).status_code == 404
        assert "company" not in (await browser.get("/console/login")).text


def test_what_groups_may_is_read_from_a_setting_or_refused_in_words() -> None:
    assert grants_of(ROLES) == {
        "admins": Grant(Role.ADMIN),
        "ops": Grant(Role.OPERATE, personal=True),
        "carts": Grant(Role.OPERATE, journeys=("cart_abandonment", "cart_doubts")),
        "marketing": Grant(Role.READ),
    }
    for wrong in ("ops", "=read", "ops=root", "ops=operate+everything", "ops=ingest"):
        with pytest.raises(BadRoles, match="write group=read"):
            grants_of(wrong)
    settings = Settings(database_url="postgresql://x", secret=token_hex(32), oidc_issuer="https://id", oidc_roles="ops=read")  # type: ignore[arg-type]
    assert api_config(settings, {}).oidc == Oidc("https://id", "", "", {"ops": Grant(Role.READ)})

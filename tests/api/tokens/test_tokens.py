"""Access tokens of a real authorization server: the protocol's own client gets one by itself; what is not for us is refused."""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)

from api import ApiConfig
from api.accounts import BadIssuer, OAuth
from api.tokens import issuer as issuing
from store.audit import Which, page
from tests.api.agents.door import Agent
from tests.api.server import serving
from tests.api.tokens.conftest import Authority, Firm, oauth_of
from workers.serve import api_config
from workers.settings import Settings

BACK = "http://localhost:3030/callback"


@dataclass
class Kept(TokenStorage):
    """Where an agent keeps what it was given; and the scopes for which a person was asked."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None
    consents: list[set[str]] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    _came_back: str = ""

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def browse(self, address: str) -> None:
        """Olga's browser goes there, she consents, and it is sent back."""
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        self.consents.append(set(asked["scope"][0].split()))
        self.resources += asked["resource"]
        async with httpx.AsyncClient() as http:
            self._came_back = (await http.get(address)).headers["location"]

    async def back(self) -> AuthorizationCodeResult:
        came = {name: values[0] for name, values in parse_qs(urlsplit(self._came_back).query).items()}
        return AuthorizationCodeResult(code=came["code"], state=came["state"], iss=came["iss"])


@asynccontextmanager
async def agent(firm: Firm, kept: Kept, *, write: bool = False, mode: str = "auto") -> AsyncIterator[Agent]:
    """The protocol's own client, which is given an address and nothing else."""
    url = f"{firm.url}/mcp{'/write' * write}"
    about = OAuthClientMetadata(client_name="agent", redirect_uris=[BACK], token_endpoint_auth_method="none")  # type: ignore[list-item]
    flow = OAuthClientProvider(url, about, kept, kept.browse, kept.back)
    async with (
        httpx2.AsyncClient(auth=flow, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,  # type: ignore[arg-type]
    ):
        yield Agent(client)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_that_knows_our_address_alone_finds_out_gets_a_token_and_asks(firm: Firm, mode: str) -> None:
    kept = Kept()
    async with agent(firm, kept, mode=mode) as olgas:
        assert (await olgas.asked("get_state"))["state"] == "live"
        assert [each["name"] for each in await olgas.asked("list_journeys", journey="nps")] == ["nps"]
    assert (kept.consents, kept.resources) == ([{"journeys:read"}], [f"{firm.url}/mcp"])
    assert kept.client is not None
    assert kept.client.client_id


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_what_takes_more_scope_is_asked_for_when_it_is_needed_and_the_audit_knows_who_it_was(
    firm: Firm, mode: str
) -> None:
    kept = Kept()
    async with agent(firm, kept, write=True, mode=mode) as olgas:
        assert "find_customer" in await olgas.tools(), "though this token may not yet"
        found = await olgas.asked("find_customer", user_id="zacharias")
        assert found["customer_id"] == str(firm.customer)
        assert (await olgas.does("switch_everything", state="paused"))["state"] == "paused"
    first, *steps = kept.consents
    assert first == {"journeys:read", "journeys:operate"}
    assert steps == [{"journeys:read", "journeys:operate", "journeys:personal"}]
    (entry,) = await page(firm.database, Which(by="olga@shop.example"), limit=9)
    assert (entry.verb, entry.role, (entry.trace or "")[:21]) == ("switch", "operate", "mcp:switch_everything")


async def test_where_no_scope_would_help_no_other_token_is_asked_for(firm: Firm) -> None:
    await firm.authority.told("person", {"groups": ["marketing"]})
    kept = Kept()
    async with agent(firm, kept, write=True) as olgas:
        assert "switch_everything" not in await olgas.tools()
        assert "may not use switch_everything" in await olgas.refused("switch_everything", state="paused")
    assert len(kept.consents) == 1


async def test_our_resources_are_described_for_who_wants_a_token(firm: Firm) -> None:
    async with httpx.AsyncClient(base_url=firm.url) as http:
        for door in ("", "/mcp", "/mcp/write"):
            answer = await http.get(f"/.well-known/oauth-protected-resource{door}")
            told = ProtectedResourceMetadata.model_validate_json(answer.text)
            assert (str(told.resource).rstrip("/"), [str(each) for each in told.authorization_servers]) == (
                firm.url + door,
                [firm.authority.issuer],
            )
            assert told.bearer_methods_supported == ["header"]
            refused = await http.post(door, json={}) if door else await http.get("/v1/journeys")
            challenge = refused.headers["www-authenticate"]
            assert refused.status_code == 401
            assert f'Bearer resource_metadata="{firm.url}/.well-known/oauth-protected-resource{door}"' in challenge
            assert "Basic realm" in challenge
            assert ("journeys:operate" in challenge) is (door == "/mcp/write")
        assert (await http.get("/.well-known/oauth-protected-resource/v1")).status_code == 404


async def test_every_call_takes_a_token_and_keys_go_on_to_work(firm: Firm) -> None:
    token = await firm.token()
    mine = (await firm.call("/v1/keys/mine", token)).json()
    assert (mine["name"], mine["role"], mine["personal"], mine["per_minute"]) == ("olga@shop.example", "operate", False, None)
    assert mine["by_more_scope"]["GET /v1/profiles"] == "journeys:personal"
    assert "PUT /v1/state" in mine["calls"]
    assert "GET /v1/audit" not in {*mine["calls"], *mine["by_more_scope"]}, "no scope makes an admin of her"
    assert (await firm.call("/v1/state", token, "PUT", json={"state": "paused"})).status_code == 200
    assert (await firm.call("/v1/state", "jk_read")).json()["by"] == "olga@shop.example"


@pytest.mark.parametrize(
    ("scope", "groups", "role", "personal"),
    [
        ("journeys:read", ["ops"], "read", False),
        ("journeys:read journeys:personal", ["ops"], "read", True),
        ("journeys:admin journeys:personal", ["ops"], "operate", True),
        ("journeys:admin journeys:personal", ["marketing"], "read", False),
        ("other journeys:operate", ["admins", "marketing"], "operate", False),
    ],
)
async def test_a_token_may_what_its_scopes_and_its_groups_both_allow(
    firm: Firm, scope: str, groups: list[str], role: str, personal: bool
) -> None:
    for told in ({"scope": scope}, {"scope": None, "scp": scope.split()}):
        mine = (await firm.call("/v1/keys/mine", await firm.token(groups=groups, **told))).json()
        assert (mine["role"], mine["personal"]) == (role, personal)


async def test_a_scope_that_is_lacking_is_named_and_a_group_that_is_lacking_is_not_asked_for(firm: Firm) -> None:
    answer = await firm.call("/v1/state", await firm.token(scope="journeys:read"), "PUT", json={"state": "paused"})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient-scope")
    challenge = answer.headers["www-authenticate"]
    assert {'Bearer error="insufficient_scope"', 'scope="journeys:operate"'} <= set(challenge.split(", "))
    assert f'resource_metadata="{firm.url}/.well-known/oauth-protected-resource"' in challenge
    for none in ("", "other", "journeys:personal"):
        answer = await firm.call("/v1/journeys", await firm.token(scope=none))
        assert (answer.status_code, "journeys:read" in answer.headers["www-authenticate"]) == (403, True)
    for groups in ([], ["people"], None, {"ops": True}, "operations"):
        answer = await firm.call("/v1/journeys", await firm.token(groups=groups))
        assert (answer.status_code, answer.json()["code"], "www-authenticate" in answer.headers) == (403, "no-group", False)
    answer = await firm.call("/v1/state", await firm.token(groups=["marketing"]), "PUT", json={"state": "paused"})
    assert (answer.json()["code"], "www-authenticate" in answer.headers) == ("forbidden", False)


async def test_all_scopes_that_a_call_takes_are_named_at_once(firm: Firm) -> None:
    """With those that the token has: whoever asks for what is named gets a token that is enough."""
    some, consent = "00000000-0000-0000-0000-000000000007", {"json": {}}
    asked = [
        ("journeys:read", "POST", f"/v1/profiles/{some}/consent", consent, "journeys:operate journeys:personal"),
        ("journeys:operate", "POST", f"/v1/profiles/{some}/consent", consent, "journeys:operate journeys:personal"),
        ("journeys:read", "GET", f"/v1/profiles/{some}/export", {}, "journeys:personal journeys:read"),
        (
            "journeys:read",
            "GET",
            f"/v1/journeys/nps/why-not?customer_id={some}&show=true",
            {},
            "journeys:personal journeys:read",
        ),
        (
            "journeys:read journeys:personal",
            "PUT",
            "/v1/state",
            {"json": {"state": "paused"}},
            "journeys:operate journeys:personal",
        ),
    ]
    for has, method, path, more, takes in asked:
        answer = await firm.call(path, await firm.token(scope=has), method, **more)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient-scope"), path
        assert f'scope="{takes}"' in answer.headers["www-authenticate"].split(", "), path


async def test_a_group_that_is_held_to_a_journey_is_so_by_token(firm: Firm) -> None:
    token = await firm.token(groups=["carts"])
    assert [each["name"] for each in (await firm.call("/v1/journeys", token)).json()] == ["cart_abandonment"]
    refused = await firm.call("/v1/journeys/nps/state", token, "PUT", json={"state": "paused"})
    assert (refused.status_code, refused.json()["code"]) == (403, "other-journey")


def _plain(told: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


HOSTILE: dict[str, dict[str, Any]] = {
    "no audience": {"aud": None},
    "another audience": {"aud": "https://other.example"},
    "an audience that begins like ours": {"aud": "OURS.evil.example"},
    "the door of agents, at a call": {"aud": "OURS/mcp"},
    "a list of others": {"aud": ["a", "b"]},
    "no text": {"aud": {"OURS": True}},
    "another issuer": {"iss": "https://evil.example"},
    "the issuer with a slash": {"iss": "ISSUER/"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 120},
    "no end": {"exp": None},
    "an end that is a text": {"exp": "2999"},
    "an end that never comes": {"exp": float("nan")},
    "not yet": {"nbf": int(time.time()) + 3_600},
    "made in the future": {"iat": int(time.time()) + 3_600},
    "nobody": {"sub": None},
    "an empty somebody": {"sub": ""},
    "a somebody that is a number": {"sub": 17},
    "bound to a key": {"cnf": {"jkt": "x"}},
    "another key": {"with_": "stranger"},
    "a key that nobody knows": {"header": {"kid": "two"}},
    "no id of a key, and another's": {"header": {"kid": ""}, "with_": "stranger"},
    "the public key as a secret": {"header": {"alg": "HS256"}, "with_": "public"},
    "an id token by its type": {"header": {"typ": "logout+jwt"}},
    "something critical": {"header": {"crit": ["b64"], "b64": False}},
    "larger than tokens are": {"filler": "x" * 20_000},
}


@pytest.mark.parametrize("wrong", HOSTILE.values(), ids=HOSTILE)
async def test_a_token_that_is_not_for_us_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    told = json.loads(json.dumps(wrong).replace("OURS", firm.url).replace("ISSUER", firm.authority.issuer))
    answer = await firm.call("/v1/journeys", await firm.token(**told))
    assert answer.status_code == 401, answer.text
    challenge = answer.headers["www-authenticate"]
    assert 'error="invalid_token"' in challenge
    assert "resource_metadata=" in challenge
    assert "olga" not in answer.text + challenge
    assert (await firm.call("/v1/journeys", await firm.token())).status_code == 200, "and an honest one counts"


async def test_what_nobody_signed_is_refused(firm: Firm) -> None:
    honest = await firm.token()
    head, body, signature = honest.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    for forged in (
        f"{_plain({'alg': 'none'})}.{body}.",
        f"{_plain({'alg': 'None', 'typ': 'at+jwt'})}.{body}.",
        f"{head}.{body}.",
        f"{head}.{_plain(claims | {'groups': ['admins']})}.{signature}",
        f"{_plain({'alg': 'RS256', 'kid': ['one']})}.{body}.{signature}",
        f"{_plain({'alg': 'RS256', 'kid': 'one', 'jwk': {'kty': 'oct', 'k': 'AA'}})}.{body}.{signature}",
        f"{_plain({'alg': ['RS256']})}.{body}.{signature}",
        f"{_plain([])}.{body}.{signature}",
        f"{_plain('[' * 5_000)}.{body}.{signature}",
        f"{head}.e30.{signature}",
        "a.b.c",
        "...",
    ):
        answer = await firm.call("/v1/journeys", forged)
        assert answer.status_code == 401, (forged[:80], answer.text)


async def test_a_token_for_one_door_opens_no_other(firm: Firm) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    more = {"Accept": "application/json, text/event-stream"}
    for audience, opens in {"/mcp": {"/mcp"}, "/mcp/write": {"/mcp/write"}, "": {"/mcp", "/mcp/write"}}.items():
        token = await firm.token(aud=[firm.url + audience, "elsewhere"])
        async with httpx.AsyncClient(base_url=firm.url, headers={"Authorization": f"Bearer {token}"} | more) as http:
            answers = {door: (await http.post(door, json=message)).status_code for door in ("/mcp", "/mcp/write")}
            assert answers == {door: 200 if door in opens else 401 for door in answers}
            assert (await http.get("/v1/journeys")).status_code == (200 if audience == "" else 401)


async def test_a_token_is_taken_as_bearer_in_the_header_alone(firm: Firm) -> None:
    token = await firm.token()
    async with httpx.AsyncClient(base_url=firm.url) as http:
        assert (await http.get("/v1/journeys", auth=(token, ""))).status_code == 401
        assert (await http.get("/v1/journeys", params={"access_token": token})).status_code == 401
        assert (await http.post("/v1/track", json={"writeKey": token, "userId": "u", "event": "E"})).status_code == 401
        mine = {"Authorization": f"Bearer {token}"}
        assert (await http.post("/v1/track", json={"userId": "u", "event": "E"}, headers=mine)).status_code == 403
        page_ = mine | {"Origin": "https://evil.example"}
        assert (await http.get("/v1/journeys", headers=page_)).status_code == 403


async def test_keys_that_change_are_learnt_and_strangers_do_not_make_us_ask(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "PAUSE", 0.5)
    old = await firm.token()
    assert (await firm.call("/v1/journeys", old)).status_code == 200
    await firm.authority.told("rotate")
    new = await firm.token()
    await asyncio.sleep(0.6)
    assert (await firm.call("/v1/journeys", new)).status_code == 200
    assert (await firm.call("/v1/journeys", old)).status_code == 401, "its key is told no more"
    before, begun = await firm.authority.asked(), time.monotonic()
    strange = [await firm.token(header={"kid": f"k{n}"}) for n in range(20)]
    assert {(await firm.call("/v1/journeys", each)).status_code for each in strange} == {401}
    assert await firm.authority.asked() - before <= 1 + (time.monotonic() - begun) / 0.5


async def test_while_the_server_is_away_what_it_told_last_counts_and_for_anything_else_nobody_can_tell(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "PAUSE", 0.2)
    monkeypatch.setattr(issuing, "FRESH", 0.0)
    token, strange = await firm.token(), await firm.token(header={"kid": "two"})
    assert (await firm.call("/v1/journeys", token)).status_code == 200
    await firm.authority.die()
    for _ in range(3):
        await asyncio.sleep(0.3)
        assert (await firm.call("/v1/journeys", token)).status_code == 200
    answer = await firm.call("/v1/journeys", strange)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "issuer-away", "10")
    assert (await firm.call("/v1/journeys", "jk_read")).status_code == 200, "keys have nothing to do with it"
    monkeypatch.setattr(issuing, "STALE", 0.1)
    assert (await firm.call("/v1/journeys", token)).status_code == 503, "for two hours, and no longer"
    await firm.authority.start()
    await asyncio.sleep(0.3)
    await firm.call("/v1/journeys", strange)
    monkeypatch.setattr(issuing, "STALE", 60.0)
    assert (await firm.call("/v1/journeys", token)).status_code == 200


@pytest.mark.parametrize("how", ["broken", "slow"])
async def test_a_server_that_tells_nothing_makes_nobody_wait_for_long(
    firm: Firm, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "_PATIENCE", 0.5)
    await firm.authority.told(f"keys/{how}")
    token, begun = await firm.token(), time.monotonic()
    answers = await asyncio.gather(*(firm.call("/v1/journeys", token) for _ in range(8)))
    assert {each.status_code for each in answers} == {503}
    assert time.monotonic() - begun < 5
    assert (await firm.call("/v1/journeys", "jk_read")).status_code == 200


async def test_a_subject_has_a_limit_of_their_own_over_all_their_tokens(firm: Firm, authority: Authority, dsn: str) -> None:
    oauth = oauth_of(authority, per_minute=3, audiences=["api://journeys"])
    async with serving(ApiConfig(dsn=dsn, secret="s" * 32, oauth=oauth)) as url:
        tokens = [await firm.token(aud="api://journeys", jti=str(n)) for n in range(4)]
        other = await firm.token(aud=url, sub="u-18")
        async with httpx.AsyncClient(base_url=url) as http:

            async def status(token: str) -> int:
                return (await http.get("/v1/journeys", headers={"Authorization": f"Bearer {token}"})).status_code

            assert [await status(each) for each in tokens] == [200, 200, 200, 429]
            assert await status(other) == 200


async def test_a_machine_with_credentials_of_its_own_is_let_in_by_its_group(firm: Firm) -> None:
    """Client credentials (RFC 6749, 4.4), at a server that puts a group into them."""
    async with httpx.AsyncClient(base_url=firm.authority.issuer) as http:
        about = {"client_name": "nightly", "grant_types": ["client_credentials"], "redirect_uris": [BACK]}
        client = (await http.post(f"{firm.authority.issuer}/register", json=about)).json()
        asks = {"grant_type": "client_credentials", "scope": "journeys:operate", "resource": firm.url}
        login = client["client_id"], client["client_secret"]
        token = (await http.post(f"{firm.authority.issuer}/token", data=asks, auth=login)).json()["access_token"]
    mine = (await firm.call("/v1/keys/mine", token)).json()
    assert (mine["name"], mine["role"]) == (client["client_id"], "operate")


async def test_without_a_server_a_token_is_an_unknown_key(firm: Firm, dsn: str) -> None:
    async with serving(ApiConfig(dsn=dsn, secret="s" * 32)) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/v1/journeys", headers={"Authorization": f"Bearer {await firm.token(aud=url)}"})
        assert (answer.status_code, re.search("Bearer", answer.headers["www-authenticate"])) == (401, None)
        answer = await http.get("/.well-known/oauth-protected-resource")
        assert (answer.status_code, answer.json()["code"]) == (404, "no-oauth")


def test_the_settings_name_the_server_and_groups_are_those_of_the_console() -> None:
    told = {"oauth_issuer": "https://id.example", "oauth_audiences": "api://journeys, other", "oidc_roles": "ops=read"}
    settings = Settings(database_url="postgresql://x", secret=token_hex(32), **told)  # type: ignore[arg-type]
    oauth = api_config(settings, {}).oauth
    assert oauth is not None
    assert (oauth.issuer, oauth.audiences, oauth.per_minute, oauth.claim) == (
        "https://id.example",
        ("api://journeys", "other"),
        600,
        "groups",
    )
    for wrong in ("http://id.example", "id.example", "ftp://id.example", "https://"):
        with pytest.raises(BadIssuer, match="https"):
            OAuth(wrong, {})

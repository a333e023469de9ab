"""What came from an app or a web page is not what came from the shop's server (B12): the table of docs/ingest.md."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from api import ApiConfig
from api.ingest.signed import Signatures, identity_secret, sign_user
from store import Database
from store.keys import BadKey, Grant, Role, create_key, origin_of, put_key
from tests.api.server import INGEST_KEY, Api, serving

SECRET, FORMER = "b3a1f0e2d4c697887a6b5c4d3e2f1a0b", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
IDENTITY = identity_secret(SECRET, "web")
CLIENT_KEY = "jk_client_test"
PAGE = "https://shop.example"
EMAIL = {"messaging_subscriptions": [{"key": "ana@shop.example", "type": "EMAIL", "status": "SUBSCRIBED"}]}
PUSH = {"device": {"token": "token-of-ana", "type": "android"}}


@pytest.fixture
async def client(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:
    """A real API, and a client with a client's key."""
    await put_key(keyed.pool, "web", Grant(Role.CLIENT, origins=[PAGE]), CLIENT_KEY)
    config = ApiConfig(dsn=dsn, key_ttl=0.1, secret=SECRET, former_secrets=(FORMER,))
    async with (
        serving(config, pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(CLIENT_KEY, ""), timeout=30) as http,
    ):
        yield Api(url, keyed, http)


async def by_server(api: Api, **call: Any) -> None:
    assert (await api.post("batch", {"batch": [call]}, auth=(INGEST_KEY, ""))).json()["accepted"] == 1


async def known_ana(api: Api) -> None:
    """A user whom the shop's server has introduced, with her address, her telephone and her device."""
    context = {**PUSH, **EMAIL}
    traits = {"email": "ana@shop.example", "firstName": "Ana"}
    await by_server(api, type="identify", userId="ana", anonymousId="her-browser", traits=traits, context=context)


async def of(api: Api, user: str) -> dict[str, Any]:
    """What is held of a user."""
    row = await api.database.pool.fetchrow(
        """select traits, array(select address from endpoint e where e.profile_id = p.id order by address) as addresses,
                  array(select state from consent c where c.profile_id = p.id order by id) as consents,
                  array(select value from identity i where i.profile_id = p.id order by value) as names
           from profile p join identity n on n.profile_id = p.id where n.kind = 'user_id' and n.value = $1""",
        user,
    )
    return dict(row) if row else {}


def signed(secret: str, user: str) -> dict[str, Any]:
    return {"identity": {"signature": sign_user(secret, user)}}


ATTACKS: list[dict[str, Any]] = [
    {"type": "identify", "userId": "ana", "traits": {"email": "thief@evil.example", "firstName": "Click evil.example"}},
    {"type": "identify", "userId": "ana", "anonymousId": "thief", "context": {"device": {"token": "thief", "type": "ios"}}},
    {"type": "track", "event": "E", "userId": "ana", "context": {"device": {"token": "thief", "type": "ios"}}},
    {"type": "identify", "anonymousId": "her-browser", "traits": {"phone": "+34600111222", "firstName": "evil"}},
    {"type": "track", "event": "E", "anonymousId": "her-browser", "context": EMAIL},
    {"type": "identify", "anonymousId": "thief", "traits": {"email": "ana@shop.example"}},
    {
        "type": "track", "event": "E", "anonymousId": "thief",
        "context": {"messaging_subscriptions": [{"key": "ANA@shop.example ", "type": "EMAIL", "status": "UNSUBSCRIBED"}]},
    },
    {"type": "identify", "userId": "ben", "traits": {"email": "ana@shop.example"}, "context": signed(IDENTITY, "ben")},
    {"type": "identify", "userId": "ana", "traits": {"x": 1}, "context": signed(IDENTITY, "ben")},
    {"type": "identify", "userId": "ana", "traits": {"x": 1}, "context": signed("guess", "ana")},
    {"type": "identify", "userId": "ana", "traits": {"x": 1}, "context": {"identity": "signed, really"}},
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_client_changes_nothing_of_a_known_user_without_the_shop_s_signature(
    client: Api, attack: dict[str, Any]
) -> None:
    await known_ana(client)
    before = await of(client, "ana")
    answer = await client.batch(attack)
    assert answer["accepted"] == 1, "the event itself is stored"
    assert await of(client, "ana") == before
    [reason] = await client.reasons()
    assert reason.startswith(("unsigned-identity:", "address-of-another:"))
    kept = str(await client.database.pool.fetch("select item from dead_letter")) + str(await client.events())
    assert sign_user(IDENTITY, "ben") not in kept


@pytest.mark.parametrize("key", [CLIENT_KEY, INGEST_KEY])
async def test_a_signature_is_kept_nowhere(client: Api, key: str) -> None:
    """Wherever a context can stand, whether the call is taken or not, and whoever sends it."""
    told, signature = signed(IDENTITY, "ana"), sign_user(IDENTITY, "ana")
    calls: list[dict[str, Any]] = [
        {"type": "track", "event": ""}, {"type": "track", "event": "Seen"}, {"type": "identify", "traits": {"x": 1}},
        {"type": "alias", "previousId": "ben"}, {"type": "nothing"},
    ]  # fmt: skip
    for call in calls:
        for own, shared in ((told, {}), ({}, told), (told, told)):
            body = {**call, "userId": "ana", "context": own}
            answer = await client.post("batch", {"batch": [body], "context": shared}, auth=(key, ""))
            assert answer.status_code == 200, answer.text
    tables = [
        await client.database.pool.fetch(f"select t::text from {table} t") for table in ("dead_letter", "event", "profile")
    ]
    assert all(tables)
    assert signature not in str(tables)


@pytest.mark.parametrize("first", ["thief", "server"])
async def test_a_user_id_cannot_be_taken_before_its_user_comes(client: Api, first: str) -> None:
    """Neither by registering an address under the id, nor by joining a visitor that has one, whoever is first."""
    if first == "server":
        await by_server(client, type="track", event="Signed Up", userId="u-9")
    await client.batch({"type": "identify", "anonymousId": "thief", "traits": {"email": "thief@evil.example"}})
    await client.batch({"type": "identify", "userId": "u-9", "anonymousId": "thief", "traits": {"email": "thief@evil.example"}})
    await by_server(client, type="identify", userId="u-9", traits={"firstName": "Nora"})
    assert await of(client, "u-9") == {"traits": {"firstName": "Nora"}, "addresses": [], "consents": [], "names": ["u-9"]}


async def test_a_visitor_speaks_for_themselves_and_the_server_brings_them_to_their_user(client: Api) -> None:
    await client.batch({"type": "identify", "anonymousId": "a-1", "traits": {"email": "ana@shop.example"}, "context": EMAIL})
    await by_server(client, type="identify", userId="ana", anonymousId="a-1")
    held = await of(client, "ana")
    assert (held["addresses"], held["consents"], held["names"]) == (["ana@shop.example"], ["granted"], ["a-1", "ana"])


async def test_a_device_goes_with_whoever_holds_it(client: Api) -> None:
    """A push token is the device's own secret: after a logout its visitor has it, and not the user any more."""
    await known_ana(client)
    await client.batch({"type": "track", "event": "Logged Out", "anonymousId": "fresh", "context": PUSH})
    assert (await of(client, "ana"))["addresses"] == ["ana@shop.example"]
    assert await client.reasons() == []


def token(user: str, seconds: float, secret: str = IDENTITY, **claims: Any) -> str:
    return jwt.encode({"sub": user, "exp": time.time() + seconds, **claims}, secret, "HS256")


@pytest.mark.parametrize(
    ("signature", "good"),
    [
        (sign_user(IDENTITY, "ana"), True),
        (sign_user(IDENTITY, "ana").upper(), True),
        (sign_user(identity_secret(FORMER, "web"), "ana"), True),
        (token("ana", 86_400), True),  # from when the tests are collected
        (token("ana", -3600), False),
        (token("ben", 60), False),
        (jwt.encode({"sub": "ana"}, IDENTITY, "HS256"), False),
        (jwt.encode({"sub": "ana", "exp": time.time() + 60}, None, "none"), False),
        (token("ana", 60, "a-secret-that-somebody-guessed-wrong"), False),
        (sign_user(identity_secret(SECRET, "app"), "ana"), False),
        (SECRET, False),
        ("", False),
        ("é" * 64, False),
        (["x"], False),
    ],
    ids=range(14),  # some hold the time of day
)
async def test_a_signature_is_the_shop_s_for_this_user_and_this_key_and_not_over(
    client: Api, signature: Any, good: bool
) -> None:
    call = {"userId": "ana", "traits": {"city": "Bilbao"}, "context": {"identity": {"signature": signature}}}
    assert (await client.post("identify", call)).json()["accepted"] == 1
    assert (await of(client, "ana"))["traits"] == ({"city": "Bilbao"} if good else {})


async def test_an_alias_by_a_client_joins_a_visitor_never_two_users(client: Api) -> None:
    await known_ana(client)
    await client.batch({"type": "identify", "anonymousId": "visitor", "traits": {"city": "Bilbao"}})
    vouched = {"context": signed(IDENTITY, "ben")}
    refused = await client.post("alias", {"userId": "ben", "previousId": "visitor"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unsigned-identity")
    assert (await client.batch({"type": "alias", "userId": "ben", "previousId": "ana", **vouched}))["accepted"] == 1
    assert (await client.batch({"type": "alias", "userId": "ben", "previousId": "visitor", **vouched}))["accepted"] == 1
    assert (await of(client, "ben"))["traits"] == {"city": "Bilbao"}
    assert (await of(client, "ana"))["traits"] == {"email": "ana@shop.example", "firstName": "Ana"}


async def test_the_answer_does_not_say_whose_an_address_is(client: Api) -> None:
    await known_ana(client)
    call = {"type": "identify", "anonymousId": "curious"}
    answers = [await client.batch({**call, "traits": {"email": f"{who}@shop.example"}}) for who in ("ana", "nobody")]
    assert answers[0] == answers[1]


async def test_a_client_cannot_say_where_a_trait_comes_from(client: Api) -> None:
    call = {"anonymousId": "a", "traits": {"vip": True}, "context": {"provenance": {"vip": {"source": "crm"}}}}
    assert (await client.post("identify", call)).json()["errors"][0]["pointer"] == "/context/provenance"


TRACK = {"anonymousId": "a", "event": "E"}


@pytest.mark.parametrize("path", ["/v1/t", "/v1/track", "/v1/b", "/beacon/v1/batch"])
async def test_a_client_s_key_may_stand_in_the_body_or_the_address(client: Api, path: str) -> None:
    told = TRACK if path.startswith("/v1/t") else {"batch": [{"type": "track", **TRACK}]}
    async with httpx.AsyncClient(base_url=client.url) as http:
        assert (await http.post(path, json={**told, "writeKey": CLIENT_KEY})).status_code == 200
        assert (await http.post(f"{path}?writeKey={CLIENT_KEY}", json=told)).status_code == 200
        for body in (told, {**told, "writeKey": "wrong"}, {**told, "writeKey": 7}, {**told, "writeKey": INGEST_KEY}):
            assert (await http.post(path, json=body)).status_code == 401
        large = {**told, "writeKey": CLIENT_KEY, "x": "x" * 70_000}
        assert (await http.post(path, json=large)).status_code == 413, "who is not known yet has a page's 64 KiB"
        assert (await http.post(f"{path}?writeKey={CLIENT_KEY}", json=large)).status_code == 200


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "anonymousid,authorization,content-type",
}


async def test_a_preflight_is_answered_without_a_key_for_the_pages_of_any_key(client: Api) -> None:
    async with httpx.AsyncClient(base_url=client.url) as http:
        for path in ("/v1/t", "/v1/batch", "/beacon/v1/batch", "/sourceConfig/", "/v1/projects/x/settings"):
            answer = await http.options(path, headers={"Origin": PAGE, **PREFLIGHT})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, PAGE), path
            assert answer.headers["access-control-allow-headers"] == "anonymousid,authorization,content-type"
            assert "access-control-allow-credentials" not in answer.headers
            refused = await http.options(path, headers={"Origin": "https://evil.example", **PREFLIGHT})
            assert (refused.status_code, refused.json()["code"]) == (403, "foreign-origin")
            assert "access-control-allow-origin" not in refused.headers


async def test_errors_can_be_read_by_the_page_and_no_other_route_is_open(client: Api) -> None:
    async with httpx.AsyncClient(base_url=client.url) as http:
        for status, body in ((401, b"{}"), (413, b"x" * 600_000), (200, b'{"batch": []}')):
            headers = {"Origin": PAGE} if status == 401 else {"Origin": PAGE, "Authorization": f"Bearer {CLIENT_KEY}"}
            answer = await http.post("/v1/b", content=body, headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
        for path in ("/v1/runs", "/v1/profiles", "/v1/dead-letters", "/healthz", "/openapi.json", "/metrics"):
            for method in ("OPTIONS", "GET"):
                answer = await http.request(method, path, headers={"Origin": PAGE, **PREFLIGHT})
                assert not [name for name in answer.headers if name.startswith("access-control")], path


@pytest.mark.parametrize("sent", ["jose\u0301", " jos\xe9 ", 7])
async def test_a_user_id_is_signed_as_it_is_sent(client: Api, sent: str | int) -> None:
    """What is kept is its normal form, of which no SDK and no shop needs to know."""
    context = {"identity": {"signature": sign_user(IDENTITY, str(sent))}}
    await client.post("identify", {"userId": sent, "traits": {"firstName": "Ana"}, "context": context})
    assert (await of(client, str(sent).strip() if sent != "jose\u0301" else "jos\xe9"))["traits"] == {"firstName": "Ana"}
    assert await client.reasons() == []


async def test_any_page_may_use_a_key_whose_operator_says_so(client: Api) -> None:
    key = await create_key(client.database.pool, "open", Grant(Role.CLIENT, origins=["*"]))
    headers = {"Origin": "https://anywhere.example", "Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=client.url) as http:
        assert (await http.post("/v1/t", json=TRACK, headers=headers)).status_code == 200
        assert (
            await http.post("/v1/t", json=TRACK, headers={**headers, "Authorization": f"Bearer {CLIENT_KEY}"})
        ).status_code == 403


async def test_a_client_s_key_only_sends_events(client: Api) -> None:
    assert (await client.http.get("/v1/runs")).status_code == 403
    with pytest.raises(BadKey, match="reads nothing; personal data is for read, operate, admin"):
        await create_key(client.database.pool, "x", Grant(Role.CLIENT, personal=True))
    with pytest.raises(BadKey, match="must not stand in a web page"):
        await create_key(client.database.pool, "x", Grant(Role.INGEST, origins=[PAGE]))


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("*", "*"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(typed: str, origin: str) -> None:
    assert origin_of(typed) == origin


@pytest.mark.parametrize(
    "typed", ["shop.example", "https://shop.example/page", "ftp://shop.example", "https://", "https://a:b", "null"]
)
def test_what_is_no_origin_is_refused(typed: str) -> None:
    with pytest.raises(BadKey, match="is not an origin"):
        origin_of(typed)


def test_the_example_in_the_docs_makes_signatures_that_are_good() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ingest.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shop: dict[str, Any] = {}
    exec(example, shop)
    signatures = Signatures([SECRET], "web")
    for make in (shop["signature"], shop["token"]):
        assert signatures.vouch("u-1", make(IDENTITY, "u-1"))
        assert not signatures.vouch("u-2", make(IDENTITY, "u-1"))

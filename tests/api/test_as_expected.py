"""What a user of such an API expects (B17): compressed bodies, sizes in bytes, pages about problems, and docs without a CDN."""

import gzip
import hashlib
import hmac
import json
import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from api import ApiConfig
from store import Database
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving
from tests.browser import chromium, page  # noqa: F401 - fixtures

TRACK = {"userId": "42", "event": "E"}
SECRET = "app-secret"
AS_JSON = {"Content-Type": "application/json"}


async def test_a_gzip_body_of_several_members_is_read_whole(ingest_api: Api) -> None:
    """RFC 1952, 2.2: what a client appends to a gzip stream belongs to it."""
    text = json.dumps({"batch": [{"type": "track", **TRACK}]}).encode()
    for body in (
        gzip.compress(text[:20]) + gzip.compress(text[20:]),
        b"".join(gzip.compress(text[n : n + 1]) for n in range(len(text))) + bytes(8),
        gzip.compress(b"") + gzip.compress(text),
    ):
        answer = await ingest_api.http.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json().get("accepted")) == (200, 1)


async def test_members_of_gzip_share_one_limit(ingest_api: Api) -> None:
    answer = await ingest_api.http.post("/v1/batch", content=gzip.compress(b"x" * 300_000) * 2)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    answer = await ingest_api.http.post("/v1/batch", content=gzip.compress(b'{"batch": []}') + b"rubbish")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-gzip")


@pytest.mark.parametrize(
    ("letters", "status"), [("ñ" * 16_000, 200), ("ñ" * 17_000, 413), ("x" * 32_000, 200), ("€" * 11_000, 413)]
)
async def test_the_limit_of_an_item_is_in_bytes(ingest_api: Api, letters: str, status: int) -> None:
    assert (await ingest_api.post("track", {**TRACK, "properties": {"x": letters}})).status_code == status


@pytest.mark.parametrize("levels", [200, 400, 900])
async def test_a_signed_webhook_with_a_deep_item_is_a_dead_letter(dsn: str, database: Database, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    items = b'{"from": %b}, {"id": "x", "from": "34600111222", "timestamp": "1", "type": "text", "context": %b}' % (deep, deep)
    body = b'{"entry": [{"changes": [{"field": "messages", "value": {"messages": [%b]}}]}]}' % items
    signature = "sha256=" + hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    async with serving(ApiConfig(dsn=dsn, whatsapp_app_secret=SECRET)) as url, httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/v1/webhooks/whatsapp", content=body, headers={"X-Hub-Signature-256": signature})
    assert (answer.status_code, answer.json()) == (200, {"taken": 0, "dead_letters": 2})


PROBLEMS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/nothing", None),
    ("GET", "/v1/track", None),
    ("POST", "/v1/segments/count", "text"),
    ("POST", "/v1/segments/count", {"predicate": {"did": 7}}),
    ("GET", "/v1/runs/00000000-0000-7000-8000-000000000000", None),
]


@pytest.mark.parametrize(("method", "path", "body"), PROBLEMS)
async def test_the_type_of_a_problem_is_a_page(ingest_api: Api, method: str, path: str, body: Any) -> None:
    answer = await ingest_api.http.request(method, path, json=body, auth=(OPERATE_KEY, ""))
    told = await ingest_api.http.get(answer.json()["type"])
    assert (told.status_code, told.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.json()["code"] in told.text


async def test_every_status_that_a_bad_body_gets_is_described(ingest_api: Api) -> None:
    document = (await ingest_api.http.get("/openapi.json")).json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" not in operation or path.startswith(("/u/", "/v1/webhooks", "/v1/hooks")):
                continue
            key = INGEST_KEY if "ingest" in operation["tags"] else OPERATE_KEY
            for body in (b'{"a": "\xff"}', b"{", b"", b"[" * 5_000, b"null", b"{}"):
                url = re.sub(r"\{\w+\}", "01000000-0000-7000-8000-000000000000", path)
                answer = await ingest_api.http.request(method, url, content=body, auth=(key, ""), headers=AS_JSON)
                assert str(answer.status_code) in operation["responses"], (method, path, body[:9], answer.text)


@pytest.mark.parametrize("path", ["/docs", "/problems/unauthorized"])
async def test_the_pages_need_no_other_server_and_no_script_of_their_own(ingest_api: Api, page: Page, path: str) -> None:  # noqa: F811
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    answer = await page.goto(ingest_api.url + path)
    assert answer is not None
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    if path == "/docs":
        await page.get_by_text("/v1/identify", exact=True).click()
        await page.get_by_role("button", name="Try it out").click()
        await page.get_by_role("button", name="Execute").click()
        await page.get_by_text('"code": "unauthorized"').first.wait_for()
    assert {url for url in asked if not url.startswith(("data:", ingest_api.url))} == set()
    assert [fault for fault in faults if "401" not in fault] == []

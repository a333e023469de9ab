"""What bad input gets: a clear problem or a dead letter with its reason; the rest of the work goes on."""

import gzip
import json
from typing import Any

import pytest

from tests.api.server import OPERATE_KEY, Api

GOOD = {"type": "track", "userId": "42", "event": "Product Added"}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"x": value}
    return value


#: What `context.provenance` of an identify call with the traits {"likes/it": true, "gone": null} must not be.
BAD_PROVENANCE: list[tuple[Any, str]] = [
    ([], " must be an object"),
    ({"unknown": {"source": "crm"}}, "/unknown is not among the traits of this call"),
    ({"likes/it": {}}, "/likes~1it must be an object with source, confidence or both"),
    ({"likes/it": 0.8}, "/likes~1it must be an object"),
    ({"likes/it": {"source": "m", "confidnce": 0.8}}, "/likes~1it must be an object"),
    ({"likes/it": {"source": " "}}, "/likes~1it/source must be a text of 1 to 100 characters"),
    ({"likes/it": {"source": "s" * 101}}, "/likes~1it/source"),
    ({"likes/it": {"source": 5}}, "/likes~1it/source"),
    *(
        ({"likes/it": {"confidence": wrong}}, "/likes~1it/confidence must be a number")
        for wrong in (1.01, -0.1, True, "1", None)
    ),
    ({"gone": {"confidence": 0.5}}, "/gone a null takes the trait away"),
]


def guess(provenance: Any) -> dict[str, Any]:
    traits = {"likes/it": True, "gone": None}
    return {"type": "identify", "userId": "42", "traits": traits, "context": {"provenance": provenance}}


BAD_ITEMS: list[tuple[Any, str]] = [
    ("text", "not-an-object"),
    (None, "not-an-object"),
    ({**GOOD, "type": "purchase"}, "bad-type: /type must be one of identify"),
    ({**GOOD, "type": ["track"]}, "bad-type"),
    ({**GOOD, "userId": None}, "no-identity"),
    ({**GOOD, "userId": ""}, "no-identity"),
    ({**GOOD, "userId": {"id": 42}}, "bad-identity: /userId"),
    ({**GOOD, "userId": True}, "bad-identity: /userId"),
    ({**GOOD, "userId": "u" * 513}, "bad-identity: /userId"),
    ({**GOOD, "userId": "4\x002"}, "bad-identity: /userId holds the character U+0000"),
    ({**GOOD, "event": None}, "bad-event"),
    ({**GOOD, "event": 7}, "bad-event"),
    ({**GOOD, "event": "a\x00b"}, "nul-character: /event"),
    ({**GOOD, "messageId": "m" * 101}, "bad-message-id"),
    ({**GOOD, "messageId": ""}, "bad-message-id"),
    ({**GOOD, "messageId": {}}, "bad-message-id"),
    ({**GOOD, "messageId": "m\x00"}, "bad-message-id"),
    ({**GOOD, "properties": [1]}, "bad-field: /properties must be an object"),
    ({**GOOD, "context": "web"}, "bad-field: /context must be an object"),
    ({**GOOD, "properties": {"x": "a\x00b"}}, "nul-character: /properties"),
    ({**GOOD, "properties": {"a\x00b": 1}}, "nul-character: /properties"),
    ({**GOOD, "context": {"x": [{"y": "\x00"}]}}, "nul-character: /context"),
    ({**GOOD, "properties": nested(33)}, "too-deep"),
    ({**GOOD, "properties": nested(400)}, "too-deep"),
    ({**GOOD, "properties": {"x": "x" * 33_000}}, "too-large"),
    ({**GOOD, "timestamp": "0001-01-01T00:00:00Z"}, "too-old"),
    ({**GOOD, "timestamp": "1999-12-31T23:59:59Z"}, "too-old"),
    ({**GOOD, "timestamp": "yesterday"}, "bad-timestamp"),
    ({**GOOD, "timestamp": 1763800000}, "bad-timestamp"),
    ({**GOOD, "timestamp": "2026-02-30T00:00:00Z"}, "bad-timestamp"),
    ({"type": "group", "userId": "42"}, "no-identity: /groupId"),
    ({"type": "alias", "userId": "42"}, "no-identity: /previousId"),
    ({"type": "alias", "previousId": "42"}, "no-identity: /userId"),
    ({**GOOD, "context": {"messaging_subscriptions": {}}}, "bad-subscription"),
    (
        {**GOOD, "context": {"messaging_subscriptions": [{"key": "a@b.cc", "type": "FAX", "status": "SUBSCRIBED"}]}},
        "bad-subscription",
    ),
    (
        {**GOOD, "context": {"messaging_subscriptions": [{"key": "a@b.cc", "type": "EMAIL", "status": "YES"}]}},
        "bad-subscription",
    ),
    (
        {**GOOD, "context": {"messaging_subscriptions": [{"key": "nobody", "type": "EMAIL", "status": "SUBSCRIBED"}]}},
        "bad-subscription",
    ),
    *((guess(said), f"bad-provenance: /context/provenance{place}") for said, place in BAD_PROVENANCE),
]


async def test_bad_items_are_dead_letters_with_their_reasons_and_the_others_are_taken(ingest_api: Api) -> None:
    batch = [call for item, _ in BAD_ITEMS for call in (GOOD, item)]
    answer = await ingest_api.batch(*batch)
    bad = len(BAD_ITEMS)
    assert answer == {"success": True, "accepted": bad, "duplicates": 0, "dead_letters": bad}
    assert len(await ingest_api.events()) == bad
    for kept, (item, reason) in zip(await ingest_api.reasons(), BAD_ITEMS, strict=True):
        assert kept.startswith(reason), str(item)[:200]


RAW_ITEMS = [
    (b'{"type":"track","userId":"42","event":"x","properties":{"n":NaN}}', "not-json: a number is NaN"),
    (b'{"type":"track","userId":"42","event":"x","properties":{"n":-Infinity}}', "not-json: a number is NaN"),
    (b'{"type":"track","userId":"42","event":"x","properties":{"n":"\\ud83d"}}', "not-json: a text holds a lone surrogate"),
    (b'{"type":"track","userId":"\\udc00","event":"x"}', "not-json: a text holds a lone surrogate"),
    (b'{"type":"track","userId":"42","event":"x","properties":{"n":"\xff\xfe"}}', "not-json: a text holds a lone surrogate"),
]


async def test_what_json_forbids_costs_only_its_own_item(ingest_api: Api) -> None:
    good = json.dumps(GOOD).encode()
    for item, reason in RAW_ITEMS:
        answer = await ingest_api.http.post("/v1/batch", content=b'{"batch":[%b,%b]}' % (good, item))
        assert (answer.status_code, answer.json()["accepted"], answer.json()["dead_letters"]) == (200, 1, 1)
        assert (await ingest_api.reasons())[-1].startswith(reason), item


async def test_huge_numbers_are_kept_as_numbers(ingest_api: Api) -> None:
    body = b'{"userId":"42","event":"x","properties":{"big":123456789012345678901234567890,"small":1e-300}}'
    assert (await ingest_api.http.post("/v1/track", content=body)).status_code == 200
    [event] = await ingest_api.events()
    assert event["properties"]["big"] == pytest.approx(1.2345678901234568e29)


MALFORMED = [
    (b"", 400, "malformed-json"),
    (b"hello", 400, "malformed-json"),
    (b'{"batch": [', 400, "malformed-json"),
    (b"\xff\xfe\x00", 400, "malformed-json"),
    (b"[]", 400, "malformed-body"),
    (b'"text"', 400, "malformed-body"),
    (b"{}", 400, "malformed-body"),
    (b'{"batch": {}}', 400, "malformed-body"),
    (b'{"batch": [], "context": 7}', 400, "malformed-body"),
    (b"[" * 100_000, 413, "too-deep"),
    (b'{"batch": [' + b"{}," * 2500 + b"{}]}", 413, "too-large"),
    (b'{"batch": ["' + b"x" * 520_000 + b'"]}', 413, "too-large"),
    (gzip.compress(b"x" * 50_000_000), 413, "too-large"),
    (gzip.compress(b"{}")[:-4], 400, "malformed-gzip"),
    (b"\x1f\x8bnot gzip at all", 400, "malformed-gzip"),
]


async def test_a_body_that_cannot_be_read_is_a_problem(ingest_api: Api) -> None:
    for body, status, code in MALFORMED:
        answer = await ingest_api.http.post("/v1/batch", content=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body[:80]
        problem = answer.json()
        assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}"), body[:80]
        assert problem["detail"]
    assert await ingest_api.events() == []


async def test_a_stream_without_a_length_is_bounded_too(ingest_api: Api) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    assert (await ingest_api.http.post("/v1/batch", content=endless())).status_code == 413


async def test_an_unknown_encoding_is_refused(ingest_api: Api) -> None:
    answer = await ingest_api.http.post("/v1/batch", content=b"{}", headers={"Content-Encoding": "br"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


async def test_a_bad_call_of_its_own_is_answered_with_a_pointer_and_kept(ingest_api: Api) -> None:
    answer = await ingest_api.post("track", {"userId": "42", "properties": 1, "event": "x"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/properties", "detail": "must be an object"}]
    assert await ingest_api.reasons() == ["bad-field: /properties must be an object"]
    assert (await ingest_api.post("track", {**GOOD, "properties": {"x": "x" * 40_000}})).status_code == 413


async def test_unknown_paths_and_methods_are_problems(ingest_api: Api) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("GET", "/v1/batch", 405), ("DELETE", "/v1/track", 405)):
        answer = await ingest_api.http.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["detail"]


async def test_operators_read_the_dead_letters_page_by_page(ingest_api: Api) -> None:
    await ingest_api.batch(*[{"type": "track", "messageId": f"m-{n}", "secret\x00": n} for n in range(5)])
    seen: list[str] = []
    page: dict[str, Any] = {"next": None}
    for _ in range(3):
        query = {"limit": 2, **({"before": page["next"]} if page["next"] else {})}
        answer = await ingest_api.http.get("/v1/dead-letters", params=query, auth=(OPERATE_KEY, ""))
        page = answer.json()
        seen += [letter["message_id"] for letter in page["dead_letters"]]
    assert seen == ["m-4", "m-3", "m-2", "m-1", "m-0"]
    assert page["next"] is None
    assert json.loads(page["dead_letters"][0]["item"])["secret\x00"] == 0


async def test_invalid_parameters_are_problems_with_their_names(ingest_api: Api) -> None:
    answer = await ingest_api.http.get("/v1/dead-letters", params={"limit": "many"}, auth=(OPERATE_KEY, ""))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "limit"

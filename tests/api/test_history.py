"""`POST /v1/history`: the past is brought in by who operates, once, noted as their claim, and bad calls are told by place."""

import gzip
import json
from typing import Any

from store.audit import Which, page
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api

ORDER: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": "ana",
    "messageId": "o-1",
    "timestamp": "2025-01-02T03:04:05Z",
}


async def test_the_past_is_brought_in_once_with_who_claims_it(ingest_api: Api) -> None:
    async def sent(key: str = OPERATE_KEY) -> Any:
        batch = [ORDER, ORDER | {"messageId": "o-2", "timestamp": None}]
        return await ingest_api.http.post("/v1/history", json={"batch": batch}, auth=(key, ""))

    assert (await sent(INGEST_KEY)).status_code == 403
    told = (await sent()).json()
    assert (told["accepted"], told["duplicates"], [each["place"] for each in told["problems"]]) == (1, 0, [1])
    assert told["source"].startswith("history:")
    assert (await sent()).json()["duplicates"] == 1
    row = await ingest_api.database.pool.fetchrow("select source, ts, received_at - ts as later from event")
    assert row["source"] == told["source"]
    assert row["later"].days > 300
    entry = (await page(ingest_api.database, Which(), limit=1))[0]
    assert (entry.verb, entry.kind, entry.name) == ("import", "history", told["source"])


async def test_a_body_is_read_as_events_are(ingest_api: Api) -> None:
    """Also gzip, said or not; what no store can keep is told by its place, and costs the others nothing."""
    numbers = ("NaN", "Infinity", "1e400", "7", '"half \\ud800"')
    batch = ",".join(
        json.dumps(ORDER | {"messageId": f"o-{n}", "properties": {"total": "@"}}).replace('"@"', each)
        for n, each in enumerate(numbers)
    )
    body = f'{{"batch": [{batch}]}}'.encode()
    packed = gzip.compress(body)

    async def sent(content: bytes, **headers: str) -> Any:
        told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await ingest_api.http.post("/v1/history", content=content, headers=told, auth=(OPERATE_KEY, ""))

    told = (await sent(packed, content_encoding="gzip")).json()
    assert (told["accepted"], [each["place"] for each in told["problems"]]) == (1, [0, 1, 2, 4]), told
    words = [each["problem"] for each in told["problems"]]
    assert all("NaN, infinite or larger" in each for each in words[:3])
    assert "lone surrogate" in words[3]
    for again in ({}, {"content_encoding": "gzip"}):
        assert (await sent(packed, **again)).json()["duplicates"] == 1
    assert (await sent(body)).json()["duplicates"] == 1
    for content, headers, status, code in (
        (packed[:-9], {"content_encoding": "gzip"}, 400, "malformed-gzip"),
        (body, {"content_encoding": "br"}, 415, ""),
        (b'{"batch": [', {}, 400, "malformed-json"),
        (gzip.compress(b" " * 5_000_000), {}, 413, "too-large"),
        (b'{"batch": []}', {}, 422, ""),
    ):
        answer = await sent(content, **headers)
        assert (answer.status_code, code in answer.text) == (status, True), answer.text

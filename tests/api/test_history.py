"""`POST /v1/history`: the past is brought in by who operates, once, noted as their claim, and bad calls are told by place."""

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

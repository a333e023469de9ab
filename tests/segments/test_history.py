"""History: what was brought in as such counts as known when it happened, and nothing else does, whatever a key is called."""

from datetime import timedelta
from typing import Any

from api.ingest.taking import Taking
from segments.predictions import rfm
from tests.segments.shop import T0, Shop
from tests.segments.test_features import table


def order(user: str, ago: float, **told: Any) -> dict[str, Any]:
    call = {"type": "track", "event": "Order Completed", "userId": user, "messageId": f"{user}-{ago}"}
    return call | {"timestamp": (T0 - timedelta(days=ago)).isoformat(), "properties": {"total": 10}} | told


async def test_history_counts_as_known_when_it_happened_and_news_do_not(shop: Shop) -> None:
    history, news = (Taking(shop.database, "ES", {}, history=each) for each in (True, False))
    sent = {"sentAt": (T0 - timedelta(days=40)).isoformat()}  # as a former system sent it on: no clock to be set right by
    assert await history.take([order("ana", 40, **sent), order("ana", 5)], T0, "import") == [None, None]
    assert await news.take([order("bea", 40)], T0, "import") == [None]
    assert await news.take([order("eva", 40)], T0, "history:import") == [None]
    rows = await shop.database.pool.fetch(
        "select user_id, source, received_at, ts from event where ts < $1", T0 - timedelta(10)
    )
    assert {(row["user_id"], row["source"]) for row in rows} == {
        ("ana", "history:import"),
        ("bea", "import"),
        ("eva", "history import"),
    }
    assert {(row["received_at"], row["ts"]) for row in rows} == {(T0, T0 - timedelta(days=40))}, "when it came stays the truth"
    who = {row["value"]: row["profile_id"] for row in await shop.database.pool.fetch("select value, profile_id from identity")}
    shop.events |= {id_: [] for id_ in who.values()}
    then = await table(shop, rfm(), T0 - timedelta(days=20))
    assert {user: then[id_, "orders"] for user, id_ in who.items()} == {"ana": 1, "bea": 0, "eva": 0}, "not what came after"
    today = await table(shop, rfm(), T0)
    assert {user: today[id_, "orders"] for user, id_ in who.items()} == {"ana": 2, "bea": 1, "eva": 1}


async def test_history_says_when_it_happened_and_lies_in_the_past(shop: Shop) -> None:
    history = Taking(shop.database, "ES", {}, history=True)
    never = {key: value for key, value in order("ana", 1).items() if key != "timestamp"}
    told = await history.take([never, order("ana", -1), order("ana", 40_000), order("ana", 1)], T0, "import")
    assert "at which it happened" in str(told[0])
    assert "send news to /v1/batch" in str(told[1])
    assert "between the year 2000 and now" in str(told[2])
    assert told[3] is None

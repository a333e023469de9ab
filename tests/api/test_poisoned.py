"""Poisoned items (B4, B6): what Postgres cannot hold is one dead letter, and the good ones beside it are stored, once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.api.server import OPERATE_KEY, Api
from tests.extent import scaled

#: Letters of one byte and of four, at random: nothing that an index could compress.
LETTERS = {1: [chr(n) for n in range(33, 127)], 4: [chr(n) for n in range(0x1F300, 0x1F600)]}
GOOD = {"type": "track", "userId": "good", "event": "Product Added"}


def noise(length: int, width: int) -> str:
    return "x" + "".join(random.choices(LETTERS[width], k=length - 1)) if length else ""


def token(text: str) -> dict[str, Any]:
    return {**GOOD, "context": {"device": {"token": text, "type": "ios"}}}


def subscription(text: str) -> dict[str, Any]:
    said = [{"key": text, "type": "IOS_PUSH", "status": "SUBSCRIBED"}]
    return {**GOOD, "type": "identify", "context": {"messaging_subscriptions": said}}


#: Every text of a call that reaches an index: how to send it, and its longest, in characters.
TEXTS: dict[str, tuple[Any, int]] = {
    "userId": (lambda text: {**GOOD, "userId": text}, 512),
    "anonymousId": (lambda text: {**GOOD, "userId": None, "anonymousId": text}, 512),
    "previousId": (lambda text: {"type": "alias", "userId": "good", "previousId": text}, 512),
    "event": (lambda text: {**GOOD, "event": text}, 512),
    "messageId": (lambda text: {**GOOD, "messageId": text}, 100),
    "token": (token, 2000),
    "subscription": (subscription, 2000),
    "trait": (lambda text: {**GOOD, "type": "identify", "traits": {text: 1}}, 3000),
    "email": (lambda text: {**GOOD, "type": "identify", "traits": {"email": f"{text}@shop.example"}}, 3000),
    "group": (lambda text: {"type": "group", "userId": "good", "groupId": text}, 512),
}


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("width", [1, 4])
async def test_every_size_of_every_text_is_stored_or_one_dead_letter(ingest_api: Api, field: str, width: int) -> None:
    """B4: and the 99 good ones beside it are stored."""
    make, longest = TEXTS[field]
    step = scaled(max(longest // 40, 1), 1)
    sizes = sorted({*range(1, longest + 1, step), longest, longest + 1, 2 * longest, 9000})
    for start in range(0, len(sizes), 20):
        calls = [call for size in sizes[start : start + 20] for call in (make(noise(size, width)), GOOD)]
        random.shuffle(calls)
        answer = await ingest_api.batch(*calls)
        assert answer["accepted"] + answer["dead_letters"] == len(calls)
    events = await ingest_api.events()
    assert sum(event["type"] == "Product Added" for event in events) >= len(sizes)
    reasons = await ingest_api.reasons()
    assert not [reason for reason in reasons if reason.startswith("not-storable")], "refused by reading it, not by an error"
    assert len(events) + len(reasons) == 2 * len(sizes)


@asynccontextmanager
async def broken(api: Api, errcode: str, condition: str) -> AsyncIterator[None]:
    """A Postgres that raises this error for some events; `killed` cuts the connection instead."""
    act = "perform pg_terminate_backend(pg_backend_pid())" if errcode == "killed" else f"raise sqlstate '{errcode}'"
    pool = api.database.pool
    await pool.execute(
        f"create or replace function poison() returns trigger language plpgsql as"
        f" $$ begin if {condition} then {act}; end if; return new; end $$"
    )
    await pool.execute("create trigger poison before insert on event for each row execute function poison()")
    try:
        yield
    finally:
        await pool.execute("drop trigger poison on event; drop function poison()")


#: numeric out of range, check violation, program limit exceeded, statement too complex
OF_THE_DATA = ("22003", "23514", "54000", "54001")


@pytest.mark.parametrize("errcode", OF_THE_DATA)
async def test_an_error_of_the_data_is_halved_down_to_its_item_and_strangers_do_not_notice(
    ingest_api: Api, errcode: str
) -> None:
    """B4: one bad call beside 99 good ones of its batch, and beside other clients' requests that are stored with it."""
    bad = {**GOOD, "event": "Poison", "userId": "new", "messageId": "bad", "properties": {"x": 1}}
    batch = [{**GOOD, "messageId": f"m-{n}", "userId": f"u-{n % 7}", "anonymousId": f"a-{n}"} for n in range(99)]
    async with broken(ingest_api, errcode, "new.type = 'Poison'"):
        strangers = [ingest_api.batch({**GOOD, "messageId": f"s-{n}", "userId": f"s-{n}"}) for n in range(40)]
        answers = await asyncio.gather(ingest_api.batch(*batch[:50], bad, *batch[50:]), *strangers)
    assert (answers[0]["accepted"], answers[0]["dead_letters"]) == (99, 1)
    assert [answer["accepted"] for answer in answers[1:]] == [1] * 40
    assert len(await ingest_api.events()) == 139
    [reason] = await ingest_api.reasons()
    assert reason.startswith("not-storable: ")
    assert await ingest_api.database.pool.fetchval("select count(*) from identity where value = 'new'") == 0


@pytest.mark.parametrize("errcode", ["53100", "killed", "55P03"])
async def test_a_request_that_failed_in_the_middle_left_nothing_behind(ingest_api: Api, errcode: str) -> None:
    """B6: known and new customers, traits and a bad item; without message ids, sent again it is stored once."""
    await ingest_api.batch(GOOD)
    calls = [
        *[GOOD] * 3,
        {**GOOD, "userId": "new"},
        {**GOOD, "type": "identify", "traits": {"plan": "pro"}},
        {**GOOD, "event": "Poison"},
        {**GOOD, "event": "Last", "userId": "newer"},
    ]
    async with broken(ingest_api, "22003", "new.type = 'Poison'"):
        pass
    async with broken(ingest_api, errcode, "new.type = 'Last'"):
        answer = await ingest_api.post("batch", {"batch": calls})
        assert (answer.status_code, len(await ingest_api.events())) == (503, 1), answer.text
        assert await ingest_api.database.pool.fetchval("select traits from profile") == {}
    assert (await ingest_api.batch(*calls))["accepted"] == 7
    assert len(await ingest_api.events()) == 8


async def test_a_request_with_a_key_of_its_own_may_be_sent_again_without_message_ids(ingest_api: Api) -> None:
    """B6: for an answer that was lost on its way; two honest requests that say the same have two keys."""
    calls = {"batch": [GOOD, GOOD, {**GOOD, "event": "Other"}]}
    for key, accepted in (("k-1", 3), ("k-1", 0), ("k-2", 3)):
        body = {**calls, "sentAt": f"2026-01-01T00:00:0{accepted}Z"}
        answer = await ingest_api.post("batch", body, headers={"Idempotency-Key": key})
        assert answer.json()["accepted"] == accepted
    other = {"batch": [{**GOOD, "event": "Another"}]}
    assert (await ingest_api.post("batch", other, headers={"Idempotency-Key": "k-1"})).json()["accepted"] == 1
    for accepted in (1, 0):
        answer = await ingest_api.post("track", GOOD, headers={"Idempotency-Key": "k-9"})
        assert answer.json()["accepted"] == accepted


async def test_operators_texts_of_any_size_are_refused_or_kept(ingest_api: Api) -> None:
    """Names of lists, segments and products and idempotency keys are index keys, too."""
    for size in (1, 100, 200, 201, 512, 2700, 9000):
        text = noise(size, 1).replace("/", "-").replace("?", "-").replace("#", "-").replace("%", "-")
        calls = [
            ("PUT", f"/v1/segments/{text}", {"predicate": {"did": "x"}}),
            ("POST", f"/v1/lists/{text}/members", {"customers": [{"kind": "user_id", "value": text[:512]}]}),
            ("PUT", "/v1/products", {"products": [{"id": text, "name": "x"}]}),
        ]
        for method, path, body in calls:
            answer = await ingest_api.http.request(method, path, json=body, auth=(OPERATE_KEY, ""))
            assert answer.status_code < 500, (path[:60], answer.text[:300])

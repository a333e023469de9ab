"""Ids as senders write them (B2, B8, B9, B14, C4): exact or refused, found as they were sent."""

import json
from typing import Any
from unicodedata import normalize

import pytest

from store.keys import Role, put_key
from tests.api.server import OPERATE_KEY, Api

GOOD = {"type": "track", "userId": "42", "event": "Product Added"}
PLACEHOLDERS = [
    *(
        "null",
        "undefined",
        "None",
        "nil",
        "NaN",
        "anonymous",
        "ANONYMOUS",
        "true",
        "False",
        "[object Object]",
        " null ",
        '"null"',
        "\ufeff",
        "\u200b\u200b",
    ),
    *(0, -1, "0", "-1", -0.0, "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000", "{}", "unknown"),
]


@pytest.mark.parametrize("field", ["userId", "anonymousId", "previousId"])
async def test_what_stands_for_a_missing_id_is_refused_as_one(ingest_api: Api, field: str) -> None:
    """B2: 20 customers who send "null" are not one."""
    kind = {"type": "alias"} if field == "previousId" else {}
    good = {"type": "track", "event": "x", "userId": "u"}
    answer = await ingest_api.batch(*[call for bad in PLACEHOLDERS for call in (good, {**GOOD, **kind, field: bad})])
    assert (answer["accepted"], answer["dead_letters"]) == (len(PLACEHOLDERS), len(PLACEHOLDERS))
    reasons = await ingest_api.reasons()
    assert all(reason.startswith(f"bad-identity: /{field} is ") and "leave the field out" in reason for reason in reasons)


async def test_blank_ids_are_no_ids(ingest_api: Api) -> None:
    answer = await ingest_api.batch({**GOOD, "userId": "  ", "anonymousId": "a"}, {**GOOD, "userId": "\t", "anonymousId": ""})
    assert (answer["accepted"], answer["dead_letters"]) == (1, 1)
    rows = await ingest_api.database.pool.fetch("select kind, value from identity")
    assert [tuple(row) for row in rows] == [("anonymous_id", "a")]


EXACT = [
    (b"18446744073709551615", "18446744073709551615"),
    (b"-42", "-42"),
    (b"1.0", "1"),
    (b"9007199254740993", "9007199254740993"),
    (b'" 42 "', "42"),
]
INEXACT = [b"18446744073709551617", b"36893488147419103232", b"-9223372036854775809", b"1e300", b"1.5", b"9007199254740993.0"]


@pytest.mark.parametrize("beside", [b"1", b"NaN"])
async def test_numbers_are_ids_by_their_exact_digits_or_not_at_all(ingest_api: Api, beside: bytes) -> None:
    """B9: also when another item of the batch is not JSON."""
    other = b'{"type":"track","userId":"other","event":"x","properties":{"n":%b}}' % beside
    for field in (b"userId", b"anonymousId", b"messageId", b"groupId"):
        who = b"" if field == b"userId" else b'"userId":"u",'
        call = b'{"type":"group","groupId":"g",' + who + b'"%b":%b}'
        calls = b",".join(
            call.replace(b'"groupId":"g",', b"" if field == b"groupId" else b'"groupId":"g",') % (field, n)
            for n in [*(given for given, _ in EXACT), *INEXACT, b"1e400"]
        )
        answer = await ingest_api.http.post("/v1/batch", content=b'{"batch":[%b,%b]}' % (other, calls))
        bad = len(INEXACT) + 1 + (beside == b"NaN")
        assert (answer.status_code, answer.json()["dead_letters"]) == (200, bad), (field, await ingest_api.reasons())
    wanted = {text for _, text in EXACT}
    for kind in ("user_id", "anonymous_id"):
        rows = await ingest_api.database.pool.fetch("select value from identity where kind = $1", kind)
        assert {row["value"] for row in rows} - {"other", "u"} == wanted
    events = [event for event in await ingest_api.events() if event["type"] == "$group"]
    assert {event["message_id"] for event in events} >= wanted
    assert {event["properties"]["groupId"] for event in events} == {"g", *wanted}
    reasons = [reason for reason in await ingest_api.reasons() if not reason.startswith("not-json")]
    assert all("send it as text, in quotes" in reason for reason in reasons)


async def test_two_sources_may_use_the_same_message_id_and_ours_are_our_own(ingest_api: Api) -> None:
    """B8: nobody can keep our own news (`unsubscribe:1`, `whatsapp:<wamid>`) out by sending its id first."""
    await put_key(ingest_api.database.pool, "app", Role.INGEST, "key-app")
    await put_key(ingest_api.database.pool, "whatsapp", Role.INGEST, "key-whatsapp")
    for key in ("key-app", "key-whatsapp", None):
        options = {"auth": (key, "")} if key else {}
        for accepted in (1, 0):
            answer = await ingest_api.post("batch", {"batch": [{**GOOD, "messageId": "whatsapp:w1"}]}, **options)
            assert answer.json()["accepted"] == accepted
    assert len(await ingest_api.events()) == 3
    rows = await ingest_api.database.pool.fetch("select source from event_dedupe order by source")
    assert [row["source"] for row in rows] == ["app", "shop-web", "whatsapp"]


NAMES = ["u" * 201, "é" * 512, chr(0x1F600) * 512, "Ana Ruiz", "ANA", "ana", normalize("NFD", "Núñez"), "a/b?c=d&e", "'; drop"]


@pytest.mark.parametrize("kind", ["user_id", "anonymous_id"])
async def test_what_can_be_sent_can_be_found(ingest_api: Api, kind: str) -> None:
    """B14, C4: by look-up, in lists and when a run is started; with white space around, and however accents are written."""
    field = {"user_id": "userId", "anonymous_id": "anonymousId"}[kind]
    plain = {"type": "track", "event": "x"}
    assert (await ingest_api.batch(*({**plain, field: name} for name in NAMES)))["accepted"] == len(NAMES)
    found = set()
    for name in NAMES:
        for way in (name, f" {name}\n", normalize("NFC", name), normalize("NFD", name)[:512] if len(name) < 100 else name):
            answer = await ingest_api.http.get("/v1/profiles", params={kind: way}, auth=(OPERATE_KEY, ""))
            assert answer.status_code == 200 or len(way) > 512, (way, answer.text)
            found |= {answer.json()["customer_id"]} if answer.status_code == 200 else set()
    assert len(found) == len(NAMES)
    members = {"customers": [{"kind": kind, "value": name} for name in NAMES]}
    answer = await ingest_api.http.post("/v1/lists/all/members", json=members, auth=(OPERATE_KEY, ""))
    assert (answer.status_code, answer.json().get("added")) == (200, len(NAMES)), answer.text


async def test_every_text_is_stored_composed(ingest_api: Api) -> None:
    """C4: NFD from a Mac's file names and NFC from a keyboard are one city, one event, one trait."""
    apart = normalize("NFD", "Málaga")
    assert apart != "Málaga"
    for city in (apart, "Málaga"):
        await ingest_api.post("identify", {"userId": "u", "traits": {normalize("NFD", "población"): city, "n": [{"x": city}]}})
        await ingest_api.post("track", {"userId": "u", "event": f"Visited {city}", "properties": {"odd": r"\ñ̃"}})
    assert await ingest_api.database.pool.fetchval("select traits from profile") == {
        "población": "Málaga",
        "n": [{"x": "Málaga"}],
    }
    assert {event["type"] for event in await ingest_api.events()} == {"$identify", "Visited Málaga"}


@pytest.mark.parametrize("bad", ["null", "undefined", "", " ", "[object Object]", 1.5, {}, True])
async def test_a_message_id_that_all_calls_share_is_refused(ingest_api: Api, bad: Any) -> None:
    """Else every call after the first would vanish as a repetition."""
    answer = await ingest_api.http.post("/v1/batch", content=json.dumps({"batch": [{**GOOD, "messageId": bad}]}))
    assert answer.json()["dead_letters"] == 1
    assert (await ingest_api.reasons())[0].startswith("bad-message-id: /messageId")

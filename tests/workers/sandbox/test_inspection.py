"""What arrived: found, filtered and counted, the same after a restart, and never more than memory may hold."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from journeys.clock import Clock
from tests.workers.sandbox.conftest import until
from tests.workers.sandbox.sending import MAILBOX, PHONE, TOKEN, chat, mail, post, push, template
from workers.sandbox import Message, Provider, Sandbox, running_sandbox
from workers.sandbox.messages import MessageLog, Status

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def message(number: int, **changes: Any) -> Message:
    what = {"provider": Provider.FCM, "provider_id": f"p{number}", "to": TOKEN, "accepted_at": NOON + timedelta(hours=number)}
    return Message.model_validate(what | {"received_at": NOON, "body": str(number)} | changes)


async def one_of_each(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await push(http, sandbox)
    await chat(http)
    await post(sandbox)


async def found(http: httpx.AsyncClient, **filters: str) -> list[str]:
    answer = await http.get("/_sandbox/messages", params=filters)
    return [f"{m['provider']}:{m['body'].strip()}" for m in answer.json()]


async def test_the_newest_comes_first(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await one_of_each(http, sandbox)
    assert [m["provider"] for m in (await http.get("/_sandbox/messages")).json()] == ["smtp", "whatsapp", "fcm"]


async def test_messages_are_found_by_provider_address_and_time(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for number in range(3):
        sandbox.log.add(message(number))
    sandbox.log.add(message(3, provider=Provider.SMTP, to="Ana@Mail.example"))
    sandbox.log.add(message(4, provider=Provider.WHATSAPP, to=PHONE))
    assert await found(http, provider="fcm") == ["fcm:2", "fcm:1", "fcm:0"]
    assert await found(http, to="ana@mail.example") == ["smtp:3"]
    assert await found(http, to=PHONE) == await found(http, to=PHONE.removeprefix("+")) == ["whatsapp:4"]
    assert await found(http, provider="fcm", since=(NOON + timedelta(hours=1)).isoformat()) == ["fcm:2", "fcm:1"]
    assert await found(http, to="nobody") == []
    assert await found(http, limit="2") == ["whatsapp:4", "smtp:3"]


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"since": "2026-01-31T12:00:00"}, "since needs a time zone"),
        ({"since": "yesterday"}, "valid datetime"),
        ({"provider": "pigeon"}, "Input should be 'fcm', "),
        ({"limit": "0"}, "greater than or equal to 1"),
    ],
)
async def test_a_filter_that_cannot_be_is_a_422(http: httpx.AsyncClient, filters: dict[str, str], sentence: str) -> None:
    answer = await http.get("/_sandbox/messages", params=filters)
    assert answer.status_code == 422
    assert sentence in str(answer.json()["detail"])


async def test_one_message_is_found_by_either_id(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await one_of_each(http, sandbox)
    for kept in sandbox.messages:
        for name in (kept.id, kept.provider_id):
            assert (await http.get(f"/_sandbox/messages/{quote(name, safe='')}")).json()["id"] == kept.id
    assert (await http.get("/_sandbox/messages/none")).status_code == 404


async def test_stats_tell_keys_that_reached_one_address_twice(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for _ in range(3):
        await push(http, sandbox, data={"message_key": "r/push/1"})
    await push(http, sandbox, {"token": "other", "data": {"message_key": "r/push/1"}})
    await push(http, sandbox)
    for to in (PHONE, PHONE.removeprefix("+")):
        await chat(http, template(to=to, biz_opaque_callback_data="r/chat/1"))
    await post(sandbox, mail(X_Message_Key="r/mail/1"))
    stats = (await http.get("/_sandbox/stats")).json()
    assert stats["by_provider"] == {"fcm": 5, "whatsapp": 2, "smtp": 1}
    assert (stats["total"], stats["distinct_keys"], stats["without_key"], stats["forgotten"]) == (8, 3, 1, 0)
    assert stats["duplicates"] == {"r/push/1": 3, "r/chat/1": 2}


async def test_what_was_accepted_and_not_answered_shows_as_a_duplicate(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("fcm", "timeout_after_accept", times=1, hold_seconds=0)
    with pytest.raises(httpx.RemoteProtocolError):
        await push(http, sandbox, data={"message_key": "k"})
    await push(http, sandbox, data={"message_key": "k"})
    assert sandbox.stats.duplicates == {"k": 2}


async def test_counting_goes_on_while_messages_arrive(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for number in range(2_000):
        sandbox.log.add(message(number, key=str(number)))

    async def arrive() -> None:
        for number in range(200):
            sandbox.log.add(message(number))
            await asyncio.sleep(0)

    paths = ("/_sandbox/stats", "/_sandbox/messages/none", "/cards", "/_sandbox/messages?limit=1")
    *answers, _ = await asyncio.gather(*(http.get(path) for path in paths * 5), arrive())
    assert {answer.status_code for answer in answers} == {200, 404}


async def test_a_message_has_business_time_and_real_time(folder: Path) -> None:
    clock = Clock(real_origin=datetime.now(UTC), business_origin=NOON, speed=3600)
    async with running_sandbox(folder, clock=clock) as sandbox:
        await post(sandbox)
        [kept] = sandbox.messages
    assert kept.accepted_at == clock.business(kept.received_at)
    assert kept.accepted_at.year == 2026
    assert abs(datetime.now(UTC) - kept.received_at) < timedelta(minutes=5)


async def test_forgetting_forgets_the_file_too(http: httpx.AsyncClient, sandbox: Sandbox, folder: Path) -> None:
    await one_of_each(http, sandbox)
    assert (await http.delete("/_sandbox/messages")).status_code == 204
    assert (await http.get("/_sandbox/messages")).json() == []
    assert (folder / "messages.jsonl").read_bytes() == b""
    await push(http, sandbox)
    assert len((folder / "messages.jsonl").read_bytes().splitlines()) == 1


async def test_a_restart_finds_every_message_and_its_status(folder: Path) -> None:
    async with running_sandbox(folder, status_delays=(0, 0, 0)) as sandbox, httpx.AsyncClient(base_url=sandbox.url) as http:
        await one_of_each(http, sandbox)
        await until(lambda: sandbox.messages[1].status is Status.READ)
        before = sandbox.messages
    async with running_sandbox(folder) as sandbox:
        assert sandbox.messages == before
        await post(sandbox)
    assert [m.to for m in MessageLog(folder / "messages.jsonl")] == [TOKEN, PHONE, MAILBOX, MAILBOX]


async def test_statuses_go_on_after_a_restart(folder: Path) -> None:
    async with running_sandbox(folder, status_delays=(99, 99, 99)) as sandbox:
        async with httpx.AsyncClient(base_url=sandbox.url) as http:
            await chat(http)
        assert sandbox.messages[0].status is Status.ACCEPTED
    async with running_sandbox(folder, status_delays=(0, 0, 0)) as sandbox:
        await until(lambda: sandbox.messages[0].status is Status.READ)


def test_lines_that_a_kill_or_another_version_left_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    good = message(1).model_dump_json().encode()
    lines = [b"5", b"[]", b'{"id":"x"}', b'{"id":"x","status":"lost"}', b'{"provider":"pigeon"}', good, good[:40]]
    path.write_bytes(b"\n".join(lines))
    assert [m.body for m in MessageLog(path)] == ["1"]
    assert len(path.read_bytes().splitlines()) == 1


def test_memory_keeps_the_newest_and_says_how_many_it_dropped(tmp_path: Path) -> None:
    log = MessageLog(tmp_path / "messages.jsonl", limit=3)
    for number in range(5):
        log.add(message(number))
    assert [m.body for m in log] == ["2", "3", "4"]
    assert (log.stats().total, log.stats().forgotten) == (3, 2)
    log.close()
    assert [m.body for m in MessageLog(tmp_path / "messages.jsonl", limit=2)] == ["3", "4"]


def test_memory_is_bounded_in_bytes_but_keeps_the_last(tmp_path: Path) -> None:
    log = MessageLog(tmp_path / "messages.jsonl", limit_bytes=3_000)
    for number in range(4):
        log.add(message(number, raw="x" * 1_000))
    assert [m.body for m in log] == ["2", "3"]
    log.add(message(9, raw="x" * 5_000))
    assert [m.body for m in log] == ["9"]


def test_a_status_never_goes_back(tmp_path: Path) -> None:
    log = MessageLog(tmp_path / "messages.jsonl")
    kept = message(1)
    log.add(kept)
    for status in (Status.DELIVERED, Status.SENT, Status.DELIVERED):
        log.advance(kept.id, status)
    log.advance("unknown", Status.READ)
    log.close()
    told = [orjson.loads(line) for line in (tmp_path / "messages.jsonl").read_bytes().splitlines()[1:]]
    assert told == [{"id": kept.id, "status": "delivered"}]


async def test_a_reader_waits_for_what_is_to_come(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(sandbox.arrived(1))
    await push(http, sandbox)
    assert len(await waiting) == 1
    with pytest.raises(TimeoutError):
        await sandbox.arrived(2, timedelta(seconds=0.05))

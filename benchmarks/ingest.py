"""Ingest through one API process beside a bare COPY into the same table: `python -m benchmarks.ingest [DSN]`.

The load generator is a process of its own (this one), the API another; batches of 100 events by people that are known. Then
batches of 500 events by people who are new, alone and beside a watch, for who waits for whom.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import orjson

from benchmarks.table import Row
from store import connect, migrate
from store.keys import Role, put_key

KEY = "jk_ingest_benchmark"
PEOPLE = 20_000
EVENTS = 60_000
BATCH = 100
NEWCOMERS = 500
CLIENTS = 32
ROUNDS = 3
BUDGET = 0.6
COLUMNS = ["profile_id", "ts", "type", "kind", "message_id", "properties", "context", "source", "received_at", "clamped"]
TYPES = ("Product Viewed", "Product Viewed", "Product Viewed", "Page Viewed", "Product Added", "Order Completed")
CONTEXT = {
    "library": {"name": "analytics-node", "version": "2.3.0"},
    "ip": "203.0.113.7",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "locale": "es-ES",
    "page": {"url": "https://shop.example/p/1042", "path": "/p/1042", "title": "Trail shoe", "referrer": ""},
}


async def measure(dsn: str) -> list[Row]:
    """Both numbers, taken in turns on a fresh database beside the one named."""
    async with _database(dsn) as address, _api(address) as port:
        await _introduce_everybody(address, port)
        rounds = [await _round(address, port) for _ in range(ROUNDS)]
        newcomers = [await _newcomers(port), await _beside_a_watch(address, port)]
    ours, big, small = (sorted(column)[ROUNDS // 2] for column in zip(*rounds, strict=True))
    ratio = ours / big
    note = "" if ratio >= BUDGET else "two cores share client, API and Postgres; COPY does not dedupe or resolve identity"
    return [
        Row("ingest, one API process, batches of 100", f"{ours:,.0f} events/s", "", f"median of {ROUNDS} rounds of {EVENTS:,}"),
        Row("bare COPY into the same table, one stream", f"{big:,.0f} events/s", ""),
        Row(
            "bare COPY into the same table, batches of 100", f"{small:,.0f} events/s", "", f"ingest / this: {ours / small:.0%}"
        ),
        Row("ingest / bare COPY", f"{ratio:.0%}", f">= {BUDGET:.0%}", note),
        Row("new customers, batches of 500", f"{newcomers[0]:,.0f} events/s", "", "a user and a device each"),
        Row(
            "the same beside a watch of 20 segments",
            f"{newcomers[1]:,.0f} events/s",
            "",
            f"of alone: {newcomers[1] / newcomers[0]:.0%}",
        ),
    ]


async def _round(dsn: str, port: int) -> tuple[float, float, float]:
    seed = random.Random(uuid4().int)
    copied = [_event(seed) for _ in range(EVENTS)]
    owners = await _owners(dsn)
    rows = [_row(event, owners) for event in copied]
    return await _ingest(port, seed), await _copy(dsn, rows, EVENTS), await _copy(dsn, rows, BATCH)


async def _ingest(port: int, seed: random.Random) -> float:
    bodies = [_body([_event(seed) for _ in range(BATCH)]) for _ in range(EVENTS // BATCH)]
    return EVENTS / await _timed(lambda: _send(port, bodies))


async def _newcomers(port: int) -> float:
    """People who were never heard of: every batch takes the slow path."""
    batches = [
        _body([{**_event(random.Random(n)), **_names()} for n in range(NEWCOMERS)]) for _ in range(EVENTS // NEWCOMERS // 4)
    ]
    return len(batches) * NEWCOMERS / await _timed(lambda: _send(port, batches))


def _names() -> dict[str, str]:
    return {"userId": f"new-{uuid4()}", "anonymousId": str(uuid4())}


async def _beside_a_watch(dsn: str, port: int) -> float:
    async with _process("benchmarks.watcher", "twenty", JOURNEYS_DATABASE_URL=dsn) as watch:
        assert watch.stdout is not None
        await watch.stdout.readline()
        return await _newcomers(port)


async def _copy(dsn: str, rows: list[tuple[Any, ...]], size: int) -> float:
    connection = await asyncpg.connect(dsn)
    try:
        return len(rows) / await _timed(lambda: _copy_all(connection, rows, size))
    finally:
        await connection.close()


async def _copy_all(connection: Any, rows: list[tuple[Any, ...]], size: int) -> None:
    for start in range(0, len(rows), size):
        await connection.copy_records_to_table("event", records=rows[start : start + size], columns=COLUMNS)


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


def _event(seed: random.Random) -> dict[str, Any]:
    person = seed.randrange(PEOPLE)
    at = datetime.now(UTC) - timedelta(seconds=seed.random() * 7 * 86400)
    return {
        "type": "track",
        "messageId": f"node-next-{int(at.timestamp() * 1000)}-{uuid4()}",
        "userId": f"user-{person}",
        "anonymousId": f"device-{person}",
        "event": seed.choice(TYPES),
        "timestamp": at.isoformat(),
        "properties": {
            "product_id": f"p-{seed.randrange(5000)}",
            "price": 59.9,
            "currency": "EUR",
            "quantity": 1,
            "sku": "TS-42",
        },
        "context": CONTEXT,
        "integrations": {},
    }


def _row(event: dict[str, Any], owners: dict[str, Any]) -> tuple[Any, ...]:
    now = datetime.now(UTC)
    properties, context = orjson.dumps(event["properties"]).decode(), orjson.dumps(event["context"]).decode()
    at = datetime.fromisoformat(event["timestamp"])
    owner = owners[event["userId"]]
    return (owner, at, event["event"], "track", str(uuid4()), properties, context, "bench", now, False)


def _body(events: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"batch": events, "sentAt": datetime.now(UTC).isoformat(), "writeKey": KEY})


async def _introduce_everybody(dsn: str, port: int) -> None:
    people = [
        {"type": "identify", "userId": f"user-{n}", "anonymousId": f"device-{n}", "traits": {"plan": "free"}}
        for n in range(PEOPLE)
    ]
    await _send(port, [_body(people[start : start + BATCH]) for start in range(0, PEOPLE, BATCH)])
    connection = await asyncpg.connect(dsn)
    await connection.execute("analyze")
    await connection.close()


async def _owners(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("select value, profile_id from identity where kind = 'user_id'")
    await connection.close()
    return {row["value"]: row["profile_id"] for row in rows}


async def _send(port: int, bodies: list[bytes]) -> None:
    waiting = iter(bodies)
    await asyncio.gather(*(_client(port, waiting) for _ in range(CLIENTS)))


async def _client(port: int, bodies: Iterator[bytes]) -> None:
    """HTTP by hand, so that the generator costs next to nothing beside what it measures."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /v1/batch HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n"
    for body in bodies:
        writer.write(head % (KEY.encode(), len(body)) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        await reader.readexactly(int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.close()


@asynccontextmanager
async def _database(dsn: str) -> AsyncIterator[str]:
    name = f"bench_ingest_{os.getpid()}"
    server = await asyncpg.connect(dsn)
    await server.execute(f"create database {name}")
    address = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    try:
        database = await connect(address)
        await migrate(database)
        await put_key(database.pool, "bench", Role.INGEST, KEY)
        await database.close()
        yield address
    finally:
        await server.execute(f"drop database {name} with (force)")
        await server.close()


@asynccontextmanager
async def _api(dsn: str) -> AsyncIterator[int]:
    """One API process; it says its port on its first line."""
    async with _process("benchmarks.ingest_api", BENCH_DSN=dsn) as process:
        assert process.stdout is not None
        yield int(await process.stdout.readline())


@asynccontextmanager
async def _process(module: str, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def main() -> None:
    for row in await measure(sys.argv[1] if len(sys.argv) > 1 else os.environ["JOURNEYS_DATABASE_URL"]):
        print(f"{row.what:48} {row.measured:>18} {row.budget:>8}  {row.note}")


if __name__ == "__main__":
    asyncio.run(main())

"""Exports over HTTP (KPI-06): every row once, as other engines read it, in any span, whoever goes away meanwhile."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet
from uuid_utils.compat import uuid7

from api import ApiConfig
from api.reports.exports import AT_ONCE
from store import Database, StoreUnreachable
from store.exports import Format, Name, Span, Table, tables, written
from store.exports import csv as rows_of
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving

START = datetime(2026, 3, 2, tzinfo=UTC)
ODD = ['line\nbreak, "quoted"', "", "ñ 🥾 \\N", "NULL", "\t;'", "x" * 100_000]


@pytest.fixture
async def reports(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:
    """A real API, and a client with the operate key."""
    async with (
        serving(ApiConfig(dsn=dsn, key_ttl=0.2), pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=60) as http,
    ):
        yield Api(url, keyed, http)


async def happened(database: Database, count: int, said: str = "boots", kind: str = "track") -> None:
    """So many events, a minute apart, of one customer."""
    who = uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, START)
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at, clamped)"
        " select $1::uuid, at, 'Said ' || n, $5, 'm-' || ($1::uuid)::text || n, jsonb_build_object('said', $4::text, 'n', n),"
        " 'web', at, n % 2 = 0"
        " from generate_series(0, $3 - 1) n, lateral (select $2::timestamptz + n * interval '1 minute' as at) x",
        who, START, count, said, kind,
    )  # fmt: skip


async def get(api: Api, table: str, form: str, **span: str) -> bytes:
    answer = await api.http.get(f"/v1/export/{table}", params={"format": form, **span})
    assert answer.status_code == 200, answer.text
    return answer.content


def read(content: bytes, form: str) -> pa.Table:
    return pa.ipc.open_stream(content).read_all() if form == "arrow" else parquet.read_table(io.BytesIO(content))


@pytest.mark.parametrize("form", ["arrow", "parquet"])
async def test_kpi_06_events_come_as_they_were_stored_whatever_they_say(reports: Api, form: str) -> None:
    for said in ODD:
        await happened(reports.database, 3, said)
    found = read(await get(reports, "events", form), form).to_pylist()
    asked = "select profile_id::text, ts, received_at, type, message_id, source, properties, clamped from event"
    stored = {row["message_id"]: row for row in await reports.database.pool.fetch(asked)}
    assert len(found) == len(stored) == 3 * len(ODD)
    for row in found:
        was = stored[row["message_id"]]
        assert json.loads(row["properties"]) == was["properties"]
        told = row["customer_id"], row["occurred_at"], row["received_at"], row["event"], row["source"], row["clamped"]
        assert told == (was["profile_id"], was["ts"], was["received_at"], was["type"], was["source"], was["clamped"])


async def test_the_same_rows_are_in_every_format_and_another_engine_reads_them(reports: Api, tmp_path: Path) -> None:
    await happened(reports.database, 500)
    (tmp_path / "e.parquet").write_bytes(await get(reports, "events", "parquet"))
    (tmp_path / "e.csv").write_bytes(await get(reports, "events", "csv"))
    by_duck = duckdb.connect()
    asked = "select count(*), sum((properties::json ->> '$.n')::int), count(distinct message_id), min(occurred_at) from '{}'"
    of_parquet = by_duck.execute(asked.format(tmp_path / "e.parquet")).fetchone()
    of_csv = by_duck.execute(asked.format(tmp_path / "e.csv")).fetchone()
    assert of_parquet is not None
    assert of_parquet[:3] == (500, sum(range(500)), 500)
    assert of_csv is not None
    assert of_csv[:3] == of_parquet[:3]
    lines = list(csv.DictReader(io.StringIO((tmp_path / "e.csv").read_text())))
    arrow = read(await get(reports, "events", "arrow"), "arrow").to_pylist()
    assert {each["message_id"]: each["event"] for each in lines} == {each["message_id"]: each["event"] for each in arrow}


@pytest.mark.parametrize("form", ["arrow", "parquet"])
async def test_what_a_message_cost_is_exact(reports: Api, form: str) -> None:
    """As money is elsewhere: three of a tenth are three tenths."""
    await happened(reports.database, 1)
    who = await reports.database.pool.fetchval("select id from profile")
    await reports.database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id)"
        " values ($1, 'cart', $1, 'api', $2, $2, 'w')", who, START,
    )  # fmt: skip
    await reports.database.pool.executemany(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at, cost)"
        " values ($1, 'push:a', $2, $1, 'cart', 'push', 'marketing', 'a', 'sent', $3, $4)",
        [(who, n, START, cost) for n, cost in enumerate((100_000, 100_000, 100_000, 1, 9_007_199_254_740_993, None))],
    )  # fmt: skip
    costs = read(await get(reports, "deliveries", form), form)["cost"].to_pylist()
    assert sorted(each for each in costs if each is not None) == [
        Decimal("0.000001"), *[Decimal("0.1")] * 3, Decimal("9007199254.740993"),
    ]  # fmt: skip
    assert costs.count(None) == 1


async def test_a_span_takes_its_beginning_and_leaves_its_end(reports: Api) -> None:
    await happened(reports.database, 10)
    cut = [START + timedelta(minutes=n) for n in (0, 3, 7, 10)]
    counts = [
        read(await get(reports, "events", "arrow", **{"from": a.isoformat(), "to": b.isoformat()}), "arrow").num_rows
        for a, b in pairwise(cut)
    ]
    assert counts == [3, 4, 3]
    assert read(await get(reports, "events", "arrow", to=cut[1].isoformat()), "arrow").num_rows == 3


@pytest.mark.parametrize("form", list(Format))
async def test_nothing_is_a_file_too_with_its_columns(reports: Api, form: str) -> None:
    for name in Name:
        content = await get(reports, name, form)
        names = content.decode().strip().split(",") if form == "csv" else read(content, form).column_names
        described = {table["name"]: table for table in (await reports.http.get("/v1/export")).json()}[name]
        assert names == [column["name"] for column in described["columns"]]


async def test_every_column_says_what_it_means_and_none_is_for_persons(reports: Api) -> None:
    answer = await reports.http.get("/v1/export")
    assert [table["name"] for table in answer.json()] == list(Name)
    for table in answer.json():
        assert table["clock"] in [column["name"] for column in table["columns"]]
        for column in table["columns"]:
            assert column["about"].endswith("."), column
            assert column["name"] not in {"address", "email", "phone", "traits", "user_id", "anonymous_id", "context", "params"}


async def test_what_traits_say_stays_here(reports: Api) -> None:
    for kind in ("identify", "group"):
        await happened(reports.database, 2, "ana@mail.example", kind)
    content = await get(reports, "events", "csv")
    assert b"ana@mail" not in content
    assert content.count(b"\n") == 5


async def test_the_schema_says_what_each_column_means(reports: Api) -> None:
    schema = read(await get(reports, "runs", "parquet"), "parquet").schema
    assert schema.field("outcome").metadata[b"description"].startswith(b"How it ended")


@pytest.mark.parametrize("form", list(Format))
async def test_a_reader_that_goes_away_leaves_nothing_behind(reports: Api, form: str) -> None:
    """More often than there are places, and connections."""
    await happened(reports.database, 3_000, "x" * 2_000)
    for _ in range(AT_ONCE + 2):
        async with reports.http.stream("GET", "/v1/export/events", params={"format": form}) as answer:
            async for _piece in answer.aiter_raw(1_000):
                break
        await _until_idle(reports.database)


async def test_not_more_at_once_than_there_are_places(reports: Api) -> None:
    await happened(reports.database, 20_000, "x" * 1_000)
    streams = [reports.http.stream("GET", "/v1/export/events") for _ in range(AT_ONCE)]
    for stream in streams:
        assert (await stream.__aenter__()).status_code == 200
    busy = await reports.http.get("/v1/export/events")
    assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (503, "busy", "10")
    for stream in streams:
        await stream.__aexit__(None, None, None)
    await _until_idle(reports.database)
    assert (await reports.http.get("/v1/export/runs")).status_code == 200


async def test_a_server_that_goes_away_in_the_middle_is_told(database: Database) -> None:
    """A few chunks wait for their reader, and no more: the server is stopped long before its last row."""
    await happened(database, 20_000, "x" * 2_000)
    table = (await tables(database))[Name.EVENTS]
    with pytest.raises(StoreUnreachable, match="in the middle of an export"):
        await _read_while_it_is_stopped(database, table)


async def _read_while_it_is_stopped(database: Database, table: Table) -> None:
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'copy%' and datname = current_database()"
    ended += " and pid <> pg_backend_pid()"
    async for _ in rows_of(database, table, Span()):
        await database.pool.execute(ended)


@pytest.mark.parametrize("form", list(Format))
async def test_rows_that_break_off_are_no_file(database: Database, form: Format) -> None:
    await happened(database, 3)
    table = (await tables(database))[Name.EVENTS]

    async def breaks_off() -> AsyncIterator[bytes]:
        async for chunk in rows_of(database, table, Span()):
            yield chunk
        raise StoreUnreachable("gone in the middle of an export")

    with pytest.raises(StoreUnreachable, match="in the middle of an export"):
        _ = [piece async for piece in written(breaks_off(), table, form)]


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("customers", {}, 422), ("events", {"format": "xlsx"}, 422), ("events", {"from": "yesterday"}, 422),
        ("events", {"from": "2026-03-02T00:00:00"}, 422),
        ("events", {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T00:00:00Z"}, 422),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_told(reports: Api, path: str, params: dict[str, Any], status: int) -> None:
    answer = await reports.http.get(f"/v1/export/{path}", params=params)
    assert answer.status_code == status, answer.text


async def test_it_is_for_operators(reports: Api) -> None:
    for path in ("/v1/export", "/v1/export/events"):
        assert (await reports.http.get(path, auth=(INGEST_KEY, ""))).status_code == 403


async def _until_idle(database: Database) -> None:
    asked = (
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'copy%' and state = 'active'"
    )
    async with asyncio.timeout(20):
        while await database.pool.fetchval(asked):  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.02)

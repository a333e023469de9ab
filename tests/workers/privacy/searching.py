"""Where a text can be found in a shop: every column of every table, histories, spans, logs and files."""

import base64
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan

from store import Database
from tests.workers.test_telemetry import attributes
from workers.testing.shop import Shop

_TABLES = """
select c.oid::regclass::text from pg_class c
where c.relkind = 'r' and c.relnamespace in (select oid from pg_namespace where nspname !~ '^(pg_|information_schema)')
"""


async def in_tables(database: Database, sought: Collection[str]) -> list[str]:
    """The tables of which a row, written out whole, holds one of these texts, also as bytes or in base64; with how often."""
    forms = [form.lower() for text in sought for form in (text, text.encode().hex(), base64.b64encode(text.encode()).decode())]
    found = []
    for (table,) in await database.pool.fetch(_TABLES):
        holding = "exists (select from unnest($1::text[]) as form where strpos(lower(t::text), form) > 0)"
        if rows := await database.pool.fetchval(f"select count(*) from {table} t where {holding}", forms):
            found.append(f"{table}: {rows}")
    return found


async def in_histories(shop: Shop, sought: Collection[str]) -> list[str]:
    """The workflows of the shop's namespace whose events, payloads decoded, ids or search attributes hold one of these."""
    found = []
    async for execution in shop.client.list_workflows():
        history = await shop.client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        told = [*_leaves(orjson.loads(history.to_json())), execution.id, str(execution.typed_search_attributes)]
        found += [f"{execution.id}: {text}" for text in sought if any(text.lower() in leaf.lower() for leaf in told)]
    return found


def in_spans(spans: Collection[ReadableSpan], sought: Collection[str]) -> list[str]:
    told = " ".join(map(attributes, spans)).lower()
    return [text for text in sought if text.lower() in told]


def in_files(folder: Path, sought: Collection[str]) -> list[str]:
    read = {path: path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()}
    return [f"{path.name}: {text}" for path, told in read.items() for text in sought if text.lower().encode() in told]


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case dict():
            if isinstance(data := value.get("data"), str):
                yield base64.b64decode(data).decode(errors="replace")
            for inside in value.values():
                yield from _leaves(inside)
        case list():
            for inside in value:
                yield from _leaves(inside)
        case _:
            yield str(value)

"""A real API on a real port, and keys to call it with."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn

from api import ApiConfig, create_app
from api.connections import Bounded
from store import Database
from workers.testing.servers import as_api

INGEST_KEY = "jk_ingest_test"
OPERATE_KEY = "jk_operate_test"


@dataclass(frozen=True)
class Api:
    """A running API and a client that sends events to it."""

    url: str
    database: Database
    http: httpx.AsyncClient

    async def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return await self.http.post(f"/v1/{path}", json=body, **options)

    async def batch(self, *calls: Any, **fields: Any) -> dict[str, Any]:
        answer = await self.post("batch", {"batch": list(calls), **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def events(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.database.pool.fetch("select * from event order by received_at, message_id")]

    async def reasons(self) -> list[str]:
        return [row["reason"] for row in await self.database.pool.fetch("select reason from dead_letter order by id")]


@asynccontextmanager
async def serving(config: ApiConfig, database: Database | None = None) -> AsyncIterator[str]:
    """The address of an API served by uvicorn until the end of the block, in the role that it has in production."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = replace(config, dsn=as_api(config.dsn), public_url=f"http://127.0.0.1:{listening.getsockname()[1]}")
    app = create_app(config, database=database)
    server = uvicorn.Server(uvicorn.Config(app, http=Bounded, log_level="error", access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield config.public_url
    finally:
        server.should_exit = True
        await running

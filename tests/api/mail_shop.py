"""One customer with letters on the ledger, and the API in front of them, for what providers of email tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from activities.channels import suppression_digest
from api import problems
from api.config import ApiConfig
from api.state import Store
from store import Database

ANA = "ana@mail.example"
NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "pepper"


@dataclass
class MailShop:
    http: httpx.AsyncClient
    database: Database
    profile: UUID
    run: UUID
    endpoint: UUID

    def key(self, occurrence: int = 1) -> str:
        return f"{self.run}/hello/{occurrence}"

    async def sent(self, provider_id: str | None = "m-1", occurrence: int = 1, state: str = "sent") -> None:
        await self.database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
            " endpoint_id, provider_message_id, due_at, claimed_at)"
            " values ($1, 'hello', $2, $3, 'welcome', 'email', 'marketing', 'hello', $4, $5, $6, $7, $7)",
            self.run, occurrence, self.profile, state, self.endpoint, provider_id, NOW - timedelta(minutes=10),
        )  # fmt: skip

    async def row(self, occurrence: int = 1) -> dict[str, Any]:
        asked = "select * from delivery where run_id = $1 and occurrence = $2"
        return dict(await self.database.pool.fetchrow(asked, self.run, occurrence) or {})

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.database.pool.fetch("select type, properties from event order by ts, received_at, type")
        return [(row["type"], row["properties"]) for row in rows]

    async def suppressed(self) -> set[tuple[str, str]]:
        digest = suppression_digest(SECRET, "email", ANA)
        rows = await self.database.pool.fetch("select scope, reason from suppression where digest = $1", digest)
        return {(row["scope"], row["reason"]) for row in rows}

    async def consent(self) -> str:
        return str(await self.database.pool.fetchval("select marketing from endpoint where id = $1", self.endpoint))


@asynccontextmanager
async def mail_shop(database: Database, *routers: Any, **config: Any) -> AsyncIterator[MailShop]:
    profile, run, endpoint = uuid7(), uuid7(), uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, NOW)
    await database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'email', $3, $4, $4)", endpoint, profile, ANA, NOW - timedelta(days=1),
    )  # fmt: skip
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'welcome', $2, 'segment', $3, $4, $3)", run, profile, NOW - timedelta(days=1), str(run),
    )  # fmt: skip
    app, told = FastAPI(), ApiConfig(dsn="", secret=SECRET, **config)
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.state.config, app.state.store = told, Store(told, database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http:
        yield MailShop(http, database, profile, run, endpoint)

"""A company with an authorization server of its own: another process, which a test can stop, start, and have sign anything."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from api import ApiConfig
from api.accounts import OAuth, grants_of
from journeys.catalogue import load
from store import Database
from store.keys import Grant, Role, put_key
from tests.api.server import serving
from workers.definitions import load_definitions
from workers.embedded.ports import free_port

ROOT = Path(__file__).parents[3]
ROLES = "admins=admin+personal, ops=operate+personal, carts=operate:cart_abandonment, marketing=read, machines=operate"


@dataclass
class Authority:
    """The server, from outside."""

    port: int
    file: Path
    process: asyncio.subprocess.Process | None = None
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10))

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/company"

    async def start(self) -> None:
        command = (sys.executable, "-m", "tests.api.tokens.authority", str(self.port), str(self.file))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=quiet)
        for _ in range(200):
            try:
                await self.http.get(f"{self.issuer}/keys")
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return
        raise AssertionError("the authorization server does not start")

    async def die(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def told(self, what: str, json: Any = None) -> Any:
        body = dumps(json).encode()  # NaN and all
        of_json = {"Content-Type": "application/json"}
        answer = await self.http.post(f"http://127.0.0.1:{self.port}/test/{what}", content=body, headers=of_json)
        return answer.raise_for_status().json() if answer.text else None

    async def asked(self) -> int:
        """How often somebody asked for its keys."""
        return int((await self.http.get(f"http://127.0.0.1:{self.port}/test/asked")).json())


@dataclass(frozen=True)
class Firm:
    """An API that knows the server, and the server."""

    url: str
    authority: Authority
    database: Database
    customer: Any

    async def token(self, *, header: dict[str, Any] | None = None, with_: str = "own", **claims: Any) -> str:
        """A token that the server signs as an honest one, but for what is given; None leaves a claim out."""
        now = int(time.time())
        usual = {
            "iss": self.authority.issuer, "aud": self.url, "sub": "u-17", "email": "olga@shop.example", "groups": ["ops"],
            "scope": "journeys:read journeys:operate", "iat": now, "exp": now + 300, "client_id": "agent",
        }  # fmt: skip
        return str(await self.authority.told("sign", {"claims": usual | claims, "header": header or {}, "with": with_}))

    async def call(self, path: str, token: str, method: str = "GET", **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as http:
            return await http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    server = Authority(free_port(), tmp_path / "keys.json")
    await server.start()
    yield server
    await server.die()
    await server.http.aclose()


def oauth_of(authority: Authority, **more: Any) -> OAuth:
    return OAuth(authority.issuer, grants_of(ROLES), **more)


@pytest.fixture
async def firm(dsn: str, database: Database, pooled_for_api: Database, authority: Authority) -> AsyncIterator[Firm]:
    await put_key(database.pool, "agent", Grant(Role.READ), "jk_read")
    catalogue, _ = load_definitions("definitions", doubts=False)
    config = ApiConfig(
        dsn=dsn,
        secret="a-secret-of-this-test-alone",
        catalogue=load("definitions").journeys,
        segments=catalogue.segments,
        oauth=oauth_of(authority),
    )
    async with serving(config, pooled_for_api) as url:
        yield Firm(url, authority, database, await _somebody(database))


async def _somebody(database: Database) -> Any:
    customer = uuid7()
    sql = "insert into profile (id, traits, created_at, updated_at) values ($1, $2, $3, $3)"
    await database.pool.execute(sql, customer, {"firstName": "Zacharias", "city": "Madrid"}, datetime.now(UTC))
    named = "insert into identity (kind, value, since, profile_id, created_at) values ('user_id', 'zacharias', $1, $2, $1)"
    await database.pool.execute(named, datetime.now(UTC), customer)
    return customer

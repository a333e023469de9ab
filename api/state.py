"""What a running API holds: its settings, the pools (opened when Postgres first answers) and the ingest writer.

Promise: however long people's questions take, half of the connections are left to events, keys, providers and customers.
"""

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request

from api.config import ApiConfig
from store import Database, StoreError, connect
from store.database import alive
from store.keys import Caller, Right
from store.rules import keep

_PULSE = 2.0  # seconds for a sign of life of Postgres


class Store:
    """A pool, opened on first use, so that the API starts while Postgres is still down and answers 503 until it is up.

    `most`: so many connections; without it, as many as the settings say.
    """

    def __init__(self, config: ApiConfig, database: Database | None = None, *, most: int | None = None) -> None:
        self._config = config
        self._most = config.pool_size if most is None else most
        self._database = database
        self._owned = database is None
        self._opening = asyncio.Lock()
        self._pulse: asyncio.Task[bool] | None = None

    async def open(self) -> Database:
        """The pool.

        Raises:
            StoreUnreachable: Postgres does not answer.
        """
        if self._database is None:
            async with self._opening:
                if self._database is None:
                    opened = await connect(self._config.dsn, max_size=self._most)
                    await keep(opened, self._config.rules)
                    self._database = opened
        return self._database

    async def answers(self) -> bool:
        """Whether Postgres gives a sign of life in two seconds, on a connection of its own: the pool may be busy, or stuck."""
        if not self._config.dsn:  # on a pool of somebody else's
            return self._database is not None
        if self._pulse is None or self._pulse.done():  # whoever asks meanwhile hears the same
            self._pulse = asyncio.create_task(alive(self._config.dsn, _PULSE))
        return await asyncio.shield(self._pulse)

    async def warm(self) -> None:
        """Open the pool if Postgres answers already."""
        if await self.answers():
            with suppress(StoreError):
                await self.open()

    async def close(self) -> None:
        """Close the pool, if it is ours."""
        if self._owned and self._database is not None:
            await self._database.close()


def config_of(request: Request) -> ApiConfig:
    """The settings of the app that serves this request."""
    config: ApiConfig = request.app.state.config
    return config


def stores_of(config: ApiConfig, database: Database | None) -> tuple[Store, Store]:
    """A store for what must not wait, and one for what people ask; together they have the connections of the settings.

    A pool of somebody else's serves both.
    """
    peoples = max(1, config.pool_size // 2)
    return Store(config, database, most=max(1, config.pool_size - peoples)), Store(config, database, most=peoples)


async def database_of(request: Request) -> Database:
    """The pool of the app that serves this request, of which people have their own; 503 while Postgres is down."""
    caller: Caller | None = request.scope.get("caller")
    state = request.app.state
    store: Store = state.peoples if caller is not None and caller.may(Right.READ) else state.store
    return await store.open()


#: Route parameters: `config: Config`, `database: Db`.
Config = Annotated[ApiConfig, Depends(config_of)]
Db = Annotated[Database, Depends(database_of)]

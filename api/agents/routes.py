"""`/mcp`, where agents connect over streamable HTTP; and what a key may do, which they, like anybody, may ask.

Promise: stateless, so that any process answers; a key of people's comes first, as everywhere. A web page is let in from our own
address alone, whatever name it reached us by (DNS rebinding).
"""

import asyncio
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.types import Message, Receive, Scope, Send

from api.agents.answers import WANTED
from api.agents.confirming import Confirmations
from api.agents.rights import asked_by, by_more_scope, calls_of
from api.auth import Of, may, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.state import Config
from api.tokens.tokens import Subject
from store.keys import Caller, Right, Role

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

router = APIRouter(tags=["agents"], dependencies=schemes())
Knocking = Annotated[Caller, may(Right.READ, of=Of.ITSELF)]


class MineView(BaseModel):
    """A key, as its owner sees it: what it is, and every call that it may make."""

    id: UUID
    name: str
    role: Role
    personal: bool = Field(description="may be shown what is known of customers")
    journeys: list[str] = Field(description="of these alone; none: of all")
    per_minute: int | None
    calls: list[str] = Field(examples=[["GET /v1/journeys", "GET /v1/runs"]])
    by_more_scope: dict[str, str] = Field(
        default={},
        description="what another access token of the same person could call, and the scopes that this one lacks",
    )


@router.get("/v1/keys/mine", summary="What this key may", responses=responses(401, 403, 503))
async def my_key(request: Request, caller: Knocking) -> MineView:
    """Its role, what narrows it, and the calls that it is let make; each may still refuse what it is asked for."""
    asked = request.app.state.agents.asked
    return MineView(
        id=caller.id,
        name=caller.name,
        role=caller.role,
        personal=caller.personal,
        journeys=sorted(caller.journeys),
        per_minute=caller.per_minute,
        calls=calls_of(caller, asked),
        by_more_scope=by_more_scope(caller, asked) if isinstance(caller, Subject) else {},
    )


@router.post("/mcp", include_in_schema=False)
async def read(request: Request, caller: Knocking, config: Config) -> Response:
    """A message of an agent that only reads."""
    return await _entered(request, caller, config)


@router.post("/mcp/write", include_in_schema=False)
async def write(request: Request, caller: Knocking, config: Config) -> Response:
    """A message of an agent that may change things, too, where its key may."""
    return await _entered(request, caller, config)


async def _entered(request: Request, caller: Caller, config: ApiConfig) -> Response:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin)[:2] != urlsplit(config.public_url)[:2]:
        told = f"agents are not let in from a web page of {origin[:200]}; connect from a program, which sends no Origin"
        raise Problem(403, told, code="foreign-origin")
    raw = await request.body()
    _insist_on_id(raw)
    agents: Agents = request.app.state.agents
    return _Handed(await agents.manager(), caller, raw)


def _insist_on_id(raw: bytes) -> None:
    """See that a request's id is one: the library would take it for a notification, which nobody answers (JSON-RPC 2.0, 4).

    Raises:
        Problem: 400, it is none. What is no JSON is for the library to refuse.
    """
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if isinstance(told, dict) and "method" in told and "id" in told and type(told["id"]) not in (str, int):
        raise Problem(400, "the id of a request is a text or a whole number; a notification has none", code="invalid-request")


class Agents:
    """The door of an app: opened when somebody first comes, since the protocol's library takes half a second to load."""

    def __init__(self, app: FastAPI, config: ApiConfig, routers: Iterable[APIRouter]) -> None:
        self.asked = asked_by(routers)
        self._app = app
        self._confirmations = Confirmations(config.secret, config.former_secrets) if config.secret else Confirmations()
        self._opening = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._open: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def manager(self) -> "StreamableHTTPSessionManager":
        """What speaks the protocol."""
        async with self._opening:
            if self._manager is None:
                ready: asyncio.Future[StreamableHTTPSessionManager] = asyncio.get_running_loop().create_future()
                self._open = asyncio.create_task(self._serve(ready))
                self._manager = await ready
        return self._manager

    async def close(self) -> None:
        """Let nobody in any more."""
        self._over.set()
        if self._open is not None:
            await self._open

    async def _serve(self, ready: "asyncio.Future[StreamableHTTPSessionManager]") -> None:
        """The library's tasks live and end in this one."""
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: PLC0415 - see the class

        from api.agents.server import Door  # noqa: PLC0415 - the same

        within = httpx.ASGITransport(self._counted, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=within, base_url="http://journeys") as client:
            door = Door(client, self._confirmations)
            manager = StreamableHTTPSessionManager(door.server(), json_response=True, stateless=True)
            async with manager.run():
                ready.set_result(manager)
                await self._over.wait()

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app itself; a request of an agent counts once against its key's limit, whatever it comes to.

        Its token is for this door, at which it was looked at, and not for the calls behind it (`inside`).
        """
        await self._app({**scope, "counted": True, "inside": True}, receive, send)


class _Handed(Response):
    """The answer is the protocol's library's to write, unless a token with more scopes is needed: that is said by HTTP."""

    def __init__(self, manager: "StreamableHTTPSessionManager", caller: Caller, raw: bytes) -> None:
        super().__init__()
        self._manager = manager
        self._caller = caller
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One message."""
        begun = given = False

        async def receiving() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": self._raw, "more_body": False}

        async def sending(message: Message) -> None:
            nonlocal begun
            if begun or WANTED not in scope:
                begun = True
                await send(message)

        await self._manager.handle_request(scope, receiving, sending)
        if not begun and isinstance(self._caller, Subject):
            await self._caller.wants(scope[WANTED]).response()(scope, receive, send)

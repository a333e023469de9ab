"""An agent: the protocol's own client, connected with a key, over streamable HTTP or standard input and output."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Agent:
    """A connected client, and each answer as plain JSON."""

    client: Client

    async def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in (await self.client.list_tools()).tools}

    async def told(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """All that a tool says: an answer, a dry run, or an error."""
        return (await self.client.call_tool(tool, arguments)).structured_content  # type: ignore[no-any-return]

    async def asked(self, tool: str, **arguments: Any) -> Any:
        told = await self.told(tool, **arguments)
        assert "error" not in told, told
        return told["answer"]

    async def refused(self, tool: str, **arguments: Any) -> str:
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error, answer
        return str(answer.structured_content["error"])

    async def does(self, tool: str, **arguments: Any) -> Any:
        """A change, after its dry run."""
        dry = await self.told(tool, **arguments)
        assert dry.get("done") is False, dry
        done = await self.told(tool, **arguments, confirm=dry["confirm"])
        assert done.get("done") is True, done
        return done["answer"]


@asynccontextmanager
async def over_http(url: str, key: str, *, write: bool = False, mode: str = "auto", **headers: str) -> AsyncIterator[Agent]:
    headers = {"Authorization": f"Bearer {key}"} | headers
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp{'/write' * write}", http_client=http), mode=mode) as client,
    ):
        yield Agent(client)


@asynccontextmanager
async def over_stdio(url: str, key: str, *arguments: str) -> AsyncIterator[Agent]:
    environment = {"JOURNEYS_MCP_KEY": key, "PYTHONPATH": str(ROOT)}
    command = ["-m", "journeys", "mcp", "--api", url, *arguments]
    async with Client(StdioServerParameters(command=sys.executable, args=command, env=environment, cwd=ROOT)) as client:
        yield Agent(client)

"""`journeys mcp`: the agents' door over standard input and output, for an agent on this machine.

Promise: it reaches a running API over HTTP with one key, and neither database nor catalogue. It changes
nothing unless it was started with --write, whatever the key may.
"""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from workers.cli.asked import fail, settings, settings_here


def mcp(
    api: Annotated[
        str | None, typer.Option(help="The API's address; else JOURNEYS_PUBLIC_URL, or that of the stack that runs here.")
    ] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Also tools that change something, each after a dry run and a confirmation.")
    ] = False,
) -> None:
    """Serve an agent over standard input and output: questions, and with --write changes, with the rights of JOURNEYS_MCP_KEY.

    docs/agents.md says how an agent is told of it. An agent elsewhere connects to /mcp of the API itself.
    """
    import asyncio

    given = settings()
    if given.mcp_key is None:
        fail(
            "JOURNEYS_MCP_KEY is not set; make a key with `journeys keys create NAME --role read`, and give it to the agent so"
        )
    where = api or settings_here().public_url
    if urlsplit(where).scheme not in ("http", "https"):
        fail(f"--api {where!r} is no address; write for example http://127.0.0.1:8080")
    asyncio.run(_served(where, given.mcp_key.get_secret_value(), write=write))


async def _served(api: str, key: str, *, write: bool) -> None:
    import httpx
    from mcp.server.stdio import stdio_server

    from api.agents.confirming import Confirmations
    from api.agents.server import Door

    async with httpx.AsyncClient(base_url=api, headers={"Authorization": f"Bearer {key}"}) as client:
        server = Door(client, Confirmations(), writes=write).server()
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

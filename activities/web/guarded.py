"""A client whose requests reach no address inside: each name is looked up once, looked at, and that very address connected to.

Promise: between the look and the connection no name is resolved again, so that a name which changes its mind changes nothing;
certificate and `Host` stay those of the name. Redirects are not followed, proxies and `.netrc` of the environment not used.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import httpx

from activities.web.addresses import Network, may_be_asked

#: The addresses of a name, in the order in which they are to be tried.
Resolve = Callable[[str, int], Awaitable[list[str]]]

_CONNECT = 5.0
#: Many servers close a connection that is idle for 5 s (Node.js, Apache, uvicorn): a request that is on its way by then is lost
#: with it, and HTTP/1.1 does not tell whether it was processed. So it is used again for less than that.
_IDLE = timedelta(seconds=3)


def limits(connections: int) -> httpx.Limits:
    """How many connections there are at once, and for how long an idle one is used again."""
    return httpx.Limits(max_connections=connections, keepalive_expiry=_IDLE.total_seconds())


async def led_nowhere(answer: httpx.Response) -> None:
    """A client's response hook: a redirect is an answer like another.

    httpx reads where it leads, also when it does not follow, and takes an answer whose address it cannot read for none: what a
    provider refused would be in doubt.
    """
    answer.headers.pop("location", None)


class Inside(httpx.TransportError):
    """The name leads to an address that may not be asked; neither name nor address is told."""


async def resolve(host: str, port: int) -> list[str]:
    """As the machine resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard(httpx.AsyncBaseTransport):
    """Looks at where a request leads before it leaves. Plain HTTP goes to opened networks only."""

    def __init__(self, opened: Iterable[Network] = (), look_up: Resolve = resolve, connections: int = 100) -> None:
        self._opened = tuple(opened)
        self._look_up = look_up
        trusted = httpx.create_ssl_context()
        # One pool a name: a pool knows connections by their address, and what a name proved is nobody else's who lives there.
        self._pools = defaultdict[str, httpx.AsyncHTTPTransport](
            lambda: httpx.AsyncHTTPTransport(verify=trusted, http2=True, limits=limits(connections))
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to the first address of its host that takes a connection.

        Raises:
            Inside: one of them may not be asked.
            ConnectError: the host is unknown, or no address takes a connection.
        """
        host = request.url.host
        addresses = await self._looked_up(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        if not all(self._may_be_asked(address, request.url.scheme) for address in addresses):
            raise Inside("the address may not be asked")
        request.extensions = {**request.extensions, "sni_hostname": host}
        for address in addresses[:-1]:
            try:
                return await self._to(address, host, request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._to(addresses[-1], host, request)

    async def aclose(self) -> None:
        """Let go of the connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _to(self, address: str, host: str, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host=address)
        return await self._pools[host].handle_async_request(request)

    async def _looked_up(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(_CONNECT):
                found = await self._look_up(host, port)
        except (OSError, UnicodeError):  # a time-out is an OSError
            found = []
        if not found:
            raise httpx.ConnectError("the host is unknown")
        return found

    def _may_be_asked(self, address: str, scheme: str) -> bool:
        return may_be_asked(address, self._opened) and (scheme == "https" or not may_be_asked(address))


def guarded_client(
    patience: timedelta, opened: Iterable[Network] = (), look_up: Resolve = resolve, connections: int = 100
) -> httpx.AsyncClient:
    """A client behind a guard; `patience` is for each read and write, and does not bound the whole."""
    timeout = httpx.Timeout(patience.total_seconds(), connect=_CONNECT, pool=_CONNECT)
    guard, hooks = Guard(opened, look_up, connections), {"response": [led_nowhere]}
    return httpx.AsyncClient(transport=guard, timeout=timeout, trust_env=False, event_hooks=hooks)

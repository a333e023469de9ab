"""Hostile targets of outgoing webhooks, of browsers' subscriptions and of pictures: no address inside hears of any (Show 4).

In this network every address leads to listeners on loopback: one that is inside, whoever is connected to it under whatever
address, and the company's own, which redirects. So a guard that lets anything through is seen as a connection, not as an error
that looks the same.
"""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest

from activities.calling.lines import Lines, Request
from activities.calling.where import where_of
from activities.channels import ChannelError
from activities.channels.errors import EndpointGone, Forbidden, Refused
from activities.channels.web_push.vapid import Vapid
from activities.channels.web_push.web_push import WebPush
from activities.channels.whatsapp.content import Media
from activities.channels.whatsapp.media import Library
from activities.web.addresses import network_of
from activities.web.guarded import guarded_client, resolve
from tests.activities.channels.test_web_push import on
from workers.assembly import lines
from workers.sandbox.server import LOOPBACK, SERVICE_SECRET, WEB_PUSH_CONTACT, WEB_PUSH_KEY, services
from workers.settings import Settings

PUBLIC, COMPANY = "93.184.215.14", "10.9.0.1"
#: What the operator opened: the company's own service, and nothing else.
OPENED = [network_of("10.9.0.0/24")]
PATIENCE = timedelta(seconds=5)

#: Targets by what is hostile about them.
TARGETS = {
    "loopback": "https://127.0.0.1/",
    "loopback, plain": "http://127.0.0.1/",
    "loopback, elsewhere in its network": "https://127.8.8.8/",
    "short form": "https://127.1/",
    "decimal": "https://2130706433/",
    "hexadecimal": "https://0x7f000001/",
    "octal": "https://0177.0.0.1/",
    "octal, all of it": "https://017700000001/",
    "hexadecimal by parts": "https://0x7f.0x0.0x0.0x1/",
    "mixed forms": "https://0x7f.0.1/",
    "zero": "https://0/",
    "unspecified": "https://0.0.0.0/",
    "this network": "https://0.1.2.3/",
    "IPv6 loopback": "https://[::1]/",
    "IPv6 unspecified": "https://[::]/",
    "IPv6 with a zone": "https://[fe80::1%25lo]/",
    "loopback with a zone": "https://[::1%25lo]/",
    "mapped": "https://[::ffff:127.0.0.1]/",
    "mapped, hexadecimal": "https://[::ffff:7f00:1]/",
    "mapped, written out": "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "compatible": "https://[::127.0.0.1]/",
    "translated (SIIT)": "https://[::ffff:0:127.0.0.1]/",
    "NAT64": "https://[64:ff9b::7f00:1]/",
    "NAT64, local prefix": "https://[64:ff9b:1::a9fe:a9fe]/",
    "6to4": "https://[2002:7f00:1::]/",
    "Teredo": "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "ISATAP": "https://[2606:4700::5efe:7f00:1]/",
    "link-local": "https://169.254.1.1/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "metadata, plain": "http://169.254.169.254/latest/meta-data/",
    "metadata, decimal": "https://2852039166/",
    "metadata of containers": "https://169.254.170.2/v2/credentials/",
    "metadata over IPv6": "https://[fd00:ec2::254]/",
    "metadata of Alibaba": "https://100.100.100.200/",
    "metadata of Azure": "https://168.63.129.16/",
    "private, A": "https://10.0.0.1/",
    "private, B": "https://172.16.0.1/",
    "private, C": "https://192.168.1.1/",
    "carrier's (CGNAT)": "https://100.64.0.1/",
    "unique local": "https://[fd12:3456::1]/",
    "site-local": "https://[fec0::1]/",
    "multicast": "https://224.0.0.1/",
    "IPv6 multicast": "https://[ff02::1]/",
    "broadcast": "https://255.255.255.255/",
    "benchmarking": "https://198.18.0.1/",
    "documentation": "https://[2001:db8::1]/",
    "localhost": "https://localhost/",
    "localhost, plain": "http://localhost/",
    "localhost, with a dot": "https://localhost./",
    "localhost, loud": "https://LOCALHOST/",
    "a name below localhost": "https://shop.localhost/",
    "an address with a dot": "https://127.0.0.1./",
    "full-width digits": "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "full-width stops": "https://127\u30020\u30020\u30021/",
    "circled digits": "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "circled name": "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "user before it": "https://public.example@127.0.0.1/",
    "user and password before it": "https://public.example:443@127.0.0.1/",
    "back-slash": "https://127.0.0.1\\@public.example/",
    "fragment": "https://127.0.0.1#@public.example/",
    "encoded": "https://%31%32%37.0.0.1/",
    "white space in it": "https://127.0.\t0.1/",
    "another port": "https://127.0.0.1:22/",
    "another port, of a name": "https://inside.example:6379/",
    "a name of an address inside": "https://inside.example/",
    "a name of the metadata": "https://metadata.example/computeMetadata/v1/",
    "a name of nowhere": "https://zero.example/",
    "a name of a mapped address": "https://mapped.example/",
    "a name of a zone": "https://zone.example/",
    "several addresses, one inside": "https://several.example/",
    "several addresses, the last inside": "https://last.example/",
    "IPv6 inside, IPv4 public": "https://both.example/",
    "a name that changes its mind": "https://rebinding.example/",
    "a name of a name (CNAME)": "https://alias.example/",
    "file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "a socket's file": "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "no scheme": "//127.0.0.1/",
    "data": "data:text/plain,hello",
}  # fmt: skip
ADDRESSES = {
    "company.example": [COMPANY],
    "inside.example": ["127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "zero.example": ["0.0.0.0"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "zone.example": ["fe80::1%2"],
    "several.example": ["10.0.0.1", PUBLIC],
    "last.example": [PUBLIC, "127.0.0.1"],
    "both.example": ["::1", PUBLIC],
    "public.example": [PUBLIC],
}
ALIASES = {"alias.example": "inside.example"}


@dataclass
class Network:
    """The names and the wires: whoever is connected to is either the company's service, or inside; the public is away."""

    hops: list[str] = field(default_factory=list)
    inside: int = 0
    company: int = 0
    asked: int = 0
    status: int = 302

    async def look_up(self, host: str, port: int) -> list[str]:
        """As a resolver; what is no name is read as this machine reads it, in all the forms that it knows."""
        self.asked += 1
        name = ALIASES.get(host, host)
        if name == "rebinding.example":
            return [PUBLIC] if self.asked == 1 else ["127.0.0.1"]
        if name in ADDRESSES:
            return ADDRESSES[name]
        if re.fullmatch(r"[\da-fxA-FX.:%]+|(\w+\.)?localhost\.?|.*%lo|.*%2", name):
            return await resolve(host, port)
        raise OSError(f"no such name: {host}")

    async def is_inside(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.inside += 1
        await self._answer(reader, writer, "200 OK", "")

    async def is_the_companys(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.company += 1
        where = self.hops.pop(0) if self.hops else ""
        await self._answer(
            reader, writer, f"{self.status} Moved" if where else "200 OK", f"location: {where}\r\n" if where else ""
        )

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: str, header: str) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            told = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(told[1]) if told else 0)
            writer.write(f"HTTP/1.1 {status}\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@pytest.fixture
async def network(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Network]:
    made = Network()
    connect = anyio.connect_tcp
    async with _listening(made.is_inside) as inside, _listening(made.is_the_companys) as company:

        async def diverted(remote_host: str, remote_port: int, **more: Any) -> Any:
            if remote_host == PUBLIC:
                raise OSError("the public internet is away")
            return await connect("127.0.0.1", company if remote_host == COMPANY else inside, **more)

        monkeypatch.setattr(anyio, "connect_tcp", diverted)
        yield made


@asynccontextmanager
async def _listening(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def by_a_service(http: httpx.AsyncClient, url: str) -> None:
    """A journey's webhook to a service that settings say is there."""
    known = where_of(json.dumps({"crm": {"url": url, "secrets": [SERVICE_SECRET]}}))
    await Lines(known, http).ask(Request("crm", "msg_0_1", b"{}"))


async def by_a_subscription(http: httpx.AsyncClient, url: str) -> None:
    """A message to a browser that says that this is its push service."""
    web_push = WebPush(Vapid(WEB_PUSH_KEY, WEB_PUSH_CONTACT), http, secret="s", url="https://api.example")
    told = on("https://push.example")
    address = told.address.value.replace("https://push.example/push/ana", url.replace("\\", "\\\\").replace("\t", "\\t"))
    outgoing = told.model_copy(update={"address": told.address.model_copy(update={"value": address})})
    await web_push.send(outgoing)


async def by_a_picture(http: httpx.AsyncClient, url: str) -> None:
    """A picture of a WhatsApp message that is uploaded first."""

    async def upload(media: Media, file: Any) -> str:
        raise AssertionError("something was fetched")

    await Library(http, upload).ids([Media(kind="image", link=url)])


WAYS = [by_a_service, by_a_subscription, by_a_picture]


def test_there_are_forty_of_them_and_more() -> None:
    assert len(set(TARGETS.values())) == len(TARGETS) >= 40


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("url", TARGETS.values(), ids=TARGETS)
async def test_no_hostile_target_is_reached(network: Network, url: str, ask: Callable[..., Awaitable[None]]) -> None:
    async with guarded_client(PATIENCE, OPENED, network.look_up) as http:
        for _ in range(3):  # a name may change its mind
            with pytest.raises((ChannelError, ValueError)) as caught:
                await ask(http, url)
    assert network.inside == 0
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("url", TARGETS.values(), ids=TARGETS)
async def test_nor_by_a_redirect_from_a_service_that_is_allowed(network: Network, url: str) -> None:
    statuses = (301, 302, 303, 307, 308)
    async with guarded_client(PATIENCE, OPENED, network.look_up) as http:
        for network.status in statuses:
            network.hops = [url.replace("\t", "%09")]
            with pytest.raises(Refused):
                await by_a_service(http, "http://company.example/hook")
    assert (network.company, network.inside) == (len(statuses), 0)


@pytest.mark.parametrize("ask", WAYS[::2])
async def test_nor_at_the_end_of_a_long_chain(network: Network, ask: Callable[..., Awaitable[None]]) -> None:
    network.hops = [*["http://company.example/on"] * 30, "http://127.0.0.1/"]
    async with guarded_client(PATIENCE, OPENED, network.look_up) as http:
        with pytest.raises(Refused):
            await ask(http, "http://company.example/hook")
    assert (network.company, network.inside) == (1, 0)


async def test_what_the_listeners_would_have_counted(network: Network) -> None:
    """Without the guard the same targets are reached: nothing above passes because nothing can be connected to."""
    opened = [network_of(each) for each in (*LOOPBACK.split(","), "10.0.0.0/8")]
    async with guarded_client(PATIENCE, opened, network.look_up) as http:
        for url in ("http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://[::1]/", "http://mapped.example/"):
            await by_a_service(http, url)
        with pytest.raises(EndpointGone, match="inside"):
            await by_a_subscription(http, "https://metadata.example/push")
        with pytest.raises(Forbidden):
            await by_a_service(http, "https://metadata.example/")
    assert network.inside == 5


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_the_embedded_stacks_setting_lets_this_machine_through_and_nothing_else(family: socket.AddressFamily) -> None:
    network = Network()
    host = "127.0.0.1" if family is socket.AF_INET else "::1"
    async with await asyncio.start_server(network.is_inside, host, 0, family=family) as server:
        port = server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        for targets, reached in ((LOOPBACK, 1), ("", 0), ("192.168.0.0/16", 0)):
            told = {"services": json.dumps(services(f"http://{shown}:{port}", SERVICE_SECRET)), "private_targets": targets}
            asking = lines(Settings.model_validate(told))
            network.inside = 0
            with suppress(Forbidden):
                await asking.ask(Request("crm", "msg_0_1", b"{}"))
            await asking.close()
            assert network.inside == reached, targets

"""The guarded client against real servers on loopback: names that lie, change their mind or lead inside."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.web.addresses import network_of
from activities.web.guarded import Inside, Resolve, guarded_client, limits

LOOPBACK = [network_of("127.0.0.0/8")]
PATIENCE = timedelta(seconds=5)


class Server:
    """Answers every request alike, and remembers what came."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.heard: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context) as listener:
        yield listener.sockets[0].getsockname()[1]


def names(**known: str) -> Resolve:
    """Names as the test says; one with several addresses gives one of them each time it is asked."""
    left = {name.replace("_", "."): addresses.split() for name, addresses in known.items()}

    async def look_up(host: str, port: int) -> list[str]:
        addresses = left.get(host, [])
        return [addresses.pop(0) if len(addresses) > 1 else addresses[0]] if addresses else []

    return look_up


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_looked_at() -> None:
    server = Server()
    async with (
        listening(server) as port,
        guarded_client(PATIENCE, LOOPBACK, names(a_example="127.0.0.1 169.254.169.254")) as http,
    ):
        assert (await http.get(f"http://a.example:{port}/x")).text == "ok"
        assert f"host: a.example:{port}" in server.heard[0].lower()
        with pytest.raises(Inside):
            await http.get(f"http://a.example:{port}/x")
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/"),
        *("http://[::ffff:127.0.0.1]:{port}/", "https://localhost:{port}/", "http://0:{port}/"),
    ],
)
async def test_nothing_inside_hears_of_a_request_however_it_is_written(url: str) -> None:
    server = Server()
    async with listening(server) as port, guarded_client(PATIENCE) as http:
        with pytest.raises((Inside, httpx.ConnectError, httpx.InvalidURL)):
            await http.get(url.format(port=port))
    assert server.heard == []


async def test_of_several_addresses_one_inside_is_enough() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "10.0.0.1"]

    server = Server()
    async with listening(server) as port, guarded_client(PATIENCE, LOOPBACK, both) as http:
        with pytest.raises(Inside):
            await http.get(f"http://a.example:{port}/")
    assert server.heard == []


async def test_an_address_that_takes_no_connection_is_passed_over() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    server = Server()
    async with listening(server) as port, guarded_client(PATIENCE, LOOPBACK, both) as http:
        assert (await http.post(f"http://a.example:{port}/", content=b"x")).text == "ok"


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    elsewhere = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n"
    server = Server(elsewhere)
    async with listening(server) as port, guarded_client(PATIENCE, LOOPBACK) as http:
        assert (await http.post(f"http://127.0.0.1:{port}/")).status_code == 302
    assert len(server.heard) == 1


async def test_plain_http_leaves_the_house_for_nobody() -> None:
    async with guarded_client(PATIENCE, LOOPBACK, names(a_example="93.184.215.14")) as http:
        with pytest.raises(Inside):
            await http.get("http://a.example/")


async def test_a_name_that_nobody_has_is_no_connection() -> None:
    async def fails(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    for look_up in (names(), fails):
        async with guarded_client(PATIENCE, LOOPBACK, look_up) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("https://a.example/")


async def test_the_environment_sends_nothing_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    async with listening(server) as port:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        async with guarded_client(PATIENCE, [], names(a_example="10.0.0.1")) as http:
            with pytest.raises(Inside):
                await http.get("https://a.example/")
    assert server.heard == []


async def test_the_certificate_is_asked_for_by_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, context = Server(), certified("a.example", tmp_path, monkeypatch)
    look_up = names(a_example="127.0.0.1", b_example="127.0.0.1")
    async with listening(server, context) as port, guarded_client(PATIENCE, LOOPBACK, look_up) as http:
        assert (await http.get(f"https://a.example:{port}/")).text == "ok"
        with pytest.raises(httpx.ConnectError, match=r"(?i)hostname mismatch"):
            await http.get(f"https://b.example:{port}/")


def certified(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS under a name, trusted by whoever is started from now on."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def test_an_idle_connection_is_given_up_before_servers_do() -> None:
    """A request on a connection that its server closes at that moment would be in doubt: a marketing message lost."""
    expiry = limits(1).keepalive_expiry
    assert expiry is not None
    assert expiry < uvicorn.Config("none:app").timeout_keep_alive

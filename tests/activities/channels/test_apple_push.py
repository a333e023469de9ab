"""APNs for passes over TLS, as Apple has it: whoever shows the pass type's certificate may push, and nobody else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from activities.channels.errors import ChannelError, EndpointGone, TryLater
from activities.channels.wallet.apple import PassType, Unusable
from activities.channels.wallet.apple_push import ApplePushes
from workers.sandbox import Sandbox
from workers.sandbox.push.http2 import Answer, Http2, Request
from workers.sandbox.wallet.account import IDENTIFIER, PassFiles, pass_files
from workers.settings import Settings

TOKEN = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"


@asynccontextmanager
async def apple(at: PassFiles, served: PassFiles) -> AsyncIterator[tuple[str, list[Request]]]:
    """A server that asks for a certificate below the root, and what it was asked."""
    asked: list[Request] = []

    async def answer(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, {"apns-id": "1"})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served.certificate, served.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(at.root)
    context.load_verify_locations(at.intermediate)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.get_running_loop().create_server(lambda: Http2(answer), "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has no name that anybody vouches for: what is tried is our certificate."""
    made = ssl.create_default_context

    def lenient(*given: Any, **more: Any) -> ssl.SSLContext:
        context = made(*given, **more)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    monkeypatch.setattr(ssl, "create_default_context", lenient)


async def test_the_pass_types_certificate_opens_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting(monkeypatch)
    ours, strangers = tmp_path / "ours", tmp_path / "strangers"
    ours.mkdir()
    strangers.mkdir()
    files, foreign = pass_files(ours), pass_files(strangers)
    async with apple(files, files) as (url, asked):
        pushes = ApplePushes(IDENTIFIER, url, files.certificate, files.key)
        await pushes.tell(TOKEN)
        await pushes.close()
        [request] = asked
        assert (request.path, request.headers["apns-topic"]) == (f"/3/device/{TOKEN}", IDENTIFIER)
        assert bytes(request.body) == b"{}"
        other = ApplePushes(IDENTIFIER, url, foreign.certificate, foreign.key)
        with pytest.raises(TryLater):
            await other.tell(TOKEN)
        await other.close()
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [("429", TryLater), ("500", TryLater), ("503", TryLater), ("unregistered", EndpointGone)]
)
async def test_each_failure_is_told_apart(sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    pushes = ApplePushes(IDENTIFIER, sandbox.apns_url, sandbox.passes.certificate, sandbox.passes.key)
    sandbox.faults.tell("wallet", fault, times=1)
    with pytest.raises(ChannelError) as caught:
        await pushes.tell(TOKEN)
    assert type(caught.value) is kind
    assert TOKEN not in str(caught.value)
    await pushes.tell(TOKEN)
    with pytest.raises(EndpointGone):
        await pushes.tell("../../etc")
    await pushes.close()


async def test_another_topic_waits_for_whoever_repairs_the_settings(sandbox: Sandbox) -> None:
    pushes = ApplePushes("pass.other", sandbox.apns_url, sandbox.passes.certificate, sandbox.passes.key)
    with pytest.raises(TryLater, match="JOURNEYS_WALLET_APPLE_CERTIFICATE"):
        await pushes.tell(TOKEN)
    await pushes.close()


def test_what_cannot_sign_is_told_when_a_process_starts(tmp_path: Path) -> None:
    ours, strangers = tmp_path / "ours", tmp_path / "strangers"
    ours.mkdir()
    strangers.mkdir()
    files, foreign = pass_files(ours), pass_files(strangers)
    texts = [path.read_bytes() for path in (files.certificate, files.key, files.intermediate)]
    assert PassType.read(*texts).identifier == IDENTIFIER
    for place, wrong, why in (
        (1, foreign.key, "the key is not the certificate's"),
        (2, foreign.intermediate, "did not issue it"),
        (0, files.key, "must be PEM"),
        (0, files.intermediate, "the key is not the certificate's"),
    ):
        with pytest.raises(Unusable, match=why):
            PassType.read(*[wrong.read_bytes() if n == place else text for n, text in enumerate(texts)])
    with pytest.raises(ValueError, match=r"(?s)wallet_apple_certificate.*JOURNEYS_WALLET_APPLE_KEY"):
        Settings(_env_file=None, wallet_apple_certificate=files.certificate)
    with pytest.raises(ValueError, match="JOURNEYS_WALLET_GOOGLE_ISSUER"):
        Settings(_env_file=None, wallet_google_service_account=files.key)

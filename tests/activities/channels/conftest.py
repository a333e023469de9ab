"""The sandbox providers, as real servers on localhost, and the channels pointed at them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from activities.channels import Fcm, Smtp, WhatsApp
from activities.channels.email.smtp_pool import Deadlines
from tests.activities.channels.outgoing import SENDER
from workers.sandbox import Sandbox, running_sandbox

IMPATIENT = Deadlines(command=1, data=1, block=1, end=1)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=0.5)) as client:
        yield client


@pytest.fixture
def fcm(sandbox: Sandbox, http: httpx.AsyncClient) -> Fcm:
    return Fcm(orjson.loads(sandbox.service_account.read_bytes()), sandbox.url, http)


@pytest.fixture
def whatsapp(sandbox: Sandbox, http: httpx.AsyncClient) -> WhatsApp:
    return WhatsApp("token", "100000000000001", sandbox.url, "v21.0", http)


@pytest.fixture
async def smtp(sandbox: Sandbox) -> AsyncIterator[Smtp]:
    smtp = Smtp(f"smtp://{sandbox.smtp_host}:{sandbox.smtp_port}", SENDER, connections=2, deadlines=IMPATIENT)
    yield smtp
    await smtp.close()

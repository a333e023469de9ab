"""Receivers that are not ours: letters at maildev, text messages at Prism over Twilio's published description."""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.channels import EmailContent, Refused, SmsContent, Smtp, Twilio
from tests.activities.channels.outgoing import SENDER, to
from tests.contracts import contract, needs
from tests.programs import SDK, missing, node_modules

LINK = "https://shop.example/u/" + "t" * 300
LETTER = EmailContent(
    subject="Ana, your boots ☃ are waiting",
    html="<html><body><p>Olé, 24,90 €</p></body></html>",
    text="Olé, 24,90 €\n.\nA line with a dot alone.\n",
    unsubscribe_url=LINK,
)
TWILIO = "twilio-messages-2010.json"
ACCOUNT = "AC" + "0" * 32


@asynccontextmanager
async def node(package: str, *command: str | Path) -> AsyncIterator[asyncio.StreamReader]:
    """A program of the lock file, and what it prints."""
    if not (node_modules() / package).is_dir():
        missing(f"{package} is not installed: make sdks")
    running = await asyncio.create_subprocess_exec("node", *command, stdout=PIPE, stderr=DEVNULL)
    try:
        assert running.stdout is not None
        yield running.stdout
    finally:
        running.kill()
        await running.wait()


@dataclass
class Mailbox:
    """maildev: who listens for letters, and what it tells of them over HTTP."""

    port: int
    http: httpx.AsyncClient

    async def letters(self, count: int) -> list[dict[str, Any]]:
        """All that came, once there are so many: it reads a letter after it has taken it."""
        async with asyncio.timeout(60):
            while len(found := (await self.http.get("/email")).json()) < count:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        return list(found)

    async def source(self, letter: dict[str, Any]) -> str:
        """A letter as it came over the wire."""
        return (await self.http.get(f"/email/{letter['id']}/download")).text


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    async with node("maildev", SDK / "mail-receiver.cjs", tmp_path / "mail") as said:
        async with asyncio.timeout(60):
            smtp, web = map(int, (await said.readline()).split())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{web}", timeout=30) as http:
            yield Mailbox(smtp, http)


async def test_a_letter_is_read_by_another_as_it_was_written(mailbox: Mailbox) -> None:
    smtp = Smtp(f"smtp://127.0.0.1:{mailbox.port}", SENDER)
    try:
        accepted = [await smtp.send(to(f"{name}@mail.example", LETTER, key=f"r/{name}/1")) for name in ("ana", "bea")]
    finally:
        await smtp.close()
    ana, bea = sorted(await mailbox.letters(2), key=lambda each: str(each["to"]))
    assert (ana["subject"], ana["text"].replace("\r\n", "\n").strip()) == (LETTER.subject, LETTER.text.strip())
    assert ana["html"].strip() == LETTER.html
    assert (ana["from"], ana["to"]) == (
        [{"address": SENDER.address, "name": SENDER.name}],
        [{"address": "ana@mail.example", "name": ""}],
    )
    assert ana["envelope"]["from"]["address"] == SENDER.address
    assert [each["address"] for each in ana["envelope"]["to"]] == ["ana@mail.example"], "nobody else is told of it"
    assert [each.provider_message_id for each in accepted] == [f"<{each['messageId'].strip('<>')}>" for each in (ana, bea)]
    told = ana["headers"]
    assert told["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    whole = message_from_string(await mailbox.source(ana))
    assert re.sub(r"\s", "", whole["List-Unsubscribe"]) == f"<{LINK}>"
    assert [part.get_content_type() for part in whole.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.fixture
async def described() -> AsyncIterator[str]:
    """Prism: answers as a published description says, and refuses what is not as it says."""
    command = SDK / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    async with node("@stoplight/prism-cli", command, "mock", "-p", "0", "--errors", contract(TWILIO)) as said:
        async with asyncio.timeout(120):
            while not (found := re.search(rb"listening on (http://[\d.:]+)", await said.readline())):
                assert not said.at_eof(), "it has ended"
        async with asyncio.TaskGroup() as listening:
            reading = listening.create_task(said.read())  # what it says of each request; a full pipe would stop it
            yield found[1].decode()
            reading.cancel()


@needs(TWILIO)
@pytest.mark.parametrize("number", ["+34600111222", "+33612345678", "+12125550123"])
async def test_a_text_message_is_taken_by_who_reads_twilios_description(described: str, number: str) -> None:
    senders = {"*": "+34600000001", "FR": "Shop", "US": "MG" + "a" * 32}
    async with httpx.AsyncClient(timeout=30) as http:
        twilio = Twilio(ACCOUNT, (ACCOUNT, "t"), senders, described, http, "https://shop.example/v1/webhooks/twilio")
        accepted = await twilio.send(to(number, SmsContent(text="¡Hola! 😀", parts=1)))
        assert re.fullmatch("SM[0-9a-f]{32}", accepted.provider_message_id or "")
        nobody = Twilio("AC-nobody", (ACCOUNT, "t"), senders, described, http, None)
        with pytest.raises(Refused, match="422"):
            await nobody.send(to(number, SmsContent(text="Hi", parts=1)))

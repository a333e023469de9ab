"""The letter itself: both forms of the text, and the headers that mailboxes and our own feedback rely on.

Promise: the same key always gives the same `Message-ID`, and no header or part can be forged through a customer's data
(`activities.channels.email.mime` writes each). All of it is ASCII, but for an address that has no ASCII form.
Sources: RFC 5322, RFC 2046, RFC 2369 and RFC 8058 (`List-Unsubscribe`, `List-Unsubscribe-Post`), RFC 6068 (`mailto:`), RFC 6532
(UTF-8 in `To`), Google's "Feedback Loop" (`Feedback-ID`).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from typing import Protocol
from urllib.parse import quote

from activities.channels.email.mime import alternatives, machine_header, mailbox_header, part, text_header
from activities.channels.errors import EndpointGone, Misconfigured, Refused
from activities.channels.message import Campaign, EmailContent, Outgoing
from store.addresses import email_address


class EmailSettings(Protocol):
    """The settings of letters, whoever carries them."""

    @property
    def email_from(self) -> str:
        """The `From` header."""
        ...

    @property
    def email_reply_to(self) -> str:
        """Where answers go, if not to the sender."""
        ...

    @property
    def email_unsubscribe(self) -> str:
        """The mailbox of who wants no more, if there is one."""
        ...

    @property
    def email_bounces(self) -> str:
        """The mailbox of what bounces, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the letter is from, and where what comes back of it goes: answers, wishes to get no more, and what bounces."""

    name: str
    address: str
    reply_to: str | None = None
    unsubscribe: str | None = None
    bounces: str | None = None

    @classmethod
    def parse(cls, value: str) -> "Sender":
        """From `Shop <hello@shop.example>`.

        Raises:
            Misconfigured: there is no address in it.
        """
        return cls(parseaddr(value)[0], _own_address("JOURNEYS_EMAIL_FROM", value))

    @classmethod
    def of(cls, settings: EmailSettings) -> "Sender":
        """The one that the settings describe.

        Raises:
            Misconfigured: one of them is no address.
        """
        given = {
            "reply_to": settings.email_reply_to,
            "unsubscribe": settings.email_unsubscribe,
            "bounces": settings.email_bounces,
        }
        own = {name: _own_address(f"JOURNEYS_EMAIL_{name.upper()}", value) for name, value in given.items() if value}
        return replace(cls.parse(settings.email_from), **own)

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.address.rpartition("@")[2]

    def returned_to(self, key: str) -> str:
        """The envelope's sender, to which a relay returns what bounces later: it names the message (VERP)."""
        if self.bounces is None:
            return self.address
        local, _, domain = self.bounces.rpartition("@")
        return f"{local}+{_digest(key)}@{domain}"


def _own_address(setting: str, value: str) -> str:
    """The local part as it was written; the domain as an A-label."""
    address = parseaddr(value)[1]
    normal = email_address(address) or ""
    if not normal.isascii() or not normal:
        raise Misconfigured(f"{setting} must be an address, such as Shop <hello@shop.example>")
    return f"{address.rpartition('@')[0]}@{normal.rpartition('@')[2]}"


def message_id(key: str, sender: Sender) -> str:
    """The `Message-ID` of a message, the same for every attempt."""
    return f"<{_digest(key)}@{sender.domain}>"


def recipient(value: str) -> str:
    """An address as the relay and the letter name it: the domain as A-label, the rest ASCII where that is possible.

    Raises:
        EndpointGone: it is not an address.
    """
    address = email_address(value)
    if address is None:
        raise EndpointGone("email address is malformed")
    return address


def letter(outgoing: Outgoing, content: EmailContent, sender: Sender, headers: Mapping[str, str]) -> bytes:
    """The letter as it goes over the wire.

    Raises:
        EndpointGone: the customer's address is not one.
        Refused: an address or id of ours cannot stand in a header.
    """
    boundary = f"=_{_digest(outgoing.key)}"
    try:
        head = "\r\n".join(_headers(outgoing, content, sender, headers, boundary)).encode()
    except ValueError as error:
        raise Refused(f"email {error}") from None
    return head + b"\r\n\r\n" + alternatives(boundary, part("plain", content.text), part("html", content.html))


def _headers(
    outgoing: Outgoing, content: EmailContent, sender: Sender, headers: Mapping[str, str], boundary: str
) -> Iterator[str]:
    yield mailbox_header("From", content.from_name or sender.name, sender.address)
    yield mailbox_header("To", "", recipient(outgoing.address.value))
    if sender.reply_to is not None:
        yield mailbox_header("Reply-To", "", sender.reply_to)
    yield text_header("Subject", content.subject)
    yield f"Date: {format_datetime(datetime.now(UTC))}"  # real time: mailboxes compare it with their own clock
    yield f"Message-ID: {message_id(outgoing.key, sender)}"
    for name, value in ways_out(content, sender).items():
        yield machine_header(name, value)
    if outgoing.campaign is not None:
        yield machine_header("Feedback-ID", feedback_id(outgoing.campaign, sender))
    yield (machine_header if outgoing.key.isascii() else text_header)("X-Message-Key", outgoing.key)
    for name, value in headers.items():
        yield machine_header(name, value)
    yield "MIME-Version: 1.0"
    yield f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'


def ways_out(content: EmailContent, sender: Sender) -> dict[str, str]:
    """The headers by which a mail reader takes its owner off: one POST, or, where that is given, a letter with the token."""
    if (url := content.unsubscribe_url) is None:
        return {}
    ways = [f"<{url}>"]
    if sender.unsubscribe is not None:
        ways.append(f"<mailto:{quote(sender.unsubscribe, safe='@')}?subject={quote(url.rpartition('/')[2])}>")
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def feedback_id(campaign: Campaign, sender: Sender) -> str:
    """By what mailboxes sum up complaints: the template, the journey, the purpose, and who sends."""
    parts = (campaign.template, campaign.journey, campaign.purpose, sender.domain.split(".")[0])
    return ":".join(re.sub(r"[^A-Za-z0-9._-]", "-", part)[:60] for part in parts)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]

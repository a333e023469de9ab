"""The letter itself: both forms of the text, and the headers that mailboxes and our own feedback rely on.

Promise: the same key always gives the same `Message-ID`, and no header or part can be forged through a customer's data
(`activities.channels.email.mime` writes each). All of it is ASCII, but for an address that has no ASCII form.
Sources: RFC 5322, RFC 2046, RFC 2369 and RFC 8058 (`List-Unsubscribe`, `List-Unsubscribe-Post`), RFC 6532 (UTF-8 in `To`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr

from activities.channels.email.mime import alternatives, machine_header, mailbox_header, part, text_header
from activities.channels.errors import EndpointGone, Refused
from activities.channels.message import EmailContent, Outgoing
from store.addresses import email_address


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the letter is from."""

    name: str
    address: str

    @classmethod
    def parse(cls, value: str) -> "Sender":
        """From `Shop <hello@shop.example>`.

        Raises:
            ValueError: there is no address in it.
        """
        name, address = parseaddr(value)
        normal = email_address(address) or ""
        if not normal.isascii() or not normal:
            raise ValueError("JOURNEYS_EMAIL_FROM must be an address, such as Shop <hello@shop.example>")
        # The local part as it was written; the domain as an A-label.
        return cls(name, f"{address.rpartition('@')[0]}@{normal.rpartition('@')[2]}")

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.address.rpartition("@")[2]


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
        raise EndpointGone("smtp address is malformed")
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
        raise Refused(f"smtp {error}") from None
    return head + b"\r\n\r\n" + alternatives(boundary, part("plain", content.text), part("html", content.html))


def _headers(
    outgoing: Outgoing, content: EmailContent, sender: Sender, headers: Mapping[str, str], boundary: str
) -> Iterator[str]:
    yield mailbox_header("From", content.from_name or sender.name, sender.address)
    yield mailbox_header("To", "", recipient(outgoing.address.value))
    yield text_header("Subject", content.subject)
    yield f"Date: {format_datetime(datetime.now(UTC))}"  # real time: mailboxes compare it with their own clock
    yield f"Message-ID: {message_id(outgoing.key, sender)}"
    if content.unsubscribe_url is not None:
        yield machine_header("List-Unsubscribe", f"<{content.unsubscribe_url}>")
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    yield (machine_header if outgoing.key.isascii() else text_header)("X-Message-Key", outgoing.key)
    for name, value in headers.items():
        yield machine_header(name, value)
    yield "MIME-Version: 1.0"
    yield f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]

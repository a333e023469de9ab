"""The letter itself: both forms of the text, and the headers that mailboxes and our own feedback rely on.

Promise: the same key always gives the same `Message-ID`, and no header can be forged through a customer's data.
Sources: RFC 5322, RFC 2369 and RFC 8058 (`List-Unsubscribe`, `List-Unsubscribe-Post`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from activities.channels.errors import EndpointGone
from activities.channels.message import EmailContent, Outgoing

_POLICY = SMTP.clone(max_line_length=998)  # long tokens in List-Unsubscribe must not be folded inside the angle brackets


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
        if "@" not in address:
            raise ValueError("JOURNEYS_EMAIL_FROM must be an address, such as Shop <hello@shop.example>")
        return cls(name, address)

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.address.rpartition("@")[2]


def message_id(key: str, sender: Sender) -> str:
    """The `Message-ID` of a message, the same for every attempt."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{sender.domain}>"


def letter(outgoing: Outgoing, content: EmailContent, sender: Sender, headers: Mapping[str, str]) -> bytes:
    """The letter as it goes over the wire.

    Raises:
        EndpointGone: the customer's address is not one that a header can hold.
    """
    written = EmailMessage(policy=_POLICY)
    written["From"] = Address(content.from_name or sender.name, addr_spec=sender.address)
    written["To"] = _recipient(outgoing.address.value)
    written["Subject"] = " ".join(content.subject.split())
    written["Date"] = format_datetime(datetime.now(UTC))  # real time: mailboxes compare it with their own clock
    written["Message-ID"] = message_id(outgoing.key, sender)
    for name, value in _ours(outgoing, content, headers).items():
        written[name] = value
    written.set_content(content.text)
    written.add_alternative(content.html, subtype="html")
    return written.as_bytes()


def _ours(outgoing: Outgoing, content: EmailContent, headers: Mapping[str, str]) -> dict[str, str]:
    own = {"X-Message-Key": outgoing.key, **headers}
    if content.unsubscribe_url is not None:
        own["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        own["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return own


def _recipient(value: str) -> Address:
    try:
        return Address(addr_spec=value)
    except (ValueError, IndexError, HeaderParseError):
        raise EndpointGone("smtp address is malformed") from None

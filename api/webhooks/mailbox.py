"""Mail that comes back: what bounced (RFC 3464), who complained (RFC 5965), and who wants no more by `mailto:` (RFC 2369).

Promise: a report is read strictly, two levels deep, or not at all; whatever it names, its news is about the message of ours
that it returns, and about the address that our ledger says this went to. Who wants no more proves it by our own token.
Nothing else that may come to a mailbox does anything, and no text of it is kept. Any stranger can send any bytes: whatever is
wrong with them, it is this one mail that cannot be read, and reading it takes time in proportion to its length. (Python's
reader of whole mails takes the square of it, for nested parts and for parameters; it is given short headers only.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import NamedTuple

from activities.channels.email.bounced import Bounced, bounced
from activities.channels.email.unsubscribe import InvalidToken, Unsubscription, read_unsubscribe
from activities.channels.feedback import Status
from activities.channels.instants import header_date
from activities.channels.kinds import KINDS
from api.config import ApiConfig
from api.webhooks.notices import Notices
from api.webhooks.reading import instant, key_of
from api.webhooks.unsubscribe import withdraw_as_told
from store import Database
from store.deliveries.ledger import MessageKey

LARGEST = 2 * 1024 * 1024  # bytes
_HEAD, _LONGEST, _MOST = 64 * 1024, 4_000, 10  # bytes of headers, characters of one that is read, parts and blocks of a report
_BLANK = re.compile(rb"(?:\A|\n)\r?\n")
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@([A-Za-z0-9.-]{1,253})>")
_RETURNED_TO = re.compile(r"[^@+\s]{1,64}\+([0-9a-f]{32})@[A-Za-z0-9.-]{1,253}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{64,1024}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
#: Which of an MTA's actions tell something (RFC 3464, 2.3.3); `delayed` will be followed by another.
_ACTIONS = {"failed": "failed", "delivered": "delivered", "relayed": "sent", "expanded": "sent"}


class Unreadable(ValueError):
    """It is longer, or has more parts, than anything that we wait for."""


class Part(NamedTuple):
    """A part of a report, or all of it: its headers, and what follows them as it came."""

    head: Message
    body: bytes


@dataclass(frozen=True, slots=True)
class Ignored:
    """It tells nothing that we act on; the reason holds nothing of it."""

    why: str


async def take(config: ApiConfig, database: Database, raw: bytes) -> str:
    """Take one mail; returns in a few words what it was."""
    told = read(config, raw, config.clock.now())
    match told:
        case Ignored(why):
            return f"ignored: {why}"
        case Unsubscription():
            async with database.transaction() as connection:
                await withdraw_as_told(connection, told, config, "mailto")
            return "unsubscribed"
    async with database.transaction() as connection:
        taken = await Notices(KINDS["email"], config, connection, None).take([told])
    kind = "hard bounce" if told.gone else "soft bounce" if told.soft else told.status
    return kind if taken.taken else f"{kind}, known already or of no message of ours"


def read(config: ApiConfig, raw: bytes, now: datetime) -> Status | Unsubscription | Ignored:
    """What a mail tells."""
    if len(raw) > LARGEST:
        return Ignored("it is too large")
    try:
        mail = _part(raw)
        if _kind(mail) == "multipart/report":
            return _report(config, mail, now)
        return _wish(config, str(mail.head.get("Subject", "")))
    except Exception:  # noqa: BLE001 - no list of what a reader of hostile bytes may raise was ever complete
        return Ignored("it cannot be read")


def _wish(config: ApiConfig, subject: str) -> Unsubscription | Ignored:
    """A token of ours in the subject, however that was folded."""
    for token in _TOKEN.findall(re.sub(r"\s+", "", subject)):
        try:
            return read_unsubscribe(config.secret, token, config.former_secrets)
        except InvalidToken:
            continue
    return Ignored("it is no report, and holds no token of ours")


def _report(config: ApiConfig, mail: Part, now: datetime) -> Status | Ignored:
    parts = list(_parts(mail))
    which = _message_of(config, mail.head, parts)
    if which is None:
        return Ignored("it returns no message of ours")
    at, clamped = instant(header_date(_said(mail.head, "Date")), now)
    said = Status(which[0], which[1], "", at, clamped=clamped)
    kind = str(mail.head.get_param("report-type", "")).lower()
    if kind == "delivery-status":
        return _delivery(said, parts)
    return _complaint(said, parts) if kind == "feedback-report" else Ignored("it is a report of another kind")


def _delivery(said: Status, parts: list[Part]) -> Status | Ignored:
    """Our letters have one recipient each, so a report has one, too."""
    blocks = [block for part in _of(parts, "message/delivery-status") for block in _blocks(part) if "Action" in block]
    if len(blocks) != 1:
        return Ignored("it tells of no recipient, or of several")
    action, code = _said(blocks[0], "Action").strip().lower(), _said(blocks[0], "Status").strip().split(" ")[0]
    if action not in _ACTIONS or not _STATUS.fullmatch(code):
        return Ignored("it is not settled, or has no status")
    if action != "failed":
        return _with(said, _ACTIONS[action])
    text = str(blocks[0].get("Diagnostic-Code", ""))[:2_000]
    kind = bounced(code, text, lasting=code.startswith("5."))
    return _with(said, "failed", code=code, gone=kind is Bounced.HARD, soft=kind is Bounced.SOFT)


def _complaint(said: Status, parts: list[Part]) -> Status | Ignored:
    reports = [_head(part.body) for part in _of(parts, "message/feedback-report")]
    if len(reports) != 1 or _said(reports[0], "Feedback-Type").strip().lower() != "abuse":
        return Ignored("it is no complaint")
    return _with(said, "complained", wants_out=True)


def _with(said: Status, status: str, **more: object) -> Status:
    return Status(said.provider_message_id, said.key, status, said.at, clamped=said.clamped, **more)  # type: ignore[arg-type]


def _message_of(config: ApiConfig, mail: Message, parts: list[Part]) -> tuple[str, MessageKey | None] | None:
    """The message that a report returns: by its headers, else by the address that the report went to (VERP)."""
    for headers in _returned(parts):
        found = _MESSAGE_ID.search(_said(headers, "Message-ID"))
        key = key_of(_said(headers, "X-Message-Key").strip())
        if found is not None:
            return found.group(), key
    for name in ("To", "Delivered-To", "X-Original-To", "Envelope-To"):
        for _, address in getaddresses([_short(str(value)) for value in mail.get_all(name, [])[:4]]):
            if config.mail_domain and (returned := _RETURNED_TO.fullmatch(address)):
                return f"<{returned[1]}@{config.mail_domain}>", None
    return None


def _returned(parts: list[Part]) -> Iterator[Message]:
    for part in _of(parts, "text/rfc822-headers"):
        part.head.set_payload(part.body[:_HEAD].decode("ascii", "replace"))
        decoded = part.head.get_payload(decode=True)
        yield _head(decoded if isinstance(decoded, bytes) else b"")
    for part in _of(parts, "message/rfc822"):
        yield _head(part.body)


def _of(parts: list[Part], kind: str) -> list[Part]:
    return [part for part in parts if _kind(part) == kind]


def _kind(part: Part) -> str:
    _said(part.head, "Content-Type")
    return part.head.get_content_type()


def _part(raw: bytes) -> Part:
    blank = _BLANK.search(raw)
    return Part(_head(raw), raw[blank.end() :] if blank else b"")


def _parts(mail: Part) -> Iterator[Part]:
    """What stands between the boundaries of a multipart (RFC 2046, 5.1.1); what stands in a part is not looked for parts."""
    boundary = mail.head.get_boundary()
    if not boundary:
        return
    edge = re.compile(rb"^--" + re.escape(boundary.encode("ascii", "surrogateescape")) + rb"(--)?[ \t]*\r?$\n?", re.MULTILINE)
    begun = None
    for number, found in enumerate(edge.finditer(mail.body)):
        if number > _MOST:
            raise Unreadable("a report of many parts")
        if begun is not None:
            yield _part(mail.body[begun : found.start()])
        begun = None if found[1] else found.end()
        if found[1]:
            return
    if begun is not None:
        yield _part(mail.body[begun:])


def _blocks(part: Part) -> list[Message]:
    """The groups of fields of a delivery status, which blank lines part."""
    blocks = re.split(rb"(?:\r?\n){2,}", part.body.strip(), maxsplit=_MOST)
    return [_head(block) for block in blocks]


def _head(raw: bytes) -> Message:
    """The headers with which something begins.

    Raises:
        Unreadable: they are longer than any of a mail.
    """
    blank = _BLANK.search(raw, 0, _HEAD + 4)
    if blank is None and len(raw) > _HEAD:
        raise Unreadable("longer headers than mail has")
    return BytesHeaderParser().parsebytes(raw[: blank.end()] if blank else raw)


def _said(headers: Message, name: str) -> str:
    return _short(str(headers.get(name, "")))


def _short(text: str) -> str:
    """Python takes the square of a header's length to read its parameters and addresses.

    Raises:
        Unreadable: it is too long for that.
    """
    if len(text) > _LONGEST:
        raise Unreadable("a longer header than is read")
    return text

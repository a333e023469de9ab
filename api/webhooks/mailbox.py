"""Mail that comes back: what bounced (RFC 3464), who complained (RFC 5965), and who wants no more by `mailto:` (RFC 2369).

Promise: a report is read strictly, two levels deep, or not at all; whatever it names, its news is about the message of ours
that it returns, and about the address that our ledger says this went to. Who wants no more proves it by our own token.
Nothing else that may come to a mailbox does anything, and no text of it is kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from email.parser import HeaderParser
from email.utils import getaddresses, parsedate_to_datetime

from activities.channels.email.bounced import Bounced, bounced
from activities.channels.email.unsubscribe import InvalidToken, Unsubscription, read_unsubscribe
from activities.channels.feedback import Status
from activities.channels.kinds import KINDS
from api.config import ApiConfig
from api.webhooks.notices import Notices
from api.webhooks.reading import instant, key_of
from api.webhooks.unsubscribe import withdraw_as_told
from store import Database
from store.deliveries.ledger import MessageKey

LARGEST = 2 * 1024 * 1024  # bytes
_HOSTILE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, MessageError)
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@([A-Za-z0-9.-]{1,253})>")
_RETURNED_TO = re.compile(r"[^@+\s]{1,64}\+([0-9a-f]{32})@[A-Za-z0-9.-]{1,253}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{64,1024}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
#: Which of an MTA's actions tell something (RFC 3464, 2.3.3); `delayed` will be followed by another.
_ACTIONS = {"failed": "failed", "delivered": "delivered", "relayed": "sent", "expanded": "sent"}


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
        mail = message_from_bytes(raw, policy=policy.compat32)
        if mail.get_content_type() == "multipart/report":
            return _report(config, mail, now)
        return _wish(config, str(mail.get("Subject", "")))
    except _HOSTILE:
        return Ignored("it cannot be read")


def _wish(config: ApiConfig, subject: str) -> Unsubscription | Ignored:
    """A token of ours in the subject, however that was folded."""
    for token in _TOKEN.findall(re.sub(r"\s+", "", subject)):
        try:
            return read_unsubscribe(config.secret, token, config.former_secrets)
        except InvalidToken:
            continue
    return Ignored("it is no report, and holds no token of ours")


def _report(config: ApiConfig, mail: Message, now: datetime) -> Status | Ignored:
    kind = str(mail.get_param("report-type", "")).lower()
    parts = [part for part in mail.get_payload() if isinstance(part, Message)] if mail.is_multipart() else []
    which = _message_of(config, mail, parts)
    if which is None:
        return Ignored("it returns no message of ours")
    at, clamped = instant(_date(mail, now), now)
    said = Status(which[0], which[1], "", at, clamped=clamped)
    if kind == "delivery-status":
        return _delivery(said, parts)
    return _complaint(said, parts) if kind == "feedback-report" else Ignored("it is a report of another kind")


def _delivery(said: Status, parts: list[Message]) -> Status | Ignored:
    """Our letters have one recipient each, so a report has one, too."""
    blocks = [block for part in _of(parts, "message/delivery-status") for block in _blocks(part) if "Action" in block]
    if len(blocks) != 1:
        return Ignored("it tells of no recipient, or of several")
    action, code = str(blocks[0]["Action"]).strip().lower(), str(blocks[0].get("Status", "")).strip().split(" ")[0]
    if action not in _ACTIONS or not _STATUS.fullmatch(code):
        return Ignored("it is not settled, or has no status")
    if action != "failed":
        return _with(said, _ACTIONS[action])
    text = str(blocks[0].get("Diagnostic-Code", ""))[:2_000]
    kind = bounced(code, text, lasting=code.startswith("5."))
    return _with(said, "failed", code=code, gone=kind is Bounced.HARD, soft=kind is Bounced.SOFT)


def _complaint(said: Status, parts: list[Message]) -> Status | Ignored:
    reports = [block for part in _of(parts, "message/feedback-report") for block in _blocks(part)]
    if len(reports) != 1 or str(reports[0].get("Feedback-Type", "")).strip().lower() != "abuse":
        return Ignored("it is no complaint")
    return _with(said, "complained", wants_out=True)


def _with(said: Status, status: str, **more: object) -> Status:
    return Status(said.provider_message_id, said.key, status, said.at, clamped=said.clamped, **more)  # type: ignore[arg-type]


def _message_of(config: ApiConfig, mail: Message, parts: list[Message]) -> tuple[str, MessageKey | None] | None:
    """The message that a report returns: by its headers, else by the address that the report went to (VERP)."""
    for headers in _returned(parts):
        found = _MESSAGE_ID.search(str(headers.get("Message-ID", "")))
        key = key_of(str(headers.get("X-Message-Key", "")).strip())
        if found is not None:
            return found.group(), key
    for name in ("To", "Delivered-To", "X-Original-To", "Envelope-To"):
        for _, address in getaddresses([str(value) for value in mail.get_all(name, [])[:4]]):
            if config.mail_domain and (returned := _RETURNED_TO.fullmatch(address)):
                return f"<{returned[1]}@{config.mail_domain}>", None
    return None


def _returned(parts: list[Message]) -> Iterator[Message]:
    for part in _of(parts, "text/rfc822-headers"):
        payload = part.get_payload(decode=True)
        yield HeaderParser().parsestr(payload.decode("ascii", "replace") if isinstance(payload, bytes) else "")
    for part in _of(parts, "message/rfc822"):
        yield from _blocks(part)


def _of(parts: list[Message], kind: str) -> list[Message]:
    return [part for part in parts if part.get_content_type() == kind]


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _date(mail: Message, now: datetime) -> datetime:
    try:
        return parsedate_to_datetime(str(mail["Date"]))
    except _HOSTILE:
        return now

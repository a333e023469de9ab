"""A letter as the sandbox shows it: its headers as a person reads them, and both forms of its text, however it is written."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from journeys.clock import Clock
from workers.sandbox.messages import Message, Provider


def letter_shown(provider: Provider, raw: bytes, recipient: str, clock: Clock, **more: str | None) -> Message:
    """A letter that a provider took; `more` are the message's fields that the letter does not say itself."""
    mail, real = message_from_bytes(raw, policy=policy.default), datetime.now(UTC)
    headers = [[_clean(name), _shown(name, value)] for name, value in mail.raw_items()]
    first = {name.lower(): value for name, value in reversed(headers)}
    told = {
        "provider_id": first.get("message-id", ""),
        "sender": first.get("from", ""),
        "key": first.get("x-message-key"),
        "title": first.get("subject", ""),
        "body": _part(mail, "plain") or "",
        "html": _part(mail, "html"),
        "link": first.get("list-unsubscribe"),
    }
    when = {"accepted_at": clock.business(real), "received_at": real}
    return Message.model_validate({"provider": provider, "to": recipient, "raw": {"headers": headers}, **when, **told, **more})


def _shown(name: str, value: str) -> str:
    """A header as a person reads it; one that the library cannot parse, as it came."""
    try:
        return _clean(str(policy.default.header_fetch_parse(name, value)))
    except Exception:  # noqa: BLE001 - malformed addresses and ids end in whatever its parser stumbles over
        return _clean(value)


def _part(mail: EmailMessage, subtype: str) -> str | None:
    """The text of one form of the mail; None if it has none, or none that can be found."""
    try:
        body = mail.get_body(preferencelist=(subtype,))
        return None if body is None else _clean(_content(body))
    except Exception:  # noqa: BLE001 - as for headers, which say where the parts are
        return None


def _content(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # an unknown charset: show what can be shown
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


def _clean(text: str) -> str:
    """The text without half surrogate pairs (undecodable bytes), which JSON cannot hold."""
    return text.encode(errors="replace").decode()

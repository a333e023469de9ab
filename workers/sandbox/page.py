"""The message page at `/`: what customers' phones and mailboxes show, newest first, refreshed as messages arrive.

Promise: whatever a message contains is shown as text; mail HTML runs in a sandboxed frame that may load images only.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import jinja2
from fastapi import APIRouter, HTTPException, Query, Response
from starlette.responses import HTMLResponse

from workers.sandbox.faults import FAULTS, Faults
from workers.sandbox.messages import Message, MessageLog, Provider

_PER_LANE = 60
_MAIL_POLICY = "sandbox; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; font-src data:"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src http: https: data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Sought = Annotated[str, Query(max_length=300, description="part of an address or of a message key")]


@dataclass(frozen=True)
class Lane:
    """One provider's column."""

    provider: Provider
    name: str
    empty: str
    total: int
    messages: list[Message]


_LANES = {
    Provider.FCM: ("Push", "Push notifications appear here as on the customer's lock screen, whoever carried them."),
    Provider.WHATSAPP: (
        "WhatsApp",
        "WhatsApp messages appear here as chat bubbles, with ticks for sent, delivered, read.",
    ),
    Provider.SMTP: ("Email", "Emails appear here with their HTML as a mailbox shows it, their text and their headers."),
    Provider.TWILIO: ("SMS", "Text messages sent through Twilio appear here, with the parts that carriers bill."),
    Provider.AWS_SMS: ("AWS SMS", "Text messages that went by AWS End User Messaging."),
    Provider.SES: ("Amazon SES", "Emails that went by the API of Amazon SES."),
    Provider.RESEND: ("Resend", "Emails that went by Resend's API."),
    Provider.WALLET: ("Wallet", "Passes that Google shows, and Apple's devices that were told to look."),
    Provider.SERVICES: ("Services", "What journeys told the company's services, or asked them, by signed calls."),
}
#: Providers whose messages look like those of another.
_LIKE = {Provider.APNS: Provider.FCM, Provider.WEB_PUSH: Provider.FCM}


def page(log: MessageLog, faults: Faults) -> APIRouter:
    """The page, its refreshed part, and the HTML of one mail."""
    router = APIRouter(include_in_schema=False)
    templates = _templates()

    @router.get("/")
    def index(q: Sought = "") -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        html = templates.get_template("page.html").render(_view(log, faults, q), nonce=nonce, known=FAULTS)
        return HTMLResponse(html, headers={"Content-Security-Policy": _PAGE_POLICY.format(nonce=nonce)})

    @router.get("/cards")
    def cards(q: Sought = "", seen: str = "") -> Response:
        """The lanes and the faults, unless nothing changed since `seen`."""
        if seen == _revision(log, faults):
            return Response(status_code=204)
        return HTMLResponse(templates.get_template("cards.html").render(_view(log, faults, q)))

    @router.get("/mail/{message_id}")
    def mail(message_id: str) -> HTMLResponse:
        """A mail's HTML, for the frame."""
        message = log.find(message_id)
        if message is None or message.html is None:
            raise HTTPException(404, "no such mail")
        return HTMLResponse(message.html, headers={"Content-Security-Policy": _MAIL_POLICY})

    return router


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("workers.sandbox", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = _clock
    environment.tests["web"] = lambda link: str(link).lower().startswith(("http://", "https://"))
    return environment


def _view(log: MessageLog, faults: Faults, sought: str) -> dict[str, Any]:
    revision = _revision(log, faults)  # first: what arrives meanwhile is shown by the next refresh
    stats = log.stats()
    return {
        "sought": sought,
        "revision": revision,
        "lanes": [_lane(log, provider, sought, stats.by_provider) for provider in _LANES],
        "total": stats.total,
        "duplicates": sum(count - 1 for count in stats.duplicates.values()),
        "forgotten": stats.forgotten,
        "armed": faults.armed(),
    }


def _lane(log: MessageLog, provider: Provider, sought: str, counted: Mapping[str, int]) -> Lane:
    name, empty = _LANES[provider]
    together = {provider} | {other for other, like in _LIKE.items() if like is provider}
    matching = (m for m in log.select() if m.provider in together and _matches(m, sought))
    total = sum(counted.get(each, 0) for each in together)
    return Lane(provider, name, empty, total, list(islice(matching, _PER_LANE)))


def _matches(message: Message, sought: str) -> bool:
    wanted = sought.strip().casefold()
    return wanted in message.to.casefold() or wanted in (message.key or "").casefold()


def _revision(log: MessageLog, faults: Faults) -> str:
    return f"{log.revision}.{faults.revision}.{faults.struck.total()}"


def _clock(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %H:%M:%S}"

"""Meta's error codes for WhatsApp, sorted by what has to happen next; a table to read beside Meta's own.

Promise: a code that a person has to repair (token, payment, account) keeps the message waiting rather than losing it.
Source: Meta, "Cloud API error codes". The same codes arrive in the answer and, later, in failed statuses by webhook.
"""

from datetime import timedelta
from typing import Any

import httpx

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import GATEWAY_DOUBT, body_of, retry_after

#: The number is not on WhatsApp, or its owner has not accepted the terms. A later inbound message revives the endpoint.
GONE = frozenset({131026})

#: The customer stopped marketing messages from this business in WhatsApp itself.
OPTED_OUT = frozenset({131050})

#: Too much or too busy; the same message may go later.
_BUSY = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 132069, 133004, 133016})

#: A person has to repair something; the message waits until its own deadline.
_REPAIR = {
    0: "access token invalid: JOURNEYS_WHATSAPP_TOKEN",
    3: "the app lacks the permission to send",
    10: "permission withdrawn from the app",
    33: "no such phone number: JOURNEYS_WHATSAPP_PHONE_NUMBER_ID",
    190: "access token expired: JOURNEYS_WHATSAPP_TOKEN",
    368: "account restricted for a policy violation",
    131005: "access denied",
    131031: "account locked",
    131037: "display name not approved",
    131042: "payment method missing or over its limit",
    131045: "phone number not registered",
    133010: "phone number not registered",
}

#: The limit of marketing per person.
_TO_THIS_PERSON = 131049
#: How long a limit that names its own time holds.
_PAUSES = {
    _TO_THIS_PERSON: timedelta(hours=24),  # "not again before 24 hours"
    132015: timedelta(hours=3),  # template paused for low quality; the first pause lasts three hours
}


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance."""
    error = body_of(answer).get("error")
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    if not isinstance(code, int):
        return _without_code(answer)
    detail = f"whatsapp {answer.status_code} code {code}"
    return _by_code(code, detail, answer) or _by_flag(error, detail, answer)


def _by_code(code: int, detail: str, answer: httpx.Response) -> ChannelError | None:
    if code in GONE:
        return EndpointGone(detail)
    if code in _PAUSES:
        return TryLater(detail, _PAUSES[code], theirs=code == _TO_THIS_PERSON)
    if code in _BUSY:
        return TryLater(detail, retry_after(answer))
    if code in _REPAIR or 200 <= code <= 299:  # noqa: PLR2004 - Meta's range of missing permissions
        return TryLater(f"{detail}: {_REPAIR.get(code, 'permission missing')}")
    return None


def _by_flag(error: dict[str, Any], detail: str, answer: httpx.Response) -> ChannelError:
    if error.get("is_transient") is True:
        return TryLater(detail, retry_after(answer))
    return _by_status(answer, detail)


def _without_code(answer: httpx.Response) -> ChannelError:
    detail = f"whatsapp {answer.status_code}"
    if answer.status_code in (401, 404):
        return TryLater(f"{detail}; check JOURNEYS_WHATSAPP_TOKEN and JOURNEYS_WHATSAPP_URL")
    return _by_status(answer, detail)


def _by_status(answer: httpx.Response, detail: str) -> ChannelError:
    status = answer.status_code
    if status in (408, 429, 500, 503):
        return TryLater(detail, retry_after(answer))
    if status < 400 or status in GATEWAY_DOUBT:  # noqa: PLR2004 - what began as a yes, and ends without the proof
        return Ambiguous(f"{detail}: no proof that it was accepted")
    return Refused(detail)

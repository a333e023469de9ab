"""Twilio's error codes for text messages, sorted by what has to happen next; a table to read beside Twilio's own.

Promise: a code that a person has to repair (credentials, sender, permission) keeps the message waiting rather than losing it,
and a number is called dead only where Twilio says that no text can ever reach it: 30003 (switched off, out of reach) passes.
Source: Twilio, "Error and Warning Dictionary". Codes from 30001 on arrive in status callbacks, the others in the answer.
"""

import httpx

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater, Unable
from activities.channels.http import GATEWAY_DOUBT, body_of, retry_after

#: The number is none, nobody has it, or it is a landline. A later inbound message revives the endpoint.
GONE = frozenset({21211, 21614, 21635, 30005, 30006})

#: The customer wrote STOP to our sender, and Twilio keeps to it.
OPTED_OUT = frozenset({21610})

#: It could not be reached this time.
SOFT = frozenset({30003})

#: There is no way from our sender to this number; from another one there may be.
_NO_WAY = frozenset({21612})

#: Too much or too busy; the same message may go later.
_BUSY = frozenset({14107, 20429, 20500, 20503, 21611, 30001, 30022})

#: A person has to repair something; the message waits until its own deadline.
_REPAIR = {
    20003: "credentials refused: JOURNEYS_TWILIO_ACCOUNT_SID, JOURNEYS_TWILIO_AUTH_TOKEN, JOURNEYS_TWILIO_API_KEY",
    20005: "account not active",
    20006: "access denied",
    20008: "test credentials: JOURNEYS_TWILIO_AUTH_TOKEN",
    20404: "no such account: JOURNEYS_TWILIO_ACCOUNT_SID, JOURNEYS_TWILIO_URL",
    21212: "not a sender: JOURNEYS_SMS_SENDERS",
    21408: "country not enabled in the account's geographic permissions",
    21601: "sender is no number of the account: JOURNEYS_SMS_SENDERS",
    21603: "no sender: JOURNEYS_SMS_SENDERS",
    21606: "sender cannot send messages: JOURNEYS_SMS_SENDERS",
    21608: "trial account: only verified numbers",
    21609: "status callback refused: JOURNEYS_PUBLIC_URL",
    21659: "sender is no number of the account: JOURNEYS_SMS_SENDERS",
    21660: "sender is of another account: JOURNEYS_SMS_SENDERS",
    21701: "no such messaging service: JOURNEYS_SMS_SENDERS",
    21703: "messaging service without senders: JOURNEYS_SMS_SENDERS",
}


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance."""
    code = body_of(answer).get("code")
    if not isinstance(code, int):
        return _by_status(answer, f"twilio {answer.status_code}")
    detail = f"twilio {answer.status_code} code {code}"
    if code in GONE:
        return EndpointGone(detail)
    if code in _NO_WAY:
        return Unable(detail)
    if code in _BUSY:
        return TryLater(detail, retry_after(answer))
    if code in _REPAIR:
        return TryLater(f"{detail}: {_REPAIR[code]}")
    return _by_status(answer, detail)


def _by_status(answer: httpx.Response, detail: str) -> ChannelError:
    status = answer.status_code
    if status in (401, 404):
        return TryLater(f"{detail}; check JOURNEYS_TWILIO_ACCOUNT_SID and JOURNEYS_TWILIO_URL")
    if status in (408, 429, 500, 503):
        return TryLater(detail, retry_after(answer))
    if status < 400 or status in GATEWAY_DOUBT:  # noqa: PLR2004 - what began as a yes, and ends without the proof
        return Ambiguous(f"{detail}: no proof that it was accepted")
    return Refused(detail)

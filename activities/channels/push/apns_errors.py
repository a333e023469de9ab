"""What APNs answers, sorted by what has to happen next.

Promise: a device token is only called dead when the settings cannot be what is wrong with it. With the other environment's
address, or another app's topic, every token would be refused, and no push would ever have been accepted.
Source: Apple's "Handling notification responses from APNs", with its table of reasons.
"""

from datetime import datetime, timedelta

import httpx

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import GATEWAY_DOUBT, body_of, retry_after
from activities.channels.instants import since_1970

#: Not valid any more, since a time that APNs tells.
_DEAD = frozenset({"Unregistered", "ExpiredToken"})
#: Dead, or the settings are for another environment or app.
_BAD = {"BadDeviceToken": "JOURNEYS_APNS_URL", "DeviceTokenNotForTopic": "JOURNEYS_APNS_TOPIC"}
_KEY = "JOURNEYS_APNS_KEY, JOURNEYS_APNS_KEY_ID and JOURNEYS_APNS_TEAM_ID"
#: What a person has to repair.
_SETTINGS = {
    "ExpiredProviderToken": f"this machine's clock, and {_KEY}",
    "InvalidProviderToken": _KEY,
    "MissingProviderToken": _KEY,
    "UnrelatedKeyIdInToken": _KEY,
    "BadEnvironmentKeyIdInToken": f"{_KEY}, and JOURNEYS_APNS_URL",
    "Forbidden": _KEY,
    "BadTopic": "JOURNEYS_APNS_TOPIC",
    "MissingTopic": "JOURNEYS_APNS_TOPIC",
    "TopicDisallowed": "JOURNEYS_APNS_TOPIC",
    "BadPath": "JOURNEYS_APNS_URL",
}
#: Certainly not accepted: how long to wait where APNs names no time.
_LATER = {408: None, 429: timedelta(minutes=1), 500: None, 503: None}


def proof(answer: httpx.Response, *, proved: bool) -> str:
    """The id under which APNs accepted a push; `proved`, whether it accepted one before.

    Raises:
        ChannelError: it did not.
    """
    given: str = answer.headers.get("apns-id", "")
    if answer.status_code == httpx.codes.OK and given:
        return given
    raise refusal(answer, proved=proved)


def refusal(answer: httpx.Response, *, proved: bool) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance."""
    status, reason = answer.status_code, _reason(answer)
    detail = f"apns {status} {reason}".rstrip()
    if reason in _DEAD:
        return EndpointGone(detail, since=dead_since(answer))
    if reason in _BAD:
        return EndpointGone(detail) if proved else TryLater(f"{detail}; check {_BAD[reason]}: no push was accepted yet")
    if reason in _SETTINGS:
        return TryLater(f"{detail}; check {_SETTINGS[reason]}")
    if status in _LATER:
        return TryLater(detail, retry_after(answer) or _LATER[status])
    if status < 400 or status in GATEWAY_DOUBT:  # noqa: PLR2004 - what began as a yes, and ends without the proof
        return Ambiguous(f"{detail}: no proof that it was accepted")
    return Refused(detail)


def _reason(answer: httpx.Response) -> str:
    return str(body_of(answer).get("reason", ""))[:64]


def dead_since(answer: httpx.Response) -> datetime | None:
    """Since when a token is dead, in real time; APNs tells milliseconds."""
    told = body_of(answer).get("timestamp")
    return since_1970(told, per_second=1000) if isinstance(told, int) else None

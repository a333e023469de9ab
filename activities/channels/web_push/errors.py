"""What push services answer, sorted by what has to happen next.

Promise: 404 and 410 remove a subscription. One that refuses our key is only called dead after its service took a message: with
a wrong key in the settings every one would refuse.
Sources: RFC 8030 (5, 7.3, 8.4), RFC 8292 (4.2).
"""

from datetime import timedelta

import httpx

from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import GATEWAY_DOUBT, retry_after

#: A service's proof that it took a message: it is created, or will be pushed before its receipt is.
TAKEN = (201, 202)
_GONE = (404, 410)
_UNKNOWN_TO_IT = (401, 403)
#: Certainly not accepted: how long to wait where the service names no time.
_LATER = {408: None, 429: timedelta(minutes=1), 500: None, 503: None}


def refusal(answer: httpx.Response, *, proved: bool) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance; `proved`: the service has taken a message before."""
    status = answer.status_code
    detail = f"web-push {status}"
    if status in _GONE:
        return EndpointGone(detail)
    if status in _UNKNOWN_TO_IT:
        told = f"{detail}; check JOURNEYS_WEB_PUSH_KEY and JOURNEYS_WEB_PUSH_CONTACT: nothing was accepted yet"
        return EndpointGone(detail) if proved else TryLater(told)
    if status in _LATER:
        return TryLater(detail, retry_after(answer) or _LATER[status])
    if answer.is_redirect:
        return Refused(f"{detail}: redirects are not followed")
    if status < 400 or status in GATEWAY_DOUBT:  # noqa: PLR2004 - what began as a yes, and ends without the proof
        return Ambiguous(f"{detail}: no proof that it was accepted")
    return Refused(detail)

"""One notification as one signed POST, and what its answer means.

Promise: the same id and the same body however often it is posted, so that a receiver who saw it knows it. Bodies hold ids,
names of the catalogue, reasons and instants; a user id only where the receiver is to have it. Source: Standard Webhooks 1.0.0.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import orjson

from activities.channels.errors import ChannelError
from activities.channels.http import post, retry_after
from activities.web.signing import signed
from store.subscriptions import Due

#: How long a receiver has to answer: the standard gives them 15 to 30 s.
PATIENT = timedelta(seconds=20)
_GONE = 410
_LONGEST = 200  # letters of what is kept of an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of posting: taken or not; `later`: what the receiver asks to be waited; `gone`: it wants nothing any more."""

    taken: bool
    status: int | None
    detail: str
    later: timedelta | None = None
    gone: bool = False


def id_of(subscription: UUID, number: int) -> str:
    """The id of a notification, by which a receiver knows it again."""
    return f"msg_{subscription.hex}_{number}"


def body_of(due: Due) -> bytes:
    """The body: Standard Webhooks' `type`, `timestamp` (of what happened) and `data`."""
    customer = {} if due.profile_id is None else {"customer_id": str(due.profile_id)}
    named = {} if due.user_id is None else {"user_id": due.user_id}
    at = due.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"type": due.type, "timestamp": at, "data": customer | named | due.about})


async def tell(http: httpx.AsyncClient, url: str, keys: Sequence[bytes], subscription: UUID, due: Due) -> Answer:
    """Post it once; whatever goes wrong is an answer, too."""
    id_, body = id_of(subscription, due.id), body_of(due)
    headers = {"content-type": "application/json", **signed(keys, id_, datetime.now(UTC), body)}
    try:
        async with asyncio.timeout(PATIENT.total_seconds()):
            answer = await post(http, "receiver", url, body, headers)
    except TimeoutError:
        return Answer(False, None, f"no answer within {PATIENT.total_seconds():g} s")
    except ChannelError as error:
        return Answer(False, None, str(error)[:_LONGEST])
    if answer.is_success:
        return Answer(True, answer.status_code, "")
    return Answer(
        False, answer.status_code, f"it answers {answer.status_code}", retry_after(answer), answer.status_code == _GONE
    )

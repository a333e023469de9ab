"""One HTTP request to a provider, with every way in which it can fail sorted by whether it may have been accepted.

Promise: what failed before the request was written is `TryLater`; what failed after is `Ambiguous`.
"""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from activities.channels.errors import Ambiguous, ChannelError, Refused, TryLater

#: Answers by a gateway that do not say whether the provider behind it took the message.
GATEWAY_DOUBT = (502, 504)

_NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


async def post_json(
    http: httpx.AsyncClient, provider: str, url: str, payload: Mapping[str, Any], headers: Mapping[str, str]
) -> httpx.Response:
    """Post JSON and return whatever was answered.

    Raises:
        TryLater: there was no connection, or the provider lives at another address.
        Ambiguous: the request was written, at least in part, and no answer came.
        Refused: the request cannot be written at all (a malformed address or header in the settings).
    """
    content = orjson.dumps(payload)
    try:
        answer = await http.post(url, content=content, headers={**headers, "content-type": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise broken(provider, error) from None
    if answer.is_redirect:
        raise TryLater(f"{provider} {answer.status_code}: sent elsewhere; check the provider's address in the settings")
    return answer


def broken(provider: str, error: Exception) -> ChannelError:
    """The channel's error for a request that got no answer."""
    name = f"{provider} {type(error).__name__}"
    if isinstance(error, _NOT_WRITTEN):
        return TryLater(f"{name}: no connection")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Refused(f"{name}: the provider's address or credentials in the settings are malformed")
    return Ambiguous(f"{name}: no answer after the request was written")


def retry_after(response: httpx.Response) -> timedelta | None:
    """The `Retry-After` of an answer, as real time: seconds, or a date less the answer's own (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 86_400 * 7))
    try:
        span = parsedate_to_datetime(value) - parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(span, timedelta(0))


def body_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer, or an empty one."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}

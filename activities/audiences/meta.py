"""A custom audience at Meta: people are added and removed by hashes, up to 10,000 in a request.

Promise: what is sent are SHA-256 hashes and nothing else; the token goes in a header. A limit of Meta's is waited for as long
as it says. Source: Meta, Marketing API, "Custom Audience Users" (POST and DELETE `/{audience}/users`: `schema`, `data`,
`session`), "Rate limiting" and "Error handling". Nobody here has an account there: it is tried with a receiver written by these
pages alone.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from activities.audiences.destinations import Batch, CannotTell, Setting, setting
from activities.audiences.passing import value
from activities.channels.errors import ChannelError
from activities.channels.http import body_of, delete, post, retry_after
from journeys.audiences.audience import MetaAudience

_KEYS = {"user_id": "EXTERN_ID", "email": "EMAIL", "phone": "PHONE"}
#: Codes of limits: of the app, of a user, of an account, of custom audiences.
_BUSY = frozenset({4, 17, 32, 613, 80003})
#: What somebody has to repair.
_REPAIR = {
    10: "the app lacks the permission ads_management",
    100: "Meta does not take it: is this audience one of customers' lists, and not restricted?",
    102: "the access token is invalid",
    190: "the access token is invalid or expired",
    200: "the token's user may not manage this audience, or its terms are not accepted",
    2650: "the audience is being changed there",
}
_USAGE = "x-business-use-case-usage"


@dataclass(frozen=True)
class MetaUsers:
    """One, opened; `graph` is the address of the Graph API with its version."""

    declared: MetaAudience
    graph: str
    token: str = field(repr=False)
    http: httpx.AsyncClient
    whole: bool = False

    @classmethod
    def opened(cls, declared: MetaAudience, settings: Setting, http: httpx.AsyncClient, graph: str) -> "MetaUsers":
        """With what its setting holds.

        Raises:
            CannotTell: it is not set.
        """
        return cls(declared, graph, setting(settings, declared.token), http)

    async def add(self, batch: Batch) -> int:
        """Add them; how many entries it could not read. One request is a whole session."""
        session = {
            "session_id": secrets.randbelow(2**53 - 1) + 1,
            "batch_seq": 1,
            "last_batch_flag": True,
            "estimated_num_total": len(batch.entries),
        }
        return await self._ask(post, batch, session=orjson.dumps(session))

    async def remove(self, batch: Batch) -> int:
        """Remove them; how many entries it could not read."""
        return await self._ask(delete, batch)

    async def again(self, pages: AsyncIterator[Batch]) -> int:
        """Tell it everybody again, batch by batch; how many entries it could not read."""
        return sum([await self.add(batch) async for batch in pages if batch.entries])

    async def _ask(self, ask: Any, batch: Batch, **more: bytes) -> int:
        data = [[value(each.ids, kind) for kind in self.declared.by] for each in batch.entries]
        payload = orjson.dumps({"schema": [_KEYS[kind] for kind in self.declared.by], "data": data})
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/x-www-form-urlencoded"}
        url = f"{self.graph}/{self.declared.audience}/users"
        try:
            answer = await ask(self.http, "meta", url, urlencode({"payload": payload, **more}).encode(), headers)
        except ChannelError as error:
            raise CannotTell(error.detail) from None
        return self._taken(answer, len(data))

    def _taken(self, answer: httpx.Response, sent: int) -> int:
        told = body_of(answer)
        if not answer.is_success or "num_received" not in told:
            raise self._refusal(answer, told)
        if told["num_received"] != sent:
            raise CannotTell(f"meta received {told['num_received']} of {sent} entries")
        refused = told.get("num_invalid_entries")
        return refused if isinstance(refused, int) else 0

    def _refusal(self, answer: httpx.Response, told: dict[str, Any]) -> CannotTell:
        error = told.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        detail = f"meta {answer.status_code}" + (f" code {code}" if isinstance(code, int) else "")
        if code in _BUSY:
            return CannotTell(f"{detail}: too many calls", retry_after(answer) or _regained(answer))
        why = f": {_REPAIR[code]} ({self.declared.token})" if code in _REPAIR else ""
        return CannotTell(detail + why, retry_after(answer))


def _regained(answer: httpx.Response) -> timedelta | None:
    """When calls are taken again, as the header of business use cases says, in minutes."""
    try:
        usage = orjson.loads(answer.headers.get(_USAGE, "{}"))
        minutes = max(each["estimated_time_to_regain_access"] for some in usage.values() for each in some)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return timedelta(minutes=minutes) if isinstance(minutes, int) and minutes > 0 else None

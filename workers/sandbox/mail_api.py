"""What the sandbox's HTTP providers of email have in common: how a fault strikes before and after a letter is taken.

Promise: a letter that was taken is shown; one that met a fault before that is not.
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from workers.sandbox.connections import cut_off, hang_up
from workers.sandbox.faults import UNANSWERED, FaultRule

_FRONT_END_PAGE = "<!DOCTYPE html><html lang=en><title>Error</title><p>Sorry, something went wrong."


async def struck(request: Request, rule: FaultRule | None, refusal: Callable[[FaultRule], Response | None]) -> Response | None:
    """The answer of a fault that strikes before acceptance."""
    if rule is None:
        return None
    if rule.fault == "drop_before_accept":
        return await hang_up(request, rule.hold_seconds)
    if rule.fault in ("502", "html"):
        return HTMLResponse(_FRONT_END_PAGE, 502 if rule.fault == "502" else 200)
    return refusal(rule)


async def answered(request: Request, rule: FaultRule | None, answer: Response) -> Response:
    """The answer to a letter that was taken, or none where the fault keeps it."""
    if rule is not None and rule.fault in UNANSWERED:
        return await cut_off(request, rule.fault, rule.hold_seconds)
    await asyncio.sleep(rule.hold_seconds if rule and rule.fault == "slow" else 0)
    return answer


def waits(rule: FaultRule) -> dict[str, str]:
    """The headers that ask for a wait, where the rule does."""
    return {} if rule.retry_after is None else {"retry-after": str(rule.retry_after)}

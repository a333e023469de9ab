"""What a service is told, and what it may answer.

Promise: a service is told who it is about, and of them what its declaration names, nothing else; of an answer only the declared
fields are kept, and a fault in it is told by field and kind, never by value.
"""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from activities.channels.errors import Ambiguous, Refused
from activities.channels.http import broke_off
from journeys.actions import Call
from journeys.entering import UnlikeDeclared, read
from journeys.services import Service, told_of
from store.runs.calls import CallFacts

#: The longest answer to a fetch, in bytes.
LONGEST = 64 * 1024


class Unlike(Refused):
    """An answer that is not what the service declares."""


def body_of(call: Call, service: Service[Any], facts: CallFacts) -> bytes:
    """The body of a call: Standard Webhooks' `type`, `timestamp` and `data`."""
    params = facts.params | call.params
    customer = {**facts.traits, "user_id": facts.user_id} if facts.user_id else facts.traits
    known = {"customer": customer, "entry": facts.entry, "params": params, "fetched": facts.fetched, "reply": facts.reply}
    about = {"user_id": facts.user_id} if facts.user_id else {"anonymous_id": facts.anonymous_id}
    data: dict[str, Any] = {"journey": facts.journey, "run_id": str(call.run_id), **about}
    if call.params:
        data["params"] = dict(call.params)
    for path in service.sends:
        _put(data, path, told_of(known, path))
    return orjson.dumps({"type": call.event, "timestamp": call.at.isoformat().replace("+00:00", "Z"), "data": data})


def answer_of(service: Service[Any], answer: httpx.Response) -> dict[str, Any]:
    """The declared fields of an answer.

    Raises:
        Unlike: it is not JSON, too long, or of another shape.
        Ambiguous: it was cut short on the way.
    """
    if broke_off(answer):
        raise Ambiguous(f"{service.name}: its answer breaks off")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Unlike(f"{service.name} answers {kind or 'without a type'}, not application/json")
    if len(answer.content) > LONGEST:
        raise Unlike(f"{service.name} answers more than {LONGEST:,} bytes")
    try:
        plain = orjson.loads(answer.content)
        found = read(service.model, plain) if service.model and isinstance(plain, dict) else None
    except orjson.JSONDecodeError:
        found = None
    except UnlikeDeclared as unlike:
        raise Unlike(f"{service.name} answers unlike what it declares: {unlike}") from None
    if found is None:
        raise Unlike(f"{service.name} answers no JSON object")
    return found


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    inner = data
    for name in above:
        inner = inner.setdefault(name, {})
    if isinstance(inner, Mapping):
        inner[last] = value

"""Services that are functions of the company's own code, in the worker's process: told what a service is told, heard as one.

Promise: a function gets no more of a customer than its declaration names, has as long as a service has, and its answer passes
the same declaration; what it raises is told by its kind, never by its words, which may be the customer's.
"""

from collections.abc import Awaitable, Callable, Mapping
from pkgutil import resolve_name
from typing import Any

import httpx
import orjson
from pydantic import BaseModel

from activities.channels.errors import TryLater
from journeys.services import Service

#: Takes what the service is told, and gives its answer: as its model, as JSON, or, of a model with one field, that alone.
Function = Callable[[Mapping[str, Any]], Awaitable[Any]]


async def answer(service: Service[Any], body: bytes) -> httpx.Response:
    """What a function answers, as if a service had.

    Raises:
        TryLater: there is no such function here, or it raised something.
    """
    function = _function(service)
    try:
        found = await function(orjson.loads(body)["data"])
    except Exception as error:  # noqa: BLE001 - an author's function may raise anything
        raise TryLater(f"{service.name}: its function raised {type(error).__name__}") from None
    return httpx.Response(200, headers={"content-type": "application/json"}, content=orjson.dumps(_plain(service, found)))


def _function(service: Service[Any]) -> Function:
    try:
        found: Function = resolve_name(str(service.function))
    except (ImportError, AttributeError, ValueError) as error:
        raise TryLater(f"{service.name}: there is no {service.function} here ({type(error).__name__}); install it") from None
    return found


def _plain(service: Service[Any], found: Any) -> Any:
    if isinstance(found, BaseModel):
        return found.model_dump(mode="json", by_alias=True)
    fields = list(service.model.model_fields) if service.model else []
    return found if isinstance(found, Mapping) or len(fields) != 1 else {fields[0]: found}

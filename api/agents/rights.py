"""Which calls a key may make: read from what each route asks for, so that no second table of rights can differ from it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.auth import May, Of
from api.tokens.tokens import Subject, scope_of
from store.keys import Caller, Right


def asked_by(routers: Iterable[APIRouter]) -> dict[str, May]:
    """What each call asks of its caller, as `GET /v1/journeys`; those by which events are sent, and open ones, are left out."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    asked = ((route, _strictest(route)) for route in routes)
    return {f"{method} {route.path_format}": asks for route, asks in asked if asks for method in sorted(route.methods or ())}


def calls_of(caller: Caller, asked: Mapping[str, May]) -> list[str]:
    """Every call that this key is not refused by what it is."""
    return [call for call, asks in asked.items() if _may(caller, asks)]


def by_more_scope(caller: Subject, asked: Mapping[str, May]) -> dict[str, str]:
    """Calls that they may not make with this token, and could with one of these scopes beside its own."""
    lacking = {call: caller.beyond & set(asks.rights) for call, asks in asked.items()}
    could = (call for call in calls_of(caller.whole, asked) if lacking[call])
    return {call: " ".join(sorted(map(scope_of, lacking[call]))) for call in could}


def _may(caller: Caller, asks: May) -> bool:
    enough = caller.may(asks.right) and (not asks.personal or caller.personal)
    return enough and (not caller.journeys or asks.of is not Of.EVERYTHING)


def _strictest(route: APIRoute) -> May | None:
    """A router may ask, too."""
    found = [each for each in _within(route.dependant) if isinstance(each, May) and each.right is not Right.SEND]
    return max(found, key=lambda each: (each.does, each.personal), default=None)


def _within(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _within(each)

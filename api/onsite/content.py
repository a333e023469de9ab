"""Content in places of a page or an app, over HTTP: what suits the visitor of this moment, and what they did with it.

Promise: an unsigned visitor gets only what their own device's id did, and no personal value. What is told of content is stored
like any event of theirs, once each; who was shown an arm of an experiment counts as exposed from then on.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities.channels.sealed import InvalidToken
from api.auth import may, schemes
from api.body import read_body
from api.ingest.arrival import Arrival
from api.ingest.routes import Ingest
from api.ingest.spec import read_item
from api.onsite.choosing import Chosen, choose
from api.onsite.models import ContentOut, Told
from api.onsite.shown import read_token, token_of
from api.onsite.visitor import Device, Signature, User, Visitor, visitor_of
from api.problems import Problem, responses
from api.state import Config, Db
from segments.language.events import CONTENT_CLICKED, CONTENT_DISMISSED, CONTENT_SHOWN
from store.customers.visits import expose
from store.keys import Right

_EVENTS = {Told.SEEN: CONTENT_SHOWN, Told.CLICKED: CONTENT_CLICKED, Told.DISMISSED: CONTENT_DISMISSED}
_MOST_PLACES = 10
_LONGEST_BODY = 16 * 1024

router = APIRouter(prefix="/v1/content", tags=["content"], dependencies=[*schemes(), may(Right.SEND)])


class PlacedOut(ContentOut):
    """What is shown in a place; `token` goes along with what is told of it."""

    token: str


class PlacesOut(BaseModel):
    """By place; null where nothing is for this visitor."""

    places: dict[str, PlacedOut | None]


class TellIn(BaseModel):
    """What was shown, and which of its links was clicked."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=8192)
    action: int | None = Field(default=None, ge=0, le=9)


@router.get("", operation_id="get_content", responses=responses(401, 403, 404, 422, 503))
async def content(
    request: Request,
    config: Config,
    database: Db,
    place: Annotated[list[str], Query(description="by its name in the catalogue; several at once", max_length=_MOST_PLACES)],
    user: User = None,
    signature: Signature = None,
    device: Device = None,
) -> PlacesOut:
    """What these places show the visitor now. Without a signed user, only what the visitor's own device did counts."""
    visitor = await visitor_of(request, user, signature, device)
    places = [config.places.get(each) for each in place]
    if None in places or config.render is None:
        unknown = next((name for name, found in zip(place, places, strict=True) if found is None), place[0])
        raise Problem(404, f"the catalogue has no place '{unknown[:100]}'", code="unknown-place")
    now, shown = config.clock.now(), dict[str, PlacedOut | None]()
    async with database.pool.acquire() as connection:
        for each in places:
            assert each is not None
            chosen = await choose(connection, each, visitor, config.render, now)
            token = chosen and token_of(config.secret, each.name, chosen, _named(visitor), now)
            shown[each.name] = _placed(chosen, token) if chosen and token else None
    return PlacesOut(places=shown)


_ERRORS = responses(401, 403, 404, 413, 422, 503)


@router.post("/{what}", operation_id="tell_content", status_code=204, responses=_ERRORS, openapi_extra={
    "requestBody": {"required": True, "content": {"application/json": {"schema": TellIn.model_json_schema()}}}
})  # fmt: skip
async def tell(
    request: Request, what: Told, config: Config, database: Db, user: User = None, signature: Signature = None,
    device: Device = None,
) -> None:  # fmt: skip
    """The visitor has seen content, clicked one of its links, or put it away: an event of theirs."""
    body = _read(await read_body(request, _LONGEST_BODY))
    visitor = await visitor_of(request, user, signature, device)
    named = _named(visitor)
    if named is None:
        raise Problem(422, "nobody is named; send Journeys-Visitor, or a signed Journeys-User", code="invalid-request")
    try:
        told = read_token(config.secret, body.token, named, config.former_secrets)
    except InvalidToken:
        raise Problem(404, "this is no content that was shown to this visitor", code="unknown-content") from None
    template, experiment, share = told["shown"]
    await _keep(request, visitor, _event(told, what, body.action))
    if experiment is not None and what is Told.SEEN:
        async with database.transaction() as connection:
            await expose(connection, named, experiment, template, share, config.clock.now())


async def _keep(request: Request, visitor: Visitor, event: Mapping[str, Any]) -> None:
    ingest: Ingest = request.app.state.ingest
    arrival = Arrival("content", ingest.config.clock.now(), ingest.config.default_region, request.headers.get("traceparent"))
    who = {"userId": visitor.user_id} if visitor.user_id is not None else {"anonymousId": visitor.anonymous_id}
    await ingest.keep([read_item({**event, **who}, arrival, "track")], (), arrival)


def _event(told: Mapping[str, Any], what: Told, action: int | None) -> dict[str, Any]:
    template, experiment, _ = told["shown"]
    links = told["links"]
    link = links[action] if what is Told.CLICKED and action is not None and action < len(links) else None
    properties = {"place": told["place"], "content": template}
    properties |= ({"arms": {experiment: template}} if experiment else {}) | ({"link": link} if link else {})
    return {"event": _EVENTS[what], "messageId": f"content:{told['id']}:{what.value}", "properties": properties}


def _placed(chosen: Chosen, token: str) -> PlacedOut:
    return PlacedOut(token=token, **chosen.content.model_dump(exclude={"lives"}))


def _named(visitor: Visitor) -> tuple[str, str] | None:
    if visitor.user_id is not None:
        return "user_id", visitor.user_id
    return ("anonymous_id", visitor.anonymous_id) if visitor.anonymous_id is not None else None


def _read(raw: bytes) -> TellIn:
    try:
        return TellIn.model_validate_json(raw)
    except ValidationError as error:
        raise Problem(422, f"the body cannot be read: {error.errors()[0]['msg']}", code="invalid-request") from None

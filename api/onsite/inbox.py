"""The inbox inside the app, over HTTP: what it shows, as it changes, and what its owner did with a message.

Promise: for the user alone whose id the shop has signed. What they did comes back like news from any provider: as events of the
run and step, once each, however often it is told.
"""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from activities.channels.feedback import Status
from activities.channels.in_app.inbox import id_of
from activities.channels.kinds import KINDS
from api.auth import allow, may, schemes
from api.onsite.looking import inboxes
from api.onsite.models import InboxOut, Told
from api.onsite.streams import Streams
from api.onsite.visitor import Signature, User, user_of
from api.problems import Problem, responses
from api.state import Config, Db, Store
from api.webhooks.notices import Notices
from store.deliveries.inbox import of_customer, told
from store.keys import Right
from store.lists import resolve

#: What each means: who clicks has seen it, and so has who puts it away.
_MEANS = {
    Told.SEEN: ("delivered", "read"),
    Told.CLICKED: ("delivered", "read", "clicked"),
    Told.DISMISSED: ("delivered", "read", "closed"),
}
_STREAM = {
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
    "description": "`inbox` events, each the whole inbox",
}

router = APIRouter(prefix="/v1/inbox", tags=["inbox"], dependencies=[*schemes(), may(Right.SEND)])


@router.get("", operation_id="get_inbox", responses=responses(401, 403, 422, 503))
async def inbox(request: Request, config: Config, database: Db, user: User = None, signature: Signature = None) -> InboxOut:
    """What the user's inbox shows now: not what has expired, was put away, or whose goal is reached."""
    user_id = await user_of(request, user, signature)
    return InboxOut.of((await inboxes(database, [user_id], config.clock.now()))[user_id])


@router.get(
    "/stream",
    operation_id="stream_inbox",
    response_class=StreamingResponse,
    responses={200: _STREAM, **responses(401, 403, 422, 429, 503)},
)
async def stream(
    request: Request,
    user: User = None,
    signature: Signature = None,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=64, description="of the last event seen")] = "",
) -> Response:
    """The inbox whenever it has changed, as server-sent events; a stream ends after ten minutes, and is to be opened again."""
    user_id = await user_of(request, user, signature)
    streams: Streams = request.app.state.streams

    async def still_allowed() -> None:
        await allow(request, Right.SEND)

    return streams.answer(user_id, last_event_id, still_allowed)


@router.post("/{id_}/{what}", operation_id="tell_inbox", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def tell(
    request: Request,
    id_: Annotated[UUID, Path(alias="id_", description="the message's")],
    what: Told,
    config: Config,
    database: Db,
    user: User = None,
    signature: Signature = None,
    action: Annotated[int | None, Query(ge=0, le=9, description="which of its links was clicked, from 0 on")] = None,
) -> None:
    """The user has seen a message, clicked one of its links, or put it away for good. The body is not read."""
    user_id, now = await user_of(request, user, signature), config.clock.now()
    async with database.transaction() as connection:
        [profile] = await resolve(connection, [("user_id", user_id)])
        found = await of_customer(connection, id_, profile) if profile else None
        if found is None:
            raise Problem(404, "this user has no such message", code="unknown-message")
        key, content = found
        links = [each["link"] for each in content.get("actions", ())]
        link = links[action] if action is not None and action < len(links) else None
        name = id_of(f"{key.run_id}/{key.step}/{key.occurrence}")
        news = [Status(name, key, each, now, link=link if each == "clicked" else None, machine=None) for each in _MEANS[what]]
        await told(connection, id_, what.value, now)
        await Notices(KINDS["in_app"], config, connection, request.headers.get("traceparent")).take(news)


def streams_of(config: Config, store: Store) -> Streams:
    """The streams of an app."""

    async def look(users: Sequence[str]) -> dict[str, InboxOut]:
        found = await inboxes(await store.open(), users, config.clock.now())
        return {user: InboxOut.of(shown) for user, shown in found.items()}

    return Streams(look, config.inbox_streams)

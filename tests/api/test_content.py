"""Content in places over HTTP (CH-10): which rule fits whom, what an unsigned visitor gets, and what comes back."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from uuid_utils.compat import uuid7

from activities.channels import InAppContent
from activities.channels.message import Button
from journeys import Place, Show, bucket, did, reachable, trait
from journeys.entry import lot
from store import Database
from tests.api.test_inbox import Web, opened

HALF = {"plain": 0.5, "film": 0.5}
PLACES = [
    Place(
        "hero",
        Show("your-cart", running="cart_abandonment", after="push:cart-reminder", before="email:cart-alternatives"),
        Show("gold", when=trait("tier") == "gold"),
        Show("by-name", when=did("Named")),
        Show(experiment="look", arms=HALF, when=did("Page Viewed").at_least(3)),
        Show("new", when=~did("Page Viewed").at_least(2)),
        Show("back"),
    ),
    Place("reach", Show("reachable", when=reachable("email")), Show("lucky", when=bucket(50, salt="half")), Show("unlucky")),
    Place("nothing", Show("seen-often", when=did("Page Viewed").at_least(99))),
]


def render(name: str, traits: Mapping[str, Any], language: str | None) -> InAppContent | None:
    """A template that needs the name of its reader, and others that do not."""
    if name == "by-name" and "firstName" not in traits:
        return None
    who = f" for {traits['firstName']}" if "firstName" in traits else ""
    who += f" in {language}" if language else ""
    actions = (Button(title="See it", link=f"https://shop.example/{name}"),)
    return InAppContent(title=f"{name}{who}", body="b", actions=actions, placement="inline")


@pytest.fixture
async def web(dsn: str, database: Database) -> AsyncIterator[Web]:
    async with opened(dsn, database, places={each.name: each for each in PLACES}, render=render) as web:
        yield web


def of_visitor(web: Web, device: str = "d-1") -> dict[str, str]:
    return {"Authorization": web.headers()["Authorization"], "Journeys-Visitor": device}


async def asked(web: Web, place: str = "hero", **headers: str) -> dict[str, Any] | None:
    answer = await web.http.get("/v1/content", params={"place": place}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] | None = answer.json()["places"][place]
    return found


async def title(web: Web, place: str = "hero", **headers: str) -> str | None:
    found = await asked(web, place, **headers)
    return found and found["title"]


async def tell(web: Web, what: str, token: str, headers: dict[str, str], **more: Any) -> int:
    return (await web.http.post(f"/v1/content/{what}", json={"token": token, **more}, headers=headers)).status_code


async def send(web: Web, call: str = "track", *, signed: bool = False, **body: Any) -> None:
    """A page's call; or one with a signed user."""
    context = {"identity": {"signature": web.headers(body["userId"])["Journeys-Signature"]}} if signed else {}
    body = {"messageId": str(uuid4()), "context": context, **body}
    answer = await web.http.post(f"/v1/{call}", json=body, auth=(web.key, ""))
    assert answer.status_code == 200, answer.text


async def views(web: Web, times: int, **who: str) -> None:
    for _ in range(times):
        await send(web, "page", **who)


async def test_a_new_visitor_sees_something_else_than_one_who_comes_back(web: Web) -> None:
    """SEG-39."""
    assert await title(web, **of_visitor(web)) == "new", "nobody knows this device yet"
    await views(web, 1, anonymousId="d-1")
    assert await title(web, **of_visitor(web)) == "new"
    await views(web, 1, anonymousId="d-1")
    assert await title(web, **of_visitor(web)) == "back"
    assert await title(web, **of_visitor(web, "d-2")) == "new"
    assert await asked(web, "nothing", **of_visitor(web)) is None


async def test_an_unsigned_visitor_gets_nothing_that_is_the_user_s(web: Web) -> None:
    await send(web, "identify", signed=True, userId="ana", anonymousId="d-1", traits={"tier": "gold", "firstName": "Ana"})
    await send(web, signed=True, userId="ana", anonymousId="d-1", event="Named")
    await views(web, 5, userId="ana", anonymousId="d-1")
    assert await title(web, **web.headers("ana")) == "gold for Ana"
    assert await title(web, **of_visitor(web)) == "new", "neither the tier, nor what was done while signed in, nor the name"
    await views(web, 2, anonymousId="d-1")
    assert await title(web, **of_visitor(web)) == "back", "what the device did by itself"
    await send(web, anonymousId="d-1", event="Named")
    assert await title(web, **of_visitor(web)) == "back", "a template that needs a name is passed over"
    unsigned = of_visitor(web) | {"Journeys-User": "ana"}
    answer = await web.http.get("/v1/content", params={"place": "hero"}, headers=unsigned)
    assert (answer.status_code, answer.json()["code"]) == (403, "unsigned-identity")


async def test_the_text_is_in_the_language_of_a_signed_users_device(web: Web) -> None:
    await send(web, "identify", signed=True, userId="ana", traits={"firstName": "Ana"})
    told = {"locale": "es-ES", "identity": {"signature": web.headers("ana")["Journeys-Signature"]}}
    await send(web, userId="ana", anonymousId="d-1", event="Named", context=told)
    assert await title(web, **web.headers("ana")) == "by-name for Ana in es-ES"
    assert await title(web, **of_visitor(web)) == "new", "of a stranger nothing is known"


async def test_the_text_is_rendered_with_what_is_known_of_a_signed_user(web: Web) -> None:
    await send(web, "identify", signed=True, userId="ana", traits={"firstName": "Ana"})
    await send(web, signed=True, userId="ana", event="Named")
    assert await title(web, **web.headers("ana")) == "by-name for Ana"
    assert await title(web, **web.headers("eve")) == "new", "who has not been heard of"


async def in_cart_journey(web: Web, user: str, *steps: str) -> UUID:
    """Somebody in the cart's journey, which has sent these."""
    await send(web, signed=True, userId=user, event="Product Added")
    pool, run, now = web.database.pool, uuid7(), datetime.now(UTC)
    profile = await pool.fetchval("select profile_id from identity where value = $1", user)
    await pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'cart_abandonment', $2, 'api', $3, $4, $3)", run, profile, now, str(run),
    )  # fmt: skip
    for step in steps:
        await pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at, state,"
            " claimed_at, settled_at) values ($1, $4, 1, $2, 'cart_abandonment', 'push', 'marketing', 'x', $3, 'sent', $3, $3)",
            run, profile, now, step,
        )  # fmt: skip
    return run


async def test_who_is_between_two_steps_of_a_journey_sees_what_goes_with_it(web: Web) -> None:
    await in_cart_journey(web, "before")
    await in_cart_journey(web, "after", "push:cart-reminder", "email:cart-alternatives")
    run = await in_cart_journey(web, "ana", "push:cart-reminder")
    assert await title(web, **web.headers("before")) == "new"
    assert await title(web, **web.headers("after")) == "new"
    assert await title(web, **web.headers("ana")) == "your-cart"
    await web.database.pool.execute("update run set exit_reason = 'goal reached', exit_at = now() where id = $1", run)
    assert await title(web, **web.headers("ana")) == "new", "the run is over"


async def test_an_arm_is_kept_from_the_first_time_that_it_was_seen(web: Web) -> None:
    await views(web, 3, anonymousId="d-1")
    shown = await asked(web, **of_visitor(web))
    assert shown is not None
    exposed = "select arm, share, run_id from exposure where experiment = 'look'"
    assert await web.database.pool.fetch(exposed) == [], "asked for, and not seen yet"
    for _ in range(2):
        assert await tell(web, "seen", shown["token"], of_visitor(web)) == 204
    [row] = await web.database.pool.fetch(exposed)
    assert (row["arm"], row["share"], row["run_id"]) == (shown["title"], 0.5, None)
    await send(web, "identify", signed=True, userId="ana", anonymousId="d-1")
    await views(web, 3, userId="ana")
    for other in range(8):  # whatever lot would say of the user
        assert await title(web, **web.headers("ana")) == shown["title"]
        await web.database.pool.execute("update profile set drawn_as = $1", UUID(int=other))
    assert {lot("look", UUID(int=n), HALF) for n in range(8)} == set(HALF)


async def test_both_arms_are_shown_to_about_as_many(web: Web) -> None:
    calls = [{"type": "page", "anonymousId": f"d-{n % 40}", "messageId": str(uuid4())} for n in range(120)]
    assert (await web.http.post("/v1/batch", json={"batch": calls}, auth=(web.key, ""))).status_code == 200
    shown = [await title(web, **of_visitor(web, f"d-{n}")) for n in range(40)]
    assert {*shown} == set(HALF)
    assert 8 < shown.count("film") < 32
    assert shown == [await title(web, **of_visitor(web, f"d-{n}")) for n in range(40)]


async def test_what_a_visitor_does_with_it_comes_back_as_events_once(web: Web) -> None:
    shown = await asked(web, **of_visitor(web))
    assert shown is not None
    for what, more in (("seen", {}), ("seen", {}), ("clicked", {"action": 0}), ("dismissed", {})):
        assert await tell(web, what, shown["token"], of_visitor(web), **more) == 204
    rows = await web.database.pool.fetch("select type, properties, anonymous_id, user_id from event order by type")
    assert [row["type"] for row in rows] == ["Content Clicked", "Content Dismissed", "Content Shown"]
    link = {"link": "https://shop.example/new"}
    assert [row["properties"] for row in rows] == [{"place": "hero", "content": "new"} | each for each in (link, {}, {})]
    assert {(row["anonymous_id"], row["user_id"]) for row in rows} == {("d-1", None)}
    again = await asked(web, **of_visitor(web))
    assert again is not None
    await tell(web, "seen", again["token"], of_visitor(web))
    assert await web.database.pool.fetchval("select count(*) from event where type = 'Content Shown'") == 2, "another visit"


async def test_nobody_tells_of_what_was_shown_to_another_or_to_nobody(web: Web) -> None:
    shown = await asked(web, **of_visitor(web))
    assert shown is not None
    token = shown["token"]
    assert await tell(web, "seen", token, of_visitor(web, "d-2")) == 404
    assert await tell(web, "seen", token, web.headers("ana")) == 404
    assert await tell(web, "seen", token[:-2] + "xx", of_visitor(web)) == 404
    assert await tell(web, "seen", token, {"Authorization": web.headers()["Authorization"]}) == 422
    assert await tell(web, "stolen", token, of_visitor(web)) == 422
    assert await tell(web, "seen", token, of_visitor(web), who="eve") == 422
    assert await tell(web, "seen", "x" * 20_000, of_visitor(web)) == 413
    assert await tell(web, "seen", token, {}) == 401
    assert await web.database.pool.fetchval("select count(*) from event") == 0
    assert "d-1" not in str(token)


async def test_a_place_that_is_not_there_is_told(web: Web) -> None:
    answer = await web.http.get("/v1/content", params={"place": ["hero", "heroes"]}, headers=of_visitor(web))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-place")
    several = await web.http.get("/v1/content", params={"place": ["hero", "nothing"]}, headers=of_visitor(web))
    assert {name: bool(found) for name, found in several.json()["places"].items()} == {"hero": True, "nothing": False}


async def test_what_asks_for_more_than_events_is_no_of_a_stranger_and_asked_of_a_user(web: Web) -> None:
    address = {"email": "ana@shop.example"}
    await send(web, "identify", signed=True, userId="ana", anonymousId="d-1", traits=address)
    assert await title(web, "reach", **web.headers("ana")) == "reachable"
    lots = {await title(web, "reach", **of_visitor(web, f"d-{n}")) for n in range(20)}
    assert lots == {"lucky", "unlucky"}, "drawn by the device's id"


async def test_without_places_there_is_nothing_to_ask_for(dsn: str, database: Database) -> None:
    async with opened(dsn, database) as web:
        answer = await web.http.get("/v1/content", params={"place": "hero"}, headers=of_visitor(web))
        assert answer.status_code == httpx.codes.NOT_FOUND

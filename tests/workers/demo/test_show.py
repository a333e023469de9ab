"""The show on real parts: calls reach the real API at their times, the result is judged, and a short show runs whole."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from rich.console import Console

import api
from api import ApiConfig
from journeys.clock import Clock
from store import Database
from store.keys import Role, create_key
from workers.demo import DemoStuck, perform
from workers.demo.playback import Playback
from workers.demo.recording import Line
from workers.demo.show import JOURNEY, Show
from workers.demo.stage import MONDAY, fast_clock, midnight, set_up
from workers.embedded.errors import AlreadyRunning
from workers.embedded.hold import Hold
from workers.embedded.stack import EmbeddedStack
from workers.settings import Settings

HOUR = 3600
OPENING = 8 * HOUR


def track(at: int, event: str, user: str = "u1", sent: int | None = None, **properties: Any) -> Line:
    call = {"type": "track", "messageId": str(uuid4()), "event": event, "userId": user, "properties": properties}
    call["context"] = {"app": {"name": "Shop"}}
    return Line(at if sent is None else sent, at, call)


def identify(at: int, user: str) -> Line:
    subscriptions = [
        {"key": f"token-{user}", "type": "ANDROID_PUSH", "status": "SUBSCRIBED"},
        {"key": f"{user}@example.com", "type": "EMAIL", "status": "SUBSCRIBED"},
    ]
    traits, context = {"firstName": user.title()}, {"messaging_subscriptions": subscriptions}
    call = {"type": "identify", "messageId": str(uuid4()), "userId": user, "traits": traits, "context": context}
    return Line(at, at, call)


# -- playback ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def ingest(dsn: str, database: Database) -> AsyncIterator[tuple[str, str]]:
    """The URL of a real API process' worth of server, and an ingest key."""
    app = api.create_app(ApiConfig(dsn=dsn, clock=CLOCK, secret="s", public_url="http://shop.test"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", await create_key(database.pool, "shop", Role.INGEST)
    server.should_exit = True
    await serving


CLOCK = Clock(real_origin=datetime.now(UTC), business_origin=MONDAY, speed=36_000)


async def test_calls_are_sent_at_their_times_and_dated_when_they_happened(ingest: tuple[str, str], database: Database) -> None:
    now = CLOCK.now()
    lines = [track(0, "First"), track(2 * HOUR, "Late", sent=10 * HOUR), track(12 * HOUR, "Last")]
    playback = Playback(lines, now, CLOCK)
    await playback.play(*ingest)
    stored = {row["type"]: row for row in await database.pool.fetch("select type, ts, received_at from event")}
    assert {name: row["ts"] - now for name, row in stored.items()} == {
        "First": timedelta(0),
        "Late": timedelta(hours=2),
        "Last": timedelta(hours=12),
    }
    for name, hour in (("Late", 10), ("Last", 12)):
        assert stored[name]["received_at"] >= now + timedelta(hours=hour)


async def test_retries_and_broken_calls_are_counted_as_the_api_answers_them(
    ingest: tuple[str, str], database: Database
) -> None:
    good = track(0, "Good")
    playback = Playback([good, good, Line(0, 0, {"type": "purchase"})], CLOCK.now(), CLOCK)
    await playback.play(*ingest)
    assert (playback.sent, playback.duplicates, playback.refused, playback.over) == (3, 1, 1, True)
    assert await database.pool.fetchval("select count(*) from event") == 1


async def test_an_api_that_takes_nothing_is_told(ingest: tuple[str, str]) -> None:
    with pytest.raises(DemoStuck, match=r"did not take the shop's calls: .*401"):
        await Playback([track(0, "Good")], CLOCK.now(), CLOCK, pause=0.001).play(ingest[0], "no key")


# -- judging ----------------------------------------------------------------------------------------------------------


async def test_a_show_that_went_wrong_is_judged_in_sentences(database: Database, tmp_path: Path) -> None:
    profile = await database.pool.fetchval(
        "insert into profile (id, created_at, updated_at) values ($1, $2, $2) returning id", uuid4(), MONDAY
    )
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, $2, $3, 'segment', $4, 'cart_abandonment/c/1', $4)",
        uuid4(),
        JOURNEY,
        profile,
        MONDAY,
    )
    playback = Playback([track(0, "Good"), track(1, "Good")], MONDAY, CLOCK, sent=1)
    show = Show(EmbeddedStack(Settings(data_dir=tmp_path)), database, CLOCK, playback, Console(file=io.StringIO()))
    assert await show.problems() == [
        "1 run never ended: cart_abandonment/c/1",
        "not one message fell due",
        "1 calls were accepted, but 0 are stored",
        "not all calls were sent",
    ]


# -- the stage --------------------------------------------------------------------------------------------------------


def test_the_stage_is_empty_and_apart_from_what_settings_point_at(tmp_path: Path) -> None:
    (tmp_path / "demo" / "postgres").mkdir(parents=True)
    (tmp_path / "demo" / "keys.json").write_text("{}")
    (tmp_path / "mine").write_text("stays")
    real = Settings(
        data_dir=tmp_path,
        database_url="postgresql://real/shop",  # type: ignore[arg-type]  # text, as the environment gives it
        temporal_address="real:7233",
        whatsapp_token="real",  # type: ignore[arg-type]
        catalogue="our.catalogue",
        api_port=9000,
    )
    stack = set_up(real, fast_clock(3600), lambda _part, _said: None)
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["stack.lock"]
    assert (tmp_path / "mine").exists()
    own = stack.settings
    assert (own.database_url, own.temporal_address, own.whatsapp_token.get_secret_value()) == (None, None, "")
    assert (own.catalogue, own.api_port, own.data_dir) == ("definitions", 9000, tmp_path / "demo")


def test_a_demo_does_not_empty_the_directory_of_one_that_runs(tmp_path: Path) -> None:
    hold = Hold(tmp_path / "demo")
    (tmp_path / "demo" / "keys.json").write_text("{}")
    with pytest.raises(AlreadyRunning):
        set_up(Settings(data_dir=tmp_path), fast_clock(3600), lambda _part, _said: None)
    assert (tmp_path / "demo" / "keys.json").exists()
    hold.release()


def test_a_stack_that_starts_slowly_moves_the_week_by_whole_hours() -> None:
    opened = MONDAY + timedelta(hours=8)

    def clock(late: timedelta) -> Clock:
        return Clock(real_origin=datetime.now(UTC) - late, business_origin=opened, speed=1)

    assert midnight(clock(-timedelta(seconds=5))) == MONDAY
    assert midnight(clock(timedelta(minutes=5))) == MONDAY + timedelta(hours=1)
    assert midnight(clock(timedelta(hours=3, minutes=1))) == MONDAY + timedelta(hours=4)


# -- all together -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_short_show_runs_whole(tmp_path: Path) -> None:
    cart = {"cart_id": "c1", "product_id": "tent", "name": "Tent", "price": 249.0, "currency": "EUR"}
    lines = [
        identify(OPENING, "marta"),
        identify(OPENING, "hugo"),
        track(OPENING + HOUR, "Product Added", "marta", **cart),
        track(OPENING + HOUR, "Product Added", "hugo", **cart),
        track(OPENING + 10 * HOUR, "Order Completed", "marta", order_id="o1", revenue=249, total=249.0, currency="EUR"),
    ]
    out = io.StringIO()
    settings = Settings(data_dir=tmp_path)
    await perform(settings, lines, speed=3600, keep=False, console=Console(file=out, width=100))
    told = out.getvalue()
    for words in (
        "│ after the push, before the WhatsApp  │      1 │ 249.00 € │",
        "One of them: Marta",
        "Marta orders for 249.00 € in the app",
        "the journey is over: goal reached",
        "/namespaces/default/workflows/cart_abandonment%2F",
        "journeys demo --keep",
    ):
        assert words in told, told
    assert "✗" not in told
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.splitlines()]
    assert ["1 h", "push", "2", "2", "0", "-"] in cells
    assert ["3 d", "email", "1", "1", "0", "-"] in cells
    # Where the machine is so busy that the order is not told within its sixteen hours, the gate sees it before the message.
    (link,) = (row for row in cells if row[:2] == ["1 d", "WhatsApp"])
    assert link[2:] in (["1", "0", "1", "1 no consent"], ["2", "0", "2", "1 goal reached"]), told

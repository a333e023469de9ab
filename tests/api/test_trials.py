"""A made-up customer through a deployed journey: the same by call, command and an agent's tool; bounded, and of no code."""

import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import ApiConfig
from journeys.catalogue import load
from journeys.errors import CatalogueError
from journeys.simulate import SimulationError
from journeys.simulate.trial import TrialRun, play
from journeys.versions.loading import load as load_version
from store import Database
from store.keys import Grant, Role, put_key
from tests.api.agents.door import over_http
from tests.api.server import serving
from tests.workers.test_cli import journeys
from tests.workers.test_comparing import deployed, olga  # noqa: F401 - a fixture
from workers.codes import Trying
from workers.compared import in_folder
from workers.signing import Deployers, private_key

BEGAN = datetime(2026, 11, 30, 10, tzinfo=UTC)
CART: dict[str, Any] = {
    "began": BEGAN.isoformat(),
    "customer": {"traits": {"firstName": "Ana", "timezone": "Europe/Madrid"}},
    "does": [{"after": 60, "event": "Product Added", "properties": {"product_id": "p-1"}}],
}
SAID = """
from datetime import timedelta
from journeys import Journey, Segment, did, journey, purchases

came = Segment("came", did("App Opened").within(days=1))


@journey(entry=came, goal=purchases)
async def hello(j: Journey) -> None:
    await j.push("hello")
    {then}
"""


def tried(journey: str, **trial: Any) -> dict[str, str | None]:
    """What became of each message of a trial."""
    played = play(load("definitions"), journey, TrialRun.model_validate(CART | trial), BEGAN)
    return {each.step: each.reason or each.state for each in played.messages if each.journey == journey}


def moments(journey: str, **trial: Any) -> list[timedelta]:
    played = play(load("definitions"), journey, TrialRun.model_validate(CART | trial), BEGAN)
    return [each.at - BEGAN for each in played.messages if each.journey == journey]


def after(seconds: float, event: str, **more: Any) -> dict[str, Any]:
    return {"after": seconds, "event": event, **more}


def test_what_is_sent_when_and_what_an_order_stops() -> None:
    minute = timedelta(minutes=1)
    assert moments("cart_abandonment") == [timedelta(hours=1) + minute, timedelta(days=1) + minute, timedelta(days=3) + minute]
    bought = [*CART["does"], after(2 * 86_400, "Order Completed", properties={"total": 20})]
    assert list(tried("cart_abandonment", does=bought)) == ["push:cart-reminder", "whatsapp:cart-link"]


def test_who_said_yes_on_no_channel_gets_nothing_and_it_says_why() -> None:
    assert tried("cart_abandonment", customer={"subscribed": ["email"]}) == {
        "push:cart-reminder": "no consent",
        "whatsapp:cart-link": "no consent",
        "email:cart-alternatives": "sent",
    }


def test_what_was_before_is_known_and_who_was_in_it_before_does_not_enter() -> None:
    played = play(
        load("definitions"), "cart_abandonment", TrialRun.model_validate(CART | {"does": [after(-60, "Product Added")]}), BEGAN
    )
    assert (played.runs, played.messages) == ((), ())
    assert "from the beginning" in played.lacking
    played = play(load("definitions"), "cart_abandonment", TrialRun.model_validate(CART | {"does": []}), BEGAN)
    assert "never entered the segment abandoned-cart" in played.lacking
    assert "give `start`" in play(load("definitions"), "cart_discount", TrialRun(), BEGAN).lacking


def test_a_journey_is_started_by_hand_and_hears_what_comes_back_of_its_messages() -> None:
    hand = {"does": [], "start": {"entry": {"score": 10}}}
    assert tried("nps", **hand)
    later = [after(3_600, "Message Clicked", message="push:nothing-like-it")]
    played = play(load("definitions"), "nps", TrialRun.model_validate(CART | hand | {"does": later}), BEGAN)
    assert played.unheard == ("Message Clicked of push:nothing-like-it",)
    with pytest.raises(CatalogueError, match="no journey"):
        play(load("definitions"), "nothing", TrialRun(), BEGAN)


def test_chance_falls_by_the_lot_and_the_same_lot_the_same_way(tmp_path: Path) -> None:
    catalogue = _written(tmp_path, "async with j.experiment('e', a=0.5, b=0.5) as arm:\n        await j.email(f'arm-{arm}')")
    does = {"does": [after(60, "App Opened")]}

    def arm(lot: int) -> str:
        trial = TrialRun.model_validate(does | {"customer": {"lot": lot}})
        return play(catalogue, "hello", trial, BEGAN).messages[-1].step

    arms = [arm(lot) for lot in range(20)]
    assert set(arms) == {"email:arm-a", "email:arm-b"}
    assert arms == [arm(lot) for lot in range(20)]


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("while True:\n        pass", "not over after 5 s"),
        ("async for _ in j.every(minutes=1):\n        await j.push('hello', transactional=True)", ""),
        ("raise KeyError('x')", "hello raises KeyError in line 11"),
    ],
)
def test_what_does_not_end_or_breaks_is_told(tmp_path: Path, then: str, told: str) -> None:
    trial = TrialRun.model_validate({"days": 400, "does": [after(60, "App Opened")]})
    if not told:
        played = play(_written(tmp_path, then), "hello", trial, BEGAN)
        assert (len(played.messages) <= 1_000, played.complete) in {(True, True), (True, False)}
        return
    with pytest.raises(SimulationError, match=told):
        play(_written(tmp_path, then), "hello", trial, BEGAN)


def _written(folder: Path, then: str) -> Any:
    (folder / "acme").mkdir()
    (folder / "acme" / "__init__.py").write_text(SAID.format(then=then))
    for name in ("hello.push.yaml", "arm-a.email.mjml", "arm-b.email.mjml"):
        (folder / "acme" / name).write_text("title: Hello\nbody: there\n")
    return load_version(in_folder(folder, "acme"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": 401},
        {"days": 0},
        {"does": [after(n, "E") for n in range(201)]},
        {"does": [{"event": "E"}]},
        {"does": [{"after": 1}]},
        {"does": [{"after": 1e12, "event": "E"}]},
        {"does": [{"after": 1, "at": BEGAN.isoformat(), "event": "E"}]},
        {"does": [{"after": 1, "event": "E", "code": "print()"}]},
        {"customer": {"subscribed": ["pigeon"]}},
        {"journey": "async def x(): ..."},
        {"began": "9999-12-31T00:00:00Z"},
        {"began": "0001-01-01T00:00:00+14:00"},
        {"does": [{"at": "0001-01-01T00:00:00+14:00", "event": "E"}]},
    ],
)
async def test_what_is_no_trial_is_refused_in_words(served: str, wrong: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=served, auth=("jk_read", "")) as http:
        answer = await http.post("/v1/journeys/cart_abandonment/simulate", json=CART | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


@pytest.fixture
async def served(dsn: str, database: Database, olga: Deployers) -> AsyncIterator[str]:  # noqa: F811 - the fixture
    for name, grant in {"read": Grant(Role.READ), "of_nps": Grant(Role.READ, journeys=("cart_discount",))}.items():
        await put_key(database.pool, name, grant, f"jk_{name}")
    trying = Trying("definitions", olga, "0123abcd")
    async with serving(ApiConfig(dsn=dsn, catalogue=load("definitions").journeys, tried=trying)) as url:
        yield url


async def test_by_call_by_command_and_by_tool_it_is_the_same(served: str, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=served, auth=("jk_read", "")) as http:
        called = (await http.post("/v1/journeys/cart_abandonment/simulate", json=CART)).json()
        await http.post("/v1/journeys/cart_abandonment/simulate", json={})
    async with over_http(served, "jk_read") as agent:
        asked = await agent.asked("simulate_journey", journey="cart_abandonment", **CART)
    (tmp_path / "trial.json").write_text(json.dumps(CART))
    finished = journeys("try", "cart_abandonment", str(tmp_path / "trial.json"), "--catalogue", "definitions", "--json")
    assert finished.returncode == 0, finished.stderr
    assert called.pop("version") == asked.pop("version") == "0123abcd"
    assert called == asked
    typed = json.loads(finished.stdout)
    assert [(each["step"], each["state"], datetime.fromisoformat(each["at"])) for each in typed["messages"]] == [
        (each["step"], each["state"], datetime.fromisoformat(each["at"])) for each in called["messages"]
    ]
    assert len(called["messages"]) == 3
    drawn = journeys("try", "cart_abandonment", str(tmp_path / "trial.json"), "--catalogue", "definitions")
    assert "push:cart-reminder" in drawn.stdout
    by_hand = journeys("try", "cart_discount", "--catalogue", "definitions")
    assert "push:cart-waiting" in by_hand.stdout, by_hand.stderr


def test_a_command_that_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text('{"does": [{"after": 1}]}')
    for arguments, told in (
        (("nothing",), "no journey 'nothing'"),
        (("nps", str(tmp_path / "no.json")), "cannot be read"),
        (("nps", str(tmp_path / "wrong.json")), "exactly one of event and traits"),
        (("nps",), "/entry/score"),
    ):
        finished: subprocess.CompletedProcess[str] = journeys("try", *arguments, "--catalogue", "definitions")
        assert (finished.returncode, told in finished.stderr) == (1, True), finished.stderr


async def test_a_key_that_is_held_to_a_journey_sees_no_other(served: str) -> None:
    async with httpx.AsyncClient(base_url=served, auth=("jk_of_nps", "")) as http:
        refused = await http.post("/v1/journeys/cart_abandonment/simulate", json=CART)
        assert (refused.status_code, refused.json()["code"]) == (403, "other-journey")
        told = (await http.post("/v1/journeys/cart_discount/simulate", json=CART | {"start": {}})).json()
    assert {each["journey"] for each in (*told["messages"], *told["runs"])} == {"cart_discount"}


async def test_a_deployed_version_is_played_and_none_that_nobody_signed(
    dsn: str,
    database: Database,
    tmp_path: Path,
    olga: Deployers,  # noqa: F811 - the fixture
) -> None:
    later = "await j.wait(hours={}); await j.push('hello')"
    old, new = [await deployed(database, tmp_path / str(n), SAID.format(then=later.format(n)), olga) for n in (1, 2)]
    await put_key(database.pool, "reader", Role.READ, "jk_read")
    trial = {"began": BEGAN.isoformat(), "does": [after(0, "App Opened")]}
    other = private_key("f" * 64)

    async def asked(url: str, version: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=url, auth=("jk_read", "")) as http:
            return await http.post("/v1/journeys/hello/simulate", params={"version": version}, json=trial)

    async with serving(ApiConfig(dsn=dsn, tried=Trying("definitions", olga))) as url:
        for version, hours in ((old, 1), (new, 2)):
            told = (await asked(url, version[:8])).json()
            assert told["version"] == version
            assert [datetime.fromisoformat(each["at"]) - BEGAN for each in told["messages"]] == [
                timedelta(0),
                timedelta(hours=hours),
            ]
        unknown = await asked(url, "0000")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-version")
    async with serving(ApiConfig(dsn=dsn, tried=Trying("definitions", Deployers(other, (other.public_key(),))))) as url:
        answer = await asked(url, old)
        assert (answer.status_code, "nobody who may deploy has signed" in answer.json()["detail"]) == (404, True)


async def test_a_segment_that_people_defined_is_known_to_a_trial(served: str, database: Database) -> None:
    """Through the API, beside the catalogue's: who asks about it gets an answer, and not a fault."""
    await database.pool.execute(
        "insert into segment_definition (name, version, definition, announce, by, created_at, updated_at)"
        " values ('vips', 'v', $1, false, 'olga', now(), now())",
        {"trait": "plan", "is": "==", "value": "family"},
    )
    async with httpx.AsyncClient(base_url=served, auth=("jk_read", "")) as http:
        assert (await http.post("/v1/journeys/cart_abandonment/simulate", json=CART)).status_code == 200

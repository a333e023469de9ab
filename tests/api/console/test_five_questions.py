"""Show 1 of issue 12: five questions, each by one call, one command and one tool with the same answer, and by three clicks."""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.api.agents.door import Agent, over_http
from tests.api.console.conftest import Console
from tests.api.console.test_browser import signed_on, visitor  # noqa: F401 - a fixture
from tests.browser import chromium  # noqa: F401 - a fixture
from tests.command_line import in_thread

JOURNEY = "three_messages"


def connected(console: Console) -> AbstractAsyncContextManager[Agent]:
    """An agent that may change things."""
    return over_http(console.url, console.keys["operator"], write=True)


async def called(console: Console, method: str, path: str, **more: Any) -> Any:
    async with console.client() as http:
        answer = await http.request(method, path, headers={"Authorization": f"Bearer {console.keys['operator']}"}, **more)
    assert answer.is_success, answer.text
    return answer.json()


async def typed(console: Console, *command: str) -> Any:
    told = await in_thread(*command, "--json", database_url=console.shop.database.dsn, catalogue="trial_catalogue")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


async def test_why_did_ana_not_get_it(console: Console) -> None:
    by_call = await called(console, "GET", f"/v1/journeys/{JOURNEY}/why-not", params={"user_id": "ana"})
    by_command = await typed(console, "why-not", "ana", JOURNEY)
    async with connected(console) as agent:
        by_tool = await agent.asked("why_not", journey=JOURNEY, user_id="ana")
    answers = [[(each["rule"], each["what"]) for each in told["because"]] for told in (by_call, by_command, by_tool)]
    assert answers[0]
    assert answers[0] == answers[1] == answers[2]


async def test_who_is_in_it_now(console: Console) -> None:
    by_call = await called(console, "GET", "/v1/runs", params={"journey": JOURNEY, "status": "open"})
    by_command = await typed(console, "runs", "--journey", JOURNEY, "--status", "open")
    async with connected(console) as agent:
        by_tool = await agent.asked("list_runs", journey=JOURNEY, status="open")
    answers = [{each["customer_id"] for each in _runs(told)} for told in (by_call, by_command, by_tool)]
    assert str(console.customer) in answers[0]
    assert answers[0] == answers[1] == answers[2]


async def test_what_comes_next_and_when(console: Console) -> None:
    by_call = await called(console, "GET", "/v1/runs", params={"user_id": "ana"})
    by_command = await typed(console, "runs", "--customer", "ana")
    async with connected(console) as agent:
        by_tool = await agent.asked("list_runs", user_id="ana")
    answers = [{(each["journey"], each["next"]) for each in _runs(told)} for told in (by_call, by_command, by_tool)]
    assert all(following for _, following in answers[0])
    assert answers[0] == answers[1] == answers[2]


async def test_stop_everything_and_let_it_live_again(console: Console) -> None:
    async with connected(console) as agent:
        for state, command in (("paused", "pause"), ("live", "resume")):
            for throw in (
                called(console, "PUT", "/v1/state", json={"state": state}),
                typed(console, command, "--all"),
                agent.does("switch_everything", state=state),
            ):
                await throw
                assert (await called(console, "GET", "/v1/state"))["state"] == state


async def test_how_many_converted_by_message(console: Console) -> None:
    await console.shop.database.pool.execute(
        "update run set outcome = 'goal reached', ended_at = now(), exit_reason = null where id = $1", console.run.id
    )
    by_call = await called(console, "GET", "/v1/reports/funnel", params={"journey": JOURNEY})
    by_command = await typed(console, "report", "funnel", JOURNEY)
    async with connected(console) as agent:
        by_tool = await agent.asked("get_report", name="funnel", journey=JOURNEY)
    answers = [_converted(told) for told in (by_call, by_command, by_tool)]
    assert answers[0] == answers[1] == answers[2]
    assert sum(answers[0].values()) == 1


def _runs(told: Any) -> Any:
    return told["runs"] if isinstance(told, dict) else told


def _converted(told: Any) -> dict[str, int]:
    (steps,) = [each for each in told["tables"] if each["name"] == "steps"]
    names = [each["name"] if isinstance(each, dict) else each for each in steps["columns"]]
    rows = [row if isinstance(row, dict) else dict(zip(names, row, strict=True)) for row in steps["rows"]]
    return {row["step"]: row["converted"] for row in rows}


class Clicks:
    """Somebody at the console who counts what they click or send; what they type does not count."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.counted = 0

    async def on(self, what: Locator) -> None:
        self.counted += 1
        await what.first.click()


async def test_each_is_three_clicks_from_home_at_most(console: Console, visitor: BrowserContext) -> None:  # noqa: F811
    page = await signed_on(console, visitor)

    def at_home() -> Clicks:
        return Clicks(page)

    clicks = at_home()
    await clicks.on(page.get_by_role("link", name="Customers", exact=True))
    await page.get_by_label("User id, email").fill("ana")
    await clicks.on(page.get_by_role("button", name="Look up"))
    await page.wait_for_url("**/console/customers/*-*")
    await expect(page.locator("#runs").get_by_role("columnheader", name="What is next")).to_be_visible()
    await expect(page.locator("#messages").get_by_text("goal reached").first).to_be_visible()
    await page.get_by_label("Journey", exact=True).select_option(JOURNEY)
    await clicks.on(page.get_by_role("button", name="Why?"))
    await page.locator("#why .reasons li").first.wait_for()
    assert clicks.counted == 3, "why they are not in it: the journey is chosen in a list"

    await page.goto(f"{console.url}/console")
    clicks = at_home()
    await clicks.on(page.get_by_role("link", name=JOURNEY, exact=True))
    steps = page.get_by_role("table").filter(has_text="Steps")
    await steps.get_by_role("columnheader", name="Converted").wait_for()
    await expect(steps.get_by_role("columnheader", name="Here now")).to_be_visible()
    last = page.get_by_role("table").filter(has_text="Who came in last")
    await expect(last.get_by_role("link").first).to_be_visible()
    assert clicks.counted == 1, "who is in it, and how many converted by message"

    for begin, then, stands in (
        ("Stop everything", "Pause everything now", "Let everything live again"),
        ("Let everything live again", "Let everything live again", "Stop everything"),
    ):
        await page.goto(f"{console.url}/console")
        clicks = at_home()
        await clicks.on(page.locator("summary").get_by_text(begin, exact=True))
        await clicks.on(page.get_by_role("button", name=then))
        await page.locator("summary").get_by_text(stands, exact=True).wait_for()
        assert clicks.counted == 2

"""The page of tasks: what the API lists, marked where it is late, given away, escalated and done by forms."""

from html import escape
from typing import Any

from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.test_pages import asked, rows, shown

CAPTION = "What people are asked to do"


async def task(console: Console, title: str) -> dict[str, Any]:
    found = [each for each in (await asked(console, "/v1/tasks"))["tasks"] if each["title"].startswith(title)]
    assert len(found) == 1
    return dict(found[0])


async def test_what_is_open_stands_there_as_the_api_has_it_and_late_is_marked(console: Console) -> None:
    listed = (await asked(console, "/v1/tasks"))["tasks"]
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/tasks")
        told = {row[0].split()[0]: row for row in rows(page, CAPTION)}
        assert [told[each["title"].split()[0]][1] for each in listed] == ["late", "open"]
        assert (told["Call"][2], told["Look"][2]) == ("lead", "shop then lead"), "what is late has gone on"
        assert [len(rows(await shown(browser, f"/console/tasks?assignee={who}"), CAPTION)) for who in ("lead", "shop")] == [
            1,
            1,
        ]
        assert "Nobody is asked" in await shown(browser, "/console/tasks?assignee=care")
        assert "Nobody is asked" in await shown(browser, "/console/tasks?journey=urgent")
        raw = (await browser.get("/console/tasks")).text
        assert (HOSTILE in raw, escape(HOSTILE) in raw or "&lt;img" in raw) == (False, True)
    async with console.signed_on("of one") as browser:
        assert len(rows(await shown(browser, "/console/tasks"), CAPTION)) == len(listed), "all are of its journey"
        assert (await browser.get("/console/tasks?journey=urgent")).status_code == 403
    async with console.signed_on("reader") as browser:
        assert (await browser.get("/console/tasks")).status_code == 403
        assert 'href="/console/tasks"' not in (await browser.get("/console")).text


async def test_a_run_that_waits_for_a_task_says_for_which(console: Console) -> None:
    look = await task(console, "Look")
    run = await asked(console, f"/v1/runs/{look['run_id']}")
    assert run["next"] == f'task "{look["title"]}" at {look["assignee"]}, at the latest'


async def test_a_task_is_given_away_escalated_and_done(console: Console) -> None:
    look = await task(console, "Look")
    here = f"/console/tasks/{look['id']}"
    async with console.signed_on() as browser:
        answer = await browser.post(f"{here}/assignee", data={"assignee": "olga"})
        assert "Somebody else has the task now." in await shown(browser, answer.headers["location"])
        assert (await task(console, "Look"))["assignee"] == "olga"
        await browser.post(f"{here}/assignee", data={"escalate": "yes"})
        assert (await task(console, "Look"))["assignee"] == "lead"
        assert (await browser.post(f"{here}/assignee", data={"assignee": " "})).status_code == 422
        for wrong in ({"value.other": "1"}, {"value.price": "dear"}, {"value.price": "nan"}, {"outcome": "x" * 300}):
            assert (await browser.post(f"{here}/done", data=wrong)).status_code == 422, wrong
        data = {"outcome": "she is glad", "value.price": "9.5", "value.glad": "yes"}
        answer = await browser.post(f"{here}/done", data=data)
        assert "The task is done" in await shown(browser, answer.headers["location"])
        over = await browser.post(f"{here}/done", data=data)
        assert (over.status_code, "the task is done: nobody waits for it" in over.text) == (409, True)
        assert [row[0] for row in rows(await shown(browser, "/console/tasks?state=done"), CAPTION)] == [
            "Look after her three_messages · she is glad"
        ]
    told = "select answer from expectation where id = $1"
    answer = await console.shop.database.pool.fetchval(told, look["id"])
    assert {name: answer[name] for name in ("price", "glad")} == {"price": 9.5, "glad": True}
    assert "she is glad" not in str(answer), "a note stays here"


async def test_a_choice_is_one_of_those_declared(console: Console) -> None:
    call = await task(console, "Call")
    async with console.signed_on() as browser:
        for outcome in ("", "lost"):
            assert (await browser.post(f"/console/tasks/{call['id']}/done", data={"outcome": outcome})).status_code == 422
        assert (await browser.post(f"/console/tasks/{call['id']}/done", data={"outcome": "reached"})).status_code == 303
    assert (await asked(console, "/v1/tasks", state="done"))["tasks"][0]["outcome"] == "reached"

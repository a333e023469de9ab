"""The agents' door over the protocol's own client: who is offered what, what it may, and that nothing is done unconfirmed."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.agents.answers import LARGEST, BadCursor, cut, size
from api.agents.confirming import Confirmations, NotConfirmed
from api.agents.tools import NAMED, TOOLS
from store.audit import Which, page
from store.keys import Grant, Role, put_key
from tests.api.agents.conftest import EMAIL, HOSTILE, KEYS, Company
from tests.api.agents.door import ROOT, over_http, over_stdio

#: What is asked of each tool that only reads, where it needs something.
QUESTIONS: dict[str, dict[str, Any]] = {
    "journey_graph": {"journey": "cart_abandonment"},
    "get_segment": {"name": "abandoned-cart"},
    "segment_size": {"name": "abandoned-cart"},
    "check_definition": {"predicate": {"trait": "city", "is": "==", "value": "Madrid"}},
    "count_definition": {"predicate": {"trait": "city", "is": "==", "value": "Madrid"}},
    "preview_definition": {"predicate": {"trait": "firstName", "is": "exists"}},
    "preview_message": {"channel": "push", "template": "cart-reminder", "customer": {"firstName": "Ana"}},
    "find_customer": {"user_id": "zacharias"},
    "segment_members": {"name": "abandoned-cart"},
    "why_in_segment": {"name": "abandoned-cart", "user_id": "zacharias"},
    "why_not": {"journey": "nps"},
    "get_product": {"product_id": "p-1"},
    "expected_purchases": {},
    "get_run": {},
    "run_story": {},
    "get_report": {"name": "messages"},
    "read_reference": {"section": "segments"},
    "check_prediction": {
        "name": "buys",
        "of": {"did": "Product Added"},
        "label": {"did": "Order Completed", "within": 604_800},
        "horizon": 604_800,
        "features": [{"name": "added", "count": True, "of": {"did": "Product Added"}}],
    },
}
#: Of things that this company has none of; each is asked elsewhere.
NONE = {"simulate_journey", "compare_versions", "get_campaign", "campaign_report", "get_model", "get_choice", "get_product"}


def question(tool: str, company: Company) -> dict[str, Any]:
    ids = {name: {"customer_id": str(company.customer)} for name in ("why_not", "expected_purchases")}
    ids |= {name: {"run_id": str(company.run)} for name in ("get_run", "run_story")}
    return QUESTIONS.get(tool, {}) | ids.get(tool, {})


async def test_a_tool_is_listed_to_whom_may_use_it_and_refused_to_others(company: Company) -> None:
    listed = {}
    for key in ("read", "reader", "operate", "operator", "admin", "nps"):
        for write in (False, True):
            async with over_http(company.url, f"jk_{key}", write=write) as agent:
                listed[key, write] = set(await agent.tools())
    assert listed == {(key, write): _by_the_page(KEYS[key], write=write) for key, write in listed}
    assert (len(listed["read", True]), len(listed["admin", True])) == (38, len(TOOLS))
    async with over_http(company.url, "jk_read", write=True) as agent:
        for name in sorted(set(NAMED) - listed["read", True]):
            told = await agent.refused(name)
            assert f"may not use {name}" in told
            assert "'read'" in told
    async with over_http(company.url, "jk_operate") as agent:
        assert "--write" in await agent.refused("switch_everything", state="paused")
        assert "no such tool" in await agent.refused("drop_everything")


def _by_the_page(grant: Grant, *, write: bool) -> set[str]:
    """Whom docs/roles.md says each tool is for."""
    page = (ROOT / "docs" / "roles.md").read_text().partition("<!-- tools -->")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.strip().splitlines()]
    heads, found = rows[0], set()
    for row in (dict(zip(heads, cells, strict=True)) for cells in rows[2:]):
        able = (
            row[grant.role]
            and (grant.personal or row["persons"] != "only if")
            and (not grant.journeys or row["of one journey"])
        )
        if able and (write or not row["changes something"]):
            found.add(row["Tool"].strip("`"))
    return found


@pytest.mark.parametrize("key", ["jk_start", "jk_ingest", "jk_nobody", ""])
async def test_who_reads_nothing_is_not_let_in(company: Company, key: str) -> None:
    async with httpx.AsyncClient(
        base_url=company.url, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=60
    ) as http:
        answer = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == (403 if key in ("jk_start", "jk_ingest") else 401)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("WWW-Authenticate" in answer.headers) is (answer.status_code == 401)


async def test_a_web_page_of_elsewhere_is_not_let_in_even_under_our_own_name(company: Company) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Authorization": "Bearer jk_read", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=company.url, headers=headers, timeout=60) as http:
        for origin, host in (("http://evil.test", None), ("http://evil.test", "evil.test"), ("null", None)):
            more = {"Origin": origin} | ({"Host": host} if host else {})
            answer = await http.post("/mcp", json=message, headers=more)
            assert (answer.status_code, answer.json()["code"]) in {(403, "foreign-origin"), (403, "server-key-in-a-page")}, (
                origin
            )
        assert (await http.post("/mcp", json=message, headers={"Origin": company.url})).status_code == 200
        assert (await http.get("/mcp")).status_code == 405


async def test_a_request_whose_id_is_none_is_refused_and_not_taken_for_a_notification(company: Company) -> None:
    headers = {
        "Authorization": "Bearer jk_read",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    async with httpx.AsyncClient(base_url=company.url, headers=headers, timeout=60) as http:
        for id_, status in (("NaN", 400), ("1.5", 400), ("null", 400), ("true", 400), ("{}", 400), ("1", 200), ('"a"', 200)):
            answer = await http.post("/mcp", content=f'{{"jsonrpc": "2.0", "id": {id_}, "method": "tools/list"}}')
            assert answer.status_code == status, id_
        told = await http.post("/mcp", content='{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        assert told.status_code == 202
        assert (await http.post("/mcp", content="{")).status_code == 400


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_that_reads_answers_as_its_call_does(company: Company, mode: str) -> None:
    answered = {}
    async with over_http(company.url, "jk_admin", mode=mode) as agent:
        for name, tool in (await agent.tools()).items():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            if name not in NONE:
                answered[name] = await agent.asked(name, **question(name, company))
        assert "data" in (agent.client.instructions or "")
        assert "never follow" in (agent.client.instructions or "")
    assert {each["name"] for each in answered["list_journeys"]} >= {"cart_abandonment", "nps"}
    assert any(node["what"] for node in answered["journey_graph"]["nodes"])
    assert answered["check_definition"]["english"] == 'city is "Madrid"'
    assert answered["count_definition"]["members"] == 1
    assert answered["find_customer"]["customer_id"] == str(company.customer)
    assert answered["get_run"]["timeline"][0]["template"] == "cart-reminder"
    assert {"channel": "push", "template": "cart-reminder"}.items() <= next(
        each for each in answered["list_templates"] if each["template"] == "cart-reminder" and each["channel"] == "push"
    ).items()
    assert "Spans are seconds" in answered["read_reference"]["text"]


async def test_nothing_personal_is_told_to_a_key_without_the_right(company: Company) -> None:
    """Whatever it asks; and to one with it, as a value of JSON that says whose it is, never among the words of the door."""
    async with over_http(company.url, "jk_operate", write=True) as agent:
        shown, told = await agent.tools(), []
        for name in shown:
            arguments = question(name, company)
            told.append(str(await agent.client.call_tool(name, arguments)))
        told.append(str(await agent.client.call_tool("why_not", {"journey": "nps", "user_id": "zacharias"})))
        told.append(str(await agent.client.call_tool("run_story", {"run_id": str(company.run), "show": True})))
        told.append(str(await agent.client.call_tool("preview_message", {
            "channel": "push", "template": "cart-reminder", "user_id": "zacharias"})))  # fmt: skip
        whole = "".join([*told, str(shown), str(agent.client.instructions)])
    assert len(told) > 20
    assert "cart_abandonment" in whole
    assert "Quellenhof" not in whole
    assert EMAIL not in whole
    async with over_http(company.url, "jk_reader") as agent:
        answer = await agent.client.call_tool("find_customer", {"user_id": "zacharias"})
        traits = {each["trait"]: each["value"] for each in answer.structured_content["answer"]["traits"]}
        assert traits["firstName"] == HOSTILE
        (text,) = answer.content
        assert json.loads(text.text) == answer.structured_content


async def test_what_changes_something_needs_the_confirmation_of_its_own_dry_run(company: Company) -> None:
    async with over_http(company.url, "jk_operate", write=True) as agent:
        dry = await agent.told("switch_journey", journey="nps", state="paused")
        assert (dry["done"], dry["dry_run"]["journey"][0]["name"], dry["dry_run"]["journey"][0]["state"]) == (
            False,
            "nps",
            "live",
        )
        assert dry["would"] == {
            "call": "PUT /v1/journeys/{journey}/state", "arguments": {"journey": "nps", "state": "paused"},
        }  # fmt: skip
        confirm = dry["confirm"]
        assert await company.database.pool.fetchval("select count(*) from audit where kind = 'journey'") == 0

        again = "without `confirm`"
        forged = confirm[:-2] + ("AA" if confirm[-2:] != "AA" else "BB")
        assert again in await agent.refused("switch_journey", journey="nps", state="paused", confirm=forged)
        assert again in await agent.refused("switch_journey", journey="nps", state="paused", confirm="yes")
        assert again in await agent.refused("switch_journey", journey="nps", state="killed", confirm=confirm)
        assert again in await agent.refused("switch_journey", journey="win_back", state="paused", confirm=confirm)
        assert again in await agent.refused("switch_everything", state="paused", confirm=confirm)
        async with over_http(company.url, "jk_operator", write=True) as other:
            assert again in await other.refused("switch_journey", journey="nps", state="paused", confirm=confirm)
        assert await company.database.pool.fetchval("select count(*) from audit where kind = 'journey'") == 0

        done = await agent.told("switch_journey", journey="nps", state="paused", confirm=confirm)
        assert (done["done"], done["answer"]["state"], done["answer"]["by"]) == (True, "paused", "operate")
    (entry,) = await page(company.database, Which(kind="journey"), limit=9)
    assert (entry.by, entry.role, entry.verb, entry.name) == ("operate", "operate", "switch", "nps")
    assert (entry.trace or "").startswith("mcp:switch_journey:")


def test_a_confirmation_ends_and_is_of_one_secret() -> None:
    made = Confirmations("one", now=lambda: 1_000.0).made("end_run", {"run_id": "7"}, "key")
    ours = ("end_run", {"run_id": "7"}, "key")
    number = Confirmations("one", now=lambda: 1_600.0).checked(made, *ours)
    assert len(number) == 32
    assert Confirmations("two", former=["one"], now=lambda: 1_001.0).checked(made, *ours) == number
    with pytest.raises(NotConfirmed, match="10 minutes and has ended"):
        Confirmations("one", now=lambda: 1_601.0).checked(made, *ours)
    with pytest.raises(NotConfirmed, match="no confirmation that was made here"):
        Confirmations("two", now=lambda: 1_001.0).checked(made, *ours)


async def test_a_declaration_counts_nobody_for_an_agent_that_may_not_look_people_up(company: Company) -> None:
    asked = QUESTIONS["check_prediction"]
    hers = {"did": "Product Added", "where": {"property": "email", "is": "==", "value": "zacharias@example.com"}}
    async with over_http(company.url, "jk_operate", write=True) as agent:
        told = await agent.asked("check_prediction", **asked)
        assert (told["people"], told["came_true"], told["enough"]) == (None, None, None)
        dry = (await agent.told("declare_prediction", **asked))["dry_run"]
        assert (dry["would"]["people"], dry["would"]["english"] != "") == (None, True)
        for tool in ("check_prediction", "declare_prediction"):
            assert "personal data" in await agent.refused(tool, **asked | {"of": hers})
    async with over_http(company.url, "jk_operator", write=True) as agent:
        assert isinstance((await agent.asked("check_prediction", **asked))["people"], int)


async def test_every_change_is_made_after_a_dry_run_and_stands_in_the_audit(company: Company) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    async with over_http(company.url, "jk_operator", write=True) as agent:
        vip = {"name": "vip-of-agents", "predicate": {"trait": "city", "is": "==", "value": "Madrid"}, "owner": "growth"}
        dry = (await agent.told("define_segment", **vip))["dry_run"]
        assert (dry["means"]["english"], dry["stands"], dry["counted"]["members"]) == ('city is "Madrid"', None, 1)
        assert (await agent.does("define_segment", **vip))["state"] in {"waiting", "loading", "live"}
        dry = (await agent.told("declare_prediction", **QUESTIONS["check_prediction"]))["dry_run"]
        assert (dry["would"]["enough"], dry["stands"]) == (False, None)
        assert (await agent.does("declare_prediction", **QUESTIONS["check_prediction"]))["new"] is True
        assert [each["name"] for each in (await agent.asked("list_models"))["models"]] == ["buys"]
        who: dict[str, Any] = {"customer": {"user_id": "zacharias"}}
        taken = await agent.asked("list_journeys", journey="nps")
        assert [each["name"] for each in taken] == ["nps"]
        lacking = (await agent.told("start_run", journey="nps", **who))["dry_run"]["would"]
        assert lacking["problems"] == [{"row": 1, "problem": "/entry/score: Field required"}]
        who |= {"entry": {"score": 9}}
        would = (await agent.told("start_run", journey="nps", **who))["dry_run"]["would"]
        assert (would["bad"], sum(would["would"].values())) == (0, 1)
        await agent.does("start_run", journey="nps", **who)
        rows = [{"user_id": "zacharias"}, {"user_id": "nobody"}]
        many = {"journey": "win_back", "rows": rows, "at": soon.isoformat()}
        assert (await agent.told("start_many", **many))["dry_run"]["would"]["rows"] == 2
        started = await agent.does("start_many", **many)
        campaign = {
            "name": "spring", "to": {"segment": "abandoned-cart"}, "at": soon.isoformat(),
            "message": {"channel": "push", "template": "cart-reminder"},
        }  # fmt: skip
        made = await agent.does("make_campaign", **campaign)
        assert (made["name"], made["state"]) == ("spring", "scheduled")
        assert {each["id"] for each in (await agent.asked("list_campaigns"))["campaigns"]} == {made["id"], started["id"]}
        assert (await agent.does("switch_campaign", campaign=made["id"], state="cancelled"))["state"] == "cancelled"
        assert (await agent.asked("get_campaign", campaign=started["id"]))["name"]
        assert [each["row"] for each in (await agent.asked("campaign_report", campaign=started["id"]))["rows"]] == [2]

        settled = {"journey": "cart_abandonment", "outcome": "sent"}
        dry = (await agent.told("settle_doubts", **settled, at_most=5))["dry_run"]
        assert (dry["counted"]["messages"], dry["counted"]["done"], len(dry["in_doubt"]["messages"])) == (1, 0, 1)
        assert (await agent.does("settle_doubts", **settled, at_most=5))["done"] == 1
        assert (await agent.told("end_runs", journey="cart_abandonment", at_most=1))["dry_run"]["counted"]["runs"] == 1
        assert (await agent.does("end_run", run_id=str(company.run)))["id"] == str(company.run)
        async with httpx.AsyncClient(base_url=company.url, auth=("jk_ingest", "")) as shop:
            assert (await shop.post("/v1/batch", json={"batch": [{"type": "track"}]})).json()["dead_letters"] == 1
        assert len((await agent.told("replay_dead_letters", source="ingest"))["dry_run"]["letters"]["dead_letters"]) == 1
        assert (await agent.does("replay_dead_letters", source="ingest"))["stored"] == 0
        assert (await agent.does("switch_everything", state="paused"))["state"] == "paused"
        assert (await agent.asked("get_state"))["by"] == "operator"
        assert (await agent.does("switch_everything", state="live"))["state"] == "live"
    entries = await page(company.database, Which(by="operator"), limit=99)
    assert {(each.trace or "").split(":")[0] for each in entries} == {"mcp"}
    assert {f"{each.verb} {each.kind}" for each in entries} >= {
        "define segment", "declare prediction",
        "start run", "make campaign", "switch campaign", "settle messages", "end run", "switch journey",
    }  # fmt: skip


async def test_what_is_confirmed_twice_is_done_once_where_it_makes_something(company: Company) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    many = {"journey": "win_back", "rows": [{"user_id": "zacharias"}], "at": soon}
    async with over_http(company.url, "jk_operator", write=True) as agent:
        confirm = (await agent.told("start_many", **many))["confirm"]
        first, second = [(await agent.told("start_many", **many, confirm=confirm))["answer"]["id"] for _ in range(2)]
    assert first == second
    assert await company.database.pool.fetchval("select count(*) from campaign") == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "path", "before"),
    [
        ("switch_journey", {"journey": "nps", "state": "paused"}, "/v1/journeys/nps/state", {"state": "live"}),
        ("switch_everything", {"state": "paused"}, "/v1/state", {"state": "live"}),
        (
            "define_segment",
            {"name": "of-agents", "owner": "growth", "predicate": {"did": "Order Completed"}},
            "/v1/segments/of-agents",
            {"owner": "people", "predicate": {"did": "Product Added"}},
        ),
    ],
)
async def test_a_confirmation_changes_nothing_once_more_after_people_have_changed_it_back(
    company: Company, tool: str, arguments: dict[str, Any], path: str, before: dict[str, Any]
) -> None:
    async with (
        httpx.AsyncClient(base_url=company.url, auth=("jk_operator", ""), timeout=30) as people,
        over_http(company.url, "jk_operate", write=True) as agent,
    ):
        confirm = (await agent.told(tool, **arguments))["confirm"]
        once = await asyncio.gather(*(agent.told(tool, **arguments, confirm=confirm) for _ in range(6)))
        assert sum("answer" in each for each in once) == 1
        assert {each["code"] for each in once if "error" in each} == {"done-before"}
        (await people.put(path, json=before)).raise_for_status()
        assert "done already" in await agent.refused(tool, **arguments, confirm=confirm)
        rows = await page(company.database, Which(kind="segment" if tool == "define_segment" else "journey"), limit=9)
        assert [each.by for each in rows] == ["operator", "operate"]
        assert (await agent.does(tool, **arguments)) is not None


async def test_twelve_confirmations_at_once_make_one_run(company: Company) -> None:
    who: dict[str, Any] = {"journey": "nps", "customer": {"user_id": "zacharias"}, "entry": {"score": 9}}
    async with over_http(company.url, "jk_operator", write=True) as agent:
        confirm = (await agent.told("start_run", **who))["confirm"]
        told = await asyncio.gather(*(agent.told("start_run", **who, confirm=confirm) for _ in range(12)))
    assert [each["error"] for each in told if "error" in each] == []
    assert len({each["answer"]["id"] for each in told}) == 1
    assert await company.database.pool.fetchval("select count(*) from run where journey = 'nps'") == 1


async def test_errors_are_the_sentences_of_the_api(company: Company) -> None:
    async with over_http(company.url, "jk_operator", write=True) as agent:
        assert "no journey 'nsp'" in await agent.refused("journey_graph", journey="nsp")
        assert "the argument 'journey' is missing" in await agent.refused("journey_graph")
        assert "no argument 'name'" in await agent.refused("journey_graph", journey="nps", name="x")
        wrong = {"predicate": {"did": "Order Completed", "withn": 5}}
        answer = await agent.client.call_tool("check_definition", wrong)
        assert answer.is_error
        assert "withn" in answer.structured_content["error"]
        assert answer.structured_content["places"][0]["at"].startswith("/predicate")
        assert "segments" in await agent.refused("read_reference", section="nothing")
        assert "not the one of an earlier answer" in await agent.refused("list_journeys", cursor="nowhere:3")
        assert "does not take the argument 'dry_run'" in await agent.refused("start_many", journey="nps", dry_run=True)


async def test_the_reference_is_a_resource_and_every_section_fits_into_an_answer(company: Company) -> None:
    async with over_http(company.url, "jk_read") as agent:
        found = (await agent.client.list_resources()).resources
        assert {"journeys://reference/segments", "journeys://reference/tools"} <= {str(each.uri) for each in found}
        for each in found:
            (content,) = (await agent.client.read_resource(str(each.uri))).contents
            assert content.text == (await agent.asked("read_reference", section=each.name))["text"]


async def test_a_limit_of_a_key_counts_a_request_of_an_agent_once(company: Company) -> None:
    await put_key(company.database.pool, "slow", Grant(Role.READ, per_minute=8), "jk_slow")
    async with over_http(company.url, "jk_slow", mode="2026-07-28") as agent:
        for _ in range(6):
            await agent.asked("get_state")


@pytest.mark.parametrize("write", [False, True])
async def test_over_standard_input_and_output_it_is_the_same_and_reads_only_unless_it_was_started_otherwise(
    company: Company, write: bool
) -> None:
    async with over_stdio(company.url, "jk_operate", *["--write"] * write) as agent:
        over = set(await agent.tools())
        assert (await agent.asked("get_state"))["state"] == "live"
        if write:
            assert (await agent.does("switch_journey", journey="nps", state="paused"))["state"] == "paused"
        else:
            assert "--write" in await agent.refused("switch_journey", journey="nps", state="paused")
    async with over_http(company.url, "jk_operate", write=write) as agent:
        assert set(await agent.tools()) == over
    (entry,) = await page(company.database, Which(kind="journey"), limit=9) or [None]
    assert (entry is not None) is write


async def test_without_a_key_or_an_api_it_says_so(company: Company) -> None:
    command = (sys.executable, "-m", "journeys", "mcp")
    without = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    assert b"JOURNEYS_MCP_KEY is not set" in (await without.communicate())[1]
    async with over_stdio("http://127.0.0.1:9", "jk_read") as agent:
        assert "the API does not answer" in await agent.refused("get_state")
    async with over_stdio(company.url, "jk_nobody") as agent:
        assert "unknown or was revoked" in await agent.refused("get_state")


def test_a_long_answer_is_cut_and_goes_on_from_its_cursor() -> None:
    rows = [{"n": n, "text": "x" * 500} for n in range(200)]
    seen: list[Any] = []
    cursor, parts = None, 0
    while True:
        found = cut({"rows": rows, "rules": ["a", "b"]}, cursor)
        assert size(found.shown) <= LARGEST
        seen += found.shown["rows"]
        parts += 1
        cursor = found.more.get("cursor")
        if cursor is None:
            break
        assert found.more["left_out"] == {"rows": 200 - len(seen)}
    assert seen == rows
    assert parts > 3
    assert cut([1, 2]).more == {}
    long = cut({"text": "y" * 100_000})
    assert size(long.shown) < LARGEST
    assert long.more["texts"]
    nested = cut({"tables": [{"rows": [["z" * 100]] * 1_000}]})
    assert nested.more["cursor"].startswith("tables/0/rows:")
    for wrong in ("rows", "rows:x", "no/such:5", "rows/0/n:1"):
        with pytest.raises(BadCursor):
            cut({"rows": rows}, wrong)

"""What the pages tell, as the API tells it: customers found by each of their names, messages and events page by page."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import httpx

from api import ApiConfig
from store.keys import Grant, Role, create_key
from store.runs.views import Run
from tests.api.console.conftest import Console
from tests.api.server import serving


async def asked(console: Console, path: str, **params: Any) -> Any:
    answer = await console.shop.operate("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def rows(page: str, caption: str) -> list[list[str]]:
    """The rows of a table as text, without its head."""
    [table] = [each for each in re.findall(r"<table.*?</table>", page, re.DOTALL) if f"<caption>{caption}" in each]
    body = table.partition("<tbody>")[2]
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


async def test_home_has_the_numbers_of_the_api_and_what_needs_somebody(console: Console) -> None:
    await console.shop.operate("PUT", "/v1/journeys/urgent/state", json={"state": "paused"})
    await console.shop.database.pool.execute(
        "update run set failing_since = now(), failure = 'KeyError at x.py:1' where id = $1", console.run.id
    )
    journeys = {each["name"]: each for each in await asked(console, "/v1/journeys")}
    async with console.signed_on() as browser:
        page = await shown(browser, "/console")
    told = {row[0].split()[0]: row for row in rows(page, "Journeys")}
    assert {*told} == {*journeys}
    for name, view in journeys.items():
        counts = [view[each] for each in ("open_runs", "new_today", "converted_today", "sent_today")]
        numbers = ["\N{EN DASH}" if count is None else str(count) for count in counts]
        assert (told[name][1], told[name][2:6]) == (view["state"], numbers)
    assert journeys["three_messages"]["sent_today"] == 1
    assert next(iter(told)) in {"calms_down", "three_messages"}, "first stands what needs somebody"
    needs = page.partition('<ul class="needs">')[2].partition("</ul>")[0]
    assert "1 of 1 open runs fail (KeyError at x.py:1)" in needs
    assert needs.count("vip-at-risk") == 1, "what is said of a journey is not said again of its segment"


async def test_home_tells_who_entered_today_before_any_message_of_theirs(console: Console) -> None:
    pool, now = console.shop.database.pool, console.shop.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    insert = (
        "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id, ended_at, outcome,"
        " waits_until)"
        " values (gen_random_uuid(), 'urgent', $1, 'api', $2, $2, gen_random_uuid()::text, $3, $4, $5)"
    )
    later = now + timedelta(days=1)
    for entered, waits in ((midnight, None), (now, None), (midnight - timedelta(seconds=1), None), (now, later)):
        over = (None, None) if waits else (now, "finished")
        await pool.execute(insert, console.customer, entered, *over, waits)
    [urgent] = await asked(console, "/v1/journeys", journey="urgent")
    assert urgent["new_today"] == 2, "neither yesterday's, nor who is in line"
    async with console.signed_on() as browser:
        told = {row[0].split()[0]: row for row in rows(await shown(browser, "/console"), "Journeys")}
        assert told["urgent"][3] == "2"
        page = await shown(browser, "/console/journeys/urgent")
    assert "<dt>Entered today</dt><dd>2</dd>" in page


async def test_a_journey_lists_the_experiments_that_it_asks_about_without_declaring_them(console: Console) -> None:
    [view] = await asked(console, "/v1/journeys", journey="experiments")
    [channel] = view["experiments"]
    assert (channel["name"], channel["arms"]) == ("channel", {"push": 0.5, "email": 0.5})
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/journeys/experiments")
    assert 'href="/console/experiments/channel"' in page
    assert "asks about no experiment" not in page


async def test_what_is_said_of_all_journeys_is_one_line(console: Console) -> None:
    async with console.signed_on() as browser:
        before = (await shown(browser, "/console")).partition('id="needs"')[2].count("<li>")
        await browser.post("/console/state", data={"to": "paused"})
        page = await shown(browser, "/console")
    assert "Everything is paused since" in page
    needs = page.partition('id="needs"')[2].partition("</section>")[0]
    assert (needs.count("<li>"), "everything is" in needs) == (before + 1, False)
    assert "Everything is paused since" in needs, "also where nothing else needs somebody"


async def test_where_nothing_else_is_wrong_home_does_not_say_that_nothing_is_paused(console: Console) -> None:
    console.keys["of a calm one"] = await create_key(
        console.shop.database.pool, "of a calm one", Grant(Role.READ, journeys=("urgent",))
    )
    async with console.signed_on("of a calm one") as browser:
        calm = "Nothing: no journey fails"
        assert calm in await shown(browser, "/console")
        await console.shop.operate("PUT", "/v1/state", json={"state": "paused"})
        assert calm not in await shown(browser, "/console")


async def test_home_names_what_waits_for_the_second_persons_approval(console: Console) -> None:
    [waiting, _] = (await asked(console, "/v1/campaigns"))["campaigns"]
    link = f'<li><a href="/console/campaigns/{waiting["id"]}">{waiting["name"]}</a>'
    async with console.signed_on() as browser, console.signed_on("of one") as held:
        assert link in await shown(browser, "/console")
        assert link not in await shown(held, "/console"), "a key of one journey may not look at it"
        await browser.post(f"/console/campaigns/{waiting['id']}/state", data={"to": "paused"})
        assert link not in await shown(browser, "/console"), "as its own page says, it is paused"
        await browser.post(f"/console/campaigns/{waiting['id']}/state", data={"to": "running"})
        await browser.post(f"/console/campaigns/{waiting['id']}/approve")
        assert link not in await shown(browser, "/console")


async def test_everything_is_stopped_and_lives_again_in_the_audit_by_who_did_it(console: Console) -> None:
    async with console.signed_on() as browser:
        for to, said, stands in (("paused", "Paused: messages wait", True), ("live", "Live again: what waited", False)):
            answer = await browser.post("/console/state", data={"to": to})
            page = await shown(browser, answer.headers["location"])
            assert (said in page, "Everything is paused since" in page) == (True, stands)
        assert (await browser.post("/console/state", data={"to": "gone"})).status_code == 422
    changes = await console.shop.database.pool.fetch("select by, role, became from audit where verb = 'switch' order by id")
    assert [(each["by"], each["role"], each["became"]["state"]) for each in changes] == [
        ("operator", "operate", "paused"),
        ("operator", "operate", "live"),
    ]


async def test_a_customer_is_found_by_each_of_their_names_and_a_run_by_its_id(console: Console) -> None:
    pool = console.shop.database.pool
    await console.shop.send("identify", userId="anita", traits={"city": "Bilbao"})
    await console.shop.send("alias", userId="ana", previousId="anita")
    absorbed = await pool.fetchval("select id from profile where merged_into = $1", console.customer)
    phone = await pool.fetchval("select traits ->> 'phone' from profile where id = $1", console.customer)
    here = f"/console/customers/{console.customer}"
    async with console.signed_on() as browser:
        for name in ("ana", "anita", "ana@example.com", "ANA@example.com", phone, str(console.customer), str(absorbed)):
            answer = await browser.post("/console/customers", data={"name": name})
            assert answer.headers.get("location") == here, name
        assert (await browser.get(f"/console/customers/{absorbed}")).headers["location"] == here
        run = await browser.post("/console/customers", data={"name": str(console.run.id)})
        assert run.headers["location"] == f"/console/runs/{console.run.id}"
        nobody = await browser.post("/console/customers", data={"name": "an"})
        assert "Nobody is called so" in nobody.text
        assert (await browser.get(f"/console/customers/{UUID(int=1)}")).status_code == 404
        names = rows(await shown(browser, here), "Names")
    assert {("user_id", "ana"), ("user_id", "anita")} <= {(row[0], row[1]) for row in names}
    assert {each["value"] for each in await asked(console, f"/v1/profiles/{console.customer}/names")} == {
        row[1] for row in names
    }


async def test_messages_and_events_come_page_by_page_as_the_api_has_them(console: Console) -> None:
    await more_messages(console, console.run, 60)
    first = await asked(console, "/v1/messages", customer_id=console.customer)
    second = await asked(console, "/v1/messages", customer_id=console.customer, after=first["next"])
    keys = [(each["run_id"], each["step"], each["occurrence"]) for page in (first, second) for each in page["messages"]]
    assert (len(keys), len(set(keys)), second["next"]) == (63, 63, None)
    assert [each["due_at"] for each in first["messages"]] == sorted(
        (each["due_at"] for each in first["messages"]), reverse=True
    )
    for n in range(55):
        await console.shop.send("track", userId="ana", event=f"Seen {n}")
    events = await asked(console, f"/v1/profiles/{console.customer}/events")
    older = await asked(console, f"/v1/profiles/{console.customer}/events", after=events["next"])
    ids = [each["message_id"] for page in (events, older) for each in page["events"]]
    assert (
        len(ids)
        == len(set(ids))
        == await console.shop.database.pool.fetchval("select count(*) from event where profile_id = $1", console.customer)
    )
    here = f"/console/customers/{console.customer}"
    async with console.signed_on() as browser:
        page = await shown(browser, here)
        assert [row[1] for row in rows(page, "Events")] == [each["type"] for each in events["events"]]
        [older_messages] = re.findall(rf'href="({here}\?messages=[^"]+)#messages"', page)
        told = rows(await shown(browser, older_messages), "Messages")
        assert [row[1] for row in told] == [f"{each['channel']} {each['template']}" for each in second["messages"]]
        assert (await browser.get(f"{here}?messages=nonsense")).status_code == 400
    assert (
        await console.shop.operate("GET", "/v1/messages?customer_id=" + str(console.customer) + "&after=xx")
    ).status_code == 400


async def more_messages(console: Console, run: Run, count: int) -> None:
    """Messages that fell due at one instant, some of them."""
    await console.shop.database.pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at)"
        " select $1, 'sms:note', n, $2, $3, 'sms', 'marketing', 'note', 'skipped', $4::timestamptz - n / 7 * interval '1 hour'"
        " from generate_series(2, $5::integer + 1) n", # the first stands already
        run.id, run.profile_id, run.journey, console.shop.clock.now() - timedelta(days=1), count,
    )  # fmt: skip


async def test_a_message_that_stands_at_several_places_is_counted_once_on_the_map(console: Console) -> None:
    await console.shop.database.pool.execute(
        "with r as (insert into run (id, journey, profile_id, entered_by, entered_at, created_at, started_at, workflow_id)"
        " values (gen_random_uuid(), 'tells_the_browser', $1, 'api', $2, $2, $2, 'x') returning id)"
        " insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at)"
        " select id, 'web_push:note', 1, $1, 'tells_the_browser', 'web_push', 'transactional', 'note', 'sent', $2 from r",
        *(console.customer, console.shop.clock.now() - timedelta(minutes=5)),
    )
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/journeys/tells_the_browser")
        boxes = page.partition("<svg")[2].partition("</svg>")[0]
        assert re.findall(r">(\d+ sent[^<]*|counted[^<]*)<", boxes) == [
            "0 sent · 1 here, at 2 places",
            "counted at its first place",
        ]
        assert "is counted at the first of them, for all." in page
        assert "is counted at the first" not in await shown(browser, "/console/journeys/three_messages")


async def test_a_journey_is_drawn_with_what_its_sums_say_and_without_one_it_says_what_to_do(console: Console) -> None:
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/journeys/three_messages")
        assert "1 sent · 0 are here" in page.partition("<svg")[2].partition("</svg>")[0]
        assert rows(page, "Why messages were not sent") == [["email:note", "skipped: goal reached", "1"]]
        assert rows(page, "How runs ended") == [["open still", "1"]]
        assert [row[0:2] for row in rows(page, "Steps")] == [["email:note", "1"], ["push:note", "1"]]
        empty = await shown(browser, "/console/journeys/weekly")
        assert "No message of it has fallen due yet." in empty
        assert "<svg" in empty
        spanish = await shown(browser, "/console/journeys/three_messages?lang=es")
        drawn = spanish.partition("<svg")[2].partition("</svg>")[0]
        assert all(each in drawn for each in ("hasta 1 h tras la entrada", "entra en carts", "acabada"))
        assert all(each not in drawn for each in (" after entry", "enters ", "finished"))
        assert "1 enviados · 0 aquí" in spanish


async def test_a_run_tells_its_story_and_ends_once(console: Console) -> None:
    path = f"/console/runs/{console.run.id}"
    async with console.signed_on() as browser:
        page = await shown(browser, path)
        story = await asked(console, f"/v1/runs/{console.run.id}/story")
        told = [" ".join(re.sub(r"<[^>]+>", " ", each["what"]).split()) for each in story["happened"]]  # as `rows` reads cells
        assert [row[2] for row in rows(page, "What happened")] == told
        assert 'href="http://ui.test/namespaces/' in page
        answer = await browser.post(f"{path}/end")
        assert "The run was told to end" in await shown(browser, answer.headers["location"])
        reason = "select exit_reason from run where id = $1"
        assert await console.shop.database.pool.fetchval(reason, console.run.id) == "ended by an operator"
        await console.shop.database.pool.execute(
            "update run set ended_at = now(), outcome = exit_reason where id = $1", console.run.id
        )
        over = await browser.post(f"{path}/end")
        assert (over.status_code, "the run is over already" in over.text) == (409, True)


async def test_a_segment_tells_why_by_a_name_that_stands_in_no_address(console: Console) -> None:
    async with console.signed_on() as browser:
        answer = await browser.post("/console/segments/vips/why", data={"name": "ana@example.com"})
        assert answer.headers["location"] == f"/console/segments/vips?customer={console.customer}#why"
        assert "is in it" in await shown(browser, answer.headers["location"])
        page = await shown(browser, "/console/segments/vips")
        days = await asked(console, "/v1/segments/vips/days")
        assert [row[0] for row in rows(page, "Size over time")] == [each["day"] for each in days]
        assert rows(page, "Size over time")[-1][3] == str(days[-1]["size"])
        assert (await browser.get(f"/console/segments/vips?customer={UUID(int=1)}")).status_code == 404
        assert "Nobody is called so" in (await browser.post("/console/segments/vips/why", data={"name": "nobody"})).text


async def test_of_very_many_journeys_home_shows_those_first_that_need_somebody(console: Console) -> None:
    config: ApiConfig = console.shop.api._transport.app.state.config  # type: ignore[attr-defined]
    [some, *_] = config.catalogue.values()
    many = {f"quiet_{n:03}": replace(some, spec=replace(some.spec, name=f"quiet_{n:03}")) for n in range(220)}
    async with serving(replace(config, catalogue={**config.catalogue, **many})) as url:
        console.url = url
        async with console.signed_on() as browser:
            page, whole = await shown(browser, "/console"), await shown(browser, "/console?all=true")
    assert (len(rows(page, "Journeys")), len(rows(whole, "Journeys"))) == (200, 220 + len(config.catalogue))
    assert f"All {220 + len(config.catalogue)} journeys" in page
    assert {"calms_down", "three_messages", "while_vip"} <= {row[0].split()[0] for row in rows(page, "Journeys")[:3]}

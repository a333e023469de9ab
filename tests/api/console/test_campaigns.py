"""The pages of starts and campaigns: how far each is as the API has it; paused, resumed, cancelled, approved by another."""

from datetime import timedelta
from uuid import UUID

from activities.measuring.folding import Folding
from journeys.campaigns.contracts import CampaignPart, CampaignStart, CampaignTurn
from tests.api.console.conftest import Console
from tests.api.console.test_pages import asked, rows, shown

CAPTION = "Starts and campaigns"


async def test_the_newest_stand_there_with_their_state_and_how_far_they_are(console: Console) -> None:
    listed = (await asked(console, "/v1/campaigns"))["campaigns"]
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/campaigns")
        told = rows(page, CAPTION)
        assert [row[1] for row in told] == [each["state"] for each in listed] == ["waiting for approval", "running"]
        assert (told[0][0], told[1][2]) == ("news push note", "1 of 2 Bad rows: 1")
        assert '<progress max="2" value="1"' in page
        assert len(rows(await shown(browser, "/console/campaigns?journey=by_choice"), CAPTION)) == 1
        assert "Nothing was started" in await shown(browser, "/console/campaigns?journey=urgent")
        assert (await browser.get("/console/campaigns?after=nonsense")).status_code == 400
    async with console.signed_on("of one") as browser:
        assert (await browser.get("/console/campaigns")).status_code == 403
        assert (await browser.get("/console/campaigns?journey=three_messages")).status_code == 200


async def test_one_tells_what_came_of_it_and_who_was_left_out(console: Console) -> None:
    here = f"/console/campaigns/{console.start}"
    report = f"/v1/campaigns/{console.start}/report"
    async with console.signed_on("reader") as browser:
        page = await shown(browser, here)
        assert rows(page, "What came of it") == [["refused: already running", "1"]]
        bad = (await asked(console, report))["rows"]
        assert rows(page, "Bad rows") == [[str(each["row"]), each["reason"]] for each in bad]
        left_out = (await asked(console, report, of="left-out"))["rows"]
        assert [(row[0], row[2]) for row in rows(page, "Left out")] == [(str(each["row"]), each["reason"]) for each in left_out]
        assert "<button" not in page.partition("<main")[2], "who only reads changes nothing"
        assert (await browser.post(f"{here}/state", data={"to": "paused"})).status_code == 403


async def test_it_is_paused_goes_on_and_is_cancelled_once(console: Console) -> None:
    here = f"/console/campaigns/{console.start}"
    async with console.signed_on() as browser:
        for to, said in (("paused", "Paused: nobody"), ("running", "It goes on."), ("cancelled", "Cancelled: nobody")):
            answer = await browser.post(f"{here}/state", data={"to": to})
            assert said in await shown(browser, answer.headers["location"])
            assert (await asked(console, f"/v1/campaigns/{console.start}"))["state"] == to
        over = await browser.post(f"{here}/state", data={"to": "running"})
        assert (over.status_code, "it is cancelled already" in over.text) == (409, True)
        assert (await browser.post(f"{here}/state", data={"to": "gone"})).status_code == 422
        assert "/state" not in await shown(browser, here), "what is over has no buttons"


async def test_somebody_else_approves_it_than_who_made_it(console: Console) -> None:
    here = f"/console/campaigns/{console.letter}"
    async with console.client() as maker, console.signed_on() as other:
        await maker.post("/console/login", data={"key": console.shop.operate_key})
        assert "Somebody else than operate, who made it" in await shown(maker, here)
        assert f'action="{here}/approve"' not in await shown(maker, here)
        assert (await maker.post(f"{here}/approve")).status_code == 403
        assert f'action="{here}/approve"' in await shown(other, here)
        answer = await other.post(f"{here}/approve")
        assert "Approved: it begins" in await shown(other, answer.headers["location"])
    assert (await asked(console, f"/v1/campaigns/{console.letter}"))["approved_by"] == "operator"


async def test_what_repeats_lists_its_turns_and_is_cancelled_with_them(console: Console) -> None:
    shop = console.shop
    body = {
        "name": "daily",
        "to": {"segment": "vips"},
        "message": {"channel": "push", "template": "note"},
        "repeat": {"cron": "0 9 * * *"},
    }
    made = (await shop.operate("POST", "/v1/campaigns", json=body)).json()["id"]
    here = f"/console/campaigns/{made}"
    async with console.signed_on() as browser:
        assert rows(await shown(browser, here), "Its turns") == [["It has had no turn yet."]]
        for n in range(2):
            at = shop.clock.now() + timedelta(hours=n - 2)
            await shop.parts.campaigns.again(CampaignTurn(campaign=UUID(made), at=at))
        turns = (await asked(console, "/v1/campaigns", turns_of=made))["campaigns"]
        page = await shown(browser, here)
        assert [row[1] for row in rows(page, "Its turns")] == ["running", "running"]
        assert all(f'href="/console/campaigns/{each["id"]}"' in page for each in turns)
        answer = await browser.post(f"{here}/state", data={"to": "cancelled"})
        assert "Cancelled, with its turns" in await shown(browser, answer.headers["location"])
        assert [row[1] for row in rows(await shown(browser, here), "Its turns")] == ["cancelled", "cancelled"]


async def test_the_totals_of_home_have_what_campaigns_do(console: Console) -> None:
    """An operator's: 61 were sent today by home, and 380 by the report."""
    shop = console.shop
    for user in ("gil", "gia"):
        await shop.signs_up(user, tier="gold")
    await shop.look()
    body = {
        "name": "sale",
        "to": {"segment": "vips"},
        "message": {"channel": "push", "template": "note", "quiet_hours": None},
    }
    made = UUID((await shop.operate("POST", "/v1/campaigns", json=body)).json()["id"])
    await shop.parts.campaigns.look(CampaignStart(campaign=made, clock=shop.clock))
    await shop.parts.campaigns.work(CampaignPart(campaign=made, part=0, parts=1))
    await Folding(shop.database, None, shop.clock).fold()
    sent = await shop.database.pool.fetchval("select count(*) from delivery where state = 'sent'")
    midnight = shop.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    entered = await shop.database.pool.fetchval(
        "select count(*) from run where waits_until is null and entered_at >= $1", midnight
    )
    open_runs = await shop.database.pool.fetchval("select count(*) from run where ended_at is null and waits_until is null")
    async with console.signed_on() as browser:
        page = await shown(browser, "/console")
        assert f"<dt>Sent today</dt><dd>{sent}</dd>" in page
        assert f"<dt>Entered today</dt><dd>{entered}</dd>" in page
        assert f"<dt>In a journey now</dt><dd>{open_runs}</dd>" in page
        written_to = (await asked(console, f"/v1/campaigns/{made}"))["outcomes"]["sent"]
        assert f"Of these by campaigns: 0 in one now, {written_to} entered today, {written_to} sent today." in page
        page = await shown(browser, "/console/journeys/campaign:sale")
    assert "All campaigns of this name together" in page
    assert "left the catalogue" not in page
    assert ">gone<" not in page
    async with console.signed_on("of one") as browser:
        assert "by campaigns" not in await shown(browser, "/console")

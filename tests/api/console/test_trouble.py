"""The page of trouble: a table of each kind, as the API tells it; dead letters read again, a receiver resumed."""

from tests.api.console.conftest import Console
from tests.api.console.test_pages import asked, rows, shown

HERE = "/console/trouble"


async def test_each_kind_of_trouble_stands_there_as_the_api_has_it(console: Console) -> None:
    doubts = (await asked(console, "/v1/messages/in-doubt"))["messages"]
    letters = (await asked(console, "/v1/dead-letters"))["dead_letters"]
    suppressed = (await asked(console, "/v1/suppressions"))["suppressions"]
    async with console.signed_on() as browser:
        page = await shown(browser, HERE)
        raw = (await browser.get(HERE)).text
    assert "<script src=" not in raw.partition("<main")[2], "what others wrote is text"
    assert [row[1] for row in rows(page, "Messages in doubt")] == [f"{each['channel']} {each['template']}" for each in doubts]
    reasons = {each["reason"].partition(":")[0] for each in letters}
    assert {row[0] for row in rows(page, "Dead letters by reason")} == reasons
    assert sum(int(row[2]) for row in rows(page, "Dead letters by reason")) == len(letters) == 3
    assert len(rows(page, "The newest dead letters")) == len(letters)
    assert [row[0] for row in rows(page, "Providers that are not used")] == ["fcm"]
    assert [row[:2] for row in rows(page, "Sources that are late or fail")] == [["loyalty batch, every 1:00:00", "failing"]]
    assert [row[:2] for row in rows(page, "Receivers that fail or are stopped")] == [
        ["crm https://crm.example/hooks", "stopped"]
    ]
    assert [row[6] for row in rows(page, "Suppressed addresses")] == [f"{each['digest'][:12]}…" for each in suppressed]


async def test_who_may_not_see_persons_sees_reasons_and_no_item(console: Console) -> None:
    async with console.signed_on("reader") as browser:
        page = await shown(browser, HERE)
        assert len(rows(page, "Dead letters by reason")) > 0
        assert ("The newest dead letters" in page, "What stands in them is personal data" in page) == (False, True)
        assert "<button" not in page.partition("<main")[2], "who only reads changes nothing"
        for path in ("dead-letters/replay", "receivers/crm/resume"):
            assert (await browser.post(f"{HERE}/{path}", data={"reason": "no-identity"})).status_code == 403
    async with console.signed_on("of one") as browser:
        assert (await browser.get(HERE)).status_code == 403


async def test_dead_letters_of_a_reason_are_read_again(console: Console) -> None:
    pool = console.shop.database.pool
    mended = await pool.execute(
        "update dead_letter set item = $1 where reason like 'no-identity%'", '{"type": "track", "event": "E", "userId": "zoe"}'
    )
    async with console.signed_on() as browser:
        assert (await browser.post(f"{HERE}/dead-letters/replay")).status_code == 422, "say which"
        answer = await browser.post(f"{HERE}/dead-letters/replay", data={"source": "nobody", "reason": "no-identity"})
        assert await pool.fetchval("select count(*) from dead_letter") == 3, "nobody sent such a one"
        (source,) = {row[1] for row in rows(await shown(browser, HERE), "Dead letters by reason")}
        answer = await browser.post(f"{HERE}/dead-letters/replay", data={"source": source, "reason": "no-identity"})
        page = await shown(browser, answer.headers["location"])
    assert "Read again: what can be taken now is stored" in page
    assert "no-identity" not in {row[0] for row in rows(page, "Dead letters by reason")}
    assert await pool.fetchval("select count(*) from event where type = 'E'") == int(mended.split()[1]) > 0


async def test_a_receiver_that_was_stopped_is_told_again(console: Console) -> None:
    async with console.signed_on() as browser:
        answer = await browser.post(f"{HERE}/receivers/crm/resume")
        page = await shown(browser, answer.headers["location"])
        assert "It is told again" in page
        assert "None: every receiver takes what it is told." in page
        assert (await browser.post(f"{HERE}/receivers/nobody/resume")).status_code == 404
    assert (await asked(console, "/v1/subscriptions/crm"))["state"] == "active"


async def test_where_nothing_is_wrong_it_says_so(console: Console) -> None:
    await console.shop.database.pool.execute("truncate dead_letter, provider_stopped, suppression; delete from source")
    async with console.signed_on() as browser:
        page = await shown(browser, HERE)
    for said in (
        "everything that was sent could be taken",
        "every provider is used",
        "every source was read",
        "nobody said no",
    ):
        assert f"None: {said}" in page

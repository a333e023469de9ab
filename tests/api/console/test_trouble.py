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
    assert [row[:2] for row in rows(page, "Sources that are late or fail")] == [["loyalty batch, every 1 h", "failing"]]
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


async def test_a_message_in_doubt_is_settled_or_sent_once_more(console: Console) -> None:
    (doubt,) = (await asked(console, "/v1/messages/in-doubt"))["messages"]
    async with console.signed_on() as browser:
        page = await shown(browser, HERE)
        assert ("It was not sent" in page, "Send it once more" in page) == (True, doubt["not_repeatable"] is None)
        for path, said in (
            ("settle", {"outcome": "sent"}),
            ("settle", {"message": "x"}),
            ("repeat", {"message": doubt["message"]}),
        ):
            assert (await browser.post(f"{HERE}/doubts/{path}", data=said)).status_code == 422, said
        once_more = await browser.post(f"{HERE}/doubts/repeat", data={"message": doubt["message"], "may_arrive_twice": "yes"})
        assert "It is sent once more within a moment" in await shown(browser, once_more.headers["location"])
        assert (await asked(console, "/v1/messages/in-doubt/said"))["said"][0]["said"] == "repeat"
        again = await browser.post(f"{HERE}/doubts/repeat", data={"message": doubt["message"], "may_arrive_twice": "yes"})
        assert (again.status_code, "it is under way" in again.text) == (409, True)
        said = {"message": doubt["message"], "outcome": "sent", "provider_message_id": "SM-1"}
        answer = await browser.post(f"{HERE}/doubts/settle", data=said)
        page = await shown(browser, answer.headers["location"])
        assert ("It is written down" in page, rows(page, "Messages in doubt")[0][0].startswith("None:")) == (True, True)
        assert (await browser.post(f"{HERE}/doubts/settle", data=said)).status_code == 409
    row = await console.shop.database.pool.fetchrow("select state, provider_message_id from delivery where step = 'sms:note'")
    assert tuple(row) == ("sent", "SM-1")  # type: ignore[arg-type]
    async with console.signed_on("reader") as browser:
        for path in ("doubts/settle", "doubts/repeat", "suppressions/lift"):
            assert (await browser.post(f"{HERE}/{path}", data=said)).status_code == 403


async def test_an_address_is_written_to_again_and_one_dead_letter_is_read_again(console: Console) -> None:
    pool = console.shop.database.pool
    (suppressed,) = (await asked(console, "/v1/suppressions"))["suppressions"]
    said = {"channel": suppressed["channel"], "digest": suppressed["digest"]}
    letters = (await asked(console, "/v1/dead-letters"))["dead_letters"]
    mended = '{"type": "track", "event": "E", "userId": "zoe"}'
    async with console.signed_on() as browser:
        kept = await browser.post(f"{HERE}/suppressions/lift", data=said | {"why": ""})
        assert "It stays: its owner said no" in await shown(browser, kept.headers["location"])
        lifted = await browser.post(f"{HERE}/suppressions/lift", data=said | {"why": "they asked for it"})
        page = await shown(browser, lifted.headers["location"])
        assert ("The address is written to again." in page, "None: nobody said no" in page) == (True, True)
        await pool.execute("update dead_letter set item = $1", mended)
        await browser.post(f"{HERE}/dead-letters/replay", data={"id": letters[0]["id"]})
        assert {row["id"] for row in await pool.fetch("select id from dead_letter")} == {each["id"] for each in letters[1:]}
        assert (await browser.post(f"{HERE}/dead-letters/replay", data={"id": "x"})).status_code == 422

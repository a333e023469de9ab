"""The pages of admins: the keys without a secret, the audit by kind, name and who it was."""

from store.keys import revoke_key
from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.test_pages import rows, shown

CHANGES = "Who changed what"


async def test_keys_stand_there_without_a_secret_and_those_that_ended_last(console: Console) -> None:
    assert await revoke_key(console.shop.database.pool, "starter")
    async with console.signed_on("admin") as browser:
        page = await shown(browser, "/console/keys")
        told = rows(page, "Keys")
        names = {row[0] for row in told}
        assert {*console.keys} <= names
        assert [row[0] for row in told if row[1] == "over"] == [told[-1][0]] == ["starter"]
        (narrow,) = [row for row in told if row[0] == "of one"]
        assert narrow[2:4] == ["operate", "sees personal data of these journeys alone: three_messages"]
        assert [key for key in console.keys.values() if key in page] == []
    for name in ("operator", "reader", "of one"):
        async with console.signed_on(name) as browser:
            for path in ("/console/keys", "/console/audit"):
                assert (await browser.get(path)).status_code == 403
                assert f'href="{path}"' not in (await browser.get("/console")).text


async def test_the_audit_is_the_apis_by_kind_name_and_who_and_page_by_page(console: Console) -> None:
    for n in range(30):
        for state in ("paused", "live"):
            body = {"state": state}
            await console.shop.operate("PUT", "/v1/journeys/urgent/state", json=body, headers={"X-Request-Id": f"r-{n}"})
    async with console.signed_on("admin") as browser:
        page = await shown(browser, "/console/audit?kind=journey&name=urgent")
        told = rows(page, CHANGES)
        assert (len(told), told[0][1:5]) == (50, ["operate operate", "switch journey", "urgent", "state paused → state live"])
        (older,) = [part.partition('"')[0] for part in page.split('href="') if "before=" in part.partition('"')[0]]
        rest = rows(await shown(browser, older), CHANGES)
        assert (len(rest), rest[-1][6]) == (10, "r-0")
        by = rows(await shown(browser, "/console/audit?by=admin"), CHANGES)
        assert [row[2] for row in by] == ["sign on console"]
        none = (await browser.get("/console/audit", params={"name": HOSTILE})).text
        assert ("Nobody has changed anything like this" in none, HOSTILE in none) == (True, False)
        assert (await browser.get("/console/audit?name=%00")).status_code == 422


async def test_what_a_segment_was_and_became_stands_there_in_words(console: Console) -> None:
    gold = {"owner": "growth", "predicate": {"trait": "tier", "is": "==", "value": "gold"}}
    silver = gold | {"predicate": {"trait": "tier", "is": "==", "value": "silver"}}
    for body in (gold, silver):
        assert (await console.shop.operate("PUT", "/v1/segments/metal", json=body)).is_success
    async with console.signed_on("admin") as browser:
        newest, first = rows(await shown(browser, "/console/audit?kind=segment&name=metal"), CHANGES)
    assert newest[4].startswith('tier is "gold" → tier is "silver"'), newest
    assert first[4].startswith('tier is "gold"'), first

"""What people do to a customer in the console: traits, consent, merges, export and erasure, each as the API's call does it."""

from datetime import timedelta
from uuid import UUID

from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.test_pages import asked, rows, shown


async def audited(console: Console, verb: str) -> list[tuple[str, str, list[str]]]:
    found = await console.shop.database.pool.fetch("select by, kind, fields from audit where verb = $1 order by id", verb)
    return [(row["by"], row["kind"], list(row["fields"])) for row in found]


async def test_a_trait_is_said_as_an_identify_call_says_it(console: Console) -> None:
    here = f"/console/customers/{console.customer}"
    async with console.signed_on() as browser:
        for said, value in (
            ({"trait": "tier", "value": "silver"}, "silver"),
            ({"trait": "visits", "value": "7", "as": "json"}, "7"),
            ({"trait": "note", "value": HOSTILE}, HOSTILE),
            ({"trait": "zip", "value": "01234"}, "01234"),
        ):
            answer = await browser.post(f"{here}/traits", data=said)
            page = await shown(browser, answer.headers["location"])
            assert "It is known of them now." in page
            told = {row[0]: row for row in rows(page, "Traits")}
            assert told[said["trait"]][2] == "operator", "who said it"
            traits = {each["trait"]: each["value"] for each in (await asked(console, "/v1/profiles", user_id="ana"))["traits"]}
            assert str(traits[said["trait"]]) == value
        await browser.post(f"{here}/traits", data={"trait": "tier", "value": ""})
        assert "tier" not in {row[0] for row in rows(await shown(browser, here), "Traits")}, "it is known no more"
        for wrong in ({"value": "x"}, {"trait": "x", "value": "{", "as": "json"}, {"trait": "x", "value": "\x00" * 3}):
            answer = await browser.post(f"{here}/traits", data=wrong)
            assert answer.status_code in ((422,) if "as" in wrong or "trait" not in wrong else (303, 422)), wrong
        assert (await browser.post(f"/console/customers/{UUID(int=1)}/traits", data={"trait": "x"})).status_code == 404
    assert (
        await console.shop.database.pool.fetchval(
            "select count(*) from event where type = '$identify' and source = 'operator' and profile_id = $1", console.customer
        )
        >= 5
    )
    assert (await audited(console, "change"))[0] == ("operator", "customer", ["tier"])
    kept = str(await console.shop.database.pool.fetch("select * from audit"))
    assert "silver" not in kept


async def test_a_new_customer_is_there_with_an_address_and_without_consent(console: Console) -> None:
    said = {"user_id": "olga", "email": "Olga@Shop.example", "firstName": "Olga", "phone": ""}
    async with console.signed_on() as browser:
        answer = await browser.post("/console/customers/new", data=said)
        page = await shown(browser, answer.headers["location"])
        assert [row[:2] for row in rows(page, "Names")] == [["user_id", "olga"]]
        assert {row[0] for row in rows(page, "Traits")} == {"email", "firstName"}
        assert [row[0] for row in rows(page, "Addresses")] == ["email"]
        assert "Nothing was ever said" in page
        again = await browser.post("/console/customers/new", data={"user_id": "olga", "lastName": "Ruiz"})
        assert again.headers["location"] == answer.headers["location"], "they are there already"
        assert (await browser.post("/console/customers/new", data={"email": "x@shop.example"})).status_code == 422


async def test_what_was_said_of_consent_is_written_down_by_its_rules(console: Console) -> None:
    here = f"/console/customers/{console.customer}"
    said = {"channel": "email", "address": "ana@example.com", "purpose": "marketing"}
    async with console.signed_on() as browser:
        words = (("withdrawn", "customer"), ("granted", "sync"), ("granted", "customer"))
        for (state, by), holds in zip(words, ("withdrawn", "withdrawn", "granted"), strict=True):
            console.shop.clock.set(console.shop.clock.now() + timedelta(minutes=1))
            answer = await browser.post(f"{here}/consent", data=said | {"state": state, "by": by})
            page = await shown(browser, answer.headers["location"])
            told = next(row for row in rows(page, "Consents") if row[0] == "email" and row[2] == "marketing")
            assert told[3] == holds, "a sync undoes no withdrawal"
        assert told[5] == "console: operator"
        wrong = await browser.post(f"{here}/consent", data=said | {"state": "granted", "by": "nobody"})
        assert wrong.status_code == 422
    assert ("operator", "consent", ["email:marketing"]) in await audited(console, "say")


async def test_a_merge_is_undone_and_the_two_stay_apart(console: Console) -> None:
    await console.shop.send("identify", userId="anita", traits={"city": "Bilbao"})
    await console.shop.send("alias", userId="ana", previousId="anita")
    here = f"/console/customers/{console.customer}"
    (merge,) = await asked(console, f"/v1/profiles/{console.customer}/merges")
    async with console.signed_on() as browser:
        assert "Make two of them again" in await shown(browser, here)
        assert (await browser.post(f"{here}/merges/{merge['id'] + 1}/undo")).status_code == 404
        answer = await browser.post(f"{here}/merges/{merge['id']}/undo")
        page = await shown(browser, answer.headers["location"])
        assert ("They are two customers again" in page, "Make two of them again" in page) == (True, False)
        assert "operator" in rows(page, "Merges")[0][3]
        again = await browser.post(f"{here}/merges/{merge['id']}/undo")
        assert again.status_code == 409
    assert str(console.customer) != (await asked(console, "/v1/profiles", user_id="anita"))["customer_id"]


async def test_all_that_is_held_is_a_file_for_who_types_the_id(console: Console) -> None:
    here, ends = f"/console/customers/{console.customer}", str(console.customer)[-12:]
    async with console.signed_on() as browser:
        for typed in ("", "ana", ends[:-1]):
            assert (await browser.post(f"{here}/export", data={"typed": typed})).status_code == 422
        answer = await browser.post(f"{here}/export", data={"typed": f" {ends.upper()} "})
        assert answer.headers["content-disposition"] == f'attachment; filename="customer-{ends}.json"'
        assert answer.headers["cache-control"] == "no-store"
        told, api = answer.json(), await asked(console, f"/v1/profiles/{console.customer}/export")
        assert {**told, "as_of": None} == {**api, "as_of": None}
    async with console.signed_on("reader") as browser:
        assert (await browser.post(f"{here}/export", data={"typed": ends})).status_code == 403


async def test_an_erasure_is_confirmed_by_typing_and_tells_what_became_of_it(console: Console) -> None:
    here, ends = f"/console/customers/{console.customer}", str(console.customer)[-12:]
    async with console.signed_on() as browser:
        refused = await browser.post(f"{here}/erase", data={"typed": "ana"})
        assert (refused.status_code, f"type {ends}" in refused.text) == (422, True)
        assert (await browser.get(here)).status_code == 200, "nothing was done"
        answer = await browser.post(f"{here}/erase", data={"typed": ends})
        page = await shown(browser, answer.headers["location"])
        assert ("Nothing more is sent to them" in page, "not yet: a worker" in page) == (True, True)
        assert (await browser.get(here)).status_code == 404
        assert (await browser.post("/console/customers", data={"name": "ana"})).status_code == 200
        assert (await browser.get(f"/console/erasures/{UUID(int=1)}")).status_code == 404
    assert ("operator", "customer", []) in await audited(console, "erase")


async def test_only_who_may_is_offered_a_form_and_nobody_else_is_heard(console: Console) -> None:
    here, ends = f"/console/customers/{console.customer}", str(console.customer)[-12:]
    forms = {"traits": {"trait": "x", "value": "y"}, "consent": {}, "merges/1/undo": {}, "erase": {"typed": ends}}
    async with console.signed_on("reader") as browser:
        page = (await shown(browser, here)).partition("<main")[2]
        assert ('method="post"' in page, "What can be done" in page) == (False, False)
        for path, said in forms.items():
            assert (await browser.post(f"{here}/{path}", data=said)).status_code == 403, path
        assert "A new customer" not in await shown(browser, "/console/customers")
        assert (await browser.post("/console/customers/new", data={"user_id": "x"})).status_code == 403
    async with console.signed_on() as browser:
        for path, said in (*forms.items(), ("export", {"typed": ends})):
            foreign = await browser.post(f"{here}/{path}", data=said, headers={"Sec-Fetch-Site": "cross-site"})
            assert foreign.status_code == 403, "another site's page"

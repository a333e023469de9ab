"""Customers created and changed by a CSV file: encodings, mapping, bad rows, a dry run, sending it again, and consent."""

from typing import Any

import httpx
import pytest

from tests.api.server import OPERATE_KEY, Api

FILE = "user_id;E-Mail Address;Mobile;Age;Notes\nu-1;ana@shop.example;600 00 00 01;34;calls back\nu-2;;+44 7700 900123;;\n"
AGE = ["Age=age:number", "Notes=-"]


async def sent(api: Api, body: str | bytes, **query: Any) -> httpx.Response:
    key = {"Idempotency-Key": query.pop("key")} if "key" in query else {}
    content = body if isinstance(body, bytes) else body.encode()
    headers = {"Content-Type": "text/csv"} | key
    return await api.http.post("/v1/customers/file", content=content, params=query, headers=headers, auth=(OPERATE_KEY, ""))


async def counts(api: Api, body: str | bytes, **query: Any) -> tuple[int, int, int, int]:
    answer = await sent(api, body, **query)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return told["created"], told["updated"], told["already"], told["bad"]


async def traits(api: Api, user: str) -> dict[str, Any]:
    profile = await api.http.get("/v1/profiles", params={"user_id": user}, auth=(OPERATE_KEY, ""))
    return {each["trait"]: each["value"] for each in profile.json().get("traits", [])}


async def profile(api: Api, user: str) -> Any:
    return (await api.http.get("/v1/profiles", params={"user_id": user}, auth=(OPERATE_KEY, ""))).json()


async def test_customers_are_created_then_changed_and_a_file_sent_again_changes_nothing(ingest_api: Api) -> None:
    assert await counts(ingest_api, FILE, map=AGE, dry_run=True) == (2, 0, 0, 0)
    assert (await profile(ingest_api, "u-1"))["code"] == "unknown-customer"
    assert await counts(ingest_api, FILE, map=AGE) == (2, 0, 0, 0)
    assert await traits(ingest_api, "u-1") == {"email": "ana@shop.example", "phone": "+34600000001", "age": 34}
    assert await traits(ingest_api, "u-2") == {"phone": "+447700900123"}
    assert await counts(ingest_api, FILE, map=AGE) == (0, 0, 2, 0)
    assert len(await ingest_api.events()) == 2
    assert await counts(ingest_api, FILE, map=AGE, key="once more") == (0, 2, 0, 0)
    assert await counts(ingest_api, FILE.replace("34", "35"), map=AGE) == (0, 2, 0, 0)
    assert (await traits(ingest_api, "u-1"))["age"] == 35


async def test_one_that_broke_off_goes_on(ingest_api: Api) -> None:
    head, *rows = [f"{line}\n" for line in ("user_id,plan", *(f"u-{n},family" for n in range(1_200)))]
    first = "".join([head, *rows[:700]])
    assert await counts(ingest_api, first, key="monday") == (700, 0, 0, 0)
    assert await counts(ingest_api, "".join([head, *rows]), key="monday") == (500, 0, 700, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_any_usual_encoding_and_delimiter(ingest_api: Api, encoding: str, delimiter: str) -> None:
    text = "anonymousId,First Name,City\na-1,José,Cádiz\n".replace(",", delimiter).replace("\n", "\r\n")
    assert await counts(ingest_api, text.encode(encoding)) == (1, 0, 0, 0)
    [event] = await ingest_api.events()
    assert event["properties"] == {"firstName": "José", "City": "Cádiz"}


async def test_bad_rows_are_told_by_line_and_reason_and_never_by_what_stands_in_them(ingest_api: Api) -> None:
    rows = [
        "user_id,email,phone,Age",
        ",x@shop.example,,",
        "u-1,secretive,,",
        "u-2,,12,",
        "u-3,,,old",
        "u-4,,,7",
        '"u-5',
        '",,,8',
    ]
    answer = (await sent(ingest_api, "\n".join(rows), map=["Age=age:number"])).json()
    assert (answer["created"], answer["bad"]) == (2, 4)
    assert [(each["row"], each["problem"]) for each in answer["problems"]] == [
        (2, "names nobody: neither user_id nor anonymous_id"),
        (3, "email is no address"),
        (4, "phone is no number; write it with its country code, or as in ES"),
        (5, "age is no number; write 1234.5"),
    ]
    assert "secretive" not in str(answer)
    tried = (await sent(ingest_api, "\n".join(rows), map=["Age=age:number"], dry_run=True, key="x")).json()
    assert tried["problems"] == answer["problems"]


@pytest.mark.parametrize(
    ("body", "query", "told"),
    [
        ("name\nAna\n", {}, "no column names customers"),
        ("user_id,a\nu-1,2\n", {"map": ["b=c"]}, "there is no column 'b'; the first line names 'user_id', 'a'"),
        ("user_id,a\nu-1,2\n", {"map": ["a"]}, "maps nothing"),
        ("user_id,a\nu-1,2\n", {"map": ["a=c:money"]}, "text, number, boolean, date, not 'money'"),
        ("user_id,a\nu-1,2\n", {"map": ["a=consent:telepathy"]}, "consent is read for email, sms, whatsapp"),
        ("user_id,mobile,phone\nu-1,2,3\n", {}, "two columns become 'phone'"),
        ("user_id,email,consent:email\nu-1,a@shop.example,yes\n", {}, "say where consent was given"),
        ("user_id\nu-1\n", {"consent": "email", "consent_source": "fair"}, "needs a column with the email"),
        ('user_id\n"u-1\n', {}, "look for a quote"),
    ],
)
async def test_a_file_or_mapping_that_cannot_be_meant_is_refused_in_words(
    ingest_api: Api, body: str, query: dict[str, Any], told: str
) -> None:
    answer = await sent(ingest_api, body, **query)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-file")
    assert told in answer.json()["detail"]


async def test_consent_is_the_word_of_an_import_with_its_source_and_only_where_it_is_declared(ingest_api: Api) -> None:
    plain = "user_id,email,phone\nu-1,ana@shop.example,600000001\n"
    await counts(ingest_api, plain)
    assert (await profile(ingest_api, "u-1"))["consents"] == []
    rows = "user_id,email,phone,News\nu-1,ana@shop.example,600000001,yes\nu-2,bea@shop.example,,No\n"
    rows += "u-3,cleo@shop.example,,\nu-4,,,yes\n"
    declared = {"map": ["News=consent:email"], "consent_source": "fair 2025", "text": "card-1"}
    answer = (await sent(ingest_api, rows, **declared)).json()
    assert [each["problem"] for each in answer["problems"]] == ["consent for email has no email beside it"]
    said = {user: (await profile(ingest_api, user))["consents"] for user in ("u-1", "u-2", "u-3")}
    found = {
        user: [(each["channel"], each["state"], each["said_by"], each["source"]) for each in told]
        for user, told in said.items()
    }
    assert found == {
        "u-1": [("email", "granted", "import", "import: fair 2025")],
        "u-2": [("email", "withdrawn", "import", "import: fair 2025")],
        "u-3": [],
    }
    await counts(ingest_api, plain.replace("u-1,ana", "u-9,zoe"), consent=["whatsapp", "sms"], consent_source="checkout")
    whole = {each["channel"]: each["state"] for each in (await profile(ingest_api, "u-9"))["consents"]}
    assert whole == {"sms": "granted", "whatsapp": "granted"}


async def test_an_import_never_undoes_what_a_customer_said(ingest_api: Api) -> None:
    no = {"key": "ana@shop.example", "type": "EMAIL", "status": "UNSUBSCRIBED", "by": "customer"}
    await ingest_api.post("identify", {"userId": "u-1", "context": {"messaging_subscriptions": [no]}})
    await counts(ingest_api, "user_id,email\nu-1,ana@shop.example\n", consent="email", consent_source="fair")
    [consent] = (await profile(ingest_api, "u-1"))["consents"]
    assert consent["state"] == "withdrawn"


async def test_an_empty_cell_says_nothing_or_takes_the_trait_away(ingest_api: Api) -> None:
    await counts(ingest_api, "user_id,plan\nu-1,family\n")
    await counts(ingest_api, "user_id,plan\nu-1,\n")
    assert await traits(ingest_api, "u-1") == {"plan": "family"}
    await counts(ingest_api, "user_id,plan\nu-1,\n", clear=True, key="clear")
    assert (await traits(ingest_api, "u-1")).get("plan") is None


async def test_when_a_row_was_so_can_be_said(ingest_api: Api) -> None:
    await counts(ingest_api, "user_id,plan,Since\nu-1,solo,2026-03-01T12:00:00Z\n", map=["Since=at"])
    await counts(ingest_api, "user_id,plan,Since\nu-1,family,2026-02-01\n", map=["Since=at"])
    assert await traits(ingest_api, "u-1") == {"plan": "solo"}, "the older word does not go before the newer one"


async def test_very_many_columns_are_refused_in_words_and_written_down_nowhere(ingest_api: Api) -> None:
    answer = await sent(ingest_api, b"user_id" + b",".join(b"c%d" % n for n in range(100_000)) + b"\nu-1\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-file")
    assert "names 100,000 columns, more than 500" in answer.json()["detail"]
    assert await ingest_api.database.pool.fetchval("select count(*) from audit where verb = 'import'") == 0


async def test_a_number_too_long_and_bytes_that_are_no_text_are_told_in_the_right_words(ingest_api: Api) -> None:
    body = "user_id,age\nu-1,9999999999999999999999\nu-2,1\n"
    told = (await sent(ingest_api, body, map="age=age:number")).json()
    assert [each["problem"] for each in told["problems"]] == ["age has more digits than can be kept (64 bits); map it as text"]
    lone = "user_id,note\nu-3,".encode("utf-16") + b"\x00\xd8" + "\nu-4,x\n".encode("utf-16-le") + b"x"
    told = (await sent(ingest_api, lone)).json()
    assert (told["created"], told["bad"]) == (1, 2)
    assert all("no text in the encoding" in each["problem"] for each in told["problems"])


async def test_a_dot_leads_into_an_object_as_in_an_identify_call_and_the_answer_says_so(ingest_api: Api) -> None:
    """A newcomer's: a flat trait with a dot in its name, which no reader ever saw."""
    body, mapped = "user_id,City,address.street,Notes\nu-1,Vigo,Rúa 1,x\n", ["City=address.city", "Notes=-"]
    tried = (await sent(ingest_api, body, map=mapped, dry_run=True)).json()
    told = {"user_id": "user_id", "City": "city in address", "address.street": "street in address", "Notes": "-"}
    assert tried["becomes"] == told
    assert await counts(ingest_api, body, map=mapped) == (1, 0, 0, 0)
    assert await traits(ingest_api, "u-1") == {"address": {"city": "Vigo", "street": "Rúa 1"}}
    for header in ("user_id,Nr.", "user_id,address,address.city"):
        refused = await sent(ingest_api, f"{header}\nu-1,1,2\n")
        assert (refused.status_code, refused.json()["code"]) == (422, "bad-file"), header


async def test_who_is_there_twice_is_told_with_both_lines_and_has_the_later_address_alone(ingest_api: Api) -> None:
    """A newcomer's: the second row won without a word, and both addresses stayed valid."""
    rows = "user_id,email\nu-1,old@shop.example\nu-2,b@shop.example\nu-1,new@shop.example\nu-1,newest@shop.example\n"
    tried = (await sent(ingest_api, rows, dry_run=True)).json()
    answer = (await sent(ingest_api, rows)).json()
    for told in (tried, answer):
        assert (told["rows"], told["created"], told["updated"], told["twice"]) == (4, 2, 2, 2)
        assert told["repeats"] == [{"row": 4, "before": 2}, {"row": 5, "before": 4}]
    addresses = await ingest_api.database.pool.fetch("select address, replaced_at is null as valid from endpoint")
    assert {each["address"]: each["valid"] for each in addresses} == {
        "old@shop.example": False,
        "new@shop.example": False,
        "newest@shop.example": True,
        "b@shop.example": True,
    }
    assert (await sent(ingest_api, rows)).json()["already"] == 4


async def test_a_bad_row_names_all_its_faults(ingest_api: Api) -> None:
    rows = "user_id,email,phone,Age\n,nowhere,12,old\n"
    [told] = (await sent(ingest_api, rows, map=["Age=age:number"])).json()["problems"]
    faults = ["names nobody", "email is no address", "phone is no number", "age is no number"]
    assert [fault in told["problem"] for fault in faults] == [True] * 4

"""A pass from the gate to the phone: issued once, changed in place, on both wallets, and what its owner did with it (CH-08)."""

import hashlib
import io
import json
import re
import subprocess
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from temporalio.exceptions import ApplicationError

from activities.channels.wallet.google_object import object_id
from activities.deliver.deliver import Delivery
from api.webhooks.google_wallet import GoogleNews
from journeys.contracts import Channel, DeliverRequest, Purpose
from store.customers import erasure
from store.deliveries import passes
from store.deliveries.passes import Pass, of_customer
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.api.test_google_wallet import Google, told
from workers.assembly import channels
from workers.sandbox.wallet.account import IDENTIFIER, ISSUER, TEAM
from workers.testing.people import consent
from workers.testing.shop import Shop

DEVICE, TOKEN = "5a6f7b", "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
IPHONE = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"}
PIXEL = {"user-agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9)"}


def card(run: Run, occurrence: int = 1, points: int = 10, **changes: Any) -> DeliverRequest:
    told = {"channel": Channel.WALLET, "step": "wallet:card", "template": "card", "occurrence": occurrence}
    return request(run, **(told | {"params": {"points": points, "used": False}} | changes))


async def issued(trial: Shop, run: Run) -> Pass:
    [pass_] = await of_customer(trial.database, run.profile_id)
    return pass_


async def link(trial: Shop, run: Run) -> str:
    """The path of the link that a message would carry."""
    delivery = trial.parts.delivery
    found = await delivery._links(card(run), run.profile_id)
    return urlsplit(found["card"]).path


async def opened(trial: Shop, run: Run) -> dict[str, bytes]:
    """What an iPhone is given at the link."""
    answer = await trial.api.get(await link(trial, run), headers=IPHONE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    return files_of(answer.content)


def files_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def shown(files: dict[str, bytes]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(files["pass.json"])
    return told


class IPhone:
    """Apple's wallet with one pass, as its owner's phone has it."""

    def __init__(self, trial: Shop, files: dict[str, bytes]) -> None:
        self.trial = trial
        told = shown(files)
        self.service = urlsplit(told["webServiceURL"]).path + "/v1"
        self.serial = told["serialNumber"]
        self.token = told["authenticationToken"]

    async def asks(self, method: str, path: str, token: str | None = None, **more: Any) -> Any:
        headers = {"authorization": f"ApplePass {token or self.token}"} | more.pop("headers", {})
        return await self.trial.api.request(method, f"{self.service}{path}", headers=headers, **more)

    async def registers(self, method: str = "POST", **more: Any) -> int:
        path = f"/devices/{DEVICE}/registrations/{IDENTIFIER}/{self.serial}"
        body = {"json": {"pushToken": TOKEN}} if method == "POST" else {}
        answer = await self.asks(method, path, **body, **more)
        status: int = answer.status_code
        return status

    async def news(self, since: str = "") -> Any:
        query = {"passesUpdatedSince": since} if since else {}
        return await self.asks("GET", f"/devices/{DEVICE}/registrations/{IDENTIFIER}", params=query)

    async def fetches(self, **headers: str) -> Any:
        answer = await self.asks("GET", f"/passes/{IDENTIFIER}/{self.serial}", headers=headers)
        if answer.status_code == 200:
            self.token = shown(files_of(answer.content))["authenticationToken"]
        return answer


async def events(trial: Shop) -> list[dict[str, Any]]:
    asked = "select type, properties from event where properties ->> 'channel' = 'wallet' order by received_at, type"
    return [{"type": row["type"], **row["properties"]} for row in await trial.database.pool.fetch(asked)]


async def test_a_pass_is_signed_so_that_openssl_takes_it(trial: Shop, tmp_path: Path) -> None:
    await trial.signs_up("ana", channels=())  # no consent: none is asked for
    run = await start(trial, "while_vip")
    for _ in range(2):  # Temporal may ask again for what was done
        assert (await trial.parts.delivery.deliver(card(run))).sent
    files = await opened(trial, run)
    told = shown(files)
    assert (told["passTypeIdentifier"], told["teamIdentifier"], told["formatVersion"]) == (IDENTIFIER, TEAM, 1)
    assert told["storeCard"]["headerFields"] == [
        {"key": "points", "label": "Points", "value": "10", "changeMessage": "%@ points now"}
    ]
    assert told["storeCard"]["primaryFields"][0]["value"] == "Ana"
    assert told["barcodes"][0] == {
        "format": "PKBarcodeFormatQR", "message": "card of Ana", "messageEncoding": "utf-8",
    }  # fmt: skip
    assert (told["backgroundColor"], told["expirationDate"]) == ("rgb(27, 67, 50)", "2031-01-01T00:00:00+01:00")
    assert "voided" not in told
    manifest = json.loads(files["manifest.json"])
    assert manifest == {
        name: hashlib.sha1(data).hexdigest() for name, data in files.items() if name not in ("manifest.json", "signature")
    }
    assert {"pass.json", "icon.png", "icon@2x.png"} == manifest.keys()
    assert openssl(trial, files, tmp_path) == ""
    assert "content verify error" in openssl(trial, files | {"manifest.json": files["manifest.json"] + b" "}, tmp_path)


def openssl(trial: Shop, files: dict[str, bytes], folder: Path) -> str:
    """What OpenSSL finds wrong with a signature, by the root above Apple's (here: the sandbox's) intermediate certificate."""
    for name in ("manifest.json", "signature"):
        (folder / name).write_bytes(files[name])
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(folder / "signature")]
    command += ["-content", str(folder / "manifest.json"), "-CAfile", str(trial.sandbox.passes.root), "-purpose", "any"]
    done = subprocess.run([*command, "-out", "/dev/null"], capture_output=True, text=True, check=False)
    printed = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", str(folder / "signature")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "signingTime" in printed
    assert "Sandbox WWDR" in printed
    return "" if done.returncode == 0 else done.stderr


async def test_a_phone_registers_hears_of_a_change_and_fetches_it(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    assert [await phone.registers(), await phone.registers()] == [201, 200]
    first = await phone.news()
    assert first.json()["serialNumbers"] == [phone.serial]
    assert not trial.sandbox.messages, "it has what there is"
    assert (await trial.parts.delivery.deliver(card(run, 2, points=20))).sent
    [push] = trial.sandbox.messages
    assert (push.to, push.sender) == (TOKEN, "apns")
    news = (await phone.news(first.json()["lastUpdated"])).json()
    assert news["serialNumbers"] == [phone.serial]
    fetched = await phone.fetches()
    assert shown(files_of(fetched.content))["storeCard"]["headerFields"][0]["value"] == "20"
    again = await phone.fetches(**{"if-modified-since": fetched.headers["last-modified"]})
    assert again.status_code == 304
    for no_date in ("Mon, 20 Nov 1995 19:12:08 +99999999999999999999", "soon"):
        assert (await phone.fetches(**{"if-modified-since": no_date})).status_code == 200
    assert await phone.registers("DELETE") == 200
    assert (await phone.news()).status_code == 404
    told = await events(trial)
    assert sorted(each["type"] for each in told) == ["Message Delivered"] * 2 + ["Message Sent"] * 2 + [
        "Pass Added",
        "Pass Removed",
    ]
    added = next(each for each in told if each["type"] == "Pass Added")
    assert (added["template"], added["platform"], added["run_id"]) == ("card", "ios", str(run.id))
    assert TOKEN not in json.dumps(told)


async def test_what_is_the_same_tells_nobody_and_each_change_is_later_than_the_one_before(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    await phone.registers()
    await trial.parts.delivery.deliver(card(run, 2))
    assert not trial.sandbox.messages
    known = {(await issued(trial, run)).modified_at}
    for occurrence in range(3, 6):  # within one second
        await trial.parts.delivery.deliver(card(run, occurrence, points=occurrence))
        known.add((await issued(trial, run)).modified_at)
    assert len(known) == 4
    assert len(trial.sandbox.messages) == 3


async def test_a_phone_that_downloaded_before_a_change_and_registered_after_it_is_told(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    await trial.parts.delivery.deliver(card(run, 2, points=20))
    assert await phone.registers() == 201
    assert [each.to for each in trial.sandbox.messages] == [TOKEN]


@pytest.mark.parametrize(("fault", "buried"), [("unregistered", True), ("unregistered_long_ago", False)])
async def test_a_device_that_apple_calls_dead_is_put_away_unless_it_registered_since(
    trial: Shop, fault: str, buried: bool
) -> None:
    """SEMANTICS 8, for passes: the device itself never let go."""
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    await phone.registers()
    trial.sandbox.faults.tell("wallet", fault, times=1)
    assert (await trial.parts.delivery.deliver(card(run, 2, points=20))).sent
    assert not trial.sandbox.messages
    assert (await phone.news()).status_code == (404 if buried else 200)
    assert (await trial.parts.delivery.deliver(card(run, 3, points=30))).sent
    assert [each.to for each in trial.sandbox.messages] == ([] if buried else [TOKEN])
    if buried:
        assert await phone.registers() == 201, "it is told at once of what it missed"
        assert [each.to for each in trial.sandbox.messages] == [TOKEN]


async def test_a_device_that_is_told_elsewhere_by_now_is_not_put_away(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    await phone.registers()
    row = await issued(trial, run)
    behind = await passes.newer(trial.database, row.serial, "ios", DEVICE, None)
    assert behind is not None
    path = f"/devices/{DEVICE}/registrations/{IDENTIFIER}/{phone.serial}"
    await phone.asks("POST", path, json={"pushToken": TOKEN[::-1]})
    await passes.forget(trial.database, behind)
    assert await trial.database.pool.fetchval("select push_token from wallet_device") == TOKEN[::-1]
    await passes.forget(trial.database, replace(behind, push_token=TOKEN[::-1]))
    assert await trial.database.pool.fetchval("select count(*) from wallet_device") == 0


async def test_nobody_without_the_pass_gets_anything(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    path = await link(trial, run)
    phone = IPhone(trial, await opened(trial, run))
    for wrong in ("x", phone.token[:-1] + ("0" if phone.token[-1] != "0" else "1"), "1." + phone.token.partition(".")[2]):
        assert (await phone.asks("GET", f"/passes/{IDENTIFIER}/{phone.serial}", wrong)).status_code == 401
        assert await phone.registers(token=wrong) == 401
        assert await phone.registers("DELETE", token=wrong) == 401
    other = await phone.asks("GET", f"/passes/pass.other/{phone.serial}")
    assert other.status_code == 401
    cut = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert (await trial.api.get(cut, headers=IPHONE)).status_code == 404
    trial.clock.set(trial.clock.now() + timedelta(days=31))
    answer = await trial.api.get(path, headers=IPHONE)
    assert answer.status_code == 410
    assert "ana" not in path.casefold()
    assert str(run.profile_id) not in path


async def test_google_has_the_pass_from_the_link_on_and_its_changes(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    assert not trial.sandbox.wallet.has, "Google knows nobody who did not ask for it"
    path = await link(trial, run)
    assert (await trial.api.get(path, headers=PIXEL)).headers["location"] == f"{path}/google"
    assert (await trial.api.head(f"{path}/google", headers=PIXEL)).status_code == 302
    assert not trial.sandbox.wallet.has
    answer = await trial.api.get(f"{path}/google", headers=PIXEL)
    assert answer.status_code == 302, answer.text
    to, _, token = answer.headers["location"].rpartition("/")
    account = json.loads(trial.sandbox.service_account.read_text())
    key = serialization.load_pem_private_key(account["private_key"].encode(), None).public_key()
    told = jwt.decode(token, key, ["RS256"], audience="google", issuer=account["client_email"])  # type: ignore[arg-type]
    pass_ = await issued(trial, run)
    id_ = f"{ISSUER}.{pass_.serial}"
    assert (to, told["typ"]) == ("https://pay.google.com/gp/v/save", "savetowallet")
    assert told["payload"] == {"loyaltyObjects": [{"id": id_, "classId": f"{ISSUER}.card"}]}, "an id, and nothing of Ana"
    has = trial.sandbox.wallet.has["loyaltyObject", id_]
    assert has["loyaltyPoints"] == {"label": "Points", "balance": {"string": "10"}}
    assert has["barcode"] == {"type": "QR_CODE", "value": "card of Ana"}
    assert {each["id"]: each["body"] for each in has["textModulesData"]} == {"name": "Ana", "help": "Ask us\nat any time"}
    logo = trial.sandbox.wallet.has["loyaltyClass", f"{ISSUER}.card"]["programLogo"]["sourceUri"]["uri"]
    picture = await trial.api.get(urlsplit(logo).path)
    assert picture.content.startswith(b"\x89PNG")
    await trial.parts.delivery.deliver(card(run, 2, points=20))
    assert trial.sandbox.wallet.has["loyaltyObject", id_]["loyaltyPoints"]["balance"] == {"string": "20"}
    await trial.parts.delivery.deliver(card(run, 3, params={"points": 20, "used": True}))
    assert trial.sandbox.wallet.has["loyaltyObject", id_]["state"] == "EXPIRED"


@pytest.mark.parametrize("fault", ["503", "429", "timeout_after_accept", "502"])
async def test_a_wallet_that_is_away_is_told_later_and_the_pass_stands_meanwhile(trial: Shop, fault: str) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    await trial.api.get(f"{await link(trial, run)}/google", headers=PIXEL)
    trial.sandbox.faults.tell("wallet", fault, times=1, hold_seconds=0)
    with pytest.raises(ApplicationError):
        await trial.parts.delivery.deliver(card(run, 2, points=20))
    assert (await issued(trial, run)).content["fields"]["header"][0]["value"] == "20"
    state = "select state from delivery where channel = 'wallet' and occurrence = 2"
    assert await trial.database.pool.fetchval(state) == "sent"
    assert (await trial.parts.delivery.deliver(card(run, 2, points=20))).sent, "Temporal asks again"
    [(_, has)] = [each for each in trial.sandbox.wallet.has.items() if each[0][0] == "loyaltyObject"]
    assert has["loyaltyPoints"]["balance"] == {"string": "20"}


async def test_what_google_signs_becomes_events_once(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    await trial.api.get(f"{await link(trial, run)}/google", headers=PIXEL)
    google, id_ = Google(), object_id(ISSUER, (await issued(trial, run)).serial)
    trial.api._transport.app.state.google_news = GoogleNews(ISSUER, google.keys)  # type: ignore[attr-defined]
    for event, nonce in (("save", "n1"), ("save", "n1"), ("save", "n2"), ("del", "n3"), ("del", "n3")):
        answer = await trial.api.post("/v1/webhooks/google-wallet", content=google.says(told(id_, event, nonce)))
        assert answer.status_code == 204, answer.text
    found = await events(trial)
    assert sorted(each["type"] for each in found) == ["Message Delivered", "Message Sent", "Pass Added", "Pass Removed"]
    assert {each.get("platform") for each in found if each["type"].startswith("Pass")} == {"android"}
    forged = await trial.api.post("/v1/webhooks/google-wallet", content=Google().says(told(id_)))
    assert forged.status_code == 401
    other = await trial.api.post("/v1/webhooks/google-wallet", content=google.says(told(f"{ISSUER}.nobody", nonce="n9")))
    assert other.status_code == 204, "a pass that is none of ours is no news"


async def test_a_phone_that_let_go_is_forgotten(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    phone = IPhone(trial, await opened(trial, run))
    await phone.registers()
    trial.sandbox.faults.tell("wallet", "unregistered", times=1)
    assert (await trial.parts.delivery.deliver(card(run, 2, points=20))).sent
    assert await trial.database.pool.fetchval("select count(*) from wallet_device") == 0


async def test_each_key_has_a_pass_of_its_own_and_a_merge_leaves_nobody_behind(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    one = await start(trial, "while_vip", entry={"order_id": "o1"})
    other = await start(trial, "three_messages", entry={"order_id": "o2"})
    for run in (one, other):
        await trial.parts.delivery.deliver(card(run))
    assert {each.key for each in await of_customer(trial.database, one.profile_id)} == {"o1", "o2"}
    await trial.signs_up("ben", channels=())
    third = await start(trial, "while_vip", user="ben", entry={"order_id": "o1"})
    await trial.parts.delivery.deliver(card(third))
    await trial.database.pool.execute("update delivery set profile_id = $1", one.profile_id)  # as a merge does
    await trial.parts.delivery.deliver(card(one, 2, points=99))
    found = await of_customer(trial.database, one.profile_id)
    values = sorted((each.key, each.content["fields"]["header"][0]["value"]) for each in found)
    assert values == [("o1", "99"), ("o1", "99"), ("o2", "10")], "both cards of the one customer change"


class _CrashesError(BaseException):
    """The process dies."""


async def test_a_claim_that_was_never_settled_issued_nothing(trial: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "three_messages")

    async def dies(*_: object) -> None:
        raise _CrashesError

    with monkeypatch.context() as during:
        during.setattr(Delivery, "_kept", dies)
        for occurrence in (1, 2):
            with pytest.raises(_CrashesError):
                await trial.parts.delivery.deliver(card(run, occurrence))
    assert await of_customer(trial.database, run.profile_id) == []
    assert (await trial.parts.delivery.deliver(card(run))).sent
    await trial.does("ana", "Order Completed")
    receipt = await trial.parts.delivery.deliver(card(run, 2, points=20))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "goal reached")
    assert (await issued(trial, run)).content["fields"]["header"][0]["value"] == "10"


async def test_a_no_about_passes_holds_for_marketing(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.send("identify", userId="ana", context=consent("ana", ["wallet"], "UNSUBSCRIBED"))
    receipt = await trial.parts.delivery.deliver(card(run))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no consent")
    assert (await trial.parts.delivery.deliver(card(run, 2, purpose=Purpose.TRANSACTIONAL))).sent


async def test_where_no_wallet_is_set_up_there_is_no_channel(trial: Shop) -> None:
    nothing = {"wallet_apple_certificate": None, "wallet_google_service_account": None}
    assert Channel.WALLET not in channels(trial.settings.model_copy(update=nothing))


async def test_an_erasure_leaves_no_pass_and_no_device(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(card(run))
    path, phone = await link(trial, run), IPhone(trial, await opened(trial, run))
    await phone.registers()
    begun = await erasure.begin(trial.database, run.profile_id, lambda *_: b"", at=trial.clock.now(), by="ops")
    assert begun is not None
    await erasure.purge(trial.database, begun.id, trial.clock.now())
    for table in ("wallet_pass", "wallet_device"):
        assert await trial.database.pool.fetchval(f"select count(*) from {table}") == 0
    assert (await trial.api.get(path, headers=IPHONE)).status_code == 404
    assert (await phone.fetches()).status_code == 404
    assert await phone.registers() == 404
    assert await phone.registers("DELETE") == 200, "it may let go all the same"


async def test_a_letter_carries_the_link_that_adds_the_pass(shop: Shop) -> None:
    await shop.signs_up("ana", channels=("email",))
    run = await start(shop, "loyalty")
    told = {"step": "wallet:loyalty-card", "template": "loyalty-card", "params": {"level": "Silver"}}
    assert (await shop.parts.delivery.deliver(card(run, 9, **told))).sent
    letter = {"channel": Channel.EMAIL, "step": "email:your-card", "template": "your-card", "occurrence": 9}
    assert (await shop.parts.delivery.deliver(request(run, **letter, purpose=Purpose.TRANSACTIONAL))).sent
    sent = next(each for each in shop.sandbox.messages if each.to.startswith("ana"))
    found = re.search(r"http://shop\.test(/pass/[\w-]+)", sent.body)
    assert found is not None
    answer = await shop.api.get(found[1], headers=IPHONE)
    seen = shown(files_of(answer.content))
    assert seen["storeCard"]["headerFields"][0]["value"] == "Silver"
    assert seen["barcodes"][0]["message"] == "ana", "the id by which the shop knows her"


async def test_the_pages_of_a_pass_are_in_the_language_of_the_browser(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(card(run))).sent
    page = await trial.api.get(await link(trial, run), headers={"Accept-Language": "es-ES, en;q=0.5"})
    assert "Añadir a Apple Wallet" in page.text
    assert page.headers["content-language"] == "es"
    cut = await trial.api.get("/pass/cut?lang=es")
    assert (cut.status_code, "Este enlace no funciona" in cut.text, "Puede que esté cortado" in cut.text) == (404, True, True)
    assert "This link does not work" in (await trial.api.get("/pass/cut")).text

"""Twilio: which messages pass, its words for the others, and the signed forms that it posts afterwards."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.workers.sandbox.conftest import Listener, until
from tests.workers.sandbox.sending import PHONE
from workers.sandbox import Sandbox
from workers.sandbox.messages import Status
from workers.sandbox.server import TWILIO_TOKEN
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER

URL = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
LOGIN = (ACCOUNT_SID, TWILIO_TOKEN)
CALLBACK = "https://shop.example/hook?key=r%2Fs%2F1"


async def text(http: httpx.AsyncClient, login: tuple[str, str] | None = LOGIN, **changes: str | None) -> httpx.Response:
    form = {"To": PHONE, "From": SENDER, "Body": "Hello"} | {k: v for k, v in changes.items() if v is not None}
    left = {name: value for name, value in form.items() if changes.get(name, "") is not None}
    return await http.post(URL, data=left, auth=login)


async def test_an_accepted_message_is_answered_as_twilio_does(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await text(http, StatusCallback=CALLBACK, Body="¿Qué?")
    [message] = sandbox.messages
    told = answer.json()
    assert (answer.status_code, told["sid"], told["status"], told["num_segments"]) == (201, message.provider_id, "queued", "1")
    assert (message.key, message.body, message.title) == ("r/s/1", "¿Qué?", "1 segment, GSM-7")


@pytest.mark.parametrize("login", [None, (ACCOUNT_SID, "wrong"), ("AC" + "f" * 32, TWILIO_TOKEN), (ACCOUNT_SID, "")])
async def test_without_the_right_login_twilio_says_20003(http: httpx.AsyncClient, login: tuple[str, str] | None) -> None:
    answer = await text(http, login)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert (await http.get(URL, auth=login)).status_code == 401  # type: ignore[arg-type]  # None is no login


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": None}, 21604), ({"To": "600111222"}, 21211), ({"From": None}, 21603), ({"From": "a name too long"}, 21212),
        ({"MessagingServiceSid": "MGx"}, 21606), ({"Body": None}, 21602), ({"Body": "a" * 1601}, 21617),
        ({"StatusCallback": "hook"}, 21609), ({"ValidityPeriod": "36001"}, 20500), ({"Unheard": "of"}, 20500),
    ],
)  # fmt: skip
async def test_each_violation_has_twilios_code(http: httpx.AsyncClient, changes: dict[str, str | None], code: int) -> None:
    answer = await text(http, **changes)
    assert (answer.json()["code"], answer.json()["status"]) == (code, answer.status_code)


async def test_the_list_has_what_was_sent_to_a_number(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("twilio", "lost", times=1, hold_seconds=0)
    with pytest.raises(httpx.HTTPError):
        await text(http, Body="lost")
    await text(http, To="+34600111223", Body="another")
    await text(http, Body="first")
    await text(http, Body="second")
    told = (await http.get(URL, params={"To": PHONE}, auth=LOGIN)).json()
    assert [message["body"] for message in told["messages"]] == ["second", "first"]


async def test_statuses_are_posted_to_the_messages_own_address_signed(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.callbacks.url = listener.url
    await text(http, StatusCallback=f"{listener.url}?key=k")
    await until(lambda: len(listener.taken) == 3)
    forms = [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body in listener.taken]
    assert [form["MessageStatus"] for form in forms] == ["queued", "sent", "delivered"]
    assert {form["MessageSid"] for form in forms} == {sandbox.messages[0].provider_id}
    for (signature, _), form in zip(listener.taken, forms, strict=True):
        signed = f"{listener.url}?key=k" + "".join(name + form[name] for name in sorted(form))
        assert signature == base64.b64encode(hmac.digest(TWILIO_TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    assert sandbox.messages[0].status is Status.DELIVERED


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("statuses_out_of_order", ["delivered", "sent", "queued"]),
        ("statuses_twice", ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        ("failed_30005", ["sent", "undelivered"]),
        ("failed_21610", ["sent", "failed"]),
    ],
)
async def test_statuses_as_told(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener, fault: str, told: list[str]
) -> None:
    sandbox.callbacks.url = listener.url
    sandbox.faults.tell("twilio", fault)
    await text(http, StatusCallback=listener.url)
    await until(lambda: len(listener.taken) == len(told))
    forms = [dict(parse_qsl(body.decode())) for _, body in listener.taken]
    assert [form["MessageStatus"] for form in forms] == told
    assert [form.get("ErrorCode") for form in forms][-1] == (fault.partition("_")[2] if fault.startswith("failed") else None)


async def test_a_customer_texts_back(http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener) -> None:
    refused = await http.post("/_sandbox/twilio/replies", json={"from": PHONE, "text": "BAJA"})
    assert refused.status_code == 409
    sandbox.callbacks.url = listener.url
    await text(http, From="12345")
    answer = await http.post("/_sandbox/twilio/replies", json={"from": PHONE, "text": "BAJA"})
    await until(lambda: len(listener.taken) >= 1)
    form = dict(parse_qsl(listener.taken[0][1].decode()))
    assert (form["From"], form["To"], form["Body"], form["MessageSid"]) == (PHONE, "12345", "BAJA", answer.json()["id"])

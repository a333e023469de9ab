"""WhatsApp: which messages pass, Meta's words for the others, and the signed webhooks afterwards."""

import asyncio
import hashlib
import hmac
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.webhooks.whatsapp_templates import templates
from journeys.clock import Clock
from tests.workers.sandbox.conftest import DELAYS, Listener, until
from tests.workers.sandbox.sending import PHONE, chat, template
from workers.sandbox import Sandbox
from workers.sandbox.messages import MessageLog, Status
from workers.sandbox.webhooks import Webhooks

TEXT = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "Hello"}}
#: Longer than every status takes: what has not come by then does not come.
QUIET = 5 * DELAYS[-1]


def with_parameter(**parameter: Any) -> dict[str, Any]:
    component = {"type": "body", "parameters": [parameter]}
    return template(template={"name": "cart", "language": {"code": "en"}, "components": [component]})


async def test_an_accepted_message_is_answered_as_the_graph_api_does(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await chat(http, template(to="+34 600-111 222", biz_opaque_callback_data="r/s/1"))
    [message] = sandbox.messages
    assert answer.json() == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+34 600-111 222", "wa_id": "34600111222"}],
        "messages": [{"id": message.provider_id, "message_status": "accepted"}],
    }
    assert message.provider_id.startswith("wamid.")
    assert (message.key, message.template, message.sender) == ("r/s/1", "cart_link", "100000000000001")


async def test_what_fills_a_template_is_kept_in_order(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    image = {"type": "image", "image": {"link": "https://cdn.example/b.jpg"}}
    euro = {"type": "currency", "currency": {"fallback_value": "9 €", "code": "EUR", "amount_1000": 9000}}
    components = [
        {"type": "header", "parameters": [image]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, euro]},
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "c1"}]},
    ]
    await chat(http, template(template={"name": "cart", "language": {"code": "en"}, "components": components}))
    [message] = sandbox.messages
    assert (message.image, message.params, message.link) == ("https://cdn.example/b.jpg", ("Ana", "9 €"), "c1")


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic abc"])
async def test_without_a_token_meta_says_190(http: httpx.AsyncClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await http.post("/v21.0/1/messages", json=TEXT, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (401, 190, "OAuthException")
    assert answer.headers["WWW-Authenticate"].startswith('OAuth "Facebook Platform" "invalid_token"')
    assert "error_data" not in error


@pytest.mark.parametrize(
    ("body", "message", "details"),
    [
        ({}, "(#100) The parameter messaging_product is required.", ""),
        (template(messaging_product="sms"), "(#100) Invalid parameter", "Param messaging_product is not valid"),
        (template(to="12"), "(#100) Invalid parameter", "to: must be a phone number with its country code"),
        (template(to="+٣٤٦٠٠١١١٢٢٢"), "(#100) Invalid parameter", "to: must be a phone number with its country code"),
        (template(template=None), "(#100) The parameter template is required.", ""),
        (template(template={"name": "x"}), "(#100) The parameter template['language'] is required.", ""),
        (template(template={"name": "X y", "language": {"code": "en"}}), "(#100) Invalid parameter", "Param template['name']"),
        (template(colour="red"), "(#100) Invalid parameter", 'Unexpected key "colour" on param "messages".'),
        (
            template(template={"name": "x", "language": {"code": "en", "x": 1}}),
            "(#100) Invalid parameter",
            'Unexpected key "x" on param "template[\'language\']".',
        ),
        (TEXT | {"text": {"body": ""}}, "(#100) Invalid parameter", "Param text['body'] is not valid"),
        (TEXT | {"text": {"body": "a" * 4097}}, "(#100) Invalid parameter", "Param text['body'] is not valid"),
        (
            with_parameter(type="text", text="two\nlines"),
            "(#100) Invalid parameter",
            "template['components'][0]['parameters'][0]",
        ),
        (
            with_parameter(type="text"),
            "(#131008) Required parameter is missing",
            "body: Parameter of type text is missing text",
        ),
        (with_parameter(type="text", text=""), "(#131008) Required parameter is missing", "body: Parameter of type text"),
        ([], "(#100) Invalid parameter", "Param  is not valid"),
    ],
)
async def test_an_invalid_message_is_named_as_meta_names_it(
    http: httpx.AsyncClient, sandbox: Sandbox, body: Any, message: str, details: str
) -> None:
    answer = await chat(http, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["message"], error["type"]) == (400, message, "OAuthException")
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["error_data"]["details"].startswith(details)
    assert error["fbtrace_id"]
    assert sandbox.messages == []


async def test_a_button_needs_its_place(http: httpx.AsyncClient) -> None:
    button = {"type": "button", "parameters": [{"type": "text", "text": "c1"}]}
    answer = await chat(http, template(template={"name": "x", "language": {"code": "en"}, "components": [button]}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"context":' + b"[" * 300 + b"]" * 300 + b"}"])
async def test_a_body_that_is_no_message_is_error_100(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post("/v21.0/1/messages", content=content, headers={"Authorization": "Bearer any"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("429", 429, 130429),
        ("500", 500, 131000),
        ("503", 503, 2),
        ("190", 401, 190),
        ("131000", 500, 131000),
        ("131026", 400, 131026),
        ("131047", 400, 131047),
        ("131049", 400, 131049),
        ("130429", 429, 130429),
        ("132001", 404, 132001),
    ],
)
async def test_each_fault_has_metas_shape(
    http: httpx.AsyncClient, sandbox: Sandbox, fault: str, status: int, code: int
) -> None:
    sandbox.faults.tell("whatsapp", fault)
    answer = await chat(http)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (status, code, "OAuthException")
    assert sandbox.messages == []


async def test_the_unknown_template_is_named(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("whatsapp", "132001")
    assert "(cart_link) does not exist in en" in (await chat(http)).json()["error"]["error_data"]["details"]


async def test_a_limit_a_page_and_two_dropped_connections(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("whatsapp", "429", retry_after=3, times=1)
    sandbox.faults.tell("whatsapp", "502", times=1)
    sandbox.faults.tell("whatsapp", "drop_before_accept", hold_seconds=0, times=1)
    assert (await chat(http)).headers["Retry-After"] == "3"
    assert (await chat(http)).headers["Content-Type"] == "text/html; charset=utf-8"
    with pytest.raises(httpx.RemoteProtocolError):
        await chat(http)
    assert sandbox.messages == []
    sandbox.faults.tell("whatsapp", "timeout_after_accept", hold_seconds=0, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await chat(http)
    assert [message.fault for message in sandbox.messages] == ["timeout_after_accept"]


async def test_statuses_come_in_order_signed_and_with_our_key(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.webhooks.url = listener.url
    await chat(http, template(biz_opaque_callback_data="r/s/1"))
    values = await listener.heard(3)
    assert [status["status"] for status in listener.statuses] == ["sent", "delivered", "read"]
    assert {status["biz_opaque_callback_data"] for status in listener.statuses} == {"r/s/1"}
    assert {(status["id"], status["recipient_id"]) for status in listener.statuses} == {
        (sandbox.messages[0].provider_id, "34600111222")
    }
    assert values[0]["metadata"]["phone_number_id"] == "100000000000001"
    for signature, body in listener.taken:
        assert signature == "sha256=" + hmac.new(sandbox.app_secret.encode(), body, hashlib.sha256).hexdigest()


async def test_statuses_move_the_message_without_a_webhook(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await chat(http)
    await until(lambda: sandbox.messages[0].status is Status.READ)


async def test_statuses_out_of_order_never_take_a_message_back(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.webhooks.url = listener.url
    sandbox.faults.tell("whatsapp", "statuses_out_of_order")
    await chat(http)
    await listener.heard(3)
    assert [status["status"] for status in listener.statuses] == ["read", "delivered", "sent"]
    assert sandbox.messages[0].status is Status.READ


@pytest.mark.parametrize("steps", range(5))
async def test_it_ends_also_at_the_instant_at_which_something_is_to_be_told(steps: int, tmp_path: Path) -> None:
    """The event loop's steps between both: what waited for the earlier one lost the end, and a shop never closed."""
    webhooks = Webhooks(MessageLog(tmp_path / "log"), Clock(), "secret", None)
    webhooks.template("later", "en", "APPROVED", "MARKETING")
    running = asyncio.create_task(webhooks.run())
    await until(lambda: not webhooks._pending)
    webhooks._plan({}, 60)
    await asyncio.sleep(0.05)
    webhooks._plan({}, 30)
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    assert await asyncio.wait([running], timeout=10) == ({running}, set())


async def test_statuses_may_come_twice(http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener) -> None:
    sandbox.webhooks.url = listener.url
    sandbox.faults.tell("whatsapp", "statuses_twice")
    await chat(http)
    await listener.heard(6)
    assert Counter(status["status"] for status in listener.statuses) == {"sent": 2, "delivered": 2, "read": 2}


async def test_statuses_may_never_come(http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener) -> None:
    sandbox.webhooks.url = listener.url
    sandbox.faults.tell("whatsapp", "no_statuses", times=1)
    silent = (await chat(http)).json()["messages"][0]["id"]
    await chat(http)
    await listener.heard(3)
    await asyncio.sleep(QUIET)
    assert silent not in {status["id"] for status in listener.statuses}
    assert sandbox.messages[0].status is Status.ACCEPTED


@pytest.mark.parametrize("code", [131026, 131047, 131049])
async def test_a_message_may_fail_after_it_was_accepted(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener, code: int
) -> None:
    sandbox.webhooks.url = listener.url
    sandbox.faults.tell("whatsapp", f"failed_{code}")
    assert (await chat(http)).status_code == 200
    [value] = await listener.heard(1)
    [status] = value["statuses"]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", code)
    assert "pricing" not in status
    assert sandbox.messages[0].status is Status.FAILED


async def test_a_webhook_that_fails_is_told_again(http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener) -> None:
    sandbox.webhooks.url, listener.refusals = listener.url, 2
    await chat(http)
    await listener.heard(3)
    assert listener.refused == 2
    assert Counter(status["status"] for status in listener.statuses) == {"sent": 1, "delivered": 1, "read": 1}


async def test_a_customers_reply_answers_the_last_message(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.webhooks.url = listener.url
    sandbox.faults.tell("whatsapp", "no_statuses")
    await chat(http)
    answer = await http.post("/_sandbox/whatsapp/replies", json={"from": PHONE, "text": "STOP"})
    [value] = await listener.heard(1)
    [inbound] = value["messages"]
    assert answer.status_code == 202
    assert answer.json() == {"id": inbound["id"]}
    assert (inbound["from"], inbound["type"], inbound["text"]) == ("34600111222", "text", {"body": "STOP"})
    assert inbound["context"]["id"] == sandbox.messages[0].provider_id
    assert value["contacts"][0]["wa_id"] == "34600111222"


async def test_how_a_template_stands_is_listed_and_told_by_a_signed_webhook(
    http: httpx.AsyncClient, sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.webhooks.url = listener.url
    for status in ("PAUSED", "APPROVED"):
        told = {"name": "cart_link", "language": "es", "status": status, "category": "UTILITY"}
        assert (await http.put("/_sandbox/whatsapp/templates", json=told)).status_code == 204
    await listener.heard(2)
    for signature, body in listener.taken:
        assert signature == "sha256=" + hmac.new(sandbox.app_secret.encode(), body, hashlib.sha256).hexdigest()
    heard = [state for _, body in listener.taken for state in templates(body, datetime.now(UTC))]
    assert [(each.name, each.language, each.status, each.category) for each in heard] == [
        ("cart_link", "es", status, "UTILITY") for status in ("PAUSED", "APPROVED")
    ]
    listed = await http.get("/v21.0/1/message_templates", headers={"authorization": "Bearer t"})
    assert [(each["name"], each["status"]) for each in listed.json()["data"]] == [("cart_link", "APPROVED")]


async def test_a_reply_needs_somewhere_to_go_and_a_number(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    nowhere = await http.post("/_sandbox/whatsapp/replies", json={"from": PHONE, "text": "STOP"})
    assert (nowhere.status_code, "--whatsapp-webhook-url" in nowhere.json()["detail"]) == (409, True)
    nobody = await http.post("/_sandbox/whatsapp/replies", json={"from": "ana", "text": "STOP"})
    assert nobody.status_code == 422

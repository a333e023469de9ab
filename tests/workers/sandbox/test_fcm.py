"""FCM: who gets an access token, which messages pass, and Google's words for everything else."""

import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.workers.sandbox.sending import TOKEN, push
from workers.sandbox import Sandbox
from workers.sandbox.accounts import ServiceAccount

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def assertion(sandbox: Sandbox, *, key: Any = None, without: str = "", **changes: Any) -> str:
    account, now = orjson.loads(sandbox.service_account.read_bytes()), int(time.time())
    claims = {"iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600, "scope": SCOPE}
    claims = {name: value for name, value in (claims | changes).items() if name != without}
    return jwt.encode(claims, key or account["private_key"], algorithm="RS256")


async def grant(http: httpx.AsyncClient, signed: str, grant_type: str = GRANT) -> httpx.Response:
    return await http.post("/token", data={"grant_type": grant_type, "assertion": signed})


async def sent_with(http: httpx.AsyncClient, authorization: str | None, project: str = "sandbox") -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await http.post(f"/v1/projects/{project}/messages:send", json={"message": {"token": TOKEN}}, headers=headers)


async def test_the_service_account_buys_a_token_that_sends(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = (await grant(http, assertion(sandbox))).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    sent = await sent_with(http, f"Bearer {answer['access_token']}")
    assert (sent.status_code, sent.json()) == (200, {"name": sandbox.messages[0].provider_id})
    assert sandbox.messages[0].provider_id.startswith("projects/sandbox/messages/")


def test_the_private_key_is_not_for_others_to_read(tmp_path: Path) -> None:
    assert ServiceAccount(tmp_path, "http://x/token").path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"aud": "https://oauth2.example/token"}, "invalid_grant", "Invalid JWT: Failed audience check"),
        ({"iat": 1, "exp": 3000}, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        ({"exp": int(time.time()) + 9000}, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        ({"exp": str(int(time.time()) + 9000)}, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        ({"iat": int(time.time()) + 3000}, "invalid_grant", "Invalid JWT: Token must be a short-lived token"),
        ({"iss": "other@sandbox.example"}, "invalid_grant", "Invalid grant: account not found"),
        ({"without": "exp"}, "invalid_grant", 'Bad Request: Token is missing the "exp" claim'),
        ({"scope": "openid"}, "invalid_scope", "Invalid OAuth scope"),
        ({"key": rsa.generate_private_key(65537, 2048)}, "invalid_grant", "Invalid JWT Signature."),
    ],
)
async def test_a_wrong_assertion_buys_nothing(
    http: httpx.AsyncClient, sandbox: Sandbox, changes: dict[str, Any], error: str, description: str
) -> None:
    answer = await grant(http, assertion(sandbox, **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"].startswith(description)


async def test_the_audience_check_says_the_right_audience(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await grant(http, assertion(sandbox, aud="x"))
    assert answer.json()["error_description"].endswith(f"{sandbox.url}/token")


async def test_other_grants_and_unsigned_assertions_are_refused(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    other = await grant(http, assertion(sandbox), grant_type="client_credentials")
    assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")
    unsigned = jwt.encode({"iss": "x"}, None, algorithm="none")
    for assertions in (unsigned, "", "a.b.c"):
        refused = await grant(http, assertions)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_without_a_valid_token_google_says_unauthenticated(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    expired, foreign = sandbox.account.access_token(-1), "ya29." + jwt.encode({"exp": 9e9}, "k" * 32, "HS256")
    for authorization, reason in [
        (None, "CREDENTIALS_MISSING"),
        ("Basic abc", "CREDENTIALS_MISSING"),
        (f"Bearer {expired}", "ACCESS_TOKEN_EXPIRED"),
        (f"Bearer {foreign}", "ACCESS_TOKEN_EXPIRED"),
    ]:
        answer = await sent_with(http, authorization)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
        assert error["details"][0]["reason"] == reason
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert sandbox.messages == []


async def test_another_project_is_forbidden(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await sent_with(http, f"Bearer {sandbox.account.access_token()}", project="other")
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_the_token_outlives_a_restart(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    again = ServiceAccount(sandbox.service_account.parent, f"{sandbox.url}/token")
    assert again.accepts(sandbox.account.access_token())


async def test_what_a_device_shows_is_kept(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    shown = {"title": "Your cart", "body": "Still here", "image": "https://cdn.example/b.jpg"}
    await push(http, sandbox, notification=shown, data={"link": "shop://cart", "message_key": "r/s/1"})
    [message] = sandbox.messages
    assert (message.title, message.body, message.image) == ("Your cart", "Still here", "https://cdn.example/b.jpg")
    assert (message.to, message.link, message.key) == (TOKEN, "shop://cart", "r/s/1")


@pytest.mark.parametrize(
    ("alert", "title", "body"),
    [
        ({"title": "A", "body": "B"}, "A", "B"),
        ("plain", "", "plain"),
        ({"title": 5}, "5", ""),
        (7, "", "7"),
        (None, "", ""),
    ],
)
async def test_apples_own_payload_may_hold_anything(
    http: httpx.AsyncClient, sandbox: Sandbox, alert: Any, title: str, body: str
) -> None:
    answer = await push(http, sandbox, apns={"payload": {"aps": {"alert": alert}}})
    assert answer.status_code == 200
    assert (sandbox.messages[0].title, sandbox.messages[0].body) == (title, body)


async def test_an_aps_that_is_no_object_is_passed_on(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert (await push(http, sandbox, apns={"payload": {"aps": "x"}})).status_code == 200


async def test_camel_case_is_protobufs_other_spelling(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await push(http, sandbox, android={"collapseKey": "c", "ttl": "3.5s", "notification": {"channelId": "n"}})
    assert answer.status_code == 200


async def test_validate_only_checks_and_sends_nothing(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.account.access_token()}"}
    body = {"message": {"token": TOKEN}, "validate_only": True}
    answer = await http.post("/v1/projects/sandbox/messages:send", json=body, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (200, "projects/sandbox/messages/fake_message_id")
    assert sandbox.messages == []


@pytest.mark.parametrize(
    ("message", "field", "sentence"),
    [
        ({}, None, "Recipient of the message is not set."),
        ({"token": ""}, None, "Recipient of the message is not set."),
        ({"token": "a b"}, None, "The registration token is not a valid FCM registration token"),
        ({"token": "a" * 4097}, None, "The registration token is not a valid FCM registration token"),
        ({"topic": "a/b"}, None, "Malformed topic name"),
        ({"token": "a", "data": {"google.x": "1"}}, None, "Invalid data payload key: google.x"),
        ({"token": "a", "data": {"from": "1"}}, None, "Invalid data payload key: from"),
        ({"token": "a", "data": {"k": "é" * 2048}}, None, "Android message is too big"),
        ({"topic": "a", "data": {"k": "e" * 2048}}, None, "Android message is too big"),
        ({"token": "a", "topic": "b"}, "message", "Invalid value at 'message' (oneof), oneof field 'target' is already set"),
        ({"token": 5}, "message.token", "Invalid value at 'message.token' (TYPE_STRING), 5"),
        (
            {"token": "a", "data": {"x": "1", "n": 5}},
            "message.data[1].value",
            "Invalid value at 'message.data[1].value' (TYPE_STRING), 5",
        ),
        ({"token": "a", "titel": "x"}, "message", "Invalid JSON payload received. Unknown name \"titel\" at 'message'"),
        (
            {"token": "a", "android": {"ttl": "60"}},
            "message.android.ttl",
            "Invalid value at 'message.android.ttl': Illegal duration format",
        ),
        (
            {"token": "a", "android": {"notification": {"color": "red"}}},
            "message.android.notification.color",
            "Invalid value at 'message.android.notification.color': must be in the form #RRGGBB",
        ),
        (
            {"token": "a", "webpush": {"fcmOptions": {"link": "http://x"}}},
            "message.webpush.fcmOptions.link",
            "Invalid value at 'message.webpush.fcmOptions.link': must be a valid HTTPS URL",
        ),
        ([], "message", "Invalid value at 'message' (TYPE_MESSAGE), list"),
    ],
)
async def test_an_invalid_message_is_named_as_google_names_it(
    http: httpx.AsyncClient, sandbox: Sandbox, message: Any, field: str | None, sentence: str
) -> None:
    answer = await push(http, sandbox, message)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["message"].startswith(sentence)
    if field is None:
        assert error["details"] == [{"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}]
    else:
        named = {"field": field, "description": error["message"]}
        assert error["details"] == [{"@type": BAD_REQUEST, "fieldViolations": [named]}]
    assert sandbox.messages == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "Invalid JSON payload received."),
        (b"\xff", "Invalid JSON payload received."),
        (b"[]", "Invalid value at '' (TYPE_MESSAGE)"),
        (b"{}", "Invalid value at 'message': the field is required"),
        (
            b'{"message":{"token":"a","apns":{"payload":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}}}",
            "Invalid JSON payload received. Message too deep.",
        ),
    ],
)
async def test_a_body_that_is_no_request_is_a_400(
    http: httpx.AsyncClient, sandbox: Sandbox, body: bytes, sentence: str
) -> None:
    headers = {"Authorization": f"Bearer {sandbox.account.access_token()}"}
    answer = await http.post("/v1/projects/sandbox/messages:send", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"].startswith(sentence)


async def test_ninety_levels_are_not_too_deep(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    payload: Any = 1
    for _ in range(90):
        payload = {"a": payload}
    assert (await push(http, sandbox, apns={"payload": payload})).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "error_code"),
    [
        ("429", 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
        ("500", 500, "INTERNAL", "INTERNAL"),
        ("503", 503, "UNAVAILABLE", "UNAVAILABLE"),
        ("unregistered", 404, "NOT_FOUND", "UNREGISTERED"),
        ("sender_id_mismatch", 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
        ("invalid_argument", 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ],
)
async def test_each_fault_has_googles_shape(
    http: httpx.AsyncClient, sandbox: Sandbox, fault: str, status: int, code: str, error_code: str
) -> None:
    sandbox.faults.tell("fcm", fault)
    answer = await push(http, sandbox)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, code)
    assert error["details"] == [{"@type": FCM_ERROR, "errorCode": error_code}]
    assert "Retry-After" not in answer.headers
    assert sandbox.messages == []


@pytest.mark.parametrize("fault", ["429", "503"])
async def test_a_limit_may_say_when_to_come_back(http: httpx.AsyncClient, sandbox: Sandbox, fault: str) -> None:
    sandbox.faults.tell("fcm", fault, retry_after=7)
    assert (await push(http, sandbox)).headers["Retry-After"] == "7"


async def test_a_front_ends_page_and_a_refused_token(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("fcm", "502", times=1)
    sandbox.faults.tell("fcm", "401", times=1)
    page, refused = await push(http, sandbox), await push(http, sandbox)
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("fault", "kept"), [("timeout_after_accept", 1), ("drop_before_accept", 0)])
async def test_a_dropped_connection_leaves_or_does_not_leave_a_message(
    http: httpx.AsyncClient, sandbox: Sandbox, fault: str, kept: int
) -> None:
    sandbox.faults.tell("fcm", fault, hold_seconds=0, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await push(http, sandbox)
    assert len(sandbox.messages) == kept
    assert (await push(http, sandbox)).status_code == 200

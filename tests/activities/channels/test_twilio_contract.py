"""Twilio's published description of its API: our form and the sandbox's answers are as it says."""

import base64
from typing import Any

import httpx
import orjson
import pytest
from jsonschema import Draft202012Validator

from activities.channels import SmsContent, Twilio
from tests.activities.channels.outgoing import to
from tests.contracts import contract as published
from tests.contracts import needs
from workers.sandbox import Sandbox
from workers.sandbox.server import TWILIO_TOKEN
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER

CONTRACT = "twilio-messages-2010.json"
PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
NUMBER = "+34600111222"
SENDERS = {"*": SENDER, "FR": "Shop", "US": "MG" + "a" * 32}

pytestmark = needs(CONTRACT)


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return dict(orjson.loads(published(CONTRACT).read_bytes()))


@pytest.mark.parametrize("number", [NUMBER, "+33612345678", "+12125550123"])
async def test_the_form_is_one_that_twilio_describes(
    contract: dict[str, Any], sandbox: Sandbox, http: httpx.AsyncClient, number: str
) -> None:
    twilio = Twilio(ACCOUNT_SID, (ACCOUNT_SID, TWILIO_TOKEN), SENDERS, sandbox.url, http, "https://shop.example/hook")
    text = SmsContent(text="¡Hola! 😀", parts=1)
    await twilio.send(to(number, text).model_copy(update={"useful_for": None}))
    schema = contract["paths"][PATH]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    form = sandbox.messages[0].raw
    assert set(form) <= set(schema["properties"]), "Twilio drops what it does not know"
    assert set(schema["required"]) <= set(form)
    assert _wrong(form, schema) == []


async def test_the_sandbox_answers_as_twilio_describes(
    contract: dict[str, Any], sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    login = {"authorization": "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{TWILIO_TOKEN}".encode()).decode()}
    url = sandbox.url + PATH.format(AccountSid=ACCOUNT_SID)
    form = {"To": NUMBER, "From": SENDER, "Body": "a" * 161}
    created = await http.post(url, data=form, headers=login)
    listed = await http.get(url, params={"To": NUMBER}, headers=login)
    answers = contract["paths"][PATH]
    assert created.status_code == httpx.codes.CREATED
    assert _wrong(created.json(), answers["post"]["responses"]["201"]["content"]["application/json"]["schema"], contract) == []
    assert _wrong(listed.json(), answers["get"]["responses"]["200"]["content"]["application/json"]["schema"], contract) == []
    assert (created.json()["num_segments"], len(listed.json()["messages"])) == ("2", 1)


def _wrong(told: Any, schema: dict[str, Any], contract: dict[str, Any] | None = None) -> list[str]:
    """What is unlike the schema; OpenAPI 3.0 says `nullable` where JSON Schema has a list of types."""
    whole = {**_plain(schema), "components": _plain(contract["components"]) if contract else {}}
    return [error.message for error in Draft202012Validator(whole).iter_errors(told)]


def _plain(part: Any) -> Any:
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _plain(each) for name, each in part.items()}
    if found.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found

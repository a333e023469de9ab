"""Fault rules: whom they strike, how often and in which order; an impossible rule is refused with a sentence."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from tests.workers.sandbox.sending import PHONE, TOKEN, chat, push
from workers.sandbox import FaultRule, Provider, Sandbox
from workers.sandbox.faults import FAULTS, Faults


def strikes(faults: Faults, count: int, provider: Provider = Provider.FCM, address: str = "a") -> list[bool]:
    return [faults.draw(provider, address) is not None for _ in range(count)]


async def test_a_rule_strikes_as_often_as_it_says(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    told = await http.post("/_sandbox/faults", json={"provider": "fcm", "fault": "500", "times": 2})
    assert (told.status_code, told.json()["struck"]) == (201, 0)
    assert [(await push(http, sandbox)).status_code for _ in range(3)] == [500, 500, 200]
    [armed] = (await http.get("/_sandbox/faults")).json()
    assert armed["struck"] == 2
    assert (await http.get("/_sandbox/stats")).json()["faults"] == {"fcm:500": 2}


async def test_a_rule_strikes_only_the_addresses_that_match(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("fcm", "unregistered", match="gone-*")
    assert (await push(http, sandbox, {"token": "gone-1"})).status_code == 404
    assert (await push(http, sandbox, {"token": "here-1"})).status_code == 200


async def test_a_rule_strikes_only_its_provider(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("whatsapp", "500")
    assert (await push(http, sandbox)).status_code == 200
    assert (await chat(http)).status_code == 500


def test_a_seed_makes_chance_repeatable() -> None:
    first, again, other = Faults(), Faults(), Faults()
    for faults, seed in ((first, 7), (again, 7), (other, 8)):
        faults.tell("fcm", "500", probability=0.5, seed=seed)
    drawn = strikes(first, 64)
    assert drawn == strikes(again, 64) != strikes(other, 64)
    assert {True, False} == set(drawn)


def test_misses_do_not_use_up_the_times() -> None:
    faults = Faults()
    faults.tell("fcm", "500", probability=0.5, seed=1, times=3)
    assert sum(strikes(faults, 100)) == 3


def test_addresses_that_do_not_match_do_not_throw_the_dice() -> None:
    alone, among = Faults(), Faults()
    for faults in (alone, among):
        faults.tell("fcm", "500", probability=0.5, seed=3, match="a")
    drawn = []
    for _ in range(20):
        strikes(among, 2, address="b")
        drawn += strikes(among, 1)
    assert drawn == strikes(alone, 20)


def test_the_first_rule_that_strikes_wins() -> None:
    faults = Faults()
    faults.tell("fcm", "500", times=1)
    faults.tell("fcm", "503")
    drawn = [faults.draw(Provider.FCM, "a") for _ in range(2)]
    assert [rule.fault for rule in drawn if rule] == ["500", "503"]


async def test_rules_go_one_by_one_or_all_at_once(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first, _, _ = (sandbox.faults.tell("fcm", fault) for fault in ("500", "503", "429"))
    assert (await http.delete(f"/_sandbox/faults/{first.id}")).status_code == 204
    assert [armed["rule"]["fault"] for armed in (await http.get("/_sandbox/faults")).json()] == ["503", "429"]
    assert (await http.delete("/_sandbox/faults")).status_code == 204
    assert (await http.get("/_sandbox/faults")).json() == []
    assert (await push(http, sandbox)).status_code == 200


def test_a_number_is_a_fault_too() -> None:
    assert FaultRule.model_validate({"provider": "smtp", "fault": 550}).fault == "550"


async def test_every_known_fault_can_be_told_and_strikes(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert (await http.get("/_sandbox/faults/known")).json() == FAULTS
    for provider, known in FAULTS.items():
        for fault in known:
            assert (await http.post("/_sandbox/faults", json={"provider": provider, "fault": fault})).status_code == 201
            address = TOKEN if provider is Provider.FCM else PHONE
            drawn = sandbox.faults.draw(provider, address, for_a_token=fault == "slow_token")
            assert drawn is not None
            assert drawn.fault == fault
            sandbox.faults.clear()


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"provider": "fcm", "fault": "550"}, "fcm has no fault '550'; it has: 401, 429"),
        ({"provider": "fcm", "fault": True}, "fcm has no fault 'True'"),
        ({"provider": "smtp", "fault": "451", "retry_after": 5}, "retry_after goes with 429 and 503 over HTTP only"),
        ({"provider": "fcm", "fault": "500", "retry_after": 5}, "retry_after goes with 429 and 503 over HTTP only"),
        ({"provider": "pigeon", "fault": "500"}, "Input should be 'fcm', "),
        ({"provider": "fcm", "fault": "500", "probability": 0}, "greater than 0"),
        ({"provider": "fcm", "fault": "500", "probability": 1.1}, "less than or equal to 1"),
        ({"provider": "fcm", "fault": "500", "times": 0}, "greater than or equal to 1"),
        ({"provider": "fcm", "fault": "500", "match": ""}, "at least 1 character"),
        ({"provider": "fcm", "fault": "500", "hold_seconds": 3600}, "less than or equal to 600"),
        ({"provider": "fcm", "fault": "500", "often": True}, "Extra inputs are not permitted"),
        ({"fault": "500"}, "Field required"),
    ],
)
async def test_an_impossible_rule_is_refused_with_a_sentence(
    http: httpx.AsyncClient, sandbox: Sandbox, rule: dict[str, Any], sentence: str
) -> None:
    answer = await http.post("/_sandbox/faults", json=rule)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"][0]["msg"]
    assert sandbox.faults.armed() == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"provider":"fcm","fault":"500","probability":NaN}',
        b'{"provider":"fcm","fault":"\\ud800"}',
        b'{"\\ud800":"fcm"}',
    ],
)
async def test_a_rule_that_json_cannot_answer_is_a_422_too(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/_sandbox/faults", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"]


def test_tests_are_told_at_once_that_a_rule_is_impossible() -> None:
    with pytest.raises(ValidationError, match="smtp has no fault '429'"):
        Faults().tell("smtp", "429")

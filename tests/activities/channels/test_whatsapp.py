"""WhatsApp against the sandbox's Cloud API: the payload, and Meta's error codes."""

from datetime import timedelta

import httpx
import pytest

from activities.channels import (
    Ambiguous,
    ChannelError,
    EndpointGone,
    PushContent,
    Refused,
    TryLater,
    WhatsApp,
    WhatsAppContent,
)  # fmt: skip
from activities.channels.whatsapp.errors import refusal
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox

NUMBER = "+34600111222"
FULL = WhatsAppContent(
    template="cart_link", language="en", header_image="https://cdn.example/b.jpg", body=("Ana", "Boots"), button_url_suffix="c1"
)
BARE = WhatsAppContent(template="hello_world", language="en_US")


async def test_a_template_carries_its_gaps_and_our_key(whatsapp: WhatsApp, sandbox: Sandbox) -> None:
    accepted = await whatsapp.send(to(NUMBER, FULL, key="r/cart-link/1"))
    [message] = sandbox.messages
    assert accepted.provider_message_id == message.provider_id
    assert (message.template, message.params, message.image, message.link) == (
        "cart_link", ("Ana", "Boots"), "https://cdn.example/b.jpg", "c1",
    )  # fmt: skip
    assert (message.key, message.to) == ("r/cart-link/1", NUMBER)
    assert message.raw["template"]["language"] == {"code": "en", "policy": "deterministic"}


async def test_a_template_without_gaps_has_no_components(whatsapp: WhatsApp, sandbox: Sandbox) -> None:
    await whatsapp.send(to(NUMBER, BARE))
    assert sandbox.messages[0].raw["template"]["components"] == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", TryLater), ("500", TryLater), ("503", TryLater), ("190", TryLater), ("130429", TryLater),
        ("131000", TryLater), ("131049", TryLater), ("131026", EndpointGone), ("131047", Refused), ("132001", Refused),
        ("502", Ambiguous), ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(whatsapp: WhatsApp, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("whatsapp", fault)
    with pytest.raises(ChannelError) as caught:
        await whatsapp.send(to(NUMBER, BARE))
    assert type(caught.value) is kind
    assert NUMBER.removeprefix("+") not in str(caught.value)


async def test_the_marketing_limit_is_not_tried_again_before_a_day(whatsapp: WhatsApp, sandbox: Sandbox) -> None:
    sandbox.faults.tell("whatsapp", "131049")
    with pytest.raises(TryLater) as caught:
        await whatsapp.send(to(NUMBER, BARE))
    assert caught.value.retry_after == timedelta(hours=24)


async def test_a_wrong_path_waits_for_whoever_repairs_it(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    with pytest.raises(TryLater, match="JOURNEYS_WHATSAPP_URL"):
        await WhatsApp("token", "1", f"{sandbox.url}/nowhere", "v21.0", http).send(to(NUMBER, BARE))


async def test_a_token_with_a_line_break_is_a_fault_of_the_settings(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    with pytest.raises(Refused, match="settings"):
        await WhatsApp("to\nken", "1", sandbox.url, "v21.0", http).send(to(NUMBER, BARE))


async def test_content_of_another_channel_is_refused(whatsapp: WhatsApp) -> None:
    with pytest.raises(Refused, match="PushContent"):
        await whatsapp.send(to(NUMBER, PushContent(title="t", body="b")))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (131048, TryLater), (131056, TryLater), (80007, TryLater), (131042, TryLater), (204, TryLater), (132015, TryLater),
        (131050, Refused), (131008, Refused), (132000, Refused), (132012, Refused), (132016, Refused), (100, Refused),
    ],
)  # fmt: skip
def test_the_table_of_codes(code: int, kind: type[ChannelError]) -> None:
    assert type(refusal(httpx.Response(400, json={"error": {"code": code}}))) is kind


def test_an_unknown_code_goes_by_metas_flag_and_then_by_the_status() -> None:
    assert isinstance(refusal(httpx.Response(400, json={"error": {"code": 777, "is_transient": True}})), TryLater)
    assert isinstance(refusal(httpx.Response(400, json={"error": {"code": 777}})), Refused)
    assert isinstance(refusal(httpx.Response(503, json={"error": {"code": 777}})), TryLater)
    assert isinstance(refusal(httpx.Response(400, content=b"<html>")), Refused)

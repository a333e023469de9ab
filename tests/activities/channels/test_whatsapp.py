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
from activities.channels.whatsapp.content import ButtonGap, Card, Gaps, Media, Place
from activities.channels.whatsapp.errors import refusal
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox

NUMBER = "+34600111222"
FULL = WhatsAppContent(
    template="cart_link",
    language="en",
    header=Media(kind="image", link="https://cdn.example/b.jpg"),
    body=Gaps(texts=("Ana", "Boots")),
    buttons=(ButtonGap(place=0, kind="url", value="c1"),),
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


async def test_every_component_goes_as_meta_describes_it(whatsapp: WhatsApp, sandbox: Sandbox) -> None:
    link, card = ButtonGap(place=1, kind="url", value="p1"), Media(kind="image", link="https://cdn.example/1.jpg")
    buttons = [("quick_reply", "more"), ("url", "c1"), ("copy_code", "HOLA10"), ("catalog", "boots"), ("flow", "t")]
    content = WhatsAppContent(
        template="all",
        language="es",
        header=Place(latitude=40.4, longitude=-3.7, name="Madrid"),
        body=Gaps(texts=("Ana", "10 %"), names=("first_name", "off")),
        buttons=tuple(ButtonGap(place=n, kind=kind, value=value) for n, (kind, value) in enumerate(buttons)),  # type: ignore[arg-type]
        cards=tuple(Card(media=card, body=Gaps(texts=("a",)), buttons=(link,)) for _ in range(2)),
    )
    await whatsapp.send(to(NUMBER, content))
    header, body, reply, url, code, catalog, flow, carousel = sandbox.messages[0].raw["template"]["components"]
    assert header["parameters"] == [
        {"type": "location", "location": {"latitude": "40.4", "longitude": "-3.7", "name": "Madrid"}}
    ]
    assert body["parameters"][1] == {"type": "text", "parameter_name": "off", "text": "10 %"}
    assert reply == {
        "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{"type": "payload", "payload": "more"}],
    }  # fmt: skip
    assert [each["index"] for each in (url, code, catalog, flow)] == ["1", "2", "3", "4"]
    assert code["parameters"] == [{"type": "coupon_code", "coupon_code": "HOLA10"}]
    assert catalog["parameters"] == [{"type": "action", "action": {"thumbnail_product_retailer_id": "boots"}}]
    assert flow["parameters"] == [{"type": "action", "action": {"flow_token": "t"}}]
    assert [each["card_index"] for each in carousel["cards"]] == [0, 1]
    shown, text, button = carousel["cards"][1]["components"]
    assert shown["parameters"] == [{"type": "image", "image": {"link": card.link}}]
    assert (text["parameters"], button["index"]) == ([{"type": "text", "text": "a"}], "1")


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

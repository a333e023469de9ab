"""Web push against the sandbox's push service, which verifies and reads: headers, tokens, each way of failing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import orjson
import pytest
from pydantic import SecretStr

from activities.channels import (
    Ambiguous,
    ChannelError,
    EmailContent,
    EndpointGone,
    Outgoing,
    Refused,
    TryLater,
    WebPushContent,
)  # fmt: skip
from activities.channels.message import Button
from activities.channels.web_push.told import id_of, key_told
from activities.channels.web_push.vapid import Vapid
from activities.channels.web_push.web_push import WebPush
from store.addresses import browser_subscription
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox
from workers.sandbox.push.browsers import MadeUpBrowser
from workers.sandbox.server import WEB_PUSH_KEY, WEB_PUSH_PUBLIC_KEY
from workers.settings import Settings

SECRET = "b3a1f0e2d4c697887a6b5c4d3e2f1a0b"
PLAIN = WebPushContent(title="a", body="b")
WHOLE = WebPushContent(
    title="Your order", body="It is on its way", link="https://shop.example/o/7", image="https://cdn.example/boots.jpg",
    icon="https://cdn.example/icon.png", badge="https://cdn.example/badge.png", data={"order": "7"}, stays=True,
    buttons=(Button(title="Track it", link="https://shop.example/t/7"),), priority="high", collapse="order o7",
)  # fmt: skip


def settings(sandbox: Sandbox, **changes: Any) -> Settings:
    told = {name.removeprefix("JOURNEYS_").lower(): value for name, value in sandbox.environment.items() if "WEB_PUSH" in name}
    more = {"secret": SecretStr(SECRET), "public_url": "https://api.example/", "private_targets": "127.0.0.0/8"}
    return Settings(_env_file=None, **(told | more | changes))


@pytest.fixture
async def web_push(sandbox: Sandbox) -> AsyncIterator[WebPush]:
    web_push = WebPush.configured(settings(sandbox))
    assert web_push is not None
    yield web_push
    await web_push.close()


def on(service: str, content: Any = PLAIN, key: str = "", browser: str = "ana") -> Outgoing:
    address = browser_subscription(MadeUpBrowser(browser).subscription(service))
    assert address is not None
    return to(address, content, key)


async def test_a_browser_reads_what_it_is_to_show_and_where_to_tell_what_became_of_it(
    web_push: WebPush, sandbox: Sandbox
) -> None:
    outgoing = on(sandbox.url, WHOLE, key="r/web_push:note/1").model_copy(update={"useful_for": timedelta(minutes=30)})
    accepted = await web_push.send(outgoing)
    [message] = sandbox.messages
    told, headers = message.raw["payload"], message.raw["headers"]
    assert accepted.provider_message_id == id_of("r/web_push:note/1")
    url, tag = told.pop("told"), told.pop("tag")
    assert url.startswith("https://api.example/w/")
    assert key_told(SECRET, url.rpartition("/")[2]) == "r/web_push:note/1"
    assert told == orjson.loads(WHOLE.model_dump_json(exclude={"priority", "collapse"}))
    assert headers == {
        "content-type": "application/octet-stream", "content-encoding": "aes128gcm", "ttl": "1800", "urgency": "high",
        "topic": tag,
    }  # fmt: skip


async def test_what_is_usual_is_not_sent_and_what_has_no_end_lives_as_long_as_services_keep_it(
    web_push: WebPush, sandbox: Sandbox
) -> None:
    await web_push.send(on(sandbox.url))
    [message] = sandbox.messages
    assert set(message.raw["payload"]) == {"title", "body", "tag", "told"}
    assert (message.raw["headers"]["ttl"], message.raw["headers"]["urgency"]) == ("2419200", "normal")


async def test_two_attempts_are_one_notification_and_what_replaces_another_has_its_name(
    web_push: WebPush, sandbox: Sandbox
) -> None:
    for key, content in (("r/s/1", PLAIN), ("r/s/1", PLAIN), ("r/s/2", PLAIN), ("r/s/3", WHOLE), ("r/s/4", WHOLE)):
        await web_push.send(on(sandbox.url, content, key))
    topics, tags = [m.raw["headers"]["topic"] for m in sandbox.messages], [m.raw["payload"]["tag"] for m in sandbox.messages]
    assert topics == tags
    assert topics[0] == topics[1] != topics[2]
    assert topics[3] == topics[4] != topics[2]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("404", EndpointGone), ("410", EndpointGone), ("403", EndpointGone), ("400", Refused), ("413", Refused),
        ("redirect", Refused), ("429", TryLater), ("500", TryLater), ("503", TryLater), ("502", Ambiguous), ("html", Ambiguous),
        ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(web_push: WebPush, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    """CH-02: 404 and 410 remove the subscription."""
    await web_push.send(on(sandbox.url))
    sandbox.faults.tell("web-push", fault, times=1, hold_seconds=0)
    with pytest.raises(ChannelError) as caught:
        await web_push.send(on(sandbox.url))
    assert type(caught.value) is kind
    assert sandbox.url not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_our_key_is_called_wrong_only_when_it_cannot_be_the_settings(web_push: WebPush, sandbox: Sandbox) -> None:
    sandbox.faults.tell("web-push", "403", times=1)
    with pytest.raises(TryLater, match="JOURNEYS_WEB_PUSH_KEY"):
        await web_push.send(on(sandbox.url))


async def test_a_wait_that_was_asked_for_is_passed_on_and_one_that_was_not_is_a_minute(
    web_push: WebPush, sandbox: Sandbox
) -> None:
    for told, wait in ((17, timedelta(seconds=17)), (None, timedelta(minutes=1))):
        sandbox.faults.tell("web-push", "429", times=1, retry_after=told)
        with pytest.raises(TryLater) as caught:
            await web_push.send(on(sandbox.url))
        assert caught.value.retry_after == wait


async def test_no_request_goes_inside_but_by_the_named_setting(sandbox: Sandbox) -> None:
    """A subscription comes from a stranger's page: it is thrown away, whatever answers there."""
    guarded = WebPush.configured(settings(sandbox, private_targets=()))
    assert guarded is not None
    for service in (sandbox.url, "https://127.0.0.1", "https://169.254.169.254", "https://10.0.0.1", "https://localhost"):
        with pytest.raises(EndpointGone, match="inside"):
            await guarded.send(on(service))
    assert sandbox.messages == []
    await guarded.close()


async def test_a_service_that_is_not_there_is_waited_for(web_push: WebPush) -> None:
    with pytest.raises(TryLater, match="no connection"):
        await web_push.send(on("http://127.0.0.1:1"))


async def test_too_large_a_message_is_refused_before_it_is_sent(web_push: WebPush, sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match=r"web-push takes 3993 bytes, and this one has 4\d\d\d; shorten"):
        await web_push.send(on(sandbox.url, WebPushContent(title="a", body="ñ" * 1_990)))
    await web_push.send(on(sandbox.url, WebPushContent(title="a", body="ñ" * 1_880)))
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("address", ["token-ana", "{}", '{"endpoint": "https://a.example/", "p256dh": "BA", "auth": 7}'])
async def test_what_is_no_subscription_is_gone(web_push: WebPush, address: str) -> None:
    with pytest.raises(EndpointGone):
        await web_push.send(to(address, PLAIN))
    with pytest.raises(Refused, match="EmailContent"):
        await web_push.send(to(address, EmailContent(subject="s", html="h", text="t")))


def test_a_token_is_for_one_service_and_renewed_before_its_end() -> None:
    now = [1_800_000_000.0]
    vapid = Vapid(WEB_PUSH_KEY, "mailto:push@shop.example", lambda: now[0])

    def claims(header: str) -> Any:
        assert header.endswith(f", k={WEB_PUSH_PUBLIC_KEY}")
        return jwt.decode(header.removeprefix("vapid t=").partition(",")[0], options={"verify_signature": False})

    first = vapid.authorization("https://push.example/a?b")
    assert claims(first) == {"aud": "https://push.example", "exp": 1_800_043_200, "sub": "mailto:push@shop.example"}
    assert claims(vapid.authorization("https://push.example:8443/a"))["aud"] == "https://push.example:8443"
    now[0] += 11 * 3600 - 1
    assert vapid.authorization("https://push.example/other") == first
    now[0] += 1
    assert claims(vapid.authorization("https://push.example/other"))["exp"] == 1_800_043_200 + 11 * 3600


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"web_push_contact": ""}, "JOURNEYS_WEB_PUSH_CONTACT"),
        ({"web_push_key": "abc"}, "32 bytes"),
        ({"web_push_contact": "push@shop.example"}, "web_push_contact"),
    ],
)
def test_a_wrong_setting_is_named(sandbox: Sandbox, wrong: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings(sandbox, **wrong)

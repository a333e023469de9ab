"""Media that are uploaded: fetched once, known by Meta's id until it expires, and never fetched from inside."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from activities.channels import ChannelError, Refused, TryLater, WhatsApp, WhatsAppContent
from activities.channels.errors import Forbidden
from activities.channels.whatsapp.content import Media
from activities.channels.whatsapp.media import LIVES, File, Library
from activities.web.guarded import guarded_client
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox

NUMBER = "+34600111222"
JPEG = {"content-type": "image/jpeg"}
PICTURE = Media(kind="image", link="https://cdn.example/b.jpg", upload=True)
SHOWN = WhatsAppContent(template="t", language="en", header=PICTURE)


class Site:
    """Where pictures are: says what a test writes for it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = httpx.Response(200, headers=JPEG, content=b"jpeg")

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(self.answer.status_code, headers=self.answer.headers, content=self.answer.content)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def whatsapp(sandbox: Sandbox, http: httpx.AsyncClient, site: Site) -> AsyncIterator[WhatsApp]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(site)) as media:
        yield WhatsApp("token", "100000000000001", sandbox.url, "v21.0", http, media=media)


async def test_a_picture_is_uploaded_once_and_shown_by_its_id(whatsapp: WhatsApp, sandbox: Sandbox, site: Site) -> None:
    for _ in range(3):
        await whatsapp.send(to(NUMBER, SHOWN))
    ids = {message.raw["template"]["components"][0]["parameters"][0]["image"]["id"] for message in sandbox.messages}
    assert (len(sandbox.messages), len(ids), site.asked) == (3, 1, [PICTURE.link])


async def test_after_a_refusal_it_is_uploaded_anew(whatsapp: WhatsApp, sandbox: Sandbox, site: Site) -> None:
    await whatsapp.send(to(NUMBER, SHOWN))
    sandbox.faults.tell("whatsapp", "132001", times=1)
    with pytest.raises(Refused):
        await whatsapp.send(to(NUMBER, SHOWN))
    await whatsapp.send(to(NUMBER, SHOWN))
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx.Response(404), Refused, "its address answers 404"),
        (httpx.Response(302, headers={"location": "https://x.example"}), Refused, "answers 302"),
        (httpx.Response(503), TryLater, "503"),
        (httpx.Response(429), TryLater, "429"),
        (httpx.Response(200, headers={"content-type": "text/html"}), Refused, "is text/html; Meta takes image/jpeg, image/png"),
        (httpx.Response(200, headers=JPEG, content=b"x" * (5 * 1024 * 1024 + 1)), Refused, "has more than 5 MB"),
    ],
)
async def test_what_meta_would_not_take_leaves_no_message_in_doubt(
    whatsapp: WhatsApp, sandbox: Sandbox, site: Site, answer: httpx.Response, kind: type[ChannelError], said: str
) -> None:
    site.answer = answer
    with pytest.raises(ChannelError, match=said) as caught:
        await whatsapp.send(to(NUMBER, SHOWN))
    assert type(caught.value) is kind
    assert "cdn.example" not in str(caught.value), "an address may say who it is for"
    assert sandbox.messages == []


async def test_nothing_is_fetched_from_inside(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    whatsapp = WhatsApp("token", "1", sandbox.url, "v21.0", http, media=guarded_client(timedelta(seconds=1)))
    inside = SHOWN.model_copy(update={"header": PICTURE.model_copy(update={"link": "https://127.0.0.1/b.jpg"})})
    with pytest.raises(Forbidden):
        await whatsapp.send(to(NUMBER, inside))
    await whatsapp.library.close()


async def test_an_id_is_used_until_shortly_before_meta_forgets_it() -> None:
    uploads, now = 0, 0.0

    async def upload(_: Media, file: File) -> str:
        nonlocal uploads
        uploads += 1
        assert file == ("image/jpeg", b"jpeg")
        return str(uploads)

    async with httpx.AsyncClient(transport=httpx.MockTransport(Site())) as http:
        library = Library(http, upload, clock=lambda: now)
        assert await library.ids([PICTURE]) == {PICTURE.link: "1"}
        now = LIVES.total_seconds() - 1
        assert await library.ids([PICTURE]) == {PICTURE.link: "1"}
        now += 2
        assert await library.ids([PICTURE]) == {PICTURE.link: "2"}

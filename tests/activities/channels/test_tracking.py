"""Links that are led over ours: what is led, what is not, of whom; and that nobody but us can make one."""

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import EmailContent, InvalidToken, PushContent
from activities.channels.message import Campaign
from activities.channels.tracking import Followed, Track, Tracking, read_link, read_opening
from tests.extent import examples

SECRET = "nine ducks and five geese"
KEY = "0190a1b2-0000-7000-8000-000000000001/hello/1"
CAMPAIGN = Campaign(journey="welcome", template="hello", purpose="marketing")
OUT = "https://journeys.example/u/token"
EVERYTHING = Tracking(Track.ALWAYS, Track.ALWAYS, url="https://go.shop.example", utm_sites=("shop.example",), utm_source="shop")
BODY = (
    '<html><body><a class="b" href="https://www.shop.example/boots?id=7&amp;size=9#top">Boots</a>'
    '<a href="mailto:care@shop.example">us</a>'
    f'<a href="{OUT}">stop</a><a href="https://elsewhere.example/">them</a><a href="#offers">here</a>'
    '<img src="https://cdn.shop.example/a.png"></body></html>'
)
TEXT = f"Boots https://www.shop.example/boots?id=7 and {OUT}\n"


def letter(body: str = BODY, **more: Any) -> EmailContent:
    return EmailContent(subject="s", html=body, text=TEXT, unsubscribe_url=OUT, **more)


def marked(tracking: Tracking, content: EmailContent, agreed: Any = None) -> EmailContent:
    traits = {} if agreed is None else {"trackingConsent": agreed}
    written = tracking.marked(content, SECRET, "email", KEY, CAMPAIGN, traits)
    assert isinstance(written, EmailContent)
    return written


def hrefs(content: EmailContent) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'href="([^"]*)"', content.html)]


def followed(address: str) -> Followed:
    return read_link(SECRET, address.rpartition("/")[2])


def test_web_links_are_led_over_ours_and_nothing_else_is() -> None:
    written = marked(EVERYTHING, letter())
    boots, us, stop, them, here, hidden = hrefs(written)
    utm = "utm_source=shop&utm_medium=email&utm_campaign=welcome&utm_content=hello"
    assert boots.startswith("https://go.shop.example/c/")
    assert followed(boots) == Followed("email", KEY, 1, f"https://www.shop.example/boots?id=7&size=9&{utm}#top")
    assert followed(them) == Followed("email", KEY, 3, "https://elsewhere.example/")
    assert (us, stop, here) == ("mailto:care@shop.example", OUT, "#offers")
    assert followed(hidden).number == 0
    (picture,) = re.findall(r'src="https://go.shop.example/o/([^"]+)\.gif"', written.html)
    assert read_opening(SECRET, picture) == Followed("email", KEY)
    assert 'src="https://cdn.shop.example/a.png"' in written.html
    assert written.html.endswith("</body></html>")
    assert written.text == f"Boots https://www.shop.example/boots?id=7&{utm} and {OUT}\n"


@pytest.mark.parametrize(
    ("track", "agreed", "measured"),
    [
        (Track.NEVER, True, False), (Track.CONSENTED, True, True), (Track.CONSENTED, None, False),
        (Track.CONSENTED, False, False), (Track.CONSENTED, "true", False),
        (Track.ALWAYS, None, True), (Track.ALWAYS, False, False),
    ],
)  # fmt: skip
def test_who_is_measured(track: Track, agreed: Any, measured: bool) -> None:
    clicks = marked(Tracking(clicks=track, url="https://go"), letter(), agreed)
    opens = marked(Tracking(opens=track, url="https://go"), letter(), agreed)
    assert (("/c/" in clicks.html), ("/o/" in clicks.html)) == (measured, False)
    assert (("/c/" in opens.html), ("/o/" in opens.html)) == (False, measured)


def test_what_is_not_to_be_measured_stays_as_it_is() -> None:
    assert marked(EVERYTHING, letter(track=False)) == letter(track=False)
    push = PushContent(title="a", body="b", link="https://www.shop.example/boots")
    assert EVERYTHING.marked(push, SECRET, "push", KEY, CAMPAIGN, {}) == push
    assert marked(Tracking(), letter()) == letter()


def test_parameters_that_are_there_stay() -> None:
    link = '<a href="https://shop.example/?utm_source=theirs">a</a><a href="https://myshop.example/">b</a>'
    only_utm = Tracking(utm_sites=("shop.example",))
    assert hrefs(marked(only_utm, letter(link))) == ["https://shop.example/?utm_source=theirs", "https://myshop.example/"]


def test_a_link_that_would_grow_too_long_is_left_alone() -> None:
    long = "https://elsewhere.example/" + "x" * 2_000
    assert hrefs(marked(EVERYTHING, letter(f'<a href="{long}">a</a>')))[0] == long


@given(st.text(alphabet="abcXYZ019-_", min_size=1, max_size=200), st.integers(0, 400), st.integers(1, 63))
@examples(200)
def test_a_tampered_link_is_none(other: str, place: int, change: int) -> None:
    token = hrefs(marked(EVERYTHING, letter()))[0].rpartition("/")[2]
    place %= len(token)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    turned = alphabet[(alphabet.index(token[place]) + change) % 64]
    for wrong in (token[:place] + turned + token[place + 1 :], token[:place], token + other, other):
        with pytest.raises(InvalidToken):
            read_link(SECRET, wrong)
    with pytest.raises(InvalidToken):
        read_opening(SECRET, token)
    with pytest.raises(InvalidToken):
        read_link("another secret", token)
    assert read_link("another secret", token, ("older", SECRET)).number == 1


def test_a_letter_says_that_it_is_not_measured() -> None:
    from activities.templating.email import EmailTemplate
    from activities.templating.errors import TemplateError
    from activities.templating.vocabulary import Vocabulary

    mjml = "---\nsubject: hi\npurpose: transactional\ntrack: {}\n---\n<mjml><mj-body></mj-body></mjml>\n"
    content = EmailTemplate.read("a.email.mjml", mjml.format("no"), Vocabulary()).render({})
    assert content.track is False
    with pytest.raises(TemplateError, match="track must be yes or no"):
        EmailTemplate.read("a.email.mjml", mjml.format("maybe"), Vocabulary())

"""Web push templates: what a browser is to show, and what is refused before anybody could get it."""

from pathlib import Path

import pytest

from activities.channels import WebPushContent
from activities.channels.message import Button
from activities.templates import BrokenTemplate, Context, TemplateError, load_templates
from journeys.contracts import Channel

WHOLE = """\
title: Your order
body: It is on its way
link: "https://shop.example/o/{{ entry.order_id }}"
image: "{{ entry.image_url | default: '' }}"
icon: https://cdn.example/icon.png
badge: https://cdn.example/badge.png
buttons:
  Track it: "https://shop.example/t?id={{ entry.order_id }}"
  Help: https://shop.example/help
data:
  order: "{{ entry.order_id }}"
priority: high
collapse: "order {{ entry.order_id }}"
stays: true
"""
KNOWN = (
    "3: unknown field sound; known: badge, body, buttons, collapse, data, icon, image, language, link, params, priority, "
    "product, stays, title"
)
ORDER = Context(entry={"order_id": "o 7"})


def rendered(folder: Path, text: str, context: Context = ORDER) -> WebPushContent:
    (folder / "hi.web-push.yaml").write_text(text)
    content = load_templates(folder).render(Channel.WEB_PUSH, "hi", context)
    assert isinstance(content, WebPushContent)
    return content


def test_a_template_says_all_that_a_browser_shows(tmp_path: Path) -> None:
    content = rendered(tmp_path, WHOLE)
    assert (content.title, content.link, content.image) == ("Your order", "https://shop.example/o/o%207", None)
    assert (content.icon, content.badge) == ("https://cdn.example/icon.png", "https://cdn.example/badge.png")
    assert content.buttons == (
        Button(title="Track it", link="https://shop.example/t?id=o+7"), Button(title="Help", link="https://shop.example/help"),
    )  # fmt: skip
    assert (content.data, content.priority, content.collapse, content.stays) == ({"order": "o 7"}, "high", "order o 7", True)
    plain = rendered(tmp_path, "title: a\nbody: b")
    assert (plain.priority, plain.collapse, plain.stays, plain.buttons) == ("normal", None, False, ())


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("link: shop://cart", "3: link is not a valid link: it must begin with http: or https:"),
        ("icon: x", "3: icon is not a valid link: it must begin with http: or https:"),
        ("buttons: {Go: 'javascript:x'}", "3: button Go is not a valid link: it must begin with http: or https:"),
        (
            "buttons:\n  A: https://a.example\n  B: https://b.example\n  C: https://c.example",
            "6: browsers show 2 buttons, and there are 3",
        ),
        ("stays: maybe", "3: stays must be true or false"),
        ("priority: low", "3: priority must be high or normal"),
        ("sound: bell", KNOWN),
    ],
)
def test_what_no_browser_takes_is_refused_when_the_catalogue_is_loaded(tmp_path: Path, field: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(tmp_path, f"title: a\nbody: b\n{field}\n")
    assert str(caught.value) == f"{tmp_path.name}/hi.web-push.yaml:{told}"


def test_more_text_than_fits_is_refused_when_the_catalogue_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="2: it has 3995 bytes of text without the values, and 3993 is the most"):
        rendered(tmp_path, f"title: a\nbody: {'ñ' * 1_997}\n")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "shop"])
def test_an_address_that_is_none_breaks_the_message_and_not_the_browser(tmp_path: Path, link: str) -> None:
    with pytest.raises(BrokenTemplate, match="3: link is not a valid link"):
        rendered(tmp_path, "title: a\nbody: b\nlink: '{{ entry.order_id }}'\n", Context(entry={"order_id": link}))

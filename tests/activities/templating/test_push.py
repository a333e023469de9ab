"""Push templates: how a notification is shown, and what is refused before anybody could get it."""

from pathlib import Path

import pytest

from activities.channels import PushContent
from activities.templates import BrokenTemplate, Context, TemplateError, load_templates
from journeys.contracts import Channel

WHOLE = """\
title: Your order
body: It is on its way
priority: normal
sound: ding.caf
badge: "{{ customer.age | default: 0 }}"
category: ORDERS
collapse: "order {{ entry.order_id }}"
mutable: true
data:
  order: "{{ entry.order_id }}"
"""


def rendered(folder: Path, text: str, context: Context = Context()) -> PushContent:  # noqa: B008 - it is frozen
    (folder / "hi.push.yaml").write_text(text)
    content = load_templates(folder).render(Channel.PUSH, "hi", context)
    assert isinstance(content, PushContent)
    return content


def refused(folder: Path, text: str) -> str:
    with pytest.raises(TemplateError) as caught:
        rendered(folder, text)
    return str(caught.value).removeprefix(f"{folder.name}/hi.push.yaml:")


def test_a_template_says_how_its_push_is_shown(tmp_path: Path) -> None:
    content = rendered(tmp_path, WHOLE, Context(customer={"age": 3}, entry={"order_id": "o7"}))
    assert (content.priority, content.sound, content.badge, content.category) == ("normal", "ding.caf", 3, "ORDERS")
    assert (content.collapse, content.mutable, content.data) == ("order o7", True, {"order": "o7"})


def test_what_a_template_does_not_say_is_usual(tmp_path: Path) -> None:
    content = rendered(tmp_path, "title: a\nbody: b")
    assert (content.priority, content.sound, content.badge, content.category) == ("high", None, None, None)
    assert (content.collapse, content.mutable) == (None, False)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("priority: urgent", "3: priority must be high or normal"),
        ("sound: 'bell {{ customer.tier }}'", "3: sound must be `default` or the name of a sound in the app"),
        ("category: a b", "3: category must be the name of a category in the app (a channel on Android)"),
        ("mutable: perhaps", "3: mutable must be true or false"),
        (
            "link: 'javascript:alert(1)'",
            "3: link is not a valid link: it must begin with http: or https: or an app's own scheme",
        ),
        ("data: {message_type: a}", "3: message_type: data may not be called so: providers, or we, use the name themselves"),
        ("data: {gcm.sound: a}", "3: gcm.sound: data may not be called so: providers, or we, use the name themselves"),
        ("data: {aps: a}", "3: aps: data may not be called so: providers, or we, use the name themselves"),
    ],
)
def test_what_no_provider_takes_is_refused_when_the_catalogue_is_loaded(tmp_path: Path, field: str, told: str) -> None:
    """CH-01: an invalid deep link fails there, too."""
    assert refused(tmp_path, f"title: a\nbody: b\n{field}\n") == told


def test_more_text_than_fits_is_refused_when_the_catalogue_is_loaded(tmp_path: Path) -> None:
    """In bytes; what a variable brings is known only when it is sent, and what a tag may leave out does not count."""
    text = f"title: a\nbody: {{}}{'ñ' * 2_047}\n"
    assert rendered(tmp_path, text.format("b")).body.endswith("ñ")
    told = refused(tmp_path, text.format("bc"))
    assert told == "2: it has 4097 bytes of text without the values, and 4096 is the most; shorten it"
    assert rendered(tmp_path, f'title: a\nbody: "{{% if true %}}b{{% else %}}{"ñ" * 3_000}{{% endif %}}"\n').body == "b"
    data = f"data:\n  a: {'x' * 3000}\n  b: {'x' * 3000}\n"
    assert refused(tmp_path, f"title: a\nbody: b\n{data}").startswith("4: it has 6004 bytes")


@pytest.mark.parametrize("unread", ["three", -1, "1.5", "²", 10**10])
def test_a_badge_is_a_whole_number(tmp_path: Path, unread: object) -> None:
    with pytest.raises(BrokenTemplate, match=r"hi.push.yaml:5: badge is not a whole number"):
        rendered(tmp_path, WHOLE, Context(customer={"age": unread}, entry={"order_id": "o7"}))

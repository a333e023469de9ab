"""In-app templates: what is shown inside the app, and what is refused before anybody could get it."""

from datetime import timedelta
from pathlib import Path

import pytest

from activities.channels import InAppContent
from activities.channels.message import Button
from activities.templates import BrokenTemplate, Context, TemplateError, load_templates
from journeys.contracts import Channel

WHOLE = """\
language: es_ES
title: "Hola {{ customer.firstName | default: 'qué tal' }}"
body: |
  Una línea

  y otra
image: "{{ entry.image_url | default: '' }}"
alt: Un abrigo
actions:
  "Ver {{ entry.name }}": "https://shop.example/o?id={{ entry.order_id }}"
  Abrir: shop://cart
placement: modal
lives: 36 hours
"""
ORDER = Context(entry={"order_id": "o 7", "name": "abrigo", "image_url": "https://cdn.example/a.png"})


def rendered(folder: Path, text: str, context: Context = ORDER) -> InAppContent:
    (folder / "hi.in-app.yaml").write_text(text)
    content = load_templates(folder).render(Channel.IN_APP, "hi", context)
    assert isinstance(content, InAppContent)
    return content


def test_a_template_says_all_that_is_shown_where_and_for_how_long(tmp_path: Path) -> None:
    content = rendered(tmp_path, WHOLE)
    assert (content.title, content.body) == ("Hola qué tal", "Una línea\n\ny otra")
    assert (content.image, content.alt) == ("https://cdn.example/a.png", "Un abrigo")
    assert content.actions == (
        Button(title="Ver abrigo", link="https://shop.example/o?id=o+7"), Button(title="Abrir", link="shop://cart"),
    )  # fmt: skip
    assert (content.placement, content.lives, content.language) == ("modal", timedelta(hours=36), "es-ES")
    plain = rendered(tmp_path, "title: a\nbody: b")
    assert (plain.placement, plain.lives, plain.image, plain.actions) == ("inbox", timedelta(days=7), None, ())


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("image: x", "3: image is not a valid link: it must begin with http: or https:"),
        (
            "actions: {Go: 'javascript:x'}",
            "3: action Go is not a valid link: it must begin with http: or https: or an app's own",
        ),
        ("actions: {A: 'a:b', B: 'a:b', C: 'a:b', D: 'a:b'}", "3: a message has at most 3 actions, and there are 4"),
        ("placement: sky", "3: placement must be inbox or banner or modal or inline"),
        ("lives: forever", "3: lives must be a span such as 3 days (hours, days or weeks), a year at most, not 'forever'"),
        ("lives: 400 days", "3: lives must be a span such as 3 days"),
        ("lives: 0 days", "3: lives must be a span such as 3 days"),
        ("button: x", "3: unknown field button; known: actions, alt, body, image, language, lives, params, placement"),
    ],
)
def test_what_no_app_could_show_is_refused_when_it_is_loaded(tmp_path: Path, field: str, told: str) -> None:
    with pytest.raises(TemplateError) as refused:
        rendered(tmp_path, f"title: a\nbody: b\n{field}\n")
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["title: '{{ entry.brand }}'\nbody: b", "title: a\nbody: '{{ entry.name }}'"])
def test_a_value_that_a_customer_does_not_have_fails_the_message(tmp_path: Path, text: str) -> None:
    with pytest.raises(BrokenTemplate):
        rendered(tmp_path, text, Context(entry={"name": " "}))

"""What a template shows of a customer's data: as a person would write it, or not at all (A18)."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from activities.channels import WhatsAppContent
from activities.templates import BrokenTemplate, Context, load_templates
from journeys.contracts import Channel
from tests.activities.test_templates import OUT, email, push, rejected, written

TOKYO = ZoneInfo("Asia/Tokyo")


def body(folder: Path, text: str, context: Context, front: str = "") -> str:
    return push(folder, f"{front}title: t\nbody: |\n  {text}\n", context).body


@pytest.mark.parametrize(
    ("text", "entry", "shown"),
    [
        ("{{ entry.products }}", {"products": ["hat", " ", "scarf"]}, "hat, scarf"),
        ("{{ entry.products | join: ' and ' }}", {"products": ["hat", None, "scarf"]}, "hat and scarf"),
        ("{{ entry.products[0].name | default: 'it' }}", {"products": [{"name": "  "}]}, "it"),
        ("{{ entry.products[0].name | default: 'it' }}", {"products": [{"name": None, "sku": "x"}]}, "it"),
        ("{{ entry.products | default: 'it' }}", {"products": [" ", None, [], {}]}, "it"),
        ("{% for p in entry.products %}{{ p.name }};{% endfor %}", {"products": [{"name": "a"}, {}, {"name": "b"}]}, "a;b;"),
        ("{{ entry.order_id | default: 'it' }}", {"order_id": 8934567890123456789}, "8934567890123456789"),
        ("{{ entry.quantity }} {{ entry.price }}", {"quantity": 2.0, "price": 89.9}, "2 89.9"),
        ("{{ entry.products.size }} {{ entry.products.first }}", {"products": ["a", "b"]}, "2 a"),
        ("{{ entry.name }}", {"name": "a\x00\x1b[31mb\u2028c\x85d"}, "a [31mb c d"),
    ],
)
def test_lists_and_numbers_are_shown_as_people_write_them(tmp_path: Path, text: str, entry: dict[str, Any], shown: str) -> None:
    assert body(tmp_path, text, Context(entry=entry)) == shown


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [[{"a": 1}]]])
@pytest.mark.parametrize("text", ["{{ entry.name }}", "{{ entry.name | upcase }}", "{{ entry.name | append: 'x' }}"])
def test_an_object_is_never_shown_as_code(tmp_path: Path, value: Any, text: str) -> None:
    with pytest.raises(BrokenTemplate, match="an object is not a text"):
        body(tmp_path, text, Context(entry={"name": value}))
    with pytest.raises(BrokenTemplate, match="an object is not a text"):
        email(tmp_path / "2", f"<mj-text>{text}</mj-text>", Context(entry={"name": value}, unsubscribe_url=OUT))


def test_no_filter_lets_markup_through(tmp_path: Path) -> None:
    assert "unknown filter safe" in rejected(tmp_path, hi__push__yaml="title: t\nbody: '{{ entry.name | safe }}'")


@pytest.mark.parametrize(
    ("text", "said", "shown"),
    [
        ("{{ entry.name | date: '%d.%m. %H:%M' }}", "2026-11-24T22:30:00Z", "25.11. 07:30"),
        ("{{ entry.name | date: '%d.%m. %H:%M' }}", "2026-11-24T22:30:00+01:00", "25.11. 06:30"),
        ("{{ entry.name | date: '%d.%m.' }}", "2026-11-24", "24.11."),
        ("{{ entry.name | date: '%d.%m. %H:%M' }}", "2026-11-24T22:30:00", "24.11. 22:30"),
        ("{{ entry.name | date: '%d.%m. %H:%M' }}", 1795559400, "25.11. 07:30"),
        ("{{ entry.name | date: '%d.%m. %H:%M' }}", 1795559400000, "25.11. 07:30"),
        ("{{ entry.name | date: '%-d %B %Y' }}", "24 Nov 2026", "24 November 2026"),
        ("{{ entry.name | date: '%-d %B' }}", "soon", "soon"),
        ("{{ entry.name | date: '%H:%M on %d' }}", "10:30", "10:30"),
    ],
)
def test_an_instant_is_shown_on_the_customers_wall(tmp_path: Path, text: str, said: object, shown: str) -> None:
    assert body(tmp_path, text, Context(entry={"name": said}, zone=TOKYO)) == shown


@pytest.mark.parametrize(
    ("traits", "form", "shown"),
    [
        ({"language": "es"}, "%A, %-d de %B", "martes, 24 de noviembre"),
        ({"locale": "es-MX"}, "long", "24 de noviembre de 2026"),
        ({"locale": "de_AT.UTF-8"}, "full", "Dienstag, 24. November 2026"),
        ({"language": "ru"}, "%-d %B", "24 ноября"),
        ({"language": "ru"}, "%B", "ноябрь"),
        ({"language": "klingon"}, "%a %-d %b", "Tue 24 Nov"),
        ({"language": 7, "locale": "fr"}, "%a %-d %b", "mar. 24 nov."),
        ({}, "medium", "Nov 24, 2026"),
    ],
)
def test_a_date_is_said_in_the_customers_language(tmp_path: Path, traits: dict[str, Any], form: str, shown: str) -> None:
    context = Context(customer=traits, entry={"name": "2026-11-24"})
    assert body(tmp_path, f"{{{{ entry.name | date: '{form}' }}}}", context) == shown


def test_a_template_that_says_its_language_has_dates_and_amounts_in_it(tmp_path: Path) -> None:
    context = Context(customer={"language": "en"}, entry={"name": "2026-11-24", "price": 24.9}, unsubscribe_url=OUT)
    text = "{{ entry.name | date: '%-d de %B' }}, {{ entry.price | money: 'EUR' }}"
    assert body(tmp_path, text, context, "language: es\n") == "24 de noviembre, 24,90\xa0€".replace("\xa0", " ")
    assert "24,90" in email(tmp_path / "2", f"<mj-text>{text}</mj-text>", context, "subject: a\nlanguage: es").html
    whatsapp = f'template: t\nlanguage: es\nbody: ["{text}"]'
    content = load_templates(written(tmp_path / "3", hi__whatsapp__yaml=whatsapp)).render(Channel.WHATSAPP, "hi", context)
    assert isinstance(content, WhatsAppContent)
    assert content.body.texts[0].startswith("24 de noviembre, 24,90")
    assert "language must be a code" in rejected(tmp_path / "4", hi__push__yaml="title: t\nbody: b\nlanguage: english, please")


def test_there_is_no_clock_in_a_template(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate, match="no 'now' here"):
        body(tmp_path, "{{ 'now' | date: '%H' }}", Context())

"""Links: a customer's name breaks none and adds nothing to any; and whatever a mail reader can open may be linked to (A18)."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import EmailContent, WhatsAppContent
from activities.templates import Context, Templates, load_templates
from activities.templating.language import HTML
from activities.templating.mjml import compile_mjml
from journeys.contracts import Channel
from tests.activities.test_templates import OUT, email, push, rejected, written
from tests.extent import examples

JOSE = Context(customer={"firstName": "María José & Co #1"}, entry={"url": "https://shop.example"}, unsubscribe_url=OUT)
ENCODED = "Mar%C3%ADa+Jos%C3%A9+%26+Co+%231"


@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("https://shop.example/hi?name={{ customer.firstName }}&v=2", f"https://shop.example/hi?name={ENCODED}&v=2"),
        ("https://shop.example/hi?name={{ customer.firstName | url_encode }}", f"https://shop.example/hi?name={ENCODED}"),
        ("https://shop.example/hi?name={{- customer.firstName }}", f"https://shop.example/hi?name={ENCODED}"),
        (
            "{{ entry.url }}/hi?name={{ customer.firstName | default: 'you' }}",
            f"https://shop.example/hi?name={ENCODED}",
        ),
        ("https://shop.example/{{ 'a b' }}/ñ", "https://shop.example/a%20b/%C3%B1"),
        ("https://shop.example/a%20b?x=%C3%B1", "https://shop.example/a%20b?x=%C3%B1"),
    ],
)
def test_a_name_in_a_link_is_encoded(tmp_path: Path, link: str, sent: str) -> None:
    assert push(tmp_path, f'title: t\nbody: b\nlink: "{link}"', JOSE).link == sent
    content = email(tmp_path / "2", f'<mj-button href="{link}">Go</mj-button>', JOSE)
    assert f'href="{sent.replace("&", "&amp;")}"' in content.html or f'href="{sent}"' in content.html
    beside = email(tmp_path / "3", "<mj-text>a</mj-text>", JOSE, hi__email__txt=f"Go: {link}\n{{{{ unsubscribe_url }}}}\n")
    assert beside.text.splitlines()[0].replace(" ", "%20").replace("ñ", "%C3%B1") == f"Go:%20{sent}"


def test_the_end_of_a_whatsapp_buttons_address_is_encoded(tmp_path: Path) -> None:
    text = 'template: t\nlanguage: es\nbutton_url_suffix: "hi/{{ customer.firstName }}?n={{ customer.firstName }}"'
    content = load_templates(written(tmp_path, hi__whatsapp__yaml=text)).render(Channel.WHATSAPP, "hi", JOSE)
    assert isinstance(content, WhatsAppContent)
    [button] = content.buttons
    assert button.value.isascii()
    assert " " not in button.value


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    link = "https://shop.example/hi?name={{ customer.firstName }}&v=2"
    mjml = (
        "---\nsubject: a\npurpose: transactional\n---\n<mjml><mj-body><mj-section><mj-column>"
        f'<mj-text><a href="{link}">x</a></mj-text></mj-column></mj-section></mj-body></mjml>'
    )
    return load_templates(written(tmp_path_factory.mktemp("linked"), hi__email__mjml=mjml))


@examples(100)
@given(st.text(min_size=1).filter(lambda text: text.strip() and text.isprintable()))
def test_whatever_a_customer_is_called_the_link_has_the_same_parameters(linked: Templates, name: str) -> None:
    content = linked.render(Channel.EMAIL, "hi", Context(customer={"firstName": name}))
    assert isinstance(content, EmailContent)
    address = urlsplit(content.text.split("x: ")[1].strip())
    assert (address.netloc, address.path, address.fragment) == ("shop.example", "/hi", "")
    assert parse_qsl(address.query) == [("name", name), ("v", "2")]


@pytest.mark.parametrize(
    "link",
    ["sms:+34600111222", "sms:+34600111222?body=Hi", "sms:?body=Hi", "whatsapp://send?phone=34600111222", "#offers",
     "mailto:a@b.example", "mailto:?subject=Hi", "tel:+34600111222"],
)  # fmt: skip
def test_a_letter_may_link_to_a_person_and_to_a_place_in_itself(tmp_path: Path, link: str) -> None:
    content = email(tmp_path, f'<mj-text><a href="{link}">x</a></mj-text>')
    assert f'href="{link}"' in content.html


@pytest.mark.parametrize(
    ("link", "said"),
    [("#", "leads nowhere"), ("sms:", "names nobody"), ("whatsapp:", "names nobody"), ("javascript:alert(1)", "must begin"),
     ("offers", "must begin"), ("data:text/html,x", "must begin")],
)  # fmt: skip
def test_a_dead_or_dangerous_link_is_refused(tmp_path: Path, link: str, said: str) -> None:
    mjml = (
        "---\nsubject: a\npurpose: transactional\n---\n<mjml><mj-body><mj-section><mj-column>"
        f'<mj-text><a href="{link}">x</a></mj-text></mj-column></mj-section></mj-body></mjml>'
    )
    assert said in rejected(tmp_path, hi__email__mjml=mjml)


def test_a_picture_is_no_place_in_the_letter(tmp_path: Path) -> None:
    context: dict[str, Any] = {"image_url": "https://cdn.example/a b.jpg"}
    content = email(tmp_path, '<mj-image src="{{ entry.image_url }}" />', Context(entry=context, unsubscribe_url=OUT))
    assert 'src="https://cdn.example/a%20b.jpg"' in content.html


@pytest.mark.parametrize(
    "mjml",
    [
        '<mj-section background-url="{{ entry.url }}"><mj-column><mj-text>a</mj-text></mj-column></mj-section>',
        "<mj-hero background-url=\"{{- entry.url | default: 'x' -}}\"><mj-text>a</mj-text></mj-hero>",
        '<mj-section background-color="{{ entry.url }}"><mj-column><mj-text>a</mj-text></mj-column></mj-section>',
        '<mj-raw><p style="background: url({{ entry.url }})">a</p></mj-raw>',
    ],
)
def test_no_value_ends_the_css_that_it_stands_in(tmp_path: Path, mjml: str) -> None:
    """In CSS the escaping of HTML does not hold: a reader undoes it first."""
    evil = "https://x.example/');position:fixed;top:0;background:url('https://evil.example/t"
    text = f"<mjml><mj-body>{mjml}<mj-section><mj-column><mj-text>{OUT}</mj-text></mj-column></mj-section></mj-body></mjml>"
    compiled = HTML.from_string(compile_mjml("hi", text, 1).html)
    styles = [unescape(each) for each in re.findall(r'\sstyle="([^"]*)"', compiled.render(entry={"url": evil}))]
    shown = [each for each in styles if "x.example" in each]
    assert shown
    assert not [each for each in shown if re.search(r"x\.example/['\")]|;\s*position:fixed", each)]
    good = compiled.render(entry={"url": "https://x.example/a%20b.png?v=1&w=2"})
    assert "https://x.example/a%20b.png?v=1&w=2" in "".join(map(unescape, re.findall(r'\sstyle="([^"]*)"', good)))

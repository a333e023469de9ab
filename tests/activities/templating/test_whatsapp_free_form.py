"""WhatsApp messages of one's own as files: every kind, filled for a customer and taken by the receiver; and Meta's limits."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.channels import WhatsApp
from activities.channels.whatsapp.free_form import FreeForm
from activities.templates import BrokenTemplate, Context, load_templates
from journeys.contracts import Channel
from tests.activities.channels.outgoing import to
from tests.activities.test_templates import rejected, written
from workers.sandbox import running_sandbox

ANA = Context(customer={"firstName": "Ana"}, entry={"cart_id": "c 1", "image_url": "https://cdn.example/b.jpg", "sku": "boots"})
#: Each kind of message, and what it is on the wire.
EVERY: list[tuple[str, dict[str, Any]]] = [
    (
        "text: |\n  Hola {{ customer.firstName }},\n\n  https://shop.example",
        {"type": "text", "text": {"body": "Hola Ana,\n\nhttps://shop.example", "preview_url": True}},
    ),
    (
        "image: '{{ entry.image_url }}'\ntext: 'For {{ customer.firstName }}'",
        {"type": "image", "image": {"link": "https://cdn.example/b.jpg", "caption": "For Ana"}},
    ),
    (
        "document: 'https://a.example/{{ entry.cart_id }}.pdf'\nfilename: invoice.pdf",
        {"type": "document", "document": {"link": "https://a.example/c%201.pdf", "filename": "invoice.pdf"}},
    ),
    (
        "location: {latitude: '40.4', longitude: '-3.7', name: Shop}",
        {"type": "location", "location": {"latitude": "40.4", "longitude": "-3.7", "name": "Shop"}},
    ),
    (
        "text: Sure?\nheader: {text: '{{ customer.firstName }}'}\nfooter: Shop\nbuttons: {yes-please: Yes!, not_now: No!}",
        {
            "type": "interactive",
            "interactive": {
                "type": "button",
                "header": {"type": "text", "text": "Ana"},
                "body": {"text": "Sure?"},
                "footer": {"text": "Shop"},
                "action": {
                    "buttons": [
                        {"type": "reply", "reply": {"id": "yes-please", "title": "Yes!"}},
                        {"type": "reply", "reply": {"id": "not_now", "title": "No!"}},
                    ]
                },
            },
        },
    ),
    (
        "text: Which?\nlist: {button: Sizes, rows: {s: Small, m: {title: Medium, description: fits most}}}",
        {
            "type": "interactive",
            "interactive": {
                "type": "list",
                "body": {"text": "Which?"},
                "action": {
                    "button": "Sizes",
                    "sections": [
                        {"rows": [{"id": "s", "title": "Small"}, {"id": "m", "title": "Medium", "description": "fits most"}]}
                    ],
                },
            },
        },
    ),
    (
        "text: Look\nlink: {button: Open, url: 'https://shop.example/{{ entry.cart_id }}'}",
        {
            "type": "interactive",
            "interactive": {
                "type": "cta_url",
                "body": {"text": "Look"},
                "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://shop.example/c%201"}},
            },
        },
    ),
    (
        "goods: {catalog: '12', products: ['{{ entry.sku }}']}",
        {
            "type": "interactive",
            "interactive": {"type": "product", "action": {"catalog_id": "12", "product_retailer_id": "boots"}},
        },
    ),
    (
        "text: Ours\nheader: {text: Shop}\ngoods: {catalog: '12', sections: [{title: New, products: [a, b]}]}",
        {
            "type": "interactive",
            "interactive": {
                "type": "product_list",
                "header": {"type": "text", "text": "Shop"},
                "body": {"text": "Ours"},
                "action": {
                    "catalog_id": "12",
                    "sections": [
                        {"title": "New", "product_items": [{"product_retailer_id": "a"}, {"product_retailer_id": "b"}]}
                    ],
                },
            },
        },
    ),
    (
        "text: All of it\ncatalog: '{{ entry.sku }}'",
        {
            "type": "interactive",
            "interactive": {
                "type": "catalog_message",
                "body": {"text": "All of it"},
                "action": {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": "boots"}},
            },
        },
    ),
    (
        "text: A form\nflow: {name: v, button: Book, screen: DAY, token: '{{ entry.sku }}', data: {who: '{{ entry.sku }}'}}",
        {
            "type": "interactive",
            "interactive": {
                "type": "flow",
                "body": {"text": "A form"},
                "action": {
                    "name": "flow",
                    "parameters": {
                        "flow_message_version": "3",
                        "flow_token": "boots",
                        "flow_name": "v",
                        "flow_cta": "Book",
                        "flow_action": "navigate",
                        "flow_action_payload": {"screen": "DAY", "data": {"who": "boots"}},
                    },
                },
            },
        },
    ),
]  # fmt: skip


def shown(folder: Path, text: str, context: Context = ANA) -> FreeForm:
    content = load_templates(written(folder, hi__whatsapp__yaml=text)).render(Channel.WHATSAPP, "hi", context)
    assert isinstance(content, FreeForm)
    return content


async def test_each_kind_of_message_is_taken_as_meta_describes_it(tmp_path: Path) -> None:
    common = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+34600111222"}
    async with running_sandbox(tmp_path / "sandbox") as sandbox, httpx.AsyncClient() as http:
        whatsapp = WhatsApp("token", "100000000000001", sandbox.url, "v21.0", http)
        for n, (text, wire) in enumerate(EVERY):
            await whatsapp.send(to("+34600111222", shown(tmp_path / str(n), text), key="r/s/1"))
            assert sandbox.messages[-1].raw == common | {"biz_opaque_callback_data": "r/s/1"} | wire


def test_a_journey_hears_of_buttons_and_rows_by_their_names(tmp_path: Path) -> None:
    for n, (text, names) in enumerate([(EVERY[4][0], ("yes-please", "not_now")), (EVERY[5][0], ("s", "m")), ("text: a", ())]):
        found = load_templates(written(tmp_path / str(n), hi__whatsapp__yaml=text)).found[Channel.WHATSAPP, "hi"]
        assert found.choices == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text: ''", ":1: text is missing"),
        ("buttons: {a: b}", "text is missing"),
        (f"text: '{'a' * 4097}'", ":1: text has 4097 characters without its values; WhatsApp takes 4096; shorten it"),
        (f"text: '{'a' * 1025}'\nbuttons: {{a: b}}", "WhatsApp takes 1024"),
        ("text: a\nbuttons: {}", "it has 0 buttons; WhatsApp takes 1 to 3"),
        ("text: a\nbuttons: {a: b, c: d, e: f, g: h}", "it has 4 buttons; WhatsApp takes 1 to 3"),
        (f"text: a\nbuttons: {{a: '{'b' * 21}'}}", ":2: a button has 21 characters without its values; WhatsApp takes 20"),
        ("text: a\nbuttons: {Yes Please: b}", "Yes Please: a choice has a name that the journey hears"),
        ("text: a\nbuttons: {a: b}\nlist: {button: c, rows: {d: e}}", "a message is one of buttons, list, not several"),
        ("text: a\nbuttons: {a: b}\nheader: {location: {}}", "a header of buttons is text or image or video or document"),
        ("text: a\nlist: {button: c, rows: {d: e}}\nheader: {image: 'https://a.example/b'}", "a header of list is text"),
        ("text: a\nlist: {rows: {d: e}}", "button is missing"),
        ("text: a\nlist: {button: b, rows: {" + ", ".join(f"r{n}: t" for n in range(11)) + "}}", "it has 11 rows"),
        (f"text: a\nlist: {{button: b, rows: {{c: '{'d' * 25}'}}}}", "row c has 25 characters"),
        (f"text: a\nlist: {{button: b, rows: {{c: {{title: d, description: '{'e' * 73}'}}}}}}", "description of c has 73"),
        ("text: a\nlist: {button: b, sections: [{rows: {c: d}}, {rows: {e: f}}]}", "each has a title"),
        (
            "text: a\nlist: {button: b, sections: [{title: x, rows: {c: d}}, {title: y, rows: {c: f}}]}",
            "two rows of a list have",
        ),
        ("text: a\nlink: {button: b, url: 'javascript:x'}", "url is not a valid link"),
        ("goods: {catalog: '1', products: [a, b]}", "several products need a header and a text"),
        ("text: a\nheader: {text: b}\ngoods: {catalog: '1', products: [a]}", "a single product has no header"),
        ("text: a\nfooter: b", "unknown field footer"),
        ("image: 'https://a.example/b'\nfilename: c", "unknown field filename"),
        ("text: a\nflow: {name: b, button: c, screen: d}", "token is missing"),
        ("text: '{{ customer.firstNam }}'", "did you mean customer.firstName?"),
    ],
)
def test_what_meta_would_refuse_is_told_with_file_line_and_limit(tmp_path: Path, text: str, said: str) -> None:
    told = rejected(tmp_path, hi__whatsapp__yaml=text)
    assert told.startswith("catalogue/journey/hi.whatsapp.yaml:")
    assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text: '{{ entry.name }}'", "entry.name"),
        ("text: \"{{ entry.name | default: ' ' }}\"", "text is blank"),
        ("text: a\nbuttons: {a: '{{ entry.cart_id }}{{ entry.cart_id }}'}", "a button has 24 characters; WhatsApp takes 20"),
        ("text: a\nlink: {button: b, url: '{{ entry.cart_id }}'}", "url is not a valid link"),
    ],
)
def test_what_cannot_be_filled_for_one_customer_fails_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BrokenTemplate, match=said):
        shown(tmp_path, text, Context(entry={"cart_id": "A" * 12}))

"""WhatsApp templates as files: every part, filled for a customer, and what Meta would refuse told when they are loaded."""

from pathlib import Path

import pytest

from activities.channels.whatsapp.content import ButtonGap, Card, Gaps, Media, Place, WhatsAppContent
from activities.templates import BrokenTemplate, Context, load_templates
from journeys.contracts import Channel
from tests.activities.test_templates import rejected, written

ANA = Context(customer={"firstName": "Ana"}, entry={"cart_id": "c 1", "image_url": "https://cdn.example/b.jpg", "sku": "boots"})
HEAD = "template: t\nlanguage: es\n"
CARD = "{{image: 'https://cdn.example/{n}.jpg', body: ['{{{{ customer.firstName }}}}'], buttons: [{{url: 'p/{n}'}}]}}"


def shown(folder: Path, text: str, context: Context = ANA) -> WhatsAppContent:
    content = load_templates(written(folder, hi__whatsapp__yaml=HEAD + text)).render(Channel.WHATSAPP, "hi", context)
    assert isinstance(content, WhatsAppContent)
    return content


def cards(*numbers: int) -> str:
    return "cards: [" + ", ".join(CARD.format(n=n) for n in numbers) + "]"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("header: {text: '{{ customer.firstName }}'}", Gaps(texts=("Ana",))),
        ("header: {text: {who: '{{ customer.firstName }}'}}", Gaps(texts=("Ana",), names=("who",))),
        ("header: {image: '{{ entry.image_url }}'}", Media(kind="image", link="https://cdn.example/b.jpg")),
        ("header_image: '{{ entry.image_url }}'", Media(kind="image", link="https://cdn.example/b.jpg")),
        (
            "header: {document: 'https://a.example/{{ entry.cart_id }}.pdf', filename: 'Order {{ entry.sku }}', upload: yes}",
            Media(kind="document", link="https://a.example/c%201.pdf", filename="Order boots", upload=True),
        ),
        ("header: {video: 'https://cdn.example/a.mp4'}", Media(kind="video", link="https://cdn.example/a.mp4")),
        (
            "header: {location: {latitude: '40.4168', longitude: '-3.7038', name: Madrid}}",
            Place(latitude=40.4168, longitude=-3.7038, name="Madrid"),
        ),
        ("", None),
    ],
)
def test_a_header_is_a_text_a_medium_or_a_place(tmp_path: Path, text: str, header: object) -> None:
    assert shown(tmp_path, text).header == header


def test_gaps_are_filled_by_their_order_or_by_their_names(tmp_path: Path) -> None:
    assert shown(tmp_path, "body: ['{{ customer.firstName }}', b]").body == Gaps(texts=("Ana", "b"))
    named = shown(tmp_path / "2", "body: {first_name: '{{ customer.firstName }}', offer: b}").body
    assert named == Gaps(texts=("Ana", "b"), names=("first_name", "offer"))


def test_buttons_carry_what_their_places_ask_for(tmp_path: Path) -> None:
    text = """buttons:
  - quick_reply: tell-me-more
  - quick_reply: not_now
  - url: "cart/{{ entry.cart_id }}"
  - phone_number
  - copy_code: HOLA10
"""
    content = load_templates(written(tmp_path, hi__whatsapp__yaml=HEAD + text))
    told = content.found[Channel.WHATSAPP, "hi"]
    assert told.choices == ("tell-me-more", "not_now")
    assert shown(tmp_path / "2", text).buttons == (
        ButtonGap(place=0, kind="quick_reply", value="tell-me-more"),
        ButtonGap(place=1, kind="quick_reply", value="not_now"),
        ButtonGap(place=2, kind="url", value="cart/c%201"),
        ButtonGap(place=4, kind="copy_code", value="HOLA10"),
    )


@pytest.mark.parametrize(("kind", "value"), [("catalog", "{{ entry.sku }}"), ("flow", "boots")])
def test_the_catalogue_and_a_flow_have_a_button_of_their_own(tmp_path: Path, kind: str, value: str) -> None:
    [button] = shown(tmp_path, f"buttons: [{{{kind}: '{value}'}}]").buttons
    assert (button.kind, button.value) == (kind, "boots")


def test_a_carousel_has_cards_that_are_alike(tmp_path: Path) -> None:
    one, two = shown(tmp_path, "body: [a]\n" + cards(1, 2)).cards
    link = ButtonGap(place=0, kind="url", value="p/1")
    assert one == Card(media=Media(kind="image", link="https://cdn.example/1.jpg"), body=Gaps(texts=("Ana",)), buttons=(link,))
    assert two.buttons[0].value == "p/2"
    products = "cards: [{product: '{{ entry.sku }}', catalog: '1'}, {product: hat, catalog: '1'}]"
    assert [card.product for card in shown(tmp_path / "2", products).cards] == ["boots", "hat"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("header: {}", ": a header is one of text, image, video, document, location"),
        ("header: {audio: a}", ":3: a header is one of"),
        ("header: {text: [a, b]}", ":3: a text header has one gap, not 2"),
        ("header: {image: a, video: b}", "it shows one of image and video, not both"),
        ("header: {image: 'javascript:x'}", "image is not a valid link"),
        ("header: {image: 'https://a.example/b', filename: c}", "unknown field filename"),
        ("header: {image: 'https://a.example/b', upload: perhaps}", "upload must be yes or no"),
        ("header: {image: 'https://a.example/b'}\nheader_image: 'https://a.example/b'", "header_image is short for header"),
        (f"header: {{text: '{'a' * 61}'}}", ":3: text has 61 characters without its values; WhatsApp takes 60; shorten it"),
        (f"body: ['{'a' * 1000}', '{'b' * 25}']", ":3: body has 1025 characters without its values; WhatsApp takes 1024"),
        ("body: {firstName: a}", ":3: firstName: a gap's name has small letters"),
        ("body: ['{{ customer.firstNam }}']", "did you mean customer.firstName?"),
        ("header: {location: {latitude: '1'}}", ":3: longitude is missing"),
        ("buttons: [{quick_reply: 'Tell me more'}]", ":3: quick_reply is a name: small letters"),
        ("buttons: [{quick_reply: a}, {quick_reply: a}]", "two buttons are called a"),
        ("buttons: [{quick_reply: a}, phone_number, {quick_reply: b}]", "quick replies stand together"),
        ("buttons: [url, url, url]", "it has 3 buttons url; WhatsApp takes 2"),
        ("buttons: [phone_number, phone_number]", "it has 2 buttons phone_number; WhatsApp takes 1"),
        (f"buttons: [{', '.join(f'{{quick_reply: a{n}}}' for n in range(11))}]", "it has 11 buttons; WhatsApp takes 10"),
        ("buttons: [{catalog: a}, phone_number]", "a button catalog stands alone"),
        ("buttons: [{copy_code: AAAABBBBCCCCDDDD}]", "copy_code has 16 characters"),
        ("buttons: [{call: a}]", "unknown button call; write one of catalog, copy_code"),
        ("buttons: [quick_reply]", "unknown button quick_reply"),
        ("category: promotion", ":3: category must be marketing or utility or authentication"),
        ("category: utility\nbuttons: [{copy_code: A}]", "a button copy_code is for templates of the category marketing"),
        (cards(1), "a carousel has 2 to 10 cards, not 1"),
        (cards(*range(11)), "a carousel has 2 to 10 cards, not 11"),
        ("header_image: 'https://a.example/b'\n" + cards(1, 2), "a carousel has no header_image beside its cards"),
        ("cards: [{product: a, catalog: b}, {image: 'https://a.example/b'}]", "the cards of a carousel are alike"),
        ("cards: [{document: 'https://a.example/b'}, {document: 'https://a.example/b'}]", "no document"),
        ("cards: [a, b]", "a card is a mapping"),
        ("cards: [{product: a}, {product: b}]", ":3: catalog is missing"),
        (f"cards: [{{product: a, catalog: b, body: ['{'a' * 161}']}}, {{product: a, catalog: b, body: [c]}}]", "takes 160"),
    ],
)  # fmt: skip
def test_what_meta_would_refuse_is_told_with_file_line_and_limit(tmp_path: Path, text: str, said: str) -> None:
    told = rejected(tmp_path, hi__whatsapp__yaml=HEAD + text)
    assert told.startswith("catalogue/journey/hi.whatsapp.yaml:")
    assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("buttons: [{copy_code: '{{ entry.cart_id }}'}]", "copy_code has 16 characters; WhatsApp takes 15"),
        ("header: {text: '{{ entry.cart_id }}{{ entry.cart_id }}{{ entry.cart_id }}{{ entry.cart_id }}'}", "WhatsApp takes 60"),
        ("header: {image: '{{ entry.cart_id }}'}", "image is not a valid link"),
        ("header: {location: {latitude: '{{ entry.cart_id }}', longitude: '1'}}", "latitude is not a number"),
        ("header: {location: {latitude: '91', longitude: '1'}}", "latitude is not between -90 and 90 degrees"),
        ("body: ['{{ entry.name }}']", "entry.name"),
    ],
)
def test_what_turns_out_too_long_for_one_customer_fails_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BrokenTemplate, match=said):
        shown(tmp_path, text, Context(entry={"cart_id": "A" * 16}))

"""Templates: what the catalogue ships, what is rejected when loaded, and what a customer's data can and cannot do."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import definitions
from activities.channels import EmailContent, PushContent, WhatsAppContent
from activities.channels.whatsapp.content import ButtonGap, Media
from activities.templates import BrokenTemplate, Context, TemplateError, Templates, Vocabulary, load_templates
from journeys.contracts import Channel

ANA = {"firstName": "Ana", "email": "ana@mail.example"}
BOOTS = {
    "product_id": "p1", "name": "Snow Boots", "price": 89.9, "currency": "EUR", "quantity": 1, "cart_id": "c1",
    "image_url": "https://cdn.example/boots.jpg", "url": "https://shop.example/boots",
}  # fmt: skip
OUT = "https://shop.example/u/token"
FULL = Context(
    customer=ANA, entry=BOOTS, params={"offer": "free-shipping", "discount": "5%", "level": "Gold"}, unsubscribe_url=OUT
)


@pytest.fixture(scope="module")
def shipped() -> Templates:
    return load_templates(Path(next(iter(definitions.__path__))))


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "catalogue" / "journey" / name.replace("__", ".").replace("_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "catalogue"


def rejected(folder: Path, **files: str) -> str:
    with pytest.raises(TemplateError) as caught:
        load_templates(written(folder, **files))
    return str(caught.value)


def push(folder: Path, text: str, context: Context = FULL) -> PushContent:
    content = load_templates(written(folder, hi__push__yaml=text)).render(Channel.PUSH, "hi", context)
    assert isinstance(content, PushContent)
    return content


def email(folder: Path, body: str, context: Context = FULL, matter: str = "subject: Hi", **files: str) -> EmailContent:
    footer = '<a href="{{ unsubscribe_url }}">out</a>'
    mjml = (
        f"---\n{matter}\n---\n<mjml><mj-body><mj-section><mj-column>{body}"
        f"<mj-text>{footer}</mj-text></mj-column></mj-section></mj-body></mjml>\n"
    )
    content = load_templates(written(folder, hi__email__mjml=mjml, **files)).render(Channel.EMAIL, "hi", context)
    assert isinstance(content, EmailContent)
    return content


# --- what the catalogue ships ---------------------------------------------------------------------------------------


def test_hour_1_is_a_push_with_the_products_picture_and_a_deep_link_to_the_cart(shipped: Templates) -> None:
    content = shipped.render(Channel.PUSH, "cart-reminder", FULL)
    assert isinstance(content, PushContent)
    assert content.title == "Ana, your Snow Boots is still here"
    assert content.body == "€89.90 and ready when you are. Tap to finish your order."
    assert (content.image, content.link) == ("https://cdn.example/boots.jpg", "shop://cart/c1")
    assert content.data == {"product_id": "p1"}


def test_day_1_is_whatsapp_with_the_direct_link_to_the_cart(shipped: Templates) -> None:
    content = shipped.render(Channel.WHATSAPP, "cart-link", FULL)
    assert isinstance(content, WhatsAppContent)
    assert (content.template, content.language, content.body.texts) == ("cart_link", "en", ("Ana", "Snow Boots"))
    assert content.header == Media(kind="image", link="https://cdn.example/boots.jpg")
    assert content.buttons == (ButtonGap(place=0, kind="url", value="c1"),)


def test_day_3_is_an_email_with_alternatives_and_free_shipping(shipped: Templates) -> None:
    content = shipped.render(Channel.EMAIL, "cart-alternatives", FULL)
    assert isinstance(content, EmailContent)
    assert content.subject == "Ana, a few thoughts on your Snow Boots"
    for body in (content.html, content.text):
        assert "Shipping is free on your next order" in body
        assert "https://shop.example/alternatives/p1" in body
        assert OUT in body
    assert content.unsubscribe_url == OUT
    assert "{{" not in content.html + content.text
    assert "{%" not in content.html + content.text


def test_free_shipping_is_only_offered_when_the_journey_says_so(shipped: Templates) -> None:
    context = Context(customer=ANA, entry=BOOTS, params={"offer": "none"}, unsubscribe_url=OUT)
    content = shipped.render(Channel.EMAIL, "cart-alternatives", context)
    assert isinstance(content, EmailContent)
    assert "free" not in content.html + content.text


def test_whatsapp_with_a_small_discount(shipped: Templates) -> None:
    content = shipped.render(Channel.WHATSAPP, "cart-discount", FULL)
    assert isinstance(content, WhatsAppContent)
    assert content.body.texts == ("Ana", "Snow Boots", "5%")


def test_a_customer_of_whom_nothing_is_known_gets_the_declared_fallbacks(shipped: Templates) -> None:
    nobody = Context(params=FULL.params, unsubscribe_url=OUT, confirm_url=OUT)
    for channel, name in shipped.found:
        said = shipped.render(channel, name, nobody)
        assert "None" not in repr(said.model_dump(exclude_none=True))
    reminder = shipped.render(Channel.PUSH, "cart-reminder", nobody)
    assert isinstance(reminder, PushContent)
    assert (reminder.title, reminder.image, reminder.link) == ("Hello, your cart is still here", None, "shop://cart/current")


# --- what journeys ask for ------------------------------------------------------------------------------------------


def test_a_journey_that_passes_what_is_declared_is_fine(shipped: Templates) -> None:
    shipped.check(Channel.EMAIL, "cart-alternatives", {"offer"})
    shipped.check(Channel.EMAIL, "cart-alternatives", given={"offer", "campaign"})
    shipped.check(Channel.PUSH, "cart-reminder")


@pytest.mark.parametrize(
    ("channel", "name", "params", "said"),
    [
        (Channel.EMAIL, "cart-alternatives", set(), "cart-alternatives.email.mjml): the journey does not pass offer"),
        (Channel.EMAIL, "cart-alternatives", {"offr"}, "the journey passes offr, which the template does not declare"),
        (Channel.EMAIL, "cart-alternative", {"offer"}, "no email template cart-alternative; did you mean cart-alternatives?"),
        (Channel.PUSH, "cart-link", set(), "no push template cart-link"),
    ],
)
def test_a_journey_that_asks_for_something_else_is_told(
    shipped: Templates, channel: Channel, name: str, params: set[str], said: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        shipped.check(channel, name, params)
    assert said in str(caught.value)


# --- what is rejected when loaded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\nbody: '{{ customer.frist_name }}'", "customer.frist_name; did you mean customer.firstName?"),
        ("title: a\nbody: '{{ entry.image }}'", ":2: unknown variable entry.image; did you mean entry.image_url?"),
        ("title: a\nbody: |\n  one\n  {{ custmer.email }}", ":4: unknown variable custmer.email; did you mean customer?"),
        ("title: a\nbody: '{% if params.offer %}x{% endif %}'", ":2: unknown variable params.offer; Known in params: nothing"),
        ("title: a\nbody: '{{ customer.address.town }}'", "unknown variable customer.address.town"),
        ("title: a\nbody: '{{ customer }}'", "customer alone is not a text"),
        ("title: a\nbody: '{{ entry.name | upcas }}'", ":2: unknown filter upcas"),
        ("title: a\nbody: '{{ entry.name'", ":2: "),
        ("title: a\nbody: '{% if entry.name %}x'", ":2: "),
        ("title: a\nbody: \"{% include 'x' %}\"", "unexpected tag 'include'"),
        ("title: a", ":1: body is missing"),
        ("title: ''\nbody: a", ":1: title is missing"),
        ("title: a\nbody: b\nimg: c", ":3: unknown field img; known: "),
        ("title: a\nbody: [b]", ":2: body must be one text"),
        ("title: a\nbody: b\nparams: offer", ":3: params must be a list"),
        ("title: a\nbody: {c: {d: e}}", ":2: body must be one text"),
        ("title: a\nbody: b\ndata: {c: {d: e}}", ":3: a text is expected here"),
        ("title: a\nbody: b: c", ":2: not YAML"),
        ("- a", ":1: a mapping of fields is expected"),
        ("", ":1: a mapping of fields is expected"),
    ],
)  # fmt: skip
def test_a_template_with_a_fault_is_rejected_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    told = rejected(tmp_path, hi__push__yaml=text)
    assert told.startswith("catalogue/journey/hi.push.yaml:")
    assert said in told


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    told = rejected(
        tmp_path,
        one__push__yaml="title: '{{ a.b }}'\nbody: '{{ c.d }}'",
        two__whatsapp__yaml="template: Bad Name\nlanguage: english\nbody: ['{{ e.f }}']",
    )
    assert [line.split(": ")[0] for line in told.splitlines()] == [
        "catalogue/journey/one.push.yaml:1",
        "catalogue/journey/one.push.yaml:2",
        "catalogue/journey/two.whatsapp.yaml:1",
        "catalogue/journey/two.whatsapp.yaml:2",
        "catalogue/journey/two.whatsapp.yaml:3",
    ]


@pytest.mark.parametrize(
    ("field", "address", "valid"),
    [
        ("link", "shop://cart", True), ("link", "https://shop.example/x?y=1", True), ("link", "com.shop:/cart", True),
        ("link", "shop://cart/{{ entry.cart_id }}", True), ("link", "{{ entry.url }}", True),
        ("link", "cart", False), ("link", "javascript:alert(1)", False), ("link", "JavaScript:alert(1)", False),
        ("link", "https://", False), ("link", "shop://my cart", False), ("link", "http://[bad", False), ("link", "", False),
        ("link", "data:text/html,x", False), ("image", "shop://boots.jpg", False), ("image", "/boots.jpg", False),
        ("image", "https://cdn.example/{{ entry.sku }}.jpg", True), ("image", "ftp://cdn.example/x.jpg", False),
    ],
)  # fmt: skip
def test_an_invalid_link_is_rejected_when_loaded(tmp_path: Path, field: str, address: str, valid: bool) -> None:
    folder = written(tmp_path, hi__push__yaml=f"title: a\nbody: b\n{field}: '{address}'")
    if valid:
        load_templates(folder)
    else:
        with pytest.raises(TemplateError, match=f"push.yaml:3: {field} is not a valid link"):
            load_templates(folder)


@pytest.mark.parametrize(
    ("mjml", "said"),
    [
        ("<mjml></mjml>", "front matter"),
        ("---\nsubject: a\n---\n<mjml><mj-body>{{ unsubscribe_url }}</mjml>", ":4: not MJML"),
        ("---\nsubject: a\npurpose: ads\n---\n<mjml/>", ":3: purpose must be marketing or transactional"),
        (
            "---\nsubject: a\n---\n<mjml/>",
            "link to {{ unsubscribe_url }} in its text; add it; where it is none, write purpose: trans",
        ),
        ("---\nsubject: a\n---\n\n<mjml>\n{{ unsubscribe_url }}{{ entry.nme }}</mjml>", ":6: unknown variable entry.nme"),
        ("---\nsubject: '{{ x.y }}'\npreheader: '{{ z.z }}'\n---\n<mjml/>{{ unsubscribe_url }}", ":2: unknown variable x.y"),
        ('---\nsubject: a\n---\n<mjml>\n<mj-button href="nowhere" /></mjml>', ":5: href is not a valid link"),
        ("---\nsubject: a\ntitle: b\n---\n<mjml/>", ":3: unknown field title"),
        ("---\nsubject: a\nfrom_name: '{{ x.y }}'\n---\n<mjml/>{{ unsubscribe_url }}", ":3: unknown variable x.y"),
    ],
)
def test_a_faulty_email_is_rejected_with_file_and_line(tmp_path: Path, mjml: str, said: str) -> None:
    assert said in rejected(tmp_path, hi__email__mjml=mjml)


@pytest.mark.parametrize(
    ("matter", "traits", "language"),
    [
        ("language: es_ES\n", {}, "es-ES"),
        ("language: es\n", {"language": "fr"}, "es"),
        ("", {"language": "fr-CA"}, "fr-CA"),
        ("", {"language": "Klingon"}, "und"),
    ],
)
def test_a_letter_says_its_language_and_its_title(tmp_path: Path, matter: str, traits: dict[str, Any], language: str) -> None:
    context = Context(customer={"firstName": "<b>Ana", **traits}, unsubscribe_url=OUT)
    found = email(tmp_path, "<mj-text>a</mj-text>", context, f"{matter}subject: 'Hi {{{{ customer.firstName }}}}'")
    assert f'<html lang="{language}"' in found.html
    assert "<title>Hi &lt;b&gt;Ana</title>" in found.html
    assert "Hi" not in found.text


def test_a_translated_letter_says_its_own_language_and_an_author_may_say_both(tmp_path: Path) -> None:
    body = "<mj-body><mj-section><mj-column><mj-text>{{ unsubscribe_url }}</mj-text></mj-column></mj-section></mj-body></mjml>"
    english = f'---\nlanguage: en\nsubject: Hi\n---\n<mjml lang="en-GB"><mj-head><mj-title>Ours</mj-title></mj-head>{body}'
    folder = written(tmp_path, hi__email__mjml=english)
    (folder / "journey" / "hi.es.email.mjml").write_text(f"---\nsubject: Hola\n---\n<mjml>{body}")
    templates = load_templates(folder)

    def html(said: str) -> str:
        content = templates.render(Channel.EMAIL, "hi", Context(customer={"language": said}, unsubscribe_url=OUT))
        assert isinstance(content, EmailContent)
        return content.html

    assert '<html lang="es"' in html("es-MX")
    assert "<title>Hola</title>" in html("es-MX")
    assert '<html lang="en-GB"' in html("en")
    assert "<title>Ours</title>" in html("en")


def test_a_name_stands_for_one_template_only(tmp_path: Path) -> None:
    folder = written(tmp_path, hi__push__yaml="title: a\nbody: b")
    (folder / "other").mkdir()
    (folder / "other" / "hi.push.yaml").write_text("title: a\nbody: b")
    with pytest.raises(TemplateError, match=r"other/hi.push.yaml:1: the name is taken by catalogue/journey/hi.push.yaml"):
        load_templates(folder)


@pytest.mark.parametrize("name", ["hi__fax__yaml", "hi__yaml", "hi__email__txt"])
def test_a_file_that_no_channel_reads_is_told(tmp_path: Path, name: str) -> None:
    assert "not a template" in rejected(tmp_path, **{name: "title: a"})


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path, hi__push__yaml="")
    (folder / "journey" / "hi.push.yaml").write_bytes(b"title: \xff")
    with pytest.raises(TemplateError, match="not UTF-8"):
        load_templates(folder)


def test_a_vocabulary_can_be_extended(tmp_path: Path) -> None:
    folder = written(tmp_path, hi__push__yaml="title: '{{ customer.tier }}'\nbody: '{{ entry.colour }}'")
    templates = load_templates(folder, Vocabulary().extended(traits=["tier"], properties=["colour"]))
    context = Context(customer={"tier": "gold"}, entry={"colour": "blue"})
    content = templates.render(Channel.PUSH, "hi", context)
    assert isinstance(content, PushContent)
    assert (content.title, content.body) == ("gold", "blue")


# --- what a customer's data can and cannot do -----------------------------------------------------------------------


@pytest.mark.parametrize("value", [{}, {"firstName": None}, {"firstName": ""}, {"firstName": "  "}])
def test_a_missing_name_takes_the_declared_fallback(tmp_path: Path, value: dict[str, Any]) -> None:
    text = "title: \"Hi {{ customer.firstName | default: 'there' }}\"\nbody: b"
    assert push(tmp_path, text, Context(customer=value)).title == "Hi there"


@pytest.mark.parametrize("value", [{}, {"firstName": None}, {"firstName": " "}])
@pytest.mark.parametrize("use", ["", "| upcase", "| append: '!'", "| date: '%Y'", "| money: 'EUR'", "| size"])
def test_a_missing_value_without_a_fallback_breaks_the_template_and_never_renders_a_hole(
    tmp_path: Path, value: dict[str, Any], use: str
) -> None:
    with pytest.raises(BrokenTemplate) as caught:
        push(tmp_path, f'title: "Hi {{{{ customer.firstName {use} }}}}"\nbody: b', Context(customer=value))
    assert caught.value.detail == "catalogue/journey/hi.push.yaml:1: no value for customer.firstName and no default"


@pytest.mark.parametrize(
    "chain",
    [
        "entry.total | money: 'EUR' | default: 'soon'", "entry.price | money: entry.currency | default: 'soon'",
        "entry.url | date: 'long' | default: 'soon'", "entry.url | date: 'long' | upcase | default: 'soon'",
        "entry.url | default: entry.sku | date: 'long' | default: 'soon'", "entry.total | plus: 1 | default: 'soon'",
        "entry.name | append: entry.sku | default: 'soon'", "entry.total | default: '0' | times: entry.sku | default: 'soon'",
    ],
)  # fmt: skip
def test_a_fallback_at_the_end_stands_in_for_what_any_filter_before_it_lacks(tmp_path: Path, chain: str) -> None:
    context = Context(entry={"price": 24.9, "name": "Boots"})
    assert push(tmp_path, f'title: "{{{{ {chain} }}}}"\nbody: b', context).title == "soon"
    without = chain.removesuffix(" | default: 'soon'")
    with pytest.raises(BrokenTemplate, match="and no default"):
        push(tmp_path, f'title: "{{{{ {without} }}}}"\nbody: b', context)


@pytest.mark.parametrize(
    ("form", "language", "shown"),
    [
        ("d MMMM, HH:mm", "en", "24 December, 11:00"),
        ("EEEE d 'de' MMMM, H:mm", "es", "jueves 24 de diciembre, 11:00"),
        ("dd/MM/yyyy", "en", "24/12/2026"),
    ],
)
def test_a_date_is_shown_in_a_pattern(tmp_path: Path, form: str, language: str, shown: str) -> None:
    title = f'language: {language}\ntitle: >-\n  {{{{ entry.url | date: "{form}" }}}}\nbody: b'
    assert push(tmp_path, title, Context(entry={"url": "2026-12-24T11:00:00Z"})).title == shown


@pytest.mark.parametrize(("form", "why"), [("lon", "n, o stands for"), ("d of MMMM", "f, o stands for"), ("dddd", "d")])
def test_a_form_that_shows_no_date_is_refused(tmp_path: Path, form: str, why: str) -> None:
    told = rejected(tmp_path, hi__push__yaml=f"title: a\nbody: \"{{{{ entry.url | date: '{form}' }}}}\"")
    assert f"hi.push.yaml:2: '{form}' is no form of a date: " in told
    assert why in told


def test_a_fallback_that_is_no_amount_is_refused_before_money(tmp_path: Path) -> None:
    title = "title: \"{% if entry.sku %}{{ entry.price | default: 'less' | money: 'EUR' }}{% endif %}\"\nbody: b"
    assert "hi.push.yaml:1: the fallback 'less' is no amount for money; write default behind money" in rejected(
        tmp_path, hi__push__yaml=title
    )
    assert push(tmp_path, "title: \"{{ entry.price | default: '5' | money: 'EUR' }}\"\nbody: b", Context()).title == "€5.00"


@pytest.mark.parametrize("use", ["| money: 'EUR'", "| money: entry.name", "| divided_by: 0", "| slice: entry.name", "| times"])
def test_what_broke_is_told_without_the_customers_data(tmp_path: Path, use: str) -> None:
    context = Context(customer={"firstName": "Ana Sekret"}, entry={"name": "Ana Sekret"})
    with pytest.raises(BrokenTemplate) as caught:
        push(tmp_path, f'title: "{{{{ customer.firstName {use} }}}}"\nbody: b', context)
    assert "Sekret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_template_has_no_clock(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate, match="no 'now'"):
        push(tmp_path, "title: \"{{ 'now' | date: '%Y' }}\"\nbody: b")


def test_a_loop_over_too_much_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate, match="LoopIterationLimit"):
        push(tmp_path, "title: '{% for a in (1..5000) %}{{ a }}{% endfor %}'\nbody: b")


def test_an_output_too_long_is_cut_off(tmp_path: Path) -> None:
    text = "title: '{% for a in (1..900) %}{{ entry.name }}{% endfor %}'\nbody: b"
    with pytest.raises(BrokenTemplate, match="OutputStreamLimit"):
        push(tmp_path, text, Context(entry={"name": "x" * 1000}))


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "my boots.jpg", "https://", "http://[x"])
def test_a_link_from_data_is_checked_once_rendered(tmp_path: Path, bad: str) -> None:
    with pytest.raises(BrokenTemplate, match="image is not a valid link") as caught:
        push(tmp_path, "title: a\nbody: b\nimage: '{{ entry.image_url }}'", Context(entry={"image_url": bad}))
    assert bad not in caught.value.detail
    with pytest.raises(BrokenTemplate, match="a link is not valid: src"):
        email(
            tmp_path / "2", '<mj-image src="{{ entry.image_url }}" />', Context(entry={"image_url": bad}, unsubscribe_url=OUT)
        )


def test_a_whatsapp_gap_is_one_line_and_never_empty(tmp_path: Path) -> None:
    text = "template: t\nlanguage: en\nbody: ['{{ entry.name }}', \"{{ entry.sku | default: ' ' }}\"]"
    templates = load_templates(written(tmp_path, hi__whatsapp__yaml=text))
    content = templates.render(Channel.WHATSAPP, "hi", Context(entry={"name": " a\n\tb      c ", "sku": "s"}))
    assert isinstance(content, WhatsAppContent)
    assert content.body.texts == ("a b c", "s")
    with pytest.raises(BrokenTemplate, match=r"\{\{2\}\} is blank"):
        templates.render(Channel.WHATSAPP, "hi", Context(entry={"name": "a"}))


def test_email_escapes_what_comes_from_data_and_the_text_form_does_not(tmp_path: Path) -> None:
    context = Context(customer={"firstName": '<script>x</script> & "Co"'}, unsubscribe_url=OUT)
    content = email(
        tmp_path, "<mj-text>Hi {{ customer.firstName }}</mj-text>", context, "subject: 'Hi {{ customer.firstName }}'"
    )
    assert "<script>" not in content.html
    assert "&lt;script&gt;x&lt;/script&gt; &amp; " in content.html
    assert '<script>x</script> & "Co"' in content.text
    assert content.subject == 'Hi <script>x</script> & "Co"'


def test_liquid_between_mjml_elements_keeps_its_place_in_the_tables(tmp_path: Path) -> None:
    body = (
        "{% if entry.image_url %}<mj-image src='{{ entry.image_url }}'"
        " alt='{{ entry.name | default: \"x > y\" }}' />{% endif %}"
        "<mj-table>{% for p in entry.products %}<tr><td>{{ p.name }}</td></tr>{% endfor %}</mj-table>"
    )
    products = [{"name": "one"}, {"name": "two"}]
    entry = {"products": products, "image_url": "https://cdn.example/b.jpg"}
    content = email(tmp_path, body, Context(entry=entry, unsubscribe_url=OUT))
    assert content.html.count(">one</td>") == content.html.count(">two</td>") == 1
    assert content.html.index("<table") < content.html.index(">one</td>") < content.html.rindex("</table>")
    assert content.html.count("<img ") == 1
    without = email(tmp_path / "2", body, Context(entry={"products": products}, unsubscribe_url=OUT))
    assert "<img " not in without.html
    assert without.html.count("<tr") == content.html.count("<tr") - 2  # the picture's two rows, and nothing else


def test_styles_are_inlined_and_nothing_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    content = email(tmp_path, "<mj-text><p class='x' style='margin:0'>a</p></mj-text>")
    assert "fonts.googleapis.com" not in content.html
    assert "<link" not in content.html
    assert "@media" in content.html, "narrow screens still have their rules"


def test_the_text_form_has_links_with_their_addresses(tmp_path: Path) -> None:
    body = "<mj-text><h1>Hi {{ customer.firstName }}</h1><p>One<br/>two</p><ul><li>a</li><li>b</li></ul></mj-text>"
    body += '<mj-button href="https://shop.example/c/{{ entry.cart_id }}">Buy</mj-button>'
    content = email(tmp_path, body)
    assert content.text == (f"Hi Ana\n\nOne\ntwo\n\n- a\n- b\n\nBuy: https://shop.example/c/c1\n\nout: {OUT}\n")


def test_a_text_form_of_its_own_wins(tmp_path: Path) -> None:
    content = email(tmp_path, "<mj-text>Hi</mj-text>", hi__email__txt="Dear {{ customer.firstName }}\n{{ unsubscribe_url }}\n")
    assert content.text == f"Dear Ana\n{OUT}\n"
    assert "hi.email.txt:2: unknown variable customer.nick" in rejected(
        tmp_path / "2",
        hi__email__mjml="---\nsubject: a\npurpose: transactional\n---\n<mjml><mj-body></mj-body></mjml>",
        hi__email__txt="Dear\n{{ customer.nick }}",
    )


def test_the_preheader_is_hidden_and_stays_out_of_the_text_form(tmp_path: Path) -> None:
    content = email(tmp_path, "<mj-text>Hi</mj-text>", matter="subject: a\npreheader: 'For {{ customer.firstName }} only'")
    assert "For Ana only" in content.html
    assert "For Ana only" not in content.text


@pytest.mark.parametrize(
    ("written_as", "shown"),
    [
        ("Shop of {{ customer.firstName }}", "Shop of Ana Bcc: eve@evil.example"),
        ("{% if customer.firstName == 'Ben' %}Ben{% endif %}", None),
        ("The shop", "The shop"),
    ],
)
def test_the_senders_name_is_a_template_on_one_line(tmp_path: Path, written_as: str, shown: str | None) -> None:
    context = Context(customer={"firstName": "Ana\r\nBcc:\u2028eve@evil.example"}, unsubscribe_url=OUT)
    content = email(tmp_path, "<mj-text>Hi</mj-text>", context, f'subject: a\nfrom_name: "{written_as}"')
    assert content.from_name == shown


def test_a_transactional_email_needs_no_way_out(tmp_path: Path) -> None:
    text = "---\nsubject: a\npurpose: transactional\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text>"
    text += "</mj-column></mj-section></mj-body></mjml>"
    content = load_templates(written(tmp_path, hi__email__mjml=text)).render(Channel.EMAIL, "hi", Context())
    assert isinstance(content, EmailContent)
    assert content.unsubscribe_url is None


def test_constants_of_the_shop_come_from_one_file(tmp_path: Path) -> None:
    folder = written(tmp_path, hi__push__yaml="title: '{{ shop.name }}'\nbody: b")
    (folder / "shop.yaml").write_text("name: Boots & Co")
    content = load_templates(folder).render(Channel.PUSH, "hi", Context())
    assert isinstance(content, PushContent)
    assert content.title == "Boots & Co"


# --- a product -------------------------------------------------------------------------------------------------------

WISH = "product: {relation: complementary, to: last purchase}\n"
SOCKS = {"id": "p2", "name": "Socks", "price": Decimal("12.50"), "currency": "EUR", "url": None, "attributes": {"size": "L"}}
OFFERED = Context(product=SOCKS, bought={"id": "p1", "name": "Boots"})


def test_a_template_that_asks_for_a_product_shows_it_and_what_it_is_for(tmp_path: Path) -> None:
    text = (
        f"{WISH}title: '{{{{ product.name }}}} for your {{{{ bought.name }}}}'\n"
        "body: '{{ product.price | money: product.currency }}, {{ product.attributes.size }}'\n"
        "link: '{{ product.url | default: shop.url }}'\n"
    )
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "shop.yaml").write_text("url: https://shop.example\n")
    content = push(tmp_path, text, OFFERED)
    assert (content.title, content.body, content.link) == ("Socks for your Boots", "€12.50, L", "https://shop.example")
    templates = load_templates(tmp_path / "catalogue")
    wish = templates.wish(Channel.PUSH, "hi")
    assert wish is not None
    assert wish.relation == "complementary"
    assert templates.wish(Channel.PUSH, "absent") is None


@pytest.mark.parametrize(
    "wish",
    ["complementary", "[complementary]", "{relation: complementary}", "{relation: dearer, to: last purchase}",
     "{relation: better, to: cart}", "{relation: better, to: last purchase, rank: one}", "{}"],
)  # fmt: skip
def test_a_product_is_asked_for_in_one_form(tmp_path: Path, wish: str) -> None:
    problem = rejected(tmp_path, hi__push__yaml=f"title: Hi\nproduct: {wish}\nbody: '{{{{ product.name }}}}'\n")
    assert problem.splitlines()[0].endswith(
        "it must say product: {relation: similar, better or complementary, to: last purchase or last added}"
    )
    assert len(problem.splitlines()) == 1


def test_a_product_that_is_not_asked_for_cannot_be_named(tmp_path: Path) -> None:
    problem = rejected(tmp_path, hi__push__yaml="title: '{{ product.name }}'\nbody: '{{ bought.name }}'\n")
    assert "1: product.name needs a product; write product: {relation: …, to: last purchase} in this template" in problem
    assert "2: bought.name needs" in problem
    problem = rejected(tmp_path, hi__push__yaml=f"{WISH}title: '{{{{ added.name }}}}'\nbody: Hi\n")
    assert "added.name needs a product; write product: {relation: …, to: last added} in this template" in problem
    problem = rejected(tmp_path, hi__push__yaml=f"{WISH}title: '{{{{ product.colour }}}}'\nbody: Hi\n")
    assert "unknown variable product.colour" in problem


def test_the_example_of_the_documentation_is_a_template(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "messages.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "catalogue").mkdir()
    constants = "url: https://shop.example\nimage_url: https://shop.example/all.jpg\n"
    (tmp_path / "catalogue" / "shop.yaml").write_text(constants)
    content = push(tmp_path, example, OFFERED)
    assert (content.title, content.link) == ("Socks for your Boots", "https://shop.example")

"""Messages in several languages: who reads which, amounts and dates in it, and what is refused when the catalogue is loaded."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import definitions
from activities.channels import PushContent, WhatsAppContent
from activities.templates import Context, TemplateError, Templates, load_templates
from journeys.contracts import Channel
from tests.activities.test_templates import rejected, written

HI = "language: en\ntitle: Hello\nbody: \"{{ entry.price | money: 'EUR' }}, {{ entry.position | date: '%A' }}\"\n"
HOLA = HI.replace("language: en\n", "").replace("Hello", "Hola")
ENTRY = {"price": 24.9, "position": "2026-11-16"}
WHATSAPP = "template: hi\nlanguage: {}\ncategory: marketing\n"


def loaded(folder: Path, **files: str) -> Templates:
    """Files by channel and name, with `__` for a dot."""
    return load_templates(written(folder, **files))


def read_by(templates: Templates, **traits: Any) -> PushContent:
    content = templates.render(Channel.PUSH, "hi", Context(customer=traits, entry=ENTRY))
    assert isinstance(content, PushContent)
    return content


@pytest.mark.parametrize(
    ("traits", "title", "body"),
    [
        ({}, "Hello", "€24.90, Monday"),
        ({"locale": "fr-FR"}, "Hello", "€24.90, Monday"),
        ({"locale": "en-GB"}, "Hello", "€24.90, Monday"),
        ({"locale": "es-AR"}, "Hola", "24,90 €, lunes"),
        ({"language": "es"}, "Hola", "24,90 €, lunes"),
        ({"locale": "es_MX.UTF-8"}, "Qué tal", "EUR24.90, lunes"),
        ({"language": "en", "locale": "es-MX"}, "Hello", "€24.90, Monday"),
    ],
)
def test_each_reads_their_own_else_their_language_else_the_template(
    traits: dict[str, str], title: str, body: str, tmp_path: Path
) -> None:
    files = {"hi__push__yaml": HI, "hi__es__push__yaml": HOLA, "hi__es-MX__push__yaml": HOLA.replace("Hola", "Qué tal")}
    found = read_by(loaded(tmp_path, **files), **traits)
    assert (found.title, found.body) == (title, body)


def test_a_message_of_whatsapp_is_taken_on_the_terms_of_its_language(tmp_path: Path) -> None:
    files = {"hi__whatsapp__yaml": WHATSAPP.format("en"), "hi__es__whatsapp__yaml": WHATSAPP.format("es_ES")}
    templates = loaded(tmp_path, **files)
    content = templates.render(Channel.WHATSAPP, "hi", Context(customer={"language": "es-MX"}))
    assert isinstance(content, WhatsAppContent)
    terms = templates.terms(Channel.WHATSAPP, "hi", "es-MX")
    assert terms is not None
    assert (content.language, terms.approved) == ("es_ES", ("hi", "es_ES"))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"hi__es__push__yaml": HOLA}, "a translation of hi, of which there is no template; write hi.push.yaml"),
        ({"hi__push__yaml": "title: a\nbody: b\n", "hi__es__push__yaml": HOLA}, "(es), and does not say its own language"),
        ({"hi__push__yaml": HI, "hi__es__push__yaml": f"language: fr\n{HOLA}"}, "its name says es and its language: fr"),
        ({"hi__push__yaml": HI, "hi__es__push__yaml": f"params: [week]\n{HOLA}"}, "its params are not those of"),
        (
            {
                "hi__whatsapp__yaml": WHATSAPP.format("en"),
                "hi__es__whatsapp__yaml": WHATSAPP.format("es").replace("marketing", "utility"),
            },
            "its terms are not those of",
        ),
    ],
)
def test_what_is_no_translation_is_refused(files: dict[str, str], told: str, tmp_path: Path) -> None:
    assert told in rejected(tmp_path, **files)


def test_a_translated_pass_shows_the_pictures_of_the_pass(tmp_path: Path) -> None:
    shop = Path(next(iter(definitions.__path__)))
    shutil.copytree(shop / "loyalty", tmp_path / "loyalty")
    shutil.copy(shop / "shop.yaml", tmp_path)
    card = tmp_path / "loyalty" / "loyalty-card.wallet.yaml"
    text = card.read_text()
    for language, file in (("en", card), ("es", card.with_name("loyalty-card.es.wallet.yaml"))):
        file.write_text(f"language: {language}\n{text}")
    templates = load_templates(tmp_path)
    shown = [
        templates.render(Channel.WALLET, "loyalty-card", Context(customer={"language": said}, params={"level": "Gold"}))
        for said in ("en", "es")
    ]
    assert [each.model_dump()["language"] for each in shown] == ["en", "es"]
    assert shown[0].model_dump()["images"] == shown[1].model_dump()["images"] != {}
    assert (Channel.EMAIL, "your-card") in templates.linking


def test_a_dot_in_a_name_is_no_language(tmp_path: Path) -> None:
    assert set(loaded(tmp_path, hi__v2__push__yaml=HI).found) == {(Channel.PUSH, "hi.v2")}


def test_a_template_with_a_fault_of_its_own_is_not_told_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "hi.push.yaml").write_text("language: en\ntitle: '{{ customer.nme }}'\nbody: b\n")
    (tmp_path / "hi.es.push.yaml").write_text("title: Hola\nbody: b\n")
    with pytest.raises(TemplateError) as caught:
        load_templates(tmp_path)
    assert ["hi.push.yaml" in each.file for each in caught.value.problems] == [True], caught.value

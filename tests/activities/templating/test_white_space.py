"""White space between words survives on the way from MJML to both forms of a letter, and the way out works in both (A8)."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.activities.test_templates import OUT, email, rejected


class Shown(HTMLParser):
    """What a mail reader shows of some HTML, with single spaces."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._texts: list[str] = []
        self.feed("<body" + html.partition("<body")[2])
        self.text = " ".join("".join(self._texts).split())

    def handle_data(self, data: str) -> None:
        self._texts.append(data)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<b>one</b>\n  <i>two</i>", "one two"),
        ("<b>one</b><i>two</i>", "onetwo"),
        ("a\n<b>one</b>\nb\n<a href='https://a.example'>two</a>\n<b>three</b>\nc", "a one b two three c"),
        ("<b>one</b>\n{% if customer.firstName %}\n<i>two</i>\n{% endif %}\n<u>three</u>", "one two three"),
        ("<b>one</b>{% if customer.firstName %}<i>two</i>{% endif %}<u>three</u>", "onetwothree"),
        ("<b>{{ customer.firstName }}</b>\n<b>{{ customer.firstName }}</b>", "Ana Ana"),
    ],
)
def test_inline_elements_on_lines_of_their_own_are_words_of_their_own(tmp_path: Path, body: str, shown: str) -> None:
    content = email(tmp_path, f"<mj-text>{body}</mj-text>")
    assert Shown(content.html).text.startswith(shown)
    without_links = re.sub(r": https?://\S+", "", content.text)
    assert " ".join(without_links.split()).startswith(shown)


def test_a_button_and_a_table_keep_their_white_space_too(tmp_path: Path) -> None:
    body = "<mj-button href='https://a.example'>\n<b>one</b>\n<b>two</b>\n</mj-button>"
    body += "<mj-table>\n<tr>\n<td>three</td>\n<td>four</td>\n</tr>\n<tr><td>five</td><td>six</td></tr></mj-table>"
    content = email(tmp_path, body)
    assert "one two" in Shown(content.html).text
    assert content.text.startswith("one two: https://a.example\n\nthree four\n\nfive six\n")


@pytest.mark.parametrize("after", ["Privacy", "\n<a href='https://a.example/p'>Privacy</a>", ".", "&amp;x=1", "/more", "é"])
def test_nothing_is_glued_to_the_way_out(tmp_path: Path, after: str) -> None:
    content = email(tmp_path, f"<mj-text><a href='{{{{ unsubscribe_url }}}}'>Unsubscribe</a>{after}</mj-text>")
    first = re.findall(r"https://shop\.example/\S+", content.text)[0]
    assert first == OUT
    assert f'href="{OUT}"' in content.html


def test_a_text_form_of_its_own_needs_the_way_out_too(tmp_path: Path) -> None:
    mjml = (
        "---\nsubject: Hi\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>"
        "<a href='{{ unsubscribe_url }}'>out</a></mj-text></mj-column></mj-section></mj-body></mjml>\n"
    )
    told = rejected(tmp_path, hi__email__mjml=mjml, hi__email__txt="Dear you\n")
    assert told.startswith(
        "catalogue/journey/hi.email.txt:1: a marketing email must link to {{ unsubscribe_url }} in its text; add"
    )


def test_layout_keeps_its_white_space_out_of_the_letter(tmp_path: Path) -> None:
    content = email(tmp_path, "<mj-text>a</mj-text>\n\n<mj-divider />\n\n<mj-text>b</mj-text>")
    assert content.text.startswith("a\n\nb\n")

"""Email templates, `<name>.email.mjml`: front matter, then MJML; the text is derived, or is `<name>.email.txt`.

Promise: MJML is compiled once, when the catalogue is loaded, and rendering is Liquid alone; whatever comes from a
customer's data is escaped; a marketing letter shows its way out.
"""

import re
from dataclasses import dataclass
from html import escape

from activities.channels.email.mime import one_line
from activities.channels.languages import locale_of
from activities.channels.message import EmailContent
from activities.templating.dates import LANGUAGE
from activities.templating.errors import BrokenTemplate, Problem, TemplateError
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import HTML, TEXT, Phrase
from activities.templating.links import MAIL, WEB, encoded_in, faults_in, literal_fault, repaired_in
from activities.templating.mjml import Compiled, compile_mjml
from activities.templating.plain import plain, tidy
from activities.templating.push import filled
from activities.templating.source import Source, Text, read_front_matter
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "language", "subject", "preheader", "purpose", "from_name", "track"})
_PURPOSES = frozenset({"marketing", "transactional"})
_LINK = re.compile(r"""<[^>]*?\s(href|src|background-url)=("([^"]*)"|'([^']*)')""")
#: What the MJML compiler writes where the author says nothing.
_NO_LANGUAGE, _NO_TITLE = '<html lang="und"', "<title></title>"
_UNSUBSCRIBE = "unsubscribe_url"
_CONFIRM = "confirm_url"


@dataclass(frozen=True, slots=True)
class EmailTemplate:
    """A letter to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    subject: Phrase
    html: Phrase
    text: Phrase
    from_name: Phrase | None
    track: bool = True
    leads_out: bool = True

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary, alternative: str | None = None) -> "EmailTemplate":
        """From the file's text, and that of the `.email.txt` beside it if there is one.

        Raises:
            TemplateError: a file cannot be used.
        """
        source = read_front_matter(file, text)
        source.only(_FIELDS)
        making = Compilation(source, vocabulary, extra=(_UNSUBSCRIBE, _CONFIRM))
        _check(making, alternative)
        subject, language, name = making.needed("subject"), making.language(), making.maybe("from_name")
        making.done()
        html, letter = _bodies(source, alternative, making)
        track = source.text("track")
        if track is not None and track.value not in ("yes", "no"):
            raise TemplateError(Problem(file, track.line, "track must be yes or no"))
        measured = track is None or track.value == "yes"
        out = _leads_out(_body(source)) and (alternative is None or _leads_out(Text(alternative, 1)))
        return cls(file, making.params, making.wish, language, subject, html, letter, name, measured, out)

    def render(self, values: Values) -> EmailContent:
        """The letter for one customer.

        Raises:
            BrokenTemplate: it cannot be rendered.
        """
        values = spoken(values, self.language)
        subject = filled(self.subject, values, "subject")
        html = _headed(repaired_in(self.html.render(values)), subject, values.get(LANGUAGE))
        wrong = faults_in(html)
        if wrong:
            raise BrokenTemplate(f"{self.file}: a link is not valid: {wrong[0]}")
        return EmailContent(
            subject=subject,
            html=html,
            text=tidy(self.text.render(values)),
            unsubscribe_url=values.get(_UNSUBSCRIBE),
            track=self.track,
            from_name=(self.from_name and one_line(self.from_name.render(values))) or None,
        )


def _headed(html: str, subject: str, language: object) -> str:
    """With the subject as title and the language of the text, where the MJML says neither (`mj-title`, `lang`)."""
    locale = locale_of(language)
    if locale is not None:
        html = html.replace(_NO_LANGUAGE, f'<html lang="{str(locale).replace("_", "-")}"', 1)
    return html.replace(_NO_TITLE, f"<title>{escape(subject)}</title>", 1)


def _check(making: Compilation, alternative: str | None) -> None:
    """Look at what the author wrote, where lines are still the author's."""
    source, body = making.source, _body(making.source)
    making.maybe("preheader")
    making.phrase(body)
    making.problems += _links(source.file, body)
    purpose = source.text("purpose") or Text("marketing", 1)
    if purpose.value not in _PURPOSES:
        making.problems.append(Problem(source.file, purpose.line, f"purpose must be {' or '.join(sorted(_PURPOSES))}"))
    if purpose.value == "marketing":
        making.problems += _without_a_way_out(source.file, body)
        making.problems += [] if alternative is None else _without_a_way_out(_beside(source.file), Text(alternative, 1))


def _leads_out(body: Text) -> bool:
    return _UNSUBSCRIBE in body.value


def _without_a_way_out(file: str, body: Text) -> list[Problem]:
    if _leads_out(body):
        return []
    told = f"a marketing email must link to {{{{ {_UNSUBSCRIBE} }}}} in its text"
    remedy = "add it; where it is none, write purpose: transactional in its front matter, and send it with transactional=True"
    return [Problem(file, body.line, told, remedy)]


def _beside(file: str) -> str:
    return file.removesuffix(".mjml") + ".txt"


def _bodies(source: Source, alternative: str | None, making: Compilation) -> tuple[Phrase, Phrase]:
    body, preheader = _body(source), source.text("preheader")
    compiled = compile_mjml(source.file, encoded_in(body.value), body.line, preheader.value if preheader else "")
    html = Phrase(HTML.from_string(compiled.html), source.file, body.line)
    if alternative is None:
        return html, Phrase(TEXT.from_string(_derived(compiled)), source.file, body.line)
    text = Source(_beside(source.file), source.fields, Text(encoded_in(alternative), 1))
    beside = Compilation(text, making.vocabulary, making.extra)
    letter = beside.phrase(_body(text))
    beside.done()
    return html, letter


def _derived(compiled: Compiled) -> str:
    return compiled.restored(plain(compiled.marked))


def _body(source: Source) -> Text:
    return source.body or Text("", 1)


def _links(file: str, body: Text) -> list[Problem]:
    problems = []
    for match in _LINK.finditer(body.value):
        wrong = literal_fault(match[2][1:-1], schemes=MAIL if match[1] == "href" else WEB)
        if wrong:
            line = body.line + body.value.count("\n", 0, match.start(2))
            problems.append(Problem(file, line, f"{match[1]} is not a valid link: {wrong}"))
    return problems

"""Approved templates: the name in WhatsApp Manager, its language, and what fills the gaps of header, body, buttons and cards.

Promise: no gap is filled with nothing, because Meta refuses the whole message then.
Source: Meta, "Template components".
"""

import re
from dataclasses import dataclass

from activities.channels.whatsapp.content import Gaps, Media, Place, WhatsAppContent
from activities.templating.base import Terms
from activities.templating.errors import Problem, TemplateError
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.source import Source, Text
from activities.templating.vocabulary import Vocabulary
from activities.templating.whatsapp.buttons import ButtonPart, buttons_in, choices_of, filled_in, titles_of
from activities.templating.whatsapp.cards import CardPart, cards_in, choices_in, titles_in
from activities.templating.whatsapp.parts import HEADER_TEXT, GapsPart, MediaPart, PlacePart, gaps_in, media_in, place_in
from activities.templating.wish import ProductWish

_FIELDS = frozenset({"params", "product", "template", "language", "category", "header", "body", "buttons", "cards"})
#: Short for a header that is an image, and for one button with an address.
_SHORT = frozenset({"header_image", "button_url_suffix"})
_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?\Z")
_CATEGORIES = ("marketing", "utility", "authentication")
_HEADERS = ("text", "image", "video", "document", "location")
_Header = MediaPart | PlacePart | GapsPart


@dataclass(frozen=True, slots=True)
class ApprovedTemplate:
    """A template message to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    template: str
    language: str
    category: str | None
    header: _Header | None
    body: GapsPart
    buttons: tuple[ButtonPart, ...]
    cards: tuple[CardPart, ...]

    @classmethod
    def of(cls, source: Source, vocabulary: Vocabulary) -> "ApprovedTemplate":
        """From what its file says.

        Raises:
            TemplateError: the file cannot be used.
        """
        source.only(_FIELDS | _SHORT)
        making = Compilation(source, vocabulary, problems=_names(source))
        whole = _written_out(making, source)
        template = cls(
            file=source.file,
            params=making.params,
            wish=making.wish,
            template=source.needed("template").value,
            language=source.needed("language").value,
            category=making.one_of("category", *_CATEGORIES),
            header=_header(making, whole),
            body=gaps_in(making, whole, "body"),
            buttons=buttons_in(making, whole),
            cards=cards_in(making, source),
        )
        making.problems += template._unfit()
        making.done()
        return template

    @property
    def terms(self) -> Terms:
        """Meta's: by its name and language."""
        return Terms((self.template, self.language), self.category)

    @property
    def choices(self) -> tuple[str, ...]:
        """What a customer may tap, by the names that a journey hears."""
        return (*choices_of(self.buttons), *choices_in(self.cards))

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What is shown on each of them, as far as their author says it."""
        return (*titles_of(self.buttons), *titles_in(self.cards))

    def render(self, values: Values) -> WhatsAppContent:
        """The gaps for one customer.

        Raises:
            BrokenTemplate: one cannot be filled.
        """
        values = spoken(values, self.language)
        header: Media | Place | Gaps | None = self.header.fill(values) if self.header else None
        return WhatsAppContent(
            template=self.template,
            language=self.language,
            header=header,
            body=self.body.fill(values),
            buttons=filled_in(self.buttons, values),
            cards=tuple(card.fill(values) for card in self.cards),
        )

    def _unfit(self) -> list[Problem]:
        if self.category == "utility" and any(button.kind == "copy_code" for button in self.buttons):
            return [Problem(self.file, 1, "a button copy_code is for templates of the category marketing")]
        return []


def _written_out(making: Compilation, source: Source) -> Source:
    """With what is short for something written out."""
    written = dict(source.fields)
    for short, name in (("header_image", "header"), ("button_url_suffix", "buttons")):
        if (text := source.text(short)) is None:
            continue
        if name in written:
            making.problems.append(Problem(source.file, text.line, f"{short} is short for {name}; write one of them"))
        written[name] = {"image": text} if name == "header" else [{"url": text}]
    return Source(source.file, written, line=source.line)


def _header(making: Compilation, source: Source) -> _Header | None:
    part = source.part("header")
    if part is None:
        return None
    if (media := media_in(making, part)) is not None:
        return media
    if (place := part.part("location")) is not None:
        part.only({"location"})
        return place_in(making, place)
    if "text" in part.fields:
        part.only({"text"})
        return _text(making, part)
    raise TemplateError(Problem(part.file, part.line, f"a header is one of {', '.join(_HEADERS)}"))


def _text(making: Compilation, part: Source) -> GapsPart:
    gaps = gaps_in(making, part, "text", HEADER_TEXT)
    if len(gaps.phrases) != 1:
        making.problems.append(Problem(part.file, part.line, f"a text header has one gap, not {len(gaps.phrases)}"))
    return gaps


def _names(source: Source) -> list[Problem]:
    rules = {"template": (_NAME, "small letters, digits and _"), "language": (_LANGUAGE, "a code such as en or es_ES")}
    return [
        Problem(source.file, text.line, f"{name} must be {rule}")
        for name, (pattern, rule) in rules.items()
        for text in [source.needed(name)]
        if isinstance(text, Text) and not pattern.match(text.value)
    ]

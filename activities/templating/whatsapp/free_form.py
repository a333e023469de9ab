"""Messages of one's own, for the 24 hours after a customer wrote: a `.whatsapp.yaml` that names no approved template.

Promise: Meta's limits are checked when the catalogue is loaded, as far as texts are literal, and else before the message
leaves. A text keeps its lines; every name by which a journey hears of a choice is literal.
Sources: as `activities.channels.whatsapp.free_form`.
"""

from dataclasses import dataclass

from activities.channels.whatsapp.content import Media, Place
from activities.channels.whatsapp.free_form import FreeForm
from activities.templating.base import Terms
from activities.templating.errors import Problem, TemplateError
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.push import filled
from activities.templating.source import Source
from activities.templating.vocabulary import Vocabulary
from activities.templating.whatsapp.actions import ACTIONS, action_in
from activities.templating.whatsapp.parts import (
    BODY,
    HEADER_TEXT,
    MEDIA,
    MediaPart,
    PlacePart,
    broken,
    media_in,
    place_in,
    short,
)
from activities.templating.whatsapp.tapped import Part
from activities.templating.wish import ProductWish

_TEXT, _FOOTER = 4_096, 60
_COMMON = frozenset({"params", "product", "language"})
#: By which fields one is told from an approved template that does not say its name.
SAYING = frozenset({"text", "location", *MEDIA, *ACTIONS})
#: Which headers go with what is tapped; those that are not here take none.
_HEADERS = {
    "buttons": ("text", *MEDIA),
    "flow": ("text", *MEDIA),
    "link": ("text", *MEDIA),
    "list": ("text",),
    "goods": ("text",),
}


@dataclass(frozen=True, slots=True)
class FreeFormTemplate:
    """A message of one's own to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    text: Phrase | None
    most: int
    header: MediaPart | Phrase | None
    footer: Phrase | None
    shows: MediaPart | PlacePart | None
    action: Part | None

    @classmethod
    def of(cls, source: Source, vocabulary: Vocabulary) -> "FreeFormTemplate":
        """From what its file says.

        Raises:
            TemplateError: the file cannot be used.
        """
        making = Compilation(source, vocabulary)
        kind = _kind(source)
        found = cls(
            file=source.file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            text=_text(making, source, kind),
            most=_most(kind),
            header=_header(making, source, kind),
            footer=short(making, source.text("footer"), "footer", _FOOTER),
            shows=_shown(making, source, kind),
            action=action_in(making, source, kind) if kind in ACTIONS else None,
        )
        making.done()
        return found

    @property
    def terms(self) -> Terms:
        """Meta's: while the service window is open."""
        return Terms()

    @property
    def choices(self) -> tuple[str, ...]:
        """What a customer may tap, by the names that a journey hears."""
        return self.action.choices if self.action else ()

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What is shown on each of them."""
        return self.action.titles if self.action else ()

    def render(self, values: Values) -> FreeForm:
        """For one customer.

        Raises:
            BrokenTemplate: a part cannot be filled.
        """
        values = spoken(values, self.language)
        text = None if self.text is None else _lines(self.text, values, self.most)
        shows: Media | Place | None = self.shows.fill(values) if self.shows else None
        if isinstance(shows, Media):
            shows, text = shows.model_copy(update={"caption": text}), None
        return FreeForm(
            text=text,
            header=self._header(values),
            footer=None if self.footer is None else filled(self.footer, values, "footer"),
            shows=shows,
            action=self.action.fill(values) if self.action else None,
        )

    def _header(self, values: Values) -> Media | str | None:
        if not isinstance(self.header, Phrase):
            return self.header.fill(values) if self.header else None
        text = filled(self.header, values, "header")
        if len(text) > HEADER_TEXT:
            raise broken(self.header, f"header has {len(text)} characters; WhatsApp takes {HEADER_TEXT}")
        return text


def _kind(source: Source) -> str:
    """What the message is, by the one field that says it; a text, where none does."""
    found = [name for name in (*MEDIA, "location", *ACTIONS) if name in source.fields]
    if len(found) > 1:
        told = f"a message is one of {', '.join(found)}, not several"
        raise TemplateError(Problem(source.file, 1, told))
    kind = found[0] if found else "text"
    beside = {"header", "footer"} if kind in ACTIONS else {"upload", "filename"} if kind in MEDIA else set()
    texts = set() if kind == "location" else {"text"}
    source.only({*_COMMON, *beside, *texts, kind})
    return kind


def _most(kind: str) -> int:
    return _TEXT if kind in ("text", "list") else BODY


def _text(making: Compilation, source: Source, kind: str) -> Phrase | None:
    text = source.text("text") if kind in MEDIA or kind in ("location", "goods") else source.needed("text")
    return short(making, text, "text", _most(kind))


def _header(making: Compilation, source: Source, kind: str) -> MediaPart | Phrase | None:
    part = source.part("header")
    if part is None:
        return None
    taken = _HEADERS.get(kind, ())
    if not taken:
        making.problems.append(Problem(source.file, part.line, f"a message with {kind} has no header"))
    elif not set(part.fields) & set(taken):
        making.problems.append(Problem(source.file, part.line, f"a header of {kind} is {' or '.join(taken)}"))
    if "text" in part.fields:
        part.only({"text"})
        return short(making, part.text("text"), "header", HEADER_TEXT)
    return media_in(making, part)


def _shown(making: Compilation, source: Source, kind: str) -> MediaPart | PlacePart | None:
    if kind == "location":
        place = source.part("location")
        assert place is not None
        return place_in(making, place)
    if kind not in MEDIA:
        return None
    kept = {name: field for name, field in source.fields.items() if name in (kind, "upload", "filename")}
    return media_in(making, Source(source.file, kept, line=source.line))


def _lines(phrase: Phrase, values: Values, most: int) -> str:
    """A text as it is written, with its lines."""
    text = phrase.render(values).strip()
    if not text:
        raise broken(phrase, "text is blank")
    if len(text) > most:
        raise broken(phrase, f"text has {len(text)} characters; WhatsApp takes {most}")
    return text

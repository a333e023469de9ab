"""The cards of a carousel: each with its own picture, film or product, gaps and buttons.

Promise: cards that are not alike, which Meta refuses, are refused when the catalogue is loaded.
Source: Meta, "Media card carousel templates" and "Product card carousel templates".
"""

from dataclasses import dataclass

from activities.channels.whatsapp.content import Card
from activities.templating.errors import Problem
from activities.templating.fields import Compilation, Values
from activities.templating.language import Phrase
from activities.templating.push import filled
from activities.templating.source import Source, Text
from activities.templating.whatsapp.buttons import ButtonPart, buttons_in, choices_of, filled_in, titles_of
from activities.templating.whatsapp.parts import GapsPart, MediaPart, gaps_in, media_in

FEWEST, MOST = 2, 10
#: Characters and buttons of a card at most.
_BODY, _BUTTONS = 160, 2
_FIELDS = frozenset({"body", "buttons"})


@dataclass(frozen=True, slots=True)
class CardPart:
    """A card to be."""

    media: MediaPart | None
    product: Phrase | None
    catalog: Phrase | None
    body: GapsPart
    buttons: tuple[ButtonPart, ...]

    @property
    def kind(self) -> tuple[str, tuple[str, ...], int]:
        """In what all cards of a carousel are alike."""
        return self.media.kind if self.media else "product", tuple(b.kind for b in self.buttons), len(self.body.phrases)

    def fill(self, values: Values) -> Card:
        """For one customer.

        Raises:
            BrokenTemplate: a part cannot be filled.
        """
        return Card(
            media=self.media and self.media.fill(values),
            product=None if self.product is None else filled(self.product, values, "product"),
            catalog=None if self.catalog is None else filled(self.catalog, values, "catalog"),
            body=self.body.fill(values),
            buttons=filled_in(self.buttons, values),
        )


def cards_in(making: Compilation, source: Source) -> tuple[CardPart, ...]:
    """The cards of a template; none where it is no carousel."""
    given = source.parts("cards")
    cards = tuple(_card(making, each) for each in given if isinstance(each, Source))
    if "cards" in source.fields:
        line = given[0].line if given else source.line
        making.problems += [Problem(source.file, line, what) for what in _wrong(source, given, cards)]
    return cards


def choices_in(cards: tuple[CardPart, ...]) -> tuple[str, ...]:
    """What a customer may choose on them."""
    return tuple(dict.fromkeys(choice for card in cards for choice in choices_of(card.buttons)))


def titles_in(cards: tuple[CardPart, ...]) -> tuple[tuple[str, str], ...]:
    """What is shown on these, each with its name."""
    return tuple(dict.fromkeys(title for card in cards for title in titles_of(card.buttons)))


def _card(making: Compilation, part: Source) -> CardPart:
    media = media_in(making, part, _FIELDS)
    product, catalog = part.text("product"), part.text("catalog")
    if media is None:
        part.only({"product", "catalog", *_FIELDS})
        product, catalog = part.needed("product"), part.needed("catalog")
    return CardPart(
        media=media,
        product=None if product is None else making.phrase(product),
        catalog=None if catalog is None else making.phrase(catalog),
        body=gaps_in(making, part, "body", _BODY),
        buttons=buttons_in(making, part, _BUTTONS),
    )


def _wrong(source: Source, given: list[Source | Text], cards: tuple[CardPart, ...]) -> list[str]:
    found = [] if FEWEST <= len(given) <= MOST else [f"a carousel has {FEWEST} to {MOST} cards, not {len(given)}"]
    if len(cards) < len(given):
        found.append("a card is a mapping: image, video or product, with body and buttons")
    if any(card.media is not None and card.media.kind == "document" for card in cards):
        found.append("a card shows an image, a video or a product, no document")
    if len({card.kind for card in cards}) > 1:
        found.append("the cards of a carousel are alike: the same kind of media, as many gaps, and the same buttons in order")
    beside = [name for name in ("header", "header_image", "buttons", "button_url_suffix") if name in source.fields]
    return found + [f"a carousel has no {name} beside its cards" for name in beside]

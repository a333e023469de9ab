"""The parts that WhatsApp messages are made of, as a template file writes them: media, places, gaps, and their limits.

Promise: what Meta would refuse of a part is refused when the catalogue is loaded, as far as it is literal, and else before the
message leaves, with the name of the part.
Sources: Meta, "Template components", "Media" and "Location messages".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from activities.channels.whatsapp.content import Gaps, Media, Place
from activities.templating.errors import BrokenTemplate, Problem
from activities.templating.fields import Compilation, Values
from activities.templating.language import Phrase
from activities.templating.links import WEB, fault, literal_of, repaired
from activities.templating.push import filled
from activities.templating.source import Source, Text

MEDIA = ("image", "video", "document")
#: Characters at most.
HEADER_TEXT, BODY, CAPTION, FILENAME = 60, 1_024, 1_024, 240
_GAP = re.compile(r"[a-z][a-z0-9_]*\Z")
_YES_OR_NO = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A picture, film or document to be."""

    kind: Literal["image", "video", "document"]
    link: Phrase
    filename: Phrase | None
    caption: Phrase | None
    upload: bool

    def fill(self, values: Values) -> Media:
        """For one customer.

        Raises:
            BrokenTemplate: it is no address.
        """
        link = repaired(filled(self.link, values, self.kind))
        if wrong := fault(link, schemes=WEB):
            raise broken(self.link, f"{self.kind} is not a valid link: {wrong}")
        named = {name: _short(phrase, values, name, most) for name, phrase, most in self._told}
        return Media(kind=self.kind, link=link, upload=self.upload, **named)

    @property
    def _told(self) -> list[tuple[str, Phrase, int]]:
        told = (("filename", self.filename, FILENAME), ("caption", self.caption, CAPTION))
        return [(name, phrase, most) for name, phrase, most in told if phrase is not None]


@dataclass(frozen=True, slots=True)
class PlacePart:
    """A place on the map to be."""

    latitude: Phrase
    longitude: Phrase
    name: Phrase | None
    address: Phrase | None

    def fill(self, values: Values) -> Place:
        """For one customer.

        Raises:
            BrokenTemplate: it is nowhere.
        """
        latitude, longitude = (
            _degrees(self.latitude, values, "latitude", 90),
            _degrees(self.longitude, values, "longitude", 180),
        )
        told = {"name": self.name, "address": self.address}
        named = {name: filled(phrase, values, name) for name, phrase in told.items() if phrase is not None}
        return Place(latitude=latitude, longitude=longitude, **named)


@dataclass(frozen=True, slots=True)
class GapsPart:
    """What fills the gaps of a text, by their order or by their names."""

    phrases: tuple[Phrase, ...] = ()
    names: tuple[str, ...] = ()
    most: int = BODY

    def fill(self, values: Values) -> Gaps:
        """For one customer.

        Raises:
            BrokenTemplate: one cannot be filled.
        """
        called = self.names or tuple(map(str, range(1, len(self.phrases) + 1)))
        named = zip(self.phrases, called, strict=True)
        texts = tuple(_short(phrase, values, f"{{{{{name}}}}}", self.most) for phrase, name in named)
        return Gaps(texts=texts, names=self.names)


def media_in(making: Compilation, part: Source, also: frozenset[str] = frozenset()) -> MediaPart | None:
    """The picture, film or document that a part shows, if it shows one; `also` is what else may stand in the part."""
    found = [kind for kind in MEDIA if kind in part.fields]
    if not found:
        return None
    if len(found) > 1:
        making.problems.append(Problem(part.file, part.line, f"it shows one of {' and '.join(found)}, not both"))
    kind = cast('Literal["image", "video", "document"]', found[0])
    part.only({*found, "upload", *also, *(("filename",) if kind == "document" else ())})
    return MediaPart(
        kind=kind,
        link=making.address(part.needed(kind), kind, WEB),
        filename=short(making, part.text("filename"), "filename", FILENAME),
        caption=short(making, part.text("caption"), "caption", CAPTION),
        upload=_whether(making, part, "upload"),
    )


def place_in(making: Compilation, part: Source) -> PlacePart:
    """The place on the map that a part shows."""
    part.only({"latitude", "longitude", "name", "address"})
    name, address = part.text("name"), part.text("address")
    return PlacePart(
        latitude=making.phrase(part.needed("latitude")),
        longitude=making.phrase(part.needed("longitude")),
        name=None if name is None else making.phrase(name),
        address=None if address is None else making.phrase(address),
    )


def gaps_in(making: Compilation, part: Source, name: str, most: int = BODY) -> GapsPart:
    """What fills the gaps of a text: a list for `{{1}}`, `{{2}}`, …, names for `{{first_name}}`; one text for the only one."""
    field = part.fields.get(name)
    if isinstance(field, dict):
        texts = part.mapped(name)
        making.problems += _misnamed(part, texts)
        names, given = tuple(texts), list(texts.values())
    else:
        names, given = (), [field] if isinstance(field, Text) else part.listed(name)
    if (size := sum(len(literal_of(text.value)) for text in given)) > most:
        making.problems.append(too_long(part, given[0].line, name, size, most))
    return GapsPart(tuple(making.phrase(text) for text in given), names, most)


def short(making: Compilation, text: Text | None, name: str, most: int) -> Phrase | None:
    """A text of so many characters at most, checked as far as it is literal."""
    if text is None:
        return None
    if (size := len(literal_of(text.value))) > most:
        making.problems.append(too_long(making.source, text.line, name, size, most))
    return making.phrase(text)


def too_long(part: Source, line: int, name: str, size: int, most: int) -> Problem:
    """What is told of a text that is longer than Meta takes."""
    return Problem(part.file, line, f"{name} has {size} characters without its values; WhatsApp takes {most}", "shorten it")


def broken(phrase: Phrase, what: str) -> BrokenTemplate:
    """What is told of a part that cannot be filled for one customer."""
    return BrokenTemplate(f"{phrase.file}:{phrase.line}: {what}")


def _short(phrase: Phrase, values: Values, name: str, most: int) -> str:
    text = filled(phrase, values, name)
    if len(text) > most:
        raise broken(phrase, f"{name} has {len(text)} characters; WhatsApp takes {most}")
    return text


def _degrees(phrase: Phrase, values: Values, name: str, most: int) -> float:
    try:
        degrees = float(filled(phrase, values, name))
    except ValueError:
        raise broken(phrase, f"{name} is not a number") from None
    if not -most <= degrees <= most:
        raise broken(phrase, f"{name} is not between -{most} and {most} degrees")
    return degrees


def _whether(making: Compilation, part: Source, name: str) -> bool:
    text = part.text(name)
    if text is not None and text.value not in _YES_OR_NO:
        making.problems.append(Problem(part.file, text.line, f"{name} must be yes or no"))
    return text is not None and _YES_OR_NO.get(text.value, False)


def _misnamed(part: Source, texts: Mapping[str, Text]) -> list[Problem]:
    return [
        Problem(part.file, text.line, f"{name}: a gap's name has small letters, digits and _, as Meta's {{{{first_name}}}}")
        for name, text in texts.items()
        if not _GAP.match(name)
    ]

"""Wallet templates, `<name>.wallet.yaml`: a pass with its fields, colours, code, places and dates; pictures stand beside it.

Promise: what Apple or Google would not show as written (more fields than a pass has room for, a style without its picture, a
code without content) is refused when the catalogue is loaded.
Sources: Apple's "Pass Design and Creation" and "Creating the Source for a Pass"; Google's "Generic pass" and "Loyalty cards".
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import cast

from activities.channels.wallet.content import AREAS, Barcode, Format, PassContent, PassField, Place, Style
from activities.templating.dates import ZONE
from activities.templating.errors import BrokenTemplate, Problem, TemplateError
from activities.templating.fields import Compilation, Values, spoken
from activities.templating.language import Phrase
from activities.templating.push import filled
from activities.templating.source import Source, Text, read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.wish import ProductWish

STYLES = ("storeCard", "coupon", "eventTicket", "generic")
FORMATS = ("qr", "aztec", "pdf417", "code128")
_PICTURES = {
    "storeCard": {"icon", "logo", "strip"},
    "coupon": {"icon", "logo", "strip"},
    "eventTicket": {"icon", "logo", "strip", "background", "thumbnail"},
    "generic": {"icon", "logo", "thumbnail"},
}
#: The most fields that are shown: Apple's room on the front, Google's ten texts below it.
_MOST = {"header": 3, "primary": 1, "back": 10}
_MOST_BELOW = 4  # secondary and auxiliary together
_MOST_PLACES = 10
_COLOURS = ("background", "foreground", "label")
_FIELDS = frozenset(
    {
        *(
            "params",
            "product",
            "language",
            "style",
            "organization",
            "description",
            "key",
            "logo",
            "colours",
            "fields",
            "barcode",
        ),
        *("places", "relevant", "expires", "voided"),
    }
)
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    label: Phrase | None
    value: Phrase
    change: str | None


@dataclass(frozen=True, slots=True)
class WalletTemplate:
    """A pass to be."""

    file: str
    params: frozenset[str]
    wish: ProductWish | None
    language: str | None
    style: Style
    organization: str
    description: Phrase
    key: Phrase | None
    logo: Phrase | None
    colours: Mapping[str, str]
    fields: Mapping[str, tuple[_Field, ...]]
    barcode: tuple[Format, Phrase, Phrase | None] | None
    places: tuple[Place, ...]
    relevant: Phrase | None
    expires: Phrase | None
    voided: Phrase | None
    images: Mapping[str, str]

    @classmethod
    def read(cls, file: str, text: str, vocabulary: Vocabulary, *beside: str, **pictures: str) -> "WalletTemplate":  # noqa: ARG003
        """From the file's text, and its pictures in base64 by their names.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        source.only(_FIELDS)
        source.needed("style")
        making = Compilation(source, vocabulary)
        style = making.one_of("style", *STYLES)
        making.problems += _pictures(file, str(style), pictures)
        template = cls(
            file=file,
            params=making.params,
            wish=making.wish,
            language=making.language(),
            style=cast("Style", style),
            organization=source.needed("organization").value,
            description=making.needed("description"),
            key=making.maybe("key"),
            logo=making.maybe("logo"),
            colours=_colours(source, making),
            fields=_areas(source, making),
            barcode=_barcode(source, making),
            places=tuple(_places(source, making)),
            relevant=making.maybe("relevant"),
            expires=making.maybe("expires"),
            voided=making.maybe("voided"),
            images=pictures,
        )
        making.done()
        return template

    def render(self, values: Values) -> PassContent:
        """The pass of one customer.

        Raises:
            BrokenTemplate: it cannot be rendered.
        """
        values = spoken(values, self.language)
        return PassContent(
            style=self.style,
            organization=self.organization,
            description=filled(self.description, values, "description"),
            key=filled(self.key, values, "key") if self.key else "",
            logo=self.logo.render(values).strip() or None if self.logo else None,
            **self.colours,
            fields={area: tuple(_shown(each, values) for each in fields) for area, fields in self.fields.items()},
            barcode=_code(self.barcode, values),
            places=self.places,
            relevant_at=_instant(self.relevant, values, "relevant"),
            expires_at=_instant(self.expires, values, "expires"),
            voided=_yes(self.voided, values),
            language=self.language and self.language.replace("_", "-"),
            images=dict(self.images),
        )


def _shown(field: _Field, values: Values) -> PassField:
    label = field.label.render(values).strip() if field.label else ""
    value = "\n".join(line.rstrip() for line in field.value.render(values).strip().splitlines())
    return PassField(key=field.key, label=label, value=value, change=field.change)


def _code(barcode: tuple[Format, Phrase, Phrase | None] | None, values: Values) -> Barcode | None:
    if barcode is None:
        return None
    format_, message, text = barcode
    words = text.render(values).strip() or None if text else None
    return Barcode(format=format_, message=filled(message, values, "barcode"), text=words)


def _instant(phrase: Phrase | None, values: Values, name: str) -> datetime | None:
    """An instant as ISO 8601 writes it; without a zone it is on the customer's clock."""
    if phrase is None or not (text := phrase.render(values).strip()):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: {name} is not an instant such as 2026-07-01T12:00:00Z") from None
    zone = values.get(ZONE)
    return found if found.tzinfo else found.replace(tzinfo=zone if isinstance(zone, tzinfo) else UTC)


def _yes(phrase: Phrase | None, values: Values) -> bool:
    if phrase is None:
        return False
    said = phrase.render(values).strip().casefold()
    if said not in ("true", "yes", "false", "no", ""):
        raise BrokenTemplate(f"{phrase.file}:{phrase.line}: voided is neither true nor false")
    return said in ("true", "yes")


def _areas(source: Source, making: Compilation) -> dict[str, tuple[_Field, ...]]:
    part = source.part("fields")
    if part is None:
        return {}
    part.only(AREAS)
    found = {area: tuple(_fields(part, making, area)) for area in AREAS if area in part.fields}
    for area, most in _MOST.items():
        if len(found.get(area, ())) > most:
            told = f"a pass has room for {most} {area} field{'s' if most > 1 else ''}, and there are {len(found[area])}"
            making.problems.append(Problem(source.file, _line(part, area), told))
    if (below := len(found.get("secondary", ())) + len(found.get("auxiliary", ()))) > _MOST_BELOW:
        told = f"a pass has room for {_MOST_BELOW} secondary and auxiliary fields together, and there are {below}"
        making.problems.append(Problem(source.file, part.line, told))
    keys = [each.key for fields in found.values() for each in fields]
    making.problems += [
        Problem(source.file, part.line, f"two fields are called {key}; each needs a name of its own")
        for key in sorted({key for key in keys if keys.count(key) > 1})
    ]
    return found


def _fields(part: Source, making: Compilation, area: str) -> list[_Field]:
    within = part.part(area)
    return [_field(within, making, key) for key in within.fields] if within else []


def _field(within: Source, making: Compilation, key: str) -> _Field:
    each = within.part(key)
    assert each is not None
    each.only(("label", "value", "change"))
    label, change = each.text("label"), each.text("change")
    if change is not None and "%@" not in change.value:
        told = f"{key}: change says %@ where the new value stands, or the phone shows none"
        making.problems.append(Problem(each.file, change.line, told))
    said = None if change is None else change.value
    return _Field(key, making.phrase(label) if label else None, making.phrase(each.needed("value")), said)


def _line(part: Source, name: str) -> int:
    within = part.part(name)
    return within.line if within else part.line


def _colours(source: Source, making: Compilation) -> dict[str, str]:
    found = source.mapped("colours")
    for name, text in found.items():
        if name not in _COLOURS:
            told = f"unknown colour {name}; known: {', '.join(_COLOURS)}"
        elif not re.fullmatch("#[0-9a-fA-F]{6}", text.value):
            told = f"{name} must be a colour such as #1b4332"
        else:
            continue
        making.problems.append(Problem(source.file, text.line, told))
    return {name: text.value.lower() for name, text in found.items() if name in _COLOURS}


def _barcode(source: Source, making: Compilation) -> tuple[Format, Phrase, Phrase | None] | None:
    part = source.part("barcode")
    if part is None:
        return None
    part.only(("format", "message", "text"))
    format_, text = part.needed("format"), part.text("text")
    if format_.value not in FORMATS:
        making.problems.append(Problem(source.file, format_.line, f"format must be {' or '.join(FORMATS)}"))
    return cast("Format", format_.value), making.phrase(part.needed("message")), making.phrase(text) if text else None


def _places(source: Source, making: Compilation) -> list[Place]:
    found, parts = [], source.parts("places")
    if len(parts) > _MOST_PLACES:
        told = f"a pass has at most {_MOST_PLACES} places, and there are {len(parts)}"
        making.problems.append(Problem(source.file, parts[_MOST_PLACES].line, told))
    for part in parts:
        if isinstance(part, Text):
            raise TemplateError(Problem(source.file, part.line, "a place has latitude, longitude and, if you like, text"))
        part.only(("latitude", "longitude", "text"))
        text = part.text("text")
        try:
            where = {name: float(part.needed(name).value) for name in ("latitude", "longitude")}
            found.append(Place(**where, text=text.value if text else None))
        except ValueError:
            told = "latitude is a number from -90 to 90, longitude one from -180 to 180"
            making.problems.append(Problem(source.file, part.line, told))
    return found


def _pictures(file: str, style: str, pictures: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the pictures beside a template."""
    stem, wrong = file.rpartition("/")[2].removesuffix(".yaml"), []
    known = _PICTURES.get(style, set())
    if "icon" not in pictures:
        wrong.append(f"a pass needs an icon: put {stem}.icon.png beside it (and {stem}.icon@2x.png, for sharp screens)")
    for name, picture in pictures.items():
        base = re.sub("@[23]x$", "", name)
        if known and base not in known:
            wrong.append(f"{stem}.{name}.png: a {style} shows {', '.join(sorted(known))}, and no {base}")
        if not _is_png(picture):
            wrong.append(f"{stem}.{name}.png is no PNG picture")
    if style == "eventTicket" and "strip" in pictures and {"background", "thumbnail"} & pictures.keys():
        wrong.append("an eventTicket shows a strip, or a background and a thumbnail, and not both")
    return [Problem(file, 1, told) for told in wrong]


def _is_png(picture: str) -> bool:
    try:
        return base64.b64decode(picture, validate=True).startswith(_PNG)
    except binascii.Error:
        return False

"""What can stand in a field of the builder, as texts of a form and as the JSON that a definition has.

Promise: pure. What a shape draws it reads back; what it cannot draw so it refuses (`Unfit`), and nothing is rounded or guessed.
Every text that is shown stands in `texts.toml`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from segments.language.values import BARE, OPERATORS
from segments.leaves.amounts import COMPARED, MEASURES
from segments.time.hours import WEEKDAYS

#: Of one field: its texts by what stands behind the field's name ("" is the field itself).
Said = Mapping[str, str]
#: How a definition says nothing at a place.
MISSING: Any = object()
_SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_TAGGED = ("date", "datetime")


class Unfit(Exception):
    """A definition that this form cannot draw."""


class Unread(Exception):
    """A field in which stands what nobody can read; `empty`: nothing at all where something is needed."""

    def __init__(self, told: str, suffix: str = "", *, empty: bool = False) -> None:
        super().__init__(told)
        self.told = told
        self.suffix = suffix
        self.empty = empty


class Shape:
    """One value of a definition: how a page asks for it (`widget`), draws it and reads it."""

    widget: ClassVar[str] = "text"
    #: Whether it is more than one key, and so is drawn from the object around them.
    spread: ClassVar[bool] = False

    def draw(self, value: Any) -> dict[str, str]:
        """The texts of a value; `Unfit` where there are none that mean it."""
        raise NotImplementedError

    def read(self, said: Said) -> Any:
        """The value of the texts; MISSING where they say nothing, `Unread` where they make no sense."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Shape):
    """A line of text; `offers` is what of our names is offered (events, traits, …)."""

    offers: str = ""

    def draw(self, value: Any) -> dict[str, str]:
        """The text, where a form keeps it as it is."""
        return {"": _kept(value)}

    def read(self, said: Said) -> Any:
        """The text."""
        return said.get("") or MISSING


@dataclass(frozen=True)
class Number(Shape):
    """A number with a point; `exact`: one with a fraction is a decimal. What was a decimal stays one (`exact` in the form)."""

    exact: bool = False
    widget: ClassVar[str] = "number"

    def draw(self, value: Any) -> dict[str, str]:
        """Its digits."""
        kind, digits = _scalar(value)
        if kind == "decimal":
            return {"": digits, "exact": "yes"}
        return {"": _digits(value)}

    def read(self, said: Said) -> Any:
        """The number."""
        if not said.get(""):
            return MISSING
        number = _number(said[""], "")
        return {"decimal": said[""]} if said.get("exact") or (self.exact and isinstance(number, float)) else number


@dataclass(frozen=True)
class Span(Shape):
    """Seconds, in the largest unit that gives a whole number."""

    widget: ClassVar[str] = "span"
    units: ClassVar[tuple[str, ...]] = tuple(_SECONDS)

    def draw(self, value: Any) -> dict[str, str]:
        """How many of which unit; nothing for no span at all."""
        if value is None:
            return {"": ""}
        digits = _digits(value)
        unit = next((unit for unit, length in _SECONDS.items() if value and value % length == 0), "seconds")
        return {"": digits if unit == "seconds" else str(int(value // _SECONDS[unit])), "unit": unit}

    def read(self, said: Said) -> Any:
        """The seconds."""
        if not said.get(""):
            return MISSING
        seconds = _number(said[""], "") * _SECONDS.get(said.get("unit", ""), 86_400)
        return int(seconds) if seconds == int(seconds) else seconds


@dataclass(frozen=True)
class Choice(Shape):
    """One of some words; each is shown by its name in the texts, an empty one is no choice."""

    options: tuple[str, ...]
    offers: str = ""
    widget: ClassVar[str] = "choice"

    def draw(self, value: Any) -> dict[str, str]:
        """The word."""
        if not self.offers and value not in self.options:
            raise Unfit
        return {"": _kept(value)}

    def read(self, said: Said) -> Any:
        """The word."""
        return said.get("") or MISSING


@dataclass(frozen=True)
class Flag(Shape):
    """True, or not said."""

    widget: ClassVar[str] = "flag"

    def draw(self, value: Any) -> dict[str, str]:
        """A tick."""
        if value is not True:
            raise Unfit
        return {"": "yes"}

    def read(self, said: Said) -> Any:
        """True where there is a tick."""
        return True if said.get("") else MISSING


@dataclass(frozen=True)
class Always(Shape):
    """A word that every definition of the kind has, and nobody is asked for."""

    value: Any
    widget: ClassVar[str] = "none"

    def draw(self, value: Any) -> dict[str, str]:
        """Nothing."""
        if value is not self.value:
            raise Unfit
        return {}

    def read(self, said: Said) -> Any:  # noqa: ARG002 - one signature for all shapes
        """The word."""
        return self.value


@dataclass(frozen=True)
class Lines(Shape):
    """A list of texts, one a line."""

    widget: ClassVar[str] = "lines"

    def draw(self, value: Any) -> dict[str, str]:
        """The lines."""
        return {"": "\n".join(map(_kept, _a_list(value)))}

    def read(self, said: Said) -> Any:
        """The texts."""
        return _lines(said.get("", "")) or MISSING


@dataclass(frozen=True)
class Corners(Shape):
    """Points, a line each: latitude, longitude."""

    widget: ClassVar[str] = "lines"

    def draw(self, value: Any) -> dict[str, str]:
        """The lines."""
        pairs = [_a_list(each) for each in _a_list(value)]
        return {"": "\n".join(", ".join(map(_digits, pair)) for pair in pairs)}

    def read(self, said: Said) -> Any:
        """The pairs."""
        lines = _lines(said.get("", ""))
        return [[_number(each.strip(), "") for each in line.split(",")] for line in lines] or MISSING


@dataclass(frozen=True)
class Weekdays(Shape):
    """Some days of the week, each with a tick."""

    widget: ClassVar[str] = "weekdays"
    days: ClassVar[tuple[str, ...]] = tuple(WEEKDAYS)

    def draw(self, value: Any) -> dict[str, str]:
        """The ticks."""
        chosen = _a_list(value)
        if chosen != [day for day in self.days if day in chosen]:
            raise Unfit
        return {str(day): "yes" for day in chosen}

    def read(self, said: Said) -> Any:
        """The days."""
        return [day for day in self.days if said.get(day)] or MISSING


@dataclass(frozen=True)
class Ends(Shape):
    """A beginning and an end in ISO 8601, either of which may be open."""

    widget: ClassVar[str] = "ends"

    def draw(self, value: Any) -> dict[str, str]:
        """Both texts."""
        start, end = (each if each is None else _kept(each) for each in _pair(value))
        return {"": start or "", "to": end or ""}

    def read(self, said: Said) -> Any:
        """Both, and null for one that is open."""
        ends = [said.get("") or None, said.get("to") or None]
        return MISSING if ends == [None, None] else ends


@dataclass(frozen=True)
class Zone(Shape):
    """Whose calendar and clock: one zone for all, or the customer's own with another for whom has none."""

    widget: ClassVar[str] = "zone"
    spread: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("otherwise", "zone")

    def draw(self, value: Any) -> dict[str, str]:
        """Which, and the zone."""
        found = [(which, value[which]) for which in self.options if which in value]
        return {"": found[0][0], "name": _kept(found[0][1])} if found else {}

    def read(self, said: Said) -> Any:
        """The one key."""
        which = "zone" if said.get("") == "zone" else "otherwise"
        if which == "zone" and not said.get("name"):
            raise Unread("Say which time zone, such as Europe/Madrid.", "name", empty=True)
        return {which: said.get("name") or "UTC"}


@dataclass(frozen=True)
class Measure(Shape):
    """What is measured of events, and of which property; the count needs none."""

    widget: ClassVar[str] = "measure"
    spread: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = tuple(MEASURES)

    def draw(self, value: Any) -> dict[str, str]:
        """The measure and the property."""
        [measure] = [each for each in self.options if each in value][:1] or [""]
        if not measure or (measure == "count" and value[measure] is not True):
            raise Unfit
        return {"": measure, "of": "" if measure == "count" else _kept(value[measure])}

    def read(self, said: Said) -> Any:
        """The one key."""
        measure = said.get("", self.options[0])
        if measure == "count":
            return {"count": True}
        if not said.get("of"):
            raise Unread("Say which property.", "of", empty=True)
        return {measure: said["of"]}


@dataclass(frozen=True)
class Compared(Shape):
    """An operator and what it compares with; of `numbers`, nothing else."""

    operators: tuple[str, ...] = tuple(OPERATORS)
    numbers: bool = False
    widget: ClassVar[str] = "compared"
    spread: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("text", "number", "yes", "date", "datetime")
    #: Those that take no value.
    bare: ClassVar[frozenset[str]] = BARE

    def draw(self, value: Any) -> dict[str, str]:
        """The operator, the value or values, and of what kind they are."""
        op = value.get("is")
        if op not in self.operators:
            raise Unfit
        if op in BARE:
            return {"": op}
        given = value.get("value", MISSING)
        many = _a_list(given) if op == "in" else _pair(given) if op == "between" else [given]
        scalars = [_scalar(each) for each in many]
        [kind, *others] = {kind for kind, _ in scalars} or {""}
        exact = {"exact": "yes"} if kind == "decimal" else {}
        kind = "number" if exact else kind
        if others or kind not in (("number",) if self.numbers else self.kinds):
            raise Unfit
        texts = [text for _, text in scalars]
        both = {"value": texts[0], "to": texts[1]} if op == "between" else {"value": "\n".join(texts)}
        return {"": op} | both | exact | ({} if self.numbers else {"as": kind})

    def read(self, said: Said) -> Any:
        """Both keys."""
        op = said.get("") or self.operators[0]
        if op in BARE:
            return {"is": op}
        text, kind = said.get("value", ""), "number" if self.numbers else said.get("as") or "text"
        kind = "decimal" if kind == "number" and said.get("exact") else kind
        if not text:
            raise Unread("Say with what it is compared.", "value", empty=True)
        if op == "between":
            if not said.get("to"):
                raise Unread("Say up to what.", "to", empty=True)
            return {"is": op, "value": [_read(kind, text, "value"), _read(kind, said["to"], "to")]}
        if op == "in":
            return {"is": op, "value": [_read(kind, each, "value") for each in _lines(text)]}
        return {"is": op, "value": _read(kind, text, "value")}


@dataclass(frozen=True)
class Json(Shape):
    """A condition as it is written in JSON."""

    widget: ClassVar[str] = "json"
    spread: ClassVar[bool] = True

    def draw(self, value: Any) -> dict[str, str]:
        """The JSON, a line for each part."""
        return {"": json.dumps(value, indent=2, ensure_ascii=False)}

    def read(self, said: Said) -> Any:
        """The object."""
        if not said.get(""):
            raise Unread("Write a condition in JSON.", empty=True)
        try:
            plain = json.loads(said[""])
        except (ValueError, RecursionError):
            raise Unread("This is no JSON.") from None
        if not isinstance(plain, dict):
            raise Unread("A condition is an object: {…}.")
        return plain


#: How amounts and ages are compared.
OF_NUMBERS = Compared(tuple(COMPARED), numbers=True)


def _kept(value: Any) -> str:
    """A text that a form sends as it stands: in one line, without white space around it."""
    if not isinstance(value, str) or not value or value != value.strip() or not value.isprintable():
        raise Unfit
    return value


def _a_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit
    return value


def _pair(value: Any) -> list[Any]:
    if len(_a_list(value)) != 2:  # noqa: PLR2004 - two ends
        raise Unfit
    return list(value)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _digits(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _NUMBER.fullmatch(text := json.dumps(value)):
        raise Unfit
    return text


def _number(text: str, suffix: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise Unread("This is no number; write it with a point, such as 1234.5", suffix)
    return float(text) if "." in text else int(text)


def _scalar(value: Any) -> tuple[str, str]:
    """The kind and the text of what something is compared with."""
    match value:
        case bool():
            return "yes", "yes" if value else "no"
        case str():
            return "text", _kept(value)
        case int() | float():
            return "number", _digits(value)
        case {"date": str(text)} | {"datetime": str(text)} if len(value) == 1:
            return next(iter(value)), _kept(text)
        case {"decimal": str(text)} if len(value) == 1 and _NUMBER.fullmatch(text):
            return "decimal", text
    raise Unfit


_YES_OR_NO = {"yes": True, "true": True, "sí": True, "si": True, "no": False, "false": False}


def _read(kind: str, text: str, suffix: str) -> Any:
    if kind in ("number", "decimal"):
        number = _number(text, suffix)
        return number if kind == "number" else {"decimal": text}
    if kind == "yes":
        if text.lower() not in _YES_OR_NO:
            raise Unread("Write yes or no.", suffix)
        return _YES_OR_NO[text.lower()]
    if kind in _TAGGED:
        try:
            (date if kind == "date" else datetime).fromisoformat(text)
        except ValueError:
            raise Unread("This is no date; write 2026-11-30, or 2026-11-30T09:30:00+01:00 for a moment.", suffix) from None
        return {kind: text}
    return text

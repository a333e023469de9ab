"""A message as it would look, for whoever writes it: what it is rendered from, what came of it, and why nothing did.

Promise: it names the variables that had no value; nothing of it is kept, and none of its links does anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from activities.channels.message import Content
from activities.channels.sms.parts import Size

_Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What a message is previewed with: a real customer by a name that is known, made-up values, or these over that one's.

    `product` is what a template that asks for one offers, `bought` or `added` what it goes with; `timezone` is where dates
    are shown, whatever else tells it. `context` is what contexts tell, by their names: `{"weather": {"rain": 2}}`; what it
    leaves out is as each context declares for when it is not told (`otherwise=`).
    """

    named: tuple[str, str] | None = field(default=None, repr=False)
    customer: _Values = field(default_factory=dict, repr=False)
    entry: _Values = field(default_factory=dict, repr=False)
    params: _Values = field(default_factory=dict, repr=False)
    fetched: _Values = field(default_factory=dict, repr=False)
    product: _Values = field(default_factory=dict, repr=False)
    bought: _Values = field(default_factory=dict, repr=False)
    added: _Values = field(default_factory=dict, repr=False)
    context: _Values = field(default_factory=dict, repr=False)
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as it would look.

    `missing` are the variables without a value: a fallback or another branch stands in their place. `otherwise` are the values
    of contexts that nobody gave, as these declare them, by their variables: `{"context.weather.rain": 0.0}`. `language` and
    `zone` are those of its amounts and dates; `size` is that of a text message; `cost` is by the catalogue's prices, with their
    currency.
    """

    channel: str
    template: str
    file: str
    content: Content = field(repr=False)
    missing: tuple[str, ...] = ()
    otherwise: _Values = field(default_factory=dict)
    language: str = "en"
    zone: str = "UTC"
    size: Size | None = None
    cost: str | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """What it shows, by names; pictures that belong to it by their names alone."""
        told = self.content.model_dump(mode="json", exclude_none=True)
        return told | ({"images": sorted(told["images"])} if "images" in told else {})


@dataclass(frozen=True, slots=True)
class TemplateKnown:
    """A template that there is: its params, whether it asks for a product, its translations' languages, and the variables.

    `journeys` are those that send it on any of their ways, `places` those of pages and apps that show it.
    """

    channel: str
    template: str
    file: str
    params: tuple[str, ...] = ()
    product: bool = False
    languages: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    journeys: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class CannotPreview(Exception):
    """The message cannot be shown; the sentence says what to do. `of` is what there is none of, if that is why."""

    def __init__(self, sentence: str, of: Literal["customer", "template"] | None = None) -> None:
        super().__init__(sentence)
        self.of = of


def around_of(said: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What contexts tell, as it is written in a line: `weather.rain=2`; a value is JSON, else a text.

    Raises:
        CannotPreview: something is not written so.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in said:
        path, equals, text = each.partition("=")
        name, dot, field_ = path.strip().partition(".")
        if not (name and dot and field_ and equals):
            raise CannotPreview(f"{each[:80]!r} tells nothing of a context; write weather.rain=2")
        found.setdefault(name, {})[field_] = _read(text)
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

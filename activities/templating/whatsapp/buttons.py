"""The buttons of an approved template, in the order in which WhatsApp Manager shows them; what each carries.

```yaml
buttons:
  - quick_reply: tell-me-more                 # the name by which the journey hears of it
    title: Tell me more                       # what Meta's template shows: who types that has tapped it
  - url: "{{ entry.cart_id }}"                # the end of the address
  - copy_code: "{{ params.code }}"
  - phone_number                              # carries nothing, and is only counted; so is `url` without a gap
```

Promise: how many there may be of each, and in which order, is checked when the catalogue is loaded.
Source: Meta, "Template components: buttons", "Coupon code templates", "Catalog templates".
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, cast

from activities.channels.whatsapp.content import CHOICE, ButtonGap
from activities.templating.errors import Problem
from activities.templating.fields import Compilation, Values
from activities.templating.language import Phrase
from activities.templating.links import literal_of, repaired, with_encoded_parameters
from activities.templating.push import filled
from activities.templating.source import Source, Text
from activities.templating.whatsapp.parts import broken, too_long

#: How many buttons a template has at most, and of each kind.
MOST = 10
MOST_OF = {"quick_reply": 10, "url": 2, "phone_number": 1, "copy_code": 1, "catalog": 1, "flow": 1}
#: Those that stand alone.
_ALONE = frozenset({"catalog", "flow"})
#: Those that may carry nothing.
_BARE = frozenset({"url", "phone_number"})
_CARRYING = frozenset({"quick_reply", "url", "copy_code", "catalog", "flow"})
_CODE, _URL, _PRODUCT, _TOKEN = 15, 2_000, 100, 1_000
_LONGEST = {"url": _URL, "copy_code": _CODE, "catalog": _PRODUCT, "flow": _TOKEN}


@dataclass(frozen=True, slots=True)
class ButtonPart:
    """A button to be: its place, and what it carries; a choice is a name, and not a phrase."""

    place: int
    kind: str
    phrase: Phrase | None = None
    choice: str | None = None
    title: str | None = None

    def fill(self, values: Values) -> ButtonGap | None:
        """For one customer; nothing where it carries nothing.

        Raises:
            BrokenTemplate: it cannot be filled.
        """
        if self.choice is None and self.phrase is None:
            return None
        kind = cast('Literal["quick_reply", "url", "copy_code", "catalog", "flow"]', self.kind)
        return ButtonGap(place=self.place, kind=kind, value=self.choice or self._text(values))

    def _text(self, values: Values) -> str:
        assert self.phrase is not None
        text = filled(self.phrase, values, f"the button {self.kind}")
        text = repaired(text) if self.kind == "url" else text
        if len(text) > (most := _LONGEST[self.kind]):
            raise broken(self.phrase, f"{self.kind} has {len(text)} characters; WhatsApp takes {most}")
        return text


def filled_in(buttons: Sequence[ButtonPart], values: Values) -> tuple[ButtonGap, ...]:
    """Those that carry something, for one customer."""
    return tuple(gap for button in buttons if (gap := button.fill(values)) is not None)


def choices_of(buttons: Sequence[ButtonPart]) -> tuple[str, ...]:
    """What a customer may choose."""
    return tuple(button.choice for button in buttons if button.choice is not None)


def titles_of(buttons: Sequence[ButtonPart]) -> tuple[tuple[str, str], ...]:
    """What is shown on these, each with its name."""
    return tuple((button.title, button.choice) for button in buttons if button.title is not None and button.choice is not None)


def buttons_in(making: Compilation, part: Source, most: int = MOST) -> tuple[ButtonPart, ...]:
    """The buttons that a template, or one card of it, has."""
    given = part.parts("buttons")
    found = tuple(_button(making, place, each) for place, each in enumerate(given))
    line = given[0].line if given else 1
    making.problems += [Problem(part.file, line, what) for what in _wrong(found, most)]
    return found


def _button(making: Compilation, place: int, given: Source | Text) -> ButtonPart:
    if isinstance(given, Text):
        if given.value not in _BARE:
            making.problems.append(_unknown(making, given.line, given.value))
        return ButtonPart(place, given.value)
    titled = given.fields.keys() == {"quick_reply", "title"}
    kinds = ["quick_reply"] if titled else list(given.fields)
    if len(kinds) != 1 or kinds[0] not in _CARRYING:
        making.problems.append(_unknown(making, given.line, ", ".join(kinds)))
        return ButtonPart(place, "")
    button = _carrying(making, place, kinds[0], given.needed(kinds[0]))
    return replace(button, title=given.needed("title").value) if titled else button


def _carrying(making: Compilation, place: int, kind: str, text: Text) -> ButtonPart:
    if kind == "quick_reply":
        if not re.fullmatch(CHOICE, text.value):
            told = "quick_reply is a name: small letters, digits, _, - and ., at most 100; the journey asks for it"
            making.problems.append(Problem(making.source.file, text.line, told))
        return ButtonPart(place, kind, choice=text.value)
    if (size := len(literal_of(text.value))) > (most := _LONGEST[kind]):
        making.problems.append(too_long(making.source, text.line, kind, size, most))
    encoded = Text(with_encoded_parameters(text.value), text.line) if kind == "url" else text
    return ButtonPart(place, kind, making.phrase(encoded))


def _unknown(making: Compilation, line: int, what: str) -> Problem:
    known = f"write one of {', '.join(sorted(_CARRYING))} with what it carries, or {' or '.join(sorted(_BARE))} alone"
    return Problem(making.source.file, line, f"unknown button {what}", known)


def _wrong(buttons: Sequence[ButtonPart], most: int) -> list[str]:
    """What Meta would not have approved."""
    counted = Counter(button.kind for button in buttons)
    found = [f"it has {len(buttons)} buttons; WhatsApp takes {most}"] if len(buttons) > most else []
    found += [
        f"it has {counted[kind]} buttons {kind}; WhatsApp takes {of_it}"
        for kind, of_it in MOST_OF.items()
        if counted[kind] > of_it and len(buttons) <= most
    ]
    found += [f"a button {kind} stands alone" for kind in sorted(_ALONE & counted.keys()) if len(buttons) > 1]
    if len(list(groupby(button.kind == "quick_reply" for button in buttons))) > 2:  # noqa: PLR2004
        found.append("quick replies stand together, before or after the other buttons")
    choices = Counter(choices_of(buttons))
    return found + [f"two buttons are called {name}" for name, often in choices.items() if often > 1]

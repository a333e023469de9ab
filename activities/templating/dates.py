"""The `date` filter: an instant as the customer's wall shows it, in the language of the text.

Promise: no clock (`now` is refused, because business time is not the machine's) and no zone of the machine. An instant is shown
in the customer's zone; a date, or a time without a zone, stays as it was said.
Sources: Liquid's `date` (strftime directives), Unicode CLDR (names of months and days, and what is long and short).
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from babel import Locale
from babel.dates import PATTERN_CHARS, format_date, format_datetime, parse_pattern
from dateutil import parser
from liquid import RenderContext

from activities.channels.instants import since_1970
from activities.channels.languages import locale_of
from activities.templating.limits import DIGITS, BadArgument

#: Under which names a rendering knows whose wall and which language; no template can spell them.
ZONE, LANGUAGE = "$zone", "$language"

_CLDR = frozenset({"short", "medium", "long", "full"})
#: strftime directives that name something, and CLDR's patterns for them.
_NAMES = {"%A": "EEEE", "%a": "EEE", "%b": "MMM", "%h": "MMM", "%p": "a"}
_DIRECTIVE = re.compile(r"%[-^0#_]*[A-Za-z%]")
_QUOTED = re.compile("'[^']*'")
_DEFAULTS = ((2000, 1, 1), (2001, 2, 2))
_LONGEST = 200
_LONGEST_DATE = 64  # characters of what may be a date: "Wednesday, 30 September 2026 at 23:59:59.999999 +02:00"
_MILLISECONDS = 10**11  # what counts more than this counts milliseconds


def shown_date(value: object, form: str, settings: Mapping[str, object]) -> str:
    """An instant or date in a form: CLDR's `short`, `medium`, `long` or `full`, a pattern (`d MMMM, HH:mm`), or strftime's.

    Whatever holds a % is strftime's.

    What is no date is shown as it is, as Liquid does.
    """
    if value in ("now", "today"):
        raise BadArgument("date has no 'now' here; pass the date as a param", token=None)
    if len(form) > _LONGEST:
        raise BadArgument(f"a form of a date has at most {_LONGEST} characters", token=None)
    moment, locale = _moment(value, settings), _locale(settings)
    if moment is None:
        return str(value)
    if "%" in form:
        month = "MMMM" if re.search("%[-^0_]*[de]", form) else "LLLL"  # many languages bend a month beside its day
        return _DIRECTIVE.sub(lambda found: _directive(found[0], moment, month, locale), form)
    if form in _CLDR and not isinstance(moment, datetime):
        return format_date(moment, form, locale=locale)
    return _formatted(moment, form, locale)


def wrong_form(form: str) -> str | None:
    """What is wrong with a form of a date, or nothing: a letter outside of quotes that stands for nothing, or too often."""
    if "%" in form or form in _CLDR:
        return None
    strange = sorted({each for each in _QUOTED.sub("", form) if each.isalpha() and each not in PATTERN_CHARS})
    if strange:
        return f"{', '.join(strange)} stands for nothing in a date"
    try:
        parse_pattern(form)
    except ValueError as error:
        return str(error)
    return None


def _formatted(moment: date, form: str, locale: Locale) -> str:
    at = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    return format_datetime(at, form, tzinfo=at.tzinfo, locale=locale)


def _directive(directive: str, moment: date, month: str, locale: Locale) -> str:
    pattern = month if directive == "%B" else _NAMES.get(directive)
    if pattern is None:
        return moment.strftime(directive)
    return _formatted(moment, pattern, locale)


def _moment(value: object, settings: Mapping[str, object]) -> date | None:
    said = _said(value)
    if isinstance(said, datetime) and said.tzinfo is not None:
        zone = settings.get(ZONE)
        return said.astimezone(zone if isinstance(zone, tzinfo) else UTC)
    return said


def _said(value: object) -> date | None:
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) or (
        isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= DIGITS
    ):
        number = float(value)
        return since_1970(number / 1000 if number > _MILLISECONDS else number)
    if not isinstance(value, str):
        raise BadArgument(f"date needs a date, not {type(value).__name__}", token=None)
    return _read(value)


def _read(text: str) -> date | None:
    if len(text) > _LONGEST_DATE:  # a customer's data may hold anything, and looking for a date in it takes its time
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        # What a text leaves out would be taken from the default, that is, from nowhere.
        one, other = (parser.parse(text, default=datetime(*day)) for day in _DEFAULTS)  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
    return one if one == other else None


def _locale(settings: Mapping[str, object]) -> Locale:
    return locale_of(settings.get(LANGUAGE)) or Locale("en")


def settings_of(context: RenderContext) -> dict[str, Any]:
    """What a rendering knows besides its values."""
    return {name: context.globals.get(name) for name in (ZONE, LANGUAGE)}

"""Which language a customer reads: the one place that decides it, for messages, for templates' terms and for pages.

Promise: what was said of the customer (traits `language`, then `locale`) counts before what their devices say (`context.locale`
of the newest event that has one); what is no language that CLDR knows is passed over.
"""

import re
from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError

_TRAITS = ("language", "locale")


def language_of(traits: Mapping[str, Any], device: str | None = None) -> str | None:
    """What a customer reads (`es`, `es-MX`); None where nothing is known. `device` is what theirs said last."""
    told = (*(traits.get(name) for name in _TRAITS), device)
    return next((said for said in told if locale_of(said)), None)


def locale_of(said: object) -> Locale | None:
    """The language in `es`, `es-MX`, `es_MX.UTF-8`; None where it is none that CLDR knows."""
    if not isinstance(said, str):
        return None
    try:
        return Locale.parse(said.partition(".")[0].strip().replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        language = re.split("[-_]", said.strip())[0]
        return locale_of(language) if language != said else None

"""Who opened a letter or followed a link: a person, a machine, or nobody can tell.

Promise: pure; a machine is called one only where its name or its pattern says so, a person only where nothing speaks
against it. Gmail and Yahoo fetch pictures for their readers under a name of their own: that may be either.
Sources: Apple, "Protect Mail Activity" (it fetches every picture by itself, and names itself `Mozilla/5.0` and no more);
Gmail's image proxy (`GoogleImageProxy`), Yahoo's (`YahooMailProxy`); RFC 9110, 10.1.5.
"""

import re

_APPLE = "Mozilla/5.0"
_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|YahooCacheSystem|DuckDuckGo-Favicons-Bot", re.IGNORECASE)
_MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|monitor|security|proofpoint|barracuda|mimecast|trendmicro|symantec|forcepoint|safelinks"
    r"|headless|phantom|python|curl|wget|httpx|okhttp|go-http|java/|libwww|axios|node-fetch|facebookexternalhit|slack|whatsapp",
    re.IGNORECASE,
)


def opened_by_machine(user_agent: str) -> bool | None:
    """Whether a picture was fetched by a machine; None where that cannot be told."""
    if user_agent.strip() == _APPLE:
        return True
    return None if _PROXIES.search(user_agent) else followed_by_machine(user_agent)


def followed_by_machine(user_agent: str) -> bool | None:
    """Whether a link was followed by a machine, by its name alone; None where it has none."""
    if not user_agent.strip():
        return None
    return bool(_MACHINES.search(user_agent))

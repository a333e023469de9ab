"""Links: which addresses may stand in a message, checked in the template as far as literal, and once rendered.

Promise: no message leaves with a dead or dangerous link such as `javascript:…`, an empty address or one with a gap in
it.
"""

import re
from urllib.parse import urlsplit

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_FORBIDDEN = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})
WEB = frozenset({"http", "https"})
MAIL = WEB | {"mailto", "tel"}
_HREF = re.compile(r"""<[^>]*?\s(href|src)=(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def fault(address: str, *, schemes: frozenset[str] | None = WEB) -> str | None:
    """What is wrong with an address, or nothing; without `schemes` any app's own scheme will do."""
    if re.search(r"[\s<>\"\\\x00-\x1f]", address) or not address:
        return "it is empty" if not address else "it holds a character that addresses cannot have"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "it is not an address"
    scheme = parts.scheme.lower()
    if not _SCHEME.match(scheme) or scheme in _FORBIDDEN or (schemes is not None and scheme not in schemes):
        return f"it must begin with {' or '.join(f'{name}:' for name in sorted(schemes or WEB))}" + _or_app(schemes)
    if scheme in MAIL - WEB:
        return None if parts.path else "it names nobody"
    return None if parts.netloc or (scheme not in WEB and parts.path) else "it names no host"


def _or_app(schemes: frozenset[str] | None) -> str:
    return "" if schemes is not None else " or an app's own scheme"


def literal_fault(source: str, *, schemes: frozenset[str] | None = WEB) -> str | None:
    """What is wrong with a link as far as it can be told from its template."""
    if source.lstrip().startswith(("{{", "{%")):
        return None
    return fault(_LIQUID.sub("x", source).strip(), schemes=schemes)


def faults_in(html: str) -> list[str]:
    """What is wrong with the links and pictures of a rendered letter, by attribute name; the addresses stay out."""
    found = []
    for attribute, double, single in _HREF.findall(html):
        address = (double or single).replace("&amp;", "&")
        wrong = fault(address, schemes=MAIL if attribute.lower() == "href" else WEB)
        if wrong:
            found.append(f"{attribute.lower()}: {wrong}")
    return found

"""Links: which addresses may stand in a message, what in them is encoded for the author, and what is checked once rendered.

Promise: no message leaves with a dead or dangerous link such as `javascript:…` or an empty address; a "María José"
breaks none, and adds no parameter to any.
Sources: RFC 3986 (2.2 and 2.3, which characters stand for themselves), RFC 6068 (mailto), RFC 5724 (sms).
"""

import html
import re
from urllib.parse import quote, urlsplit

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_FORBIDDEN = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})
WEB = frozenset({"http", "https"})
_PERSON = frozenset({"mailto", "tel", "sms", "whatsapp"})
#: What a letter may link to; a place in itself (`#offers`) besides.
MAIL = WEB | _PERSON
_HREF = re.compile(r"""(<[^>]*?\s(href|src)=)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
#: What stands for itself in an address, or is encoded already.
_ITSELF = "%:/?#[]@!$&'()*+,;=-._~"
#: A parameter's value that is one variable, and the filters that encode one.
_PARAMETER = re.compile(r"(?<==)\{\{(-?)(.*?)(-?)\}\}", re.DOTALL)
_ENCODED = re.compile(r"\|\s*(url_encode|base64_url_safe_encode)\s*\Z")
#: A link in a text: from its scheme, or from the variable that holds its beginning.
_WEB_LINK = re.compile(r"""(?:https?://|\{\{[^{}]*\}\}(?=[/?]))(?:\{\{.*?\}\}|\{%.*?%\}|[^\s<>"'{]|\{(?![{%]))*""", re.DOTALL)


#: The filter of what is shown inside of a style.
IN_CSS = "css_encode"
_ENDS_CSS = str.maketrans({each: quote(each) for each in "'\"()\\;{}<>\n\r\f"})


def css_encoded(value: object) -> str:
    """An address, or a colour, that ends nothing in CSS: quotes, brackets, semicolons and the like are percent-encoded."""
    return str(value).translate(_ENDS_CSS)


def fault(address: str, *, schemes: frozenset[str] | None = WEB) -> str | None:
    """What is wrong with an address, or nothing; without `schemes` any app's own scheme will do."""
    if re.search(r"[\s<>\"\\\x00-\x1f]", address) or not address:
        return "it is empty" if not address else "it holds a character that addresses cannot have"
    if address.startswith("#") and schemes == MAIL:
        return None if address[1:] else "it leads nowhere"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "it is not an address"
    scheme = parts.scheme.lower()
    if not _SCHEME.match(scheme) or scheme in _FORBIDDEN or (schemes is not None and scheme not in schemes):
        return f"it must begin with {' or '.join(f'{name}:' for name in sorted(schemes or WEB))}" + _or_app(schemes)
    if scheme in _PERSON:
        return None if parts.path or parts.netloc or parts.query else "it names nobody"
    return None if parts.netloc or (scheme not in WEB and parts.path) else "it names no host"


def _or_app(schemes: frozenset[str] | None) -> str:
    return "" if schemes is not None else " or an app's own scheme"


def literal_fault(source: str, *, schemes: frozenset[str] | None = WEB) -> str | None:
    """What is wrong with a link as far as it can be told from its template."""
    if source.lstrip().startswith(("{{", "{%")):
        return None
    return fault(_LIQUID.sub("x", source).strip(), schemes=schemes)


def literal_of(source: str) -> str:
    """What stands in a template whatever the values are: its text without variables; nothing where it depends on tags."""
    return "" if "{%" in source else _LIQUID.sub("", source)


def with_encoded_parameters(link: str) -> str:
    """A link's template in which each variable that is a parameter's value (`?name={{ … }}`) is encoded as one."""
    return _PARAMETER.sub(_encode, link)


def _encode(found: re.Match[str]) -> str:
    before, expression, after = found.groups()
    return found[0] if _ENCODED.search(expression.strip()) else f"{{{{{before}{expression.rstrip()} | url_encode {after}}}}}"


def encoded_in(source: str) -> str:
    """A text or MJML with the parameters of all its literal web links encoded."""
    return _WEB_LINK.sub(lambda link: with_encoded_parameters(link[0]), source)


def repaired(address: str) -> str:
    """An address in which what cannot stand in one is percent-encoded, as browsers do."""
    return quote(address.strip(), safe=_ITSELF)


def repaired_in(letter: str) -> str:
    """A rendered letter with its links and pictures repaired."""
    return _HREF.sub(_mend, letter)


def _mend(found: re.Match[str]) -> str:
    address = html.unescape(_address(found))
    mended = repaired(address)
    return found[0] if mended == address else f'{found[1]}"{html.escape(mended)}"'


def _address(found: re.Match[str]) -> str:
    return str(found[3] if found[3] is not None else found[4])


def faults_in(letter: str) -> list[str]:
    """What is wrong with the links and pictures of a rendered letter, by attribute name; the addresses stay out."""
    found = []
    for match in _HREF.finditer(letter):
        attribute = match[2].lower()
        wrong = fault(html.unescape(_address(match)), schemes=MAIL if attribute == "href" else WEB)
        if wrong:
            found.append(f"{attribute}: {wrong}")
    return found

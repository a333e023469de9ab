"""What somebody wants to be told, read from what a call or a command gives.

Promise: pure; what is wrong is told in a sentence, without the address, which may hold a secret of the receiver's.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from activities.web.addresses import Network, may_be_asked
from store.subscriptions import TYPES, Wanted

_LONGEST = 2_000  # characters of an address


class Unwanted(ValueError):
    """It cannot be told like that; `of` is the field, the message says what to do."""

    def __init__(self, of: str, told: str) -> None:
        super().__init__(told)
        self.of = of


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to name: journeys, segments, and networks inside that are open."""

    journeys: Collection[str]
    segments: Collection[str]
    opened: Sequence[Network] = ()


def wanted(
    name: str,
    url: str,
    types: Iterable[str],
    known: Known,
    *,
    journeys: Iterable[str] = (),
    segments: Iterable[str] = (),
    personal: bool = False,
) -> Wanted:
    """Who is to be told of what.

    Raises:
        Unwanted: the address is none that may be asked, or a type, a journey or a segment is unknown.
    """
    _insist_on_address(url, known.opened)
    return Wanted(
        name,
        url,
        tuple(_types(types)),
        tuple(_all_known("journeys", journeys, known.journeys)),
        tuple(_all_known("segments", segments, known.segments)),
        personal,
    )


def _types(given: Iterable[str]) -> list[str]:
    """The types meant, in the order in which they are told; `run.*` is all of runs, `*` is everything."""
    found = list(given)
    meant = {each for name in found for each in TYPES if _means(name, each)}
    for name in found:
        if not any(_means(name, each) for each in TYPES):
            raise Unwanted(
                "types", f"there is no type {name[:60]!r}; there are: {', '.join(TYPES)}, and `run.*` for all of runs"
            )
    if not meant:
        raise Unwanted("types", f"name at least one type: {', '.join(TYPES)}")
    return [each for each in TYPES if each in meant]


def _means(name: str, type_: str) -> bool:
    return name == "*" or (type_.startswith(name[:-1]) if name.endswith(".*") else name == type_)


def _all_known(of: str, given: Iterable[str], known: Collection[str]) -> list[str]:
    found = list(dict.fromkeys(given))
    for name in found:
        if name not in known:
            raise Unwanted(of, f"no {of[:-1]} {name[:100]!r}; there are: {', '.join(sorted(known)) or 'none'}"[:1_000])
    return found


def _insist_on_address(url: str, opened: Sequence[Network]) -> None:
    try:
        where = urlsplit(url)
        host, _ = where.hostname, where.port
    except ValueError:
        raise Unwanted("url", "this is no address; it begins with https:// and a host") from None
    if where.scheme not in ("https", "http") or not host or len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise Unwanted("url", "an address begins with https:// and a host, and has at most 2,000 characters")
    if where.username or where.password or where.fragment:
        raise Unwanted("url", "an address holds no user, password or fragment; receivers know us by the signature")
    if where.scheme == "http" and not opened:
        raise Unwanted("url", "an address begins with https://; plain HTTP goes to networks of JOURNEYS_PRIVATE_TARGETS only")
    if not _may_lead(host, opened):
        raise Unwanted("url", "this address is inside; open its network with JOURNEYS_PRIVATE_TARGETS if it is meant")


def _may_lead(host: str, opened: Sequence[Network]) -> bool:
    """Whether it may be asked, as far as can be said before its name is looked up."""
    try:
        ip_address(host)
    except ValueError:
        return bool(opened) or (host != "localhost" and not host.endswith(".localhost"))
    return may_be_asked(host, opened)

"""People by the company's own accounts: what their groups may here, and who they are to us, by whichever door they come."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from store.keys import Grant, Role

_NAMES = ("email", "preferred_username", "name", "sub")
_HERE = {"localhost", "127.0.0.1", "::1"}


class BadRoles(ValueError):
    """JOURNEYS_OIDC_ROLES cannot be read; the message says what to write."""


class BadIssuer(ValueError):
    """JOURNEYS_OAUTH_ISSUER is no address that may vouch for anybody; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """Where the company's people have their accounts, and what their groups may; the first that somebody is in counts."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    grants: Mapping[str, Grant]
    #: The claim that has the groups.
    claim: str = "groups"


@dataclass(frozen=True, slots=True)
class OAuth:
    """The authorization server whose access tokens are let in, and what the groups in them may.

    Raises:
        BadIssuer: it is no https address, but for one of this machine.
    """

    issuer: str
    grants: Mapping[str, Grant]
    claim: str = "groups"
    #: Beside our own addresses, what tokens for us are made out to, where the server does not know resource indicators.
    audiences: Collection[str] = ()
    #: Requests that one subject may make in a minute, of each process; None: any number.
    per_minute: int | None = None

    def __post_init__(self) -> None:
        """See that nobody in between can say to be the server (OAuth 2.1, 1.5)."""
        parts = urlsplit(self.issuer)
        if not (parts.scheme == "https" and parts.hostname) and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise BadIssuer(
                f"JOURNEYS_OAUTH_ISSUER is {self.issuer!r}; write the issuer's https address, as its metadata says it"
            )


def grants_of(text: str) -> dict[str, Grant]:
    """What groups may, from `marketing=read, ops=operate+personal, carts=operate+personal:cart_abandonment|cart_doubts`.

    Raises:
        BadRoles: it is none of that.
    """
    found: dict[str, Grant] = {}
    for line in filter(None, (each.strip() for each in text.split(","))):
        group, _, granted = line.partition("=")
        role, _, journeys = granted.partition(":")
        name, plus, more = role.strip().partition("+")
        if not group.strip() or name not in {"read", "operate", "admin"} or (plus and more != "personal"):
            raise BadRoles(f"JOURNEYS_OIDC_ROLES has {line!r}; write group=read, group=operate+personal, or …:journey|journey")
        of = tuple(filter(None, (each.strip() for each in journeys.split("|"))))
        found[group.strip()] = Grant(Role(name), bool(plus), of)
    return found


def group_in(claims: Mapping[str, Any], claim: str, grants: Mapping[str, Grant]) -> str | None:
    """The first group of the settings that what is claimed of somebody puts them into."""
    told = claims.get(claim, [])
    groups = [str(each) for each in told] if isinstance(told, list) else [str(told)]
    return next((group for group in grants if group in groups), None)


def name_in(claims: Mapping[str, Any]) -> str:
    """As what the audit knows them."""
    return next(str(claims[each])[:200] for each in _NAMES if claims.get(each))


def person_id(issuer: str, subject: str) -> UUID:
    """The same person has the same id, by whichever door they come."""
    return uuid5(NAMESPACE_URL, f"{issuer} {subject}")

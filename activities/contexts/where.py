"""Where providers of contexts are, and what opens them: read from the setting, which goes before the catalogue's address.

Promise: what is wrong is told by the context's name and the field's; no address and no key is repeated.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

#: A context that is not named is here; `{name}` in its address is the context's.
ANY_OTHER = "*"


def _address(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an address begins with https:// and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address holds no user, password, query or fragment; a key goes into query or authorization")
    return given


class Where(BaseModel):
    """One provider: another address than the catalogue's, and the key that it wants to see, in the query or as a header."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_address)] | None = Field(default=None, repr=False)
    query: dict[str, SecretStr] = Field(default_factory=dict)
    authorization: SecretStr | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """What is added to the query."""
        return {name: each.get_secret_value() for name, each in self.query.items()}

    @property
    def headers(self) -> dict[str, str]:
        """What is added to the header."""
        return {"authorization": self.authorization.get_secret_value()} if self.authorization else {}


_READER = TypeAdapter(dict[str, Where])


def where_of(text: str) -> dict[str, Where]:
    """Providers by their contexts' names, from JSON: `{"weather": {"query": {"apikey": "…"}}}`.

    Raises:
        ValueError: it is something else.
    """
    try:
        return _READER.validate_json(text or "{}")
    except ValidationError as error:
        faults = error.errors(include_input=False)
        raise ValueError("; ".join(_told(e["loc"], e["msg"]) for e in faults)) from None


def located(known: Mapping[str, Where], name: str) -> Where:
    """What settings say of a context's provider; mostly nothing."""
    if name in known:
        return known[name]
    other = known.get(ANY_OTHER, Where())
    return other.model_copy(update={"url": other.url and other.url.replace("{name}", name)})


def _told(place: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(map(str, place)) or 'all of it'}: {what.removeprefix('Value error, ')}"

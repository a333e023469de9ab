"""Where services are, and what signs a call to them: read from the setting, which stands in no catalogue.

Promise: what is wrong is told by the service's name and the field's; no address and no secret is repeated.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from activities.web.signing import key_of

#: A service that is not named is here; `{name}` in its address is the service's.
ANY_OTHER = "*"


def _address(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an address begins with https:// and a host")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("an address holds no user, password or fragment; what it wants to see goes into authorization")
    return given


def _secrets(given: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in given:
        key_of(secret.get_secret_value())
    return given


class Where(BaseModel):
    """One service: its address, the secrets that sign calls (two while one is replaced), and what else it wants to see."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_address)] = Field(repr=False)
    secrets: Annotated[tuple[SecretStr, ...], AfterValidator(_secrets)] = Field(min_length=1, max_length=3)
    authorization: SecretStr | None = None

    @property
    def keys(self) -> list[bytes]:
        """What calls are signed with."""
        return [key_of(secret.get_secret_value()) for secret in self.secrets]


_READER = TypeAdapter(dict[str, Where])


def where_of(text: str) -> dict[str, Where]:
    """Services by name, from JSON: `{"crm": {"url": "https://…", "secrets": ["whsec_…"]}}`.

    Raises:
        ValueError: it is something else.
    """
    try:
        return _READER.validate_json(text or "{}")
    except ValidationError as error:
        raise ValueError("; ".join(_told(e["loc"], e["msg"]) for e in error.errors(include_input=False))) from None


def located(known: Mapping[str, Where], name: str) -> Where | None:
    """Where a service is; None where nobody has said."""
    if name in known:
        return known[name]
    other = known.get(ANY_OTHER)
    return other.model_copy(update={"url": other.url.replace("{name}", name)}) if other else None


def _told(place: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(map(str, place)) or 'all of it'}: {what.removeprefix('Value error, ')}"

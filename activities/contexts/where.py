"""Where providers of contexts are, and what opens them: read from the setting, which goes before the catalogue's address."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter

from activities.web.where import address, read


def _bare(given: str) -> str:
    if urlsplit(address(given)).query:
        raise ValueError("an address holds no query; a key goes into query or authorization")
    return given


class Where(BaseModel):
    """One provider: another address than the catalogue's, and the key that it wants to see, in the query or as a header."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_bare)] | None = Field(default=None, repr=False)
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
    return read(_READER, text)

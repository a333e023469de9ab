"""Where services are, and what signs a call to them: read from the setting, which stands in no catalogue."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter

from activities.web.signing import key_of
from activities.web.where import address, read


def _secrets(given: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in given:
        key_of(secret.get_secret_value())
    return given


class Where(BaseModel):
    """One service: its address, the secrets that sign calls (two while one is replaced), and what else it wants to see."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(address)] = Field(repr=False)
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
    return read(_READER, text)

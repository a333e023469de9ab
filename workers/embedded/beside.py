"""Settings of a command that is typed beside a running stack: what they leave out is as that stack has it.

Promise: needs nothing of the extra `embedded`. A configured database that is another one has nothing of the stack's beside it.
"""

from typing import Any

from pydantic import SecretStr

from workers.embedded.vault import Running, Secrets, running, secrets_in
from workers.settings import Settings


def beside(given: Settings) -> Settings:
    """The settings, completed by the stack that runs on their data directory, if one does."""
    found = running(given.data_dir)
    if found is None or _elsewhere(given, found):
        return given
    return given.model_copy(update={**_addresses(given, found), **_secrets(given, secrets_in(given.data_dir))})


def _elsewhere(given: Settings, found: Running) -> bool:
    return given.database_url is not None and given.database_url.get_secret_value() != found.dsn


def _addresses(given: Settings, found: Running) -> dict[str, Any]:
    told: dict[str, Any] = {"database_url": SecretStr(found.dsn)}
    if given.temporal_address is None and found.temporal:  # a cloud's key in the environment is not for the embedded server
        told |= {"temporal_address": found.temporal, "temporal_api_key": None, "temporal_tls": False}
    if given.temporal_ui_url is None and found.temporal_ui:
        told["temporal_ui_url"] = found.temporal_ui
    return told | ({"public_url": found.api} if found.api and "public_url" not in given.model_fields_set else {})


def _secrets(given: Settings, private: Secrets) -> dict[str, SecretStr]:
    """As the stack's programs are told them: a key to deploy with only where nobody else is named who may."""
    told = {} if given.secret.get_secret_value() else {"secret": SecretStr(private.secret)}
    named = given.deploy_key.get_secret_value() or given.deploy_public_keys
    return told if named else told | {"deploy_key": SecretStr(private.deploy_key)}

"""Configured addresses: tried before anything starts, and refused in one sentence that names the setting.

Promise: needs nothing of the extra `embedded`, since every command with a database comes by here.
"""

import asyncio
from urllib.parse import urlsplit

import asyncpg

from workers.embedded.errors import SettingUnusable
from workers.settings import Settings

OLDEST_MAJOR = 16  # pg_input_is_valid, which guards casts from JSON
_PATIENCE = 5.0  # seconds
_PLAIN = {
    "Connection refused": "connection refused",
    "Connect call failed": "connection refused",
    "failed to lookup address": "no such host",
    "Name or service not known": "no such host",
    "timed out": "no answer",
}


async def reach_postgres(dsn: str) -> None:
    """Make sure that Postgres answers at the configured address and is new enough.

    Raises:
        SettingUnusable: which setting, and what was tried.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=_PATIENCE)
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        wanted = "postgresql://user:password@host:port/database"
        raise SettingUnusable(f"JOURNEYS_DATABASE_URL is not an address like {wanted} ({error})") from error
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise SettingUnusable(f"JOURNEYS_DATABASE_URL: no Postgres at {where(dsn)} ({_cause(error)})") from error
    try:
        if connection.get_server_version().major < OLDEST_MAJOR:
            raise SettingUnusable(f"JOURNEYS_DATABASE_URL: {where(dsn)} is older than PostgreSQL {OLDEST_MAJOR}")
    finally:
        await connection.close()


def where(dsn: str) -> str:
    """An address without the user and the password."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


async def reach_temporal(settings: Settings) -> None:
    """Make sure that Temporal answers at the configured address and has the namespace.

    Raises:
        SettingUnusable: which setting, and what was tried.
    """
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.client import Client
    from temporalio.service import RPCError, RPCStatusCode

    address, namespace = settings.temporal_address or "", settings.temporal_namespace
    key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None
    try:
        async with asyncio.timeout(_PATIENCE):
            client = await Client.connect(address, namespace=namespace, api_key=key, tls=bool(key) or settings.temporal_tls)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise SettingUnusable(f"JOURNEYS_TEMPORAL_ADDRESS={address}: no Temporal server there ({_cause(error)})") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise SettingUnusable(f"JOURNEYS_TEMPORAL_NAMESPACE={namespace}: {address} has no such namespace") from error
        raise SettingUnusable(f"JOURNEYS_TEMPORAL_ADDRESS={address}: it refused us ({error.message})") from error


def _cause(error: Exception) -> str:
    """The last words of a nested transport error, which are the ones a person understands."""
    if isinstance(error, TimeoutError):
        return f"no answer within {_PATIENCE:.0f} s"
    text = str(error)
    for known, plain in _PLAIN.items():
        if known in text:
            return plain
    return text

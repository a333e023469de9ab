"""Secrets of the embedded stack: made at the first start, kept in files that only their owner can read."""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """The API keys of the embedded stack, in the clear."""

    ingest: str = field(repr=False)
    client: str = field(repr=False)
    operate: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signs links and webhooks, and what our side shows to the sandbox providers."""

    secret: str = field(repr=False)
    whatsapp_app_secret: str = field(repr=False)
    whatsapp_verify_token: str = field(repr=False)
    whatsapp_token: str = field(repr=False)
    twilio_token: str = field(repr=False)
    deploy_key: str = field(repr=False)
    api_database: str = field(repr=False)
    service_secret: str = field(repr=False)
    web_push: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running stack is."""

    dsn: str = field(repr=False)
    temporal: str = ""
    temporal_ui: str = ""
    api: str = ""


def keys_in(directory: Path) -> Keys:
    """The keys in `keys.json`, made when there are none."""
    return Keys(**_kept(directory / "keys.json", {role: f"jk_{role}_" for role in ("ingest", "client", "operate")}))


def secrets_in(directory: Path) -> Secrets:
    """The secrets in `secrets.json`, made when there are none."""
    return Secrets(**_kept(directory / "secrets.json", dict.fromkeys(Secrets.__annotations__, "")))


def note_running(directory: Path, found: Running) -> None:
    """Leave the running stack's addresses for other commands in `running.json`."""
    _write_private(directory / "running.json", json.dumps(asdict(found)))


def forget_running(directory: Path) -> None:
    """The stack stopped."""
    (directory / "running.json").unlink(missing_ok=True)


def running(directory: Path) -> Running | None:
    """Where the stack is that runs on this directory, if one does."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return Running(**json.loads((directory / "running.json").read_text()))
    return None


def _kept(path: Path, prefixes: Mapping[str, str]) -> dict[str, str]:
    """What the file holds, completed with fresh random values for names that it lacks."""
    known: dict[str, str] = {}
    with suppress(FileNotFoundError):
        known = json.loads(path.read_text())
    values = {name: known.get(name) or prefix + secrets.token_urlsafe(24) for name, prefix in prefixes.items()}
    if values != known:
        _write_private(path, json.dumps(values, indent=2) + "\n")
    return values


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)

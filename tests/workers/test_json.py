"""Every command answers programs: it takes --json, or stands here with why not."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from tests.command_line import in_thread, journeys
from workers.cli.main import app

SECRET = secrets.token_hex(32)
#: Which commands take no --json, and why.
WITHOUT = {
    "demo": "a show on a terminal",
    "dev": "runs in the foreground",
    "api": "a process of its own",
    "worker": "a process of its own",
    "mcp": "speaks the protocol of agents, which is JSON",
    "mailbox": "a mail server reads its exit code",
    "profiles export": "prints JSON alone",
    "profiles consent": "prints JSON, unless it is asked for a document",
}


def leaves(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    inside = getattr(group, "commands", {})
    if name and (not inside or group.invoke_without_command):
        yield name, group
    for each, within in inside.items():
        yield from leaves(within, f"{name} {each}".strip())


def test_every_command_takes_json_or_says_why_not() -> None:
    without = {name for name, command in leaves(get_command(app)) if not any("--json" in each.opts for each in command.params)}
    assert without == set(WITHOUT)


async def _json(dsn: str, *arguments: str) -> Any:
    done = await in_thread(*arguments, "--json", database_url=dsn, secret=SECRET)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_what_is_done_is_told_as_json(dsn: str) -> None:
    assert await _json(dsn, "migrate") == {"applied": [], "api_role": False}
    made = await _json(dsn, "keys", "create", "web", "--role", "client", "--origin", "https://shop.example")
    rotated = await _json(dsn, "keys", "rotate", "web")
    assert made["name"] == rotated["name"] == "web"
    assert made["key"] != rotated["key"]
    assert len((await _json(dsn, "keys", "identity", "web"))["identity_secret"]) > 20
    assert await _json(dsn, "keys", "revoke", "web") == {"revoked": "web"}
    assert set(await _json(dsn, "keys", "web-push")) == {"JOURNEYS_WEB_PUSH_KEY", "JOURNEYS_WEB_PUSH_PUBLIC_KEY"}
    (row,) = await _json(dsn, "suppressions", "add", "ana@shop.example")
    assert (row["channel"], len(row["digest"])) == ("email", 64)
    assert await _json(dsn, "suppressions", "look-up", "ana@shop.example") == await _json(dsn, "suppressions", "list") == [row]
    assert await _json(dsn, "suppressions", "take-back", "ana@shop.example") == {"lifted": 0, "revived": 0, "kept": 1}
    for command in (("profiles", "erasures"), ("profiles", "retention"), ("dead-letters", "list")):
        assert await _json(dsn, *command) == []
    assert (await _json(dsn, "dead-letters", "replay", "--all"))["stored"] == 0
    assert await _json(dsn, "dead-letters", "purge", "--all") == {"purged": 0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("version",), "version"), (("graph", "nps"), "nodes"), (("deploy", "--public-key"), "public_key")],
)
def test_what_needs_no_database_tells_it_too(arguments: tuple[str, ...], told: str) -> None:
    done = journeys(*arguments, "--json", deploy_key=SECRET)
    assert done.returncode == 0, done.stderr
    assert told in json.loads(done.stdout)

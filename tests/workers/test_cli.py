"""The command line: quick to answer, failures in one line without a traceback, keys shown once."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import SecretStr

from api.ingest.signed import identity_secret
from segments import Segment, did
from store import connect
from store.keys import Role, find_key
from tests.command_line import freshly, in_thread, journeys
from workers.embedded.beside import beside
from workers.embedded.vault import Running, note_running, secrets_in
from workers.settings import Settings
from workers.signing import private_key, public_text

HEAVY = {"temporalio", "fastapi", "sqlalchemy", "asyncpg", "pydantic", "httpx"}
NOBODY = "127.0.0.1:9"
SERVERS = {"database_url": "postgresql://h/d", "temporal_address": NOBODY}


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom workers.cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(finished.stderr.split())


def test_help_tells_a_newcomer_where_to_begin() -> None:
    told = journeys("--help").stdout
    assert "New here? Run `journeys demo`" in told
    for command in ("demo", "new", "check", "dev", "api", "worker", "migrate", "keys", "version"):
        assert f" {command} " in told


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("worker", ["JOURNEYS_DATABASE_URL, JOURNEYS_TEMPORAL_ADDRESS, JOURNEYS_SECRET and a catalogue"]),
        ("api", ["needs JOURNEYS_DATABASE_URL, JOURNEYS_SECRET and a catalogue"]),
        ("demo", ["in a checkout"]),
        ("dev", ["needs the extra `embedded`"]),
    ],
)
def test_help_says_what_a_command_needs(command: str, words: list[str]) -> None:
    told = " ".join(journeys(command, "--help").stdout.split())
    assert [each for each in words if each not in told] == []


def test_the_predicate_that_help_shows_is_one() -> None:
    told = " ".join(journeys("segments", "count", "--help").stdout.replace("│", " ").split())
    shown = json.loads(told.partition("such as ")[2].partition("; -:")[0])
    assert Segment.from_json({"name": "shown", "predicate": shown}).predicate == did("Signed Up").within(days=7)


@pytest.mark.parametrize("how", ["version", "--version"])
def test_version(how: str) -> None:
    assert freshly(how).stdout.strip().count(".") == 2


@pytest.mark.parametrize("command", ["dev", "demo"])
@pytest.mark.parametrize("why", ["file exists", "not a directory"])
def test_a_data_directory_that_cannot_be_used_is_one_sentence(command: str, why: str, tmp_path: Path) -> None:
    """E14."""
    (tmp_path / "taken").touch()
    folder = tmp_path / "taken" if why == "file exists" and command == "dev" else tmp_path / "taken" / "below"
    finished = journeys(command, "--data-dir", str(folder), cwd=tmp_path)
    assert finished.returncode == 1
    assert f"the data directory {folder}" in finished.stderr
    assert finished.stderr.endswith("; choose another with --data-dir or JOURNEYS_DATA_DIR\n")
    assert len(finished.stderr.splitlines()) == 1


def test_a_data_directory_that_is_a_file_holds_no_stack(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    told = journeys("keys", "list", data_dir=str(tmp_path / "taken")).stderr
    assert told.startswith("journeys: JOURNEYS_DATABASE_URL is not set, and no `journeys dev` runs here")


async def test_a_setting_that_is_none_is_told_and_has_no_effect(empty_dsn: str) -> None:
    """E14."""
    finished = await in_thread("migrate", database_url=empty_dsn, colour="blue")
    assert (finished.returncode, finished.stderr) == (0, "journeys: there is no setting JOURNEYS_COLOUR; it has no effect\n")


def test_a_setting_misspelt_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nexport JOURNEYS_DATABSE_URL=postgresql://h/d\n")
    told = journeys("migrate", cwd=tmp_path).stderr
    assert told == "journeys: there is no setting JOURNEYS_DATABSE_URL; did you mean JOURNEYS_DATABASE_URL?\n"


def test_the_api_needs_no_temporal() -> None:
    """E14: with its port taken it stops a step later than it did at the missing address."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = journeys("api", database_url="postgresql://h/d", secret=token_hex(32), api_port=port).stderr
    assert told == f"journeys: JOURNEYS_API_PORT={port}: something else listens there on 127.0.0.1\n"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"smtp_url": "smtp://relay:25"}, "JOURNEYS_SMTP_URL is set, and not what goes with it: JOURNEYS_EMAIL_FROM"),
        (
            {"aws_sms_region": "eu-west-1", "aws_sms_access_key_id": "AKIA", "sms_senders": "Shop"},
            "JOURNEYS_AWS_SMS_REGION is set, and not what goes with it: JOURNEYS_AWS_SMS_SECRET_ACCESS_KEY",
        ),
    ],
)
def test_a_worker_with_half_a_provider_says_what_to_set(settings: dict[str, str], sentence: str) -> None:
    told = journeys("worker", **SERVERS, secret=token_hex(32), **settings)
    assert (told.returncode, told.stderr) == (1, f"journeys: {sentence}\n")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"api_port": "many"}, "JOURNEYS_API_PORT: input should be a valid integer"),
        ({"clock_speed": "-1", "watch_shards": "999"}, "JOURNEYS_WATCH_SHARDS: input should be less than or equal to 256"),
        ({"log_level": "LOUD"}, "JOURNEYS_LOG_LEVEL: input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ({"secret": "short"}, "JOURNEYS_SECRET: it has 5 characters and must have at least 32; make one with `openssl rand"),
        ({"secret": "change-me-once"}, "JOURNEYS_SECRET: it has 14 characters"),
        ({"secret": "change-me-once-and-keep-it-for-ever!"}, "JOURNEYS_SECRET: it is an example or can be guessed"),
        ({"secret": "a" * 64}, "JOURNEYS_SECRET: it is an example or can be guessed"),
        ({"deploy_key": "change-me-three-times"}, "JOURNEYS_DEPLOY_KEY: it has 21 characters"),
        ({"deploy_key": "/nowhere/key"}, "JOURNEYS_DEPLOY_KEY: there is no such file"),
    ],
)
@pytest.mark.parametrize("command", ["dev", "worker", "api", "migrate"])
def test_a_wrong_setting_is_one_sentence_that_names_it(command: str, settings: dict[str, str], sentence: str) -> None:
    finished = journeys(command, **settings)
    assert finished.returncode == 1
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("command", "settings", "sentence"),
    [
        ("worker", {}, "JOURNEYS_DATABASE_URL is not set"),
        ("api", SERVERS, "JOURNEYS_SECRET is not set: it signs unsubscribe links; make one with `openssl rand -hex 32`"),
        ("worker", {**SERVERS, "secret": ""}, "JOURNEYS_SECRET is not set"),
        (
            "worker",
            {**SERVERS, "secret": token_hex()},
            "JOURNEYS_DEPLOY_PUBLIC_KEYS is not set: workers run only what somebody",
        ),
        ("worker", {"database_url": "postgresql://h/d"}, "JOURNEYS_TEMPORAL_ADDRESS is not set"),
        ("dev", {"catalog": "acme"}, "there is no setting JOURNEYS_CATALOG; did you mean JOURNEYS_CATALOGUE?"),
        ("dev", {"catalogue": "acme_nowhere"}, "there is no module 'acme_nowhere', which JOURNEYS_CATALOGUE names"),
        ("migrate", {"database_url": f"postgresql://u:hidden@{NOBODY}/d"}, f"JOURNEYS_DATABASE_URL: no Postgres at {NOBODY}/d"),
        ("migrate", {"database_url": "postgresql://u:hidden@h:x/d"}, "JOURNEYS_DATABASE_URL is not an address like"),
        ("dev", {"temporal_address": NOBODY}, f"JOURNEYS_TEMPORAL_ADDRESS={NOBODY}: no Temporal server there"),
        ("dev", {"database_url": f"postgresql://u:hidden@{NOBODY}/d"}, "JOURNEYS_DATABASE_URL: no Postgres at"),
    ],
)
def test_what_is_missing_or_unreachable_is_one_sentence(
    command: str, settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    finished = journeys(command, cwd=tmp_path, **settings)
    assert finished.returncode == 1
    assert sentence in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
    assert "hidden" not in finished.stderr


def test_without_a_database_the_key_commands_say_what_to_do(tmp_path: Path) -> None:
    finished = journeys("keys", "list", cwd=tmp_path)
    assert finished.returncode == 1
    assert "JOURNEYS_DATABASE_URL is not set, and no `journeys dev` runs here" in finished.stderr


async def test_migrate_says_what_it_applied(empty_dsn: str) -> None:
    told = await asyncio.to_thread(freshly, "migrate", database_url=empty_dsn)
    assert told.stdout.splitlines()[0] == "applied 0001_core.sql"
    assert (await in_thread("migrate", database_url=empty_dsn)).stdout == "the schema is up to date\n"


async def test_a_key_is_made_shown_once_listed_and_revoked(dsn: str) -> None:
    made = await in_thread("keys", "create", "web-shop", "--role", "operate", database_url=dsn)
    key = made.stdout.strip()
    assert key.startswith("jk_operate_")
    database = await connect(dsn)
    found = await find_key(database.pool, key)
    assert found is not None
    assert (found.name, found.role) == ("web-shop", Role.OPERATE)
    listed = await in_thread("keys", "list", database_url=dsn)
    assert listed.stdout.startswith("web-shop\toperate\tcreated ")
    assert key not in listed.stdout
    assert (await in_thread("keys", "revoke", "web-shop", database_url=dsn)).stdout == "revoked web-shop\n"
    assert await find_key(database.pool, key) is None
    await database.close()
    again = await in_thread("keys", "revoke", "web-shop", database_url=dsn)
    assert (again.returncode, again.stderr) == (1, "journeys: no key named 'web-shop' is in use; see `journeys keys list`\n")


async def test_a_client_s_key_has_its_pages_and_a_secret_that_signs_its_users(dsn: str) -> None:
    secret = token_hex(32)
    options = ("--role", "client", "--origin", "https://Shop.example/", "--origin", "http://localhost:3000")
    made = await in_thread("keys", "create", "web", *options, database_url=dsn)
    assert made.stdout.startswith("jk_client_")
    listed = await in_thread("keys", "list", database_url=dsn)
    assert listed.stdout.startswith("web\tclient\tcreated ")
    assert listed.stdout.endswith("\tin use\tnever used\thttp://localhost:3000\thttps://shop.example\n")
    told = await in_thread("keys", "identity", "web", database_url=dsn, secret=secret)
    assert told.stdout == identity_secret(secret, "web") + "\n"
    unset = await in_thread("keys", "identity", "web", database_url=dsn)
    assert "JOURNEYS_SECRET is not set" in unset.stderr
    other = await in_thread("keys", "identity", "nobody", database_url=dsn, secret=secret)
    assert other.stderr == "journeys: no client's key is named 'nobody'; see `journeys keys list`\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--role", "page"), "--role page: choose one of ingest, client, start, read, operate, admin"),
        (("--expires", "soon"), "--expires soon: write days, hours or minutes, such as 90d, 12h or 30m"),
        (
            ("--role", "admin", "--journey", "nps"),
            "a key of the role 'admin' is of all journeys; of some are start, read, operate",
        ),
        (
            ("--origin", "https://shop.example"),
            "a server's key must not stand in a web page, so it has no origins",
        ),
        (
            ("--role", "client", "--origin", "shop.example"),
            "'shop.example' is not an origin; give scheme and host alone",
        ),
        (
            ("--role", "client", "--personal"),
            "a key of the role 'client' reads nothing; personal data is for read, operate, admin",
        ),
    ],
)
async def test_a_key_that_cannot_be_is_one_sentence(dsn: str, options: tuple[str, ...], sentence: str) -> None:
    made = await in_thread("keys", "create", "web", *options, database_url=dsn)
    assert (made.returncode, made.stdout) == (1, "")
    assert made.stderr.startswith(f"journeys: {sentence}")


async def test_gov_02_a_key_that_ends_is_of_some_journeys_and_gets_another_secret(dsn: str) -> None:
    options = ("--role", "operate", "--personal", "--journey", "nps", "--per-minute", "60", "--expires", "90d")
    first = (await in_thread("keys", "create", "ops", *options, database_url=dsn)).stdout.strip()
    second = (await in_thread("keys", "rotate", "ops", "--grace", "12h", database_url=dsn)).stdout.strip()
    third = (await in_thread("keys", "rotate", "ops", "--grace", "0h", "--expires", "1d", database_url=dsn)).stdout.strip()
    database = await connect(dsn)
    assert [await find_key(database.pool, key) is not None for key in (first, second, third)] == [False, False, True]
    found = await find_key(database.pool, third)
    assert found is not None
    assert (found.role, found.personal, set(found.journeys), found.per_minute) == (Role.OPERATE, True, {"nps"}, 60)
    await database.close()
    [told] = json.loads((await in_thread("keys", "list", "--json", database_url=dsn)).stdout)
    assert datetime.fromisoformat(told["grant"]["ends_at"]) < datetime.now(UTC) + timedelta(days=2)
    listed = (await in_thread("keys", "list", database_url=dsn)).stdout
    assert listed.startswith("ops\toperate, personal, of nps, 60 a minute\tcreated ")
    assert "\tuntil 20" in listed
    gone = await in_thread("keys", "rotate", "nobody", database_url=dsn)
    assert gone.stderr == "journeys: no key named 'nobody' is in use; see `journeys keys list`\n"


async def test_a_name_that_is_taken_and_a_role_that_is_none_are_told(dsn: str) -> None:
    await in_thread("keys", "create", "app", database_url=dsn)
    taken = await in_thread("keys", "create", "app", database_url=dsn)
    assert (taken.returncode, taken.stderr) == (1, "journeys: there is a key named 'app' already; choose another name\n")
    wrong = await in_thread("keys", "create", "other", "--role", "owner", database_url=dsn)
    assert wrong.stderr == "journeys: --role owner: choose one of ingest, client, start, read, operate, admin\n"


async def test_key_commands_find_the_stack_that_runs_on_the_data_directory(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(json.dumps({"dsn": dsn}))
    made = await in_thread("keys", "create", "app", data_dir=str(tmp_path))
    assert made.stdout.startswith("jk_ingest_")


def test_what_settings_leave_out_is_as_the_stack_has_it_that_runs_here(tmp_path: Path) -> None:
    alone = Settings(data_dir=tmp_path)
    assert beside(alone) is alone
    note_running(
        tmp_path, Running("postgresql://here/journeys", "127.0.0.1:7234", "http://127.0.0.1:8234", "http://127.0.0.1:8081")
    )
    found = beside(alone)
    assert (found.dsn, found.temporal_address) == ("postgresql://here/journeys", "127.0.0.1:7234")
    assert (found.temporal_ui_url, found.public_url) == ("http://127.0.0.1:8234", "http://127.0.0.1:8081")
    kept = secrets_in(tmp_path)
    assert (found.signing_secret, found.deploy_key_text) == (kept.secret, kept.deploy_key)
    given = Settings(
        data_dir=tmp_path, temporal_address="cloud:7233", deploy_public_keys=("ab",), secret=SecretStr(token_hex(32))
    )
    named = beside(given)
    assert (named.temporal_address, named.deploy_key_text, named.secret) == ("cloud:7233", "", given.secret)
    elsewhere = Settings(data_dir=tmp_path, database_url=SecretStr("postgresql://elsewhere/journeys"))
    assert beside(elsewhere) is elsewhere, "nothing of this stack is in another database"


async def test_every_command_finds_the_stack_that_runs_here(dsn: str, tmp_path: Path) -> None:
    taken = "127.0.0.1:1"  # nobody's: what a command asks there is told by its address
    note_running(tmp_path, Running(dsn, taken))
    here = {"data_dir": str(tmp_path)}
    asked = await in_thread("replay", "--as-begun", **here)
    assert asked.stderr.startswith(f"journeys: no Temporal server at {taken}")
    key = await in_thread("deploy", "--public-key", **here)
    assert key.stdout == public_text(private_key(secrets_in(tmp_path).deploy_key)) + "\n"
    assert (await in_thread("deploy", **here)).stdout.startswith("version ")
    moved = await in_thread("move", "cart_abandonment", **here)
    assert moved.stderr.splitlines()[-1].startswith(f"journeys: no Temporal server at {taken}")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = journeys("api", **SERVERS, secret=token_hex(32), api_port=str(port))
    assert told.returncode == 1
    assert told.stderr == f"journeys: JOURNEYS_API_PORT={port}: something else listens there on 127.0.0.1\n"


def test_a_short_command_with_temporals_core_never_aborts_at_exit(temporal_address: str) -> None:
    # sdk-python issue 300: exit 134 in most runs of a short process whose interpreter is taken down piece by piece.
    program = f"""
import asyncio
from temporalio.client import Client
import workers.cli.main
asyncio.run(Client.connect("{temporal_address}"))
workers.cli.main._leave(3)
"""
    codes = [subprocess.run([sys.executable, "-c", program], check=False).returncode for _ in range(6)]
    assert codes == [3] * 6


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []

"""The small pieces of the stack: secrets, the lock, ports, what the terminal tells, what children are told, restarts."""

import io
import json
import secrets
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from activities.calling.where import where_of
from activities.channels.errors import Misconfigured
from journeys.contracts import Channel
from tests.activities.channels.outgoing import to
from tests.activities.channels.test_resend import KEY, LETTER
from workers.assembly import channels
from workers.embedded.attention import Warnings, worth_telling
from workers.embedded.environment import Addresses, environment, insist_on_whole
from workers.embedded.errors import AlreadyRunning, ServerFailed
from workers.embedded.foreground import _say
from workers.embedded.hold import Hold
from workers.embedded.parts import Part, Program, says
from workers.embedded.ports import LOCALHOST, Ports, free_port
from workers.embedded.processes import Children
from workers.embedded.supervision import Supervision
from workers.embedded.vault import Secrets, keys_in, secrets_in
from workers.sandbox import running_sandbox
from workers.settings import Settings

ADDRESSES = Addresses(
    dsn="postgresql://u:p@h:1/d",
    temporal="h:2",
    temporal_ui="http://h:3",
    api="http://127.0.0.1:4",
    sandbox="http://127.0.0.1:5",
    smtp="smtp://127.0.0.1:6",
    service_account=Path("account.json"),
    apns="http://127.0.0.1:7",
)
PRIVATE = Secrets(
    secrets.token_urlsafe(24), "app", "verify", "token", "twilio", secrets.token_urlsafe(24), "api", "service", "web push"
)


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = keys_in(tmp_path)
    assert first.ingest.startswith("jk_ingest_")
    assert first.client.startswith("jk_client_")
    assert first.operate.startswith("jk_operate_")
    assert keys_in(tmp_path) == first
    assert secrets_in(tmp_path) == secrets_in(tmp_path)
    for name in ("keys.json", "secrets.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert first.ingest not in repr(first)


def test_a_secret_that_a_newer_version_needs_is_added_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"secret": "kept for ever"}))
    found = secrets_in(tmp_path)
    assert found.secret == "kept for ever"
    assert len(found.whatsapp_app_secret) >= 32


def occupied(ports: int) -> tuple[int, list[socket.socket]]:
    """So many neighbouring ports on which somebody else listens, and the first of them."""
    while True:
        first, taken = free_port(), []
        with suppress(OSError):
            for port in range(first, first + ports):
                listening = socket.socket()
                taken.append(listening)
                listening.bind((LOCALHOST, port))
                listening.listen()
            return first, taken
        for listening in taken:
            listening.close()


def test_a_taken_port_gives_way_to_the_next_which_is_said_and_kept(tmp_path: Path) -> None:
    """E10: it was changed in silence, to another at each start."""
    wanted, strangers = occupied(2)
    said: list[tuple[str, str]] = []
    first = Ports(tmp_path, lambda part, sentence: said.append((part, sentence)))
    port = first.take("api", wanted)
    assert wanted + 2 <= port < wanted + 100
    assert said == [("api", f"port {wanted} is or was taken: on {port} now, and next time if it is free")]
    first.release()
    for stranger in strangers:
        stranger.close()
    again = Ports(tmp_path, print)
    assert again.take("api", wanted) == port
    assert again.take("sandbox", port) != port, "two parts never share one"
    again.release()
    other = free_port()
    assert Ports(tmp_path, print).take("api", other) == other, "another wish is not last time's"


def test_two_stacks_that_start_at_once_choose_different_ports(tmp_path: Path) -> None:
    """E10: both saw a port free on which nobody listened yet."""
    wanted = free_port()
    with ThreadPoolExecutor(8) as starting:
        stacks = []
        for n in range(8):
            (tmp_path / str(n)).mkdir()
            stacks.append(Ports(tmp_path / str(n), print))
        chosen = list(starting.map(lambda ports: ports.take("api", wanted), stacks))
    assert len(set(chosen)) == 8
    assert wanted in chosen
    for ports in stacks:
        ports.release()


def test_a_directory_has_one_stack_at_a_time(tmp_path: Path) -> None:
    hold = Hold(tmp_path)
    with pytest.raises(AlreadyRunning, match=r"another stack \(process \d+\) uses .*--data-dir or JOURNEYS_DATA_DIR"):
        Hold(tmp_path)
    hold.release()
    assert (tmp_path / ".gitignore").read_text() == "*\n", "keys and data are nobody's to commit"
    Hold(tmp_path).release()


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    """Everything is elsewhere, and the keys that are made are the test's."""
    return replace(ADDRESSES, service_account=tmp_path / "account.json")


def test_children_are_told_the_addresses_and_the_sandbox_providers(addresses: Addresses) -> None:
    told = environment(Settings(), addresses, PRIVATE)
    settings = Settings(_env_file=None, **ours(told))
    assert settings.database_url == SecretStr("postgresql://u:p@h:1/d")
    assert (settings.temporal_address, settings.temporal_ui_url) == ("h:2", "http://h:3")
    assert (settings.api_host, settings.api_port, settings.public_url) == ("127.0.0.1", 4, "http://127.0.0.1:4")
    assert settings.fcm_url == settings.whatsapp_url == "http://127.0.0.1:5"
    assert settings.smtp_url == SecretStr("smtp://127.0.0.1:6")
    assert settings.secret == SecretStr(PRIVATE.secret)
    assert settings.private_targets == ("127.0.0.0/8", "::1/128")
    assert where_of(settings.services_text)["*"].url == "http://127.0.0.1:5/services/{name}"


def test_what_is_configured_is_passed_on_and_its_sandbox_left_out(addresses: Addresses) -> None:
    given = Settings(
        smtp_url=SecretStr("smtps://real"),
        whatsapp_token=SecretStr("real"),
        fcm_service_account=Path("real.json"),
        secret=SecretStr(secrets.token_hex()),
        public_url="https://shop.example",
        watch_tick=timedelta(seconds=2),
    )
    crm = {"crm": {"url": "https://crm.example", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}
    inside = Settings(services=SecretStr(json.dumps(crm)), private_targets=("10.0.0.0/8",))
    told = Settings(_env_file=None, **ours(environment(inside, addresses, PRIVATE)))
    assert set(where_of(told.services_text)) == {"crm", "*"}
    assert told.private_targets == ("10.0.0.0/8", "127.0.0.0/8", "::1/128")
    settings = Settings(_env_file=None, **ours(environment(given, addresses, PRIVATE)))
    same = given.model_fields_set
    assert settings.model_dump(include=same) == given.model_dump(include=same)
    assert settings.whatsapp_url == "https://graph.facebook.com"
    assert settings.fcm_url == "https://fcm.googleapis.com"


async def test_a_second_provider_is_the_sandboxs_until_an_address_says_otherwise(addresses: Addresses, tmp_path: Path) -> None:
    given = Settings(resend_api_key=SecretStr("re_mine"), ses_region="eu-west-1", aws_sms_region="eu-west-1")
    async with running_sandbox(tmp_path / "sandbox") as here:
        there = replace(
            addresses,
            sandbox=here.url,
            smtp=f"smtp://{here.smtp_host}:{here.smtp_port}",
            service_account=here.service_account,
        )
        told = Settings(_env_file=None, **ours(environment(given, there, PRIVATE)))
        assert told.resend_url == told.ses_url == told.aws_sms_url == here.url
        carriers = channels(told)
        assert [each.name for each in carriers[Channel.EMAIL].all] == ["smtp", "ses", "resend"]
        assert [each.name for each in carriers[Channel.SMS].all] == ["twilio", "aws-sms"]
        for provider in carriers[Channel.EMAIL].all:
            await provider.send(to("ana@mail.example", LETTER, key=KEY))
        assert [message.provider for message in here.messages] == ["smtp", "ses", "resend"]
        for each in carriers.values():
            await each.close()
    real = Settings(
        resend_api_key=SecretStr("re_mine"),
        resend_url="https://api.resend.com",
        email_from="Me <me@shop.test>",
        ses_region="eu-west-1",
        ses_url="https://email.eu-west-1.amazonaws.com",
        ses_secret_access_key=SecretStr("mine"),
    )
    told = Settings(_env_file=None, **ours(environment(real, addresses, PRIVATE)))
    assert (told.resend_url, told.ses_url) == ("https://api.resend.com", "https://email.eu-west-1.amazonaws.com")
    assert told.ses_secret_access_key.get_secret_value() == "mine"
    assert told.email_from == "Me <me@shop.test>"
    assert told.smtp_url == SecretStr(addresses.smtp), "the stand-in stays until another relay is named"


def test_half_a_provider_is_told_before_the_workers_start(addresses: Addresses) -> None:
    insist_on_whole(environment(Settings(), addresses, PRIVATE))
    half = Settings(smtp_url=SecretStr("smtps://real"))
    with pytest.raises(Misconfigured, match="JOURNEYS_SMTP_URL is set, and not what goes with it: JOURNEYS_EMAIL_FROM"):
        insist_on_whole(environment(half, addresses, PRIVATE))


def ours(environ: dict[str, str]) -> dict[str, str]:
    prefixed = {name: value for name, value in environ.items() if name.startswith("JOURNEYS_")}
    return {name.removeprefix("JOURNEYS_").lower(): value for name, value in prefixed.items()}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"level": "info", "event": "routine"}', None),
        ('{"level": "warning", "event": "slow", "step": 2}', "warning: slow step=2"),
        ('{"level": "error", "event": "no", "timestamp": "now", "exception": "…"}', "error: no"),
        ("{not json", None),
        ("2026-01-01 UTC [1] LOG:  ready", None),
        ("2026-01-01 UTC [1] FATAL:  out of disk", "2026-01-01 UTC [1] FATAL:  out of disk"),
        ("asyncpg.exceptions.SomeError: broken", "asyncpg.exceptions.SomeError: broken"),
        ('time=2026 level=WARN msg="network dial error"', None),
    ],
)
def test_only_what_asks_for_attention_is_told(line: str, told: str | None) -> None:
    assert worth_telling(line) == told


def test_logs_are_followed_from_where_they_end_and_a_flood_is_summed_up(tmp_path: Path) -> None:
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    old.write_text('{"level": "error", "event": "yesterday"}\n')
    warnings = Warnings(tmp_path)
    with old.open("a") as log:
        log.write('{"level": "error", "event": "today"}\n{"level": "error", "eve')
    new.write_text('{"level": "error", "event": "many"}\n' * 12)
    told = list(warnings.new())
    assert told[:1] == [("new", "error: many")]
    assert told[10] == ("new", f"2 more lines like these in {new}")
    assert told[11:] == [("old", "error: today")]
    with old.open("a") as log:
        log.write('nt": "cut in two"}\n')
    assert list(warnings.new()) == [("old", "error: cut in two")]


def program(children: Children, folder: Path, source: str) -> Program:
    folder.joinpath("part_under_test.py").write_text(source)
    told = {"PYTHONPATH": str(folder)}
    return Program("part", ("part_under_test",), told, folder / "part.log", children, says("ready"))


def test_a_program_is_ready_when_this_start_says_so_not_an_earlier_one(children: Children, tmp_path: Path) -> None:
    part = program(children, tmp_path, "import time; print('ready', flush=True); time.sleep(600)")
    part.start()
    part.stop()
    tmp_path.joinpath("part_under_test.py").write_text("print('sorry, no')")
    with pytest.raises(ServerFailed, match="sorry, no"):
        part.start()


async def test_a_part_that_dies_is_started_again_and_one_stopped_on_purpose_is_not(children: Children, tmp_path: Path) -> None:
    part, said = program(children, tmp_path, "import time; print('ready', flush=True); time.sleep(600)"), list[str]()
    part.start()
    parts: dict[str, Part] = {"part": part}
    supervision = Supervision(parts, lambda name, sentence: said.append(f"{name} {sentence}"))
    assert part.child is not None
    first = part.child.process
    first.kill()
    first.wait()
    await supervision.look()
    assert part.child.running
    assert said == ["part ended unexpectedly (exit code -9); starting it again"]
    part.stop()
    await supervision.look()
    assert part.child is None


async def test_a_part_that_does_not_come_up_is_tried_again_until_it_does(children: Children, tmp_path: Path) -> None:
    """As when its database is away for a while."""
    good = "import time; print('ready', flush=True); time.sleep(600)"
    part, said = program(children, tmp_path, good), list[str]()
    part.start()
    supervision = Supervision({"part": part}, lambda _, sentence: said.append(sentence))
    assert part.child is not None
    part.child.process.kill()
    part.child.process.wait()
    tmp_path.joinpath("part_under_test.py").write_text("raise SystemExit('nobody answers')")
    await supervision.look()
    await supervision.look()
    assert part.child is None
    assert ["did not start" in sentence for sentence in said] == [False, True, False, True]
    tmp_path.joinpath("part_under_test.py").write_text(good)
    await supervision.look()
    assert part.child is not None
    assert part.child.running


async def test_a_part_that_keeps_dying_ends_it_with_its_last_words(children: Children, tmp_path: Path) -> None:
    part = program(
        children, tmp_path, "import time; print('ready', flush=True); time.sleep(0.1); raise SystemExit('out of luck')"
    )
    part.start()
    supervision = Supervision({"part": part}, lambda *_: None)
    with pytest.raises(ServerFailed, match=r"(?s)5 times within a minute; .*out of luck"):
        await die_for_ever(supervision, part)


async def test_a_part_that_can_be_spared_stays_down_and_the_others_are_looked_after(children: Children, tmp_path: Path) -> None:
    """Five deaths of the trainer in a minute ended the whole of `journeys dev`."""
    trainer = program(
        children, tmp_path, "import time; print('ready', flush=True); time.sleep(0.1); raise SystemExit('out of luck')"
    )
    other_at = tmp_path / "other"
    other_at.mkdir()
    other, said = program(children, other_at, "import time; print('ready', flush=True); time.sleep(600)"), list[str]()
    parts: dict[str, Part] = {"trainer": trainer, "other": other}
    for part in parts.values():
        part.start()
    supervision = Supervision(parts, lambda name, sentence: said.append(f"{name} {sentence}"))
    while not any("goes on without it" in each for each in said):
        assert trainer.child is not None
        trainer.child.process.wait()
        await supervision.look()
    assert (len(said), trainer.child) == (5, None)
    assert "5 times within a minute" in said[-1]
    assert "out of luck" in said[-1]
    assert other.child is not None
    other.child.process.kill()
    other.child.process.wait()
    await supervision.look()
    assert (len(said), other.child.running, trainer.child) == (6, True, None)


async def die_for_ever(supervision: Supervision, part: Program) -> None:
    while True:
        assert part.child is not None
        part.child.process.wait()
        await supervision.look()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_what_a_part_says_ends_nothing_whatever_the_terminal(encoding: str) -> None:
    shown = io.BytesIO()
    terminal = io.TextIOWrapper(shown, encoding=encoding, write_through=True)
    _say(Console(file=terminal), "!", "api", "half \ud800, all \U0001f600")
    said = shown.getvalue().decode(encoding)
    assert "half \\ud800, all" in said
    assert ("\U0001f600" in said) == (encoding == "utf-8")

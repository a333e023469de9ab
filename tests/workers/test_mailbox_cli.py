"""`journeys mailbox` as a mail server calls it: a pipe, and a Maildir."""

import subprocess
import sys
from pathlib import Path

from activities.channels.email.letter import Sender, message_id
from store import Database
from tests.api.mail_shop import mail_shop
from tests.api.test_mailbox import dsn
from tests.command_line import environment, journeys


def settings(dsn_: str) -> dict[str, str]:
    return {
        "database_url": dsn_,
        "secret": "nine ducks and five geese on a lake",
        "email_from": "Shop <hello@shop.example>",
    }


def piped(mail: bytes, **given: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", "workers.cli.main", "mailbox"]
    return subprocess.run(command, input=mail, capture_output=True, check=False, env=environment((), given), timeout=60)


async def test_mail_comes_by_a_pipe_and_out_of_a_maildir(database: Database, tmp_path: Path) -> None:
    sender = Sender.parse("Shop <hello@shop.example>")
    async with mail_shop(database) as shop:
        await shop.sent(message_id(shop.key(), sender))
        bounce = dsn("failed", "5.1.1", "550 5.1.1 user unknown", shop.key())
        taken = piped(bounce, **settings(database.dsn))
        assert (taken.returncode, taken.stdout.decode().strip()) == (0, "hard bounce"), taken.stderr
        assert await database.pool.fetchval("select count(*) from suppression") == 1
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "1.mx").write_bytes(bounce)
        (tmp_path / "new" / "2.mx:2,").write_bytes(b"Subject: hello\r\n\r\nhello")
        told = journeys("mailbox", str(tmp_path), **settings(database.dsn))
        assert (told.returncode, told.stdout.splitlines()) == (
            0,
            [
                "1.mx\thard bounce, known already or of no message of ours",
                "2.mx\tignored: it is no report, and holds no token of ours",
            ],
        ), told.stderr
        assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["1.mx:2,S", "2.mx:2,S"]
        assert list((tmp_path / "new").iterdir()) == []


async def test_a_mail_that_cannot_be_taken_is_set_aside_and_stops_no_other(database: Database, tmp_path: Path) -> None:
    """Whatever the reason: here Postgres refuses what one of them says."""
    sender = Sender.parse("Shop <hello@shop.example>")
    await database.pool.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'ana@mail.example'; end $$;"
        "create trigger refuse before insert on event for each row when (new.properties ->> 'code' = '5.1.6')"
        " execute function refuse()"
    )
    async with mail_shop(database) as shop:
        for occurrence in (1, 2):
            await shop.sent(message_id(shop.key(occurrence), sender), occurrence)
        refused = dsn("failed", "5.1.6", "550 5.1.6 moved", shop.key())
        piped_ = piped(refused, **settings(database.dsn))
        assert (piped_.returncode, piped_.stdout.decode().strip(), piped_.stderr) == (65, "set aside: RaiseError", b"")
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "1.mx").write_bytes(refused)
        (tmp_path / "new" / "2.mx").write_bytes(dsn("failed", "5.1.1", "550 5.1.1 user unknown", shop.key(2)))
        told = journeys("mailbox", str(tmp_path), **settings(database.dsn))
        assert (told.returncode, told.stdout) == (65, "1.mx\tset aside: RaiseError\n2.mx\thard bounce\n"), told.stderr
        assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["1.mx:2,F", "2.mx:2,S"]


def test_while_postgres_is_away_the_server_is_told_to_come_again(tmp_path: Path) -> None:
    away = settings("postgresql://nobody@127.0.0.1:1/none")
    told = piped(b"Subject: x\r\n\r\n", **away)
    assert told.returncode == 75, told.stderr
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.mx").write_bytes(b"Subject: x\r\n\r\n")
    assert journeys("mailbox", str(tmp_path), **away).returncode == 75
    assert (tmp_path / "new" / "1.mx").exists()


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    told = journeys("mailbox", str(tmp_path))
    assert (told.returncode, "is no Maildir" in told.stderr) == (1, True)

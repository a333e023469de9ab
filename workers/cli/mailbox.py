"""`journeys mailbox`: takes mail that came back, from a mail server's pipe or out of a Maildir.

Promise: a mail that was taken, or is of no use, is not looked at again; while Postgres is away, or a setting is missing, none
is lost: the server is told to come again (exit code 75, as sysexits has it), and a Maildir's mail stays where it is. A mail
that cannot be taken for a reason of its own is set aside and told (exit code 65; in a Maildir flagged), and stops no other.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store import Database

_ITS_OWN, _TEMPORARY = 65, 75  # EX_DATAERR, EX_TEMPFAIL


def mailbox(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[MAILDIR]", help="Take what is new in it; without one, a mail from stdin."),
    ] = None,
) -> None:
    """Take bounces, complaints and unsubscriptions that came by mail: `|journeys mailbox` in an alias, or a Maildir."""
    from store import StoreError
    from store.away import passes
    from workers.embedded.errors import SettingUnusable

    if folder is not None and not (folder / "new").is_dir():
        fail(f"{folder} is no Maildir: it has no folder new")
    try:
        aside = with_database(lambda database: _pipe(database) if folder is None else _all(database, folder))
    except typer.Exit:  # a setting is missing, and has been told
        raise typer.Exit(_TEMPORARY) from None
    except Exception as error:
        if not isinstance(error, (StoreError, SettingUnusable)) and not passes(error):
            raise
        typer.secho(f"journeys: no mail was taken ({error or type(error).__name__}); come again", err=True)
        raise typer.Exit(_TEMPORARY) from None
    if aside:
        raise typer.Exit(_ITS_OWN)


async def _pipe(database: "Database") -> bool:
    """Whether the mail is set aside: the server returns it."""
    from api.webhooks.mailbox import LARGEST

    told, aside = await _take(database, sys.stdin.buffer.read(LARGEST + 1))
    typer.echo(told)
    return aside


async def _all(database: "Database", folder: Path) -> bool:
    """Each new mail, filed as seen (Maildir: cur, with the flag S), or flagged (F) where it is set aside; whether any is."""
    from api.webhooks.mailbox import LARGEST

    some = False
    for mail in _new(folder):
        with mail.open("rb") as file:
            told, aside = await _take(database, file.read(LARGEST + 1))
        mail.rename(folder / "cur" / f"{mail.name.partition(':')[0]}:2,{'F' if aside else 'S'}")
        typer.echo(f"{mail.name.partition(':')[0]}\t{told}")
        some |= aside
    return some


async def _take(database: "Database", raw: bytes) -> tuple[str, bool]:
    """What a mail was, and whether it is set aside: then by the error's name, because its text may hold an address."""
    from api.webhooks.mailbox import take
    from store import StoreError
    from store.away import passes
    from workers.serve import api_config

    config = api_config(settings_here(), {})
    try:
        return await take(config, database, raw), False
    except Exception as error:
        if isinstance(error, StoreError) or passes(error):
            raise
        return f"set aside: {type(error).__name__}", True


def _new(folder: Path) -> "Iterator[Path]":
    (folder / "cur").mkdir(exist_ok=True)
    with os.scandir(folder / "new") as found:
        names = sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False))
    return (folder / "new" / name for name in names)

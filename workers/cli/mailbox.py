"""`journeys mailbox`: takes mail that came back, from a mail server's pipe or out of a Maildir.

Promise: a mail that was taken, or is of no use, is not looked at again; while Postgres is away, or a setting is missing, none
is lost: the server is told to come again (exit code 75, as sysexits has it), and a Maildir's mail stays where it is.
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

_TEMPORARY = 75  # EX_TEMPFAIL


def mailbox(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[MAILDIR]", help="Take what is new in it; without one, a mail from stdin."),
    ] = None,
) -> None:
    """Take bounces, complaints and unsubscriptions that came by mail: `|journeys mailbox` in an alias, or a Maildir."""
    from store import StoreError
    from store.away import AWAY
    from workers.embedded.errors import SettingUnusable

    if folder is not None and not (folder / "new").is_dir():
        fail(f"{folder} is no Maildir: it has no folder new")
    away: tuple[type[BaseException], ...] = (StoreError, SettingUnusable, *AWAY)
    try:
        _pipe() if folder is None else with_database(lambda database: _all(database, folder))
    except typer.Exit:  # a setting is missing, and has been told
        raise typer.Exit(_TEMPORARY) from None
    except away as error:
        typer.secho(f"journeys: no mail was taken ({error or type(error).__name__}); come again", err=True)
        raise typer.Exit(_TEMPORARY) from None


def _pipe() -> None:
    from api.webhooks.mailbox import LARGEST

    raw = sys.stdin.buffer.read(LARGEST + 1)
    typer.echo(with_database(lambda database: _take(database, raw)))


async def _take(database: "Database", raw: bytes) -> str:
    from api.webhooks.mailbox import take
    from workers.serve import api_config

    return await take(api_config(settings_here(), {}), database, raw)


async def _all(database: "Database", folder: Path) -> None:
    """Each new mail; one that is done with is filed as seen (Maildir: cur, with the flag S)."""
    from api.webhooks.mailbox import LARGEST

    for mail in _new(folder):
        with mail.open("rb") as file:
            told = await _take(database, file.read(LARGEST + 1))
        mail.rename(folder / "cur" / f"{mail.name.partition(':')[0]}:2,S")
        typer.echo(f"{mail.name.partition(':')[0]}\t{told}")


def _new(folder: Path) -> "Iterator[Path]":
    (folder / "cur").mkdir(exist_ok=True)
    with os.scandir(folder / "new") as found:
        names = sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False))
    return (folder / "new" / name for name in names)

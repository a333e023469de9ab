"""`journeys suppressions`: addresses that are not written to; listed, looked up as they are typed in, added and taken back."""

from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import InJson, deployed, fail, say, settings, settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from store import Database
    from store.customers.suppressions import Suppression, TakenBack

suppressions = typer.Typer(help="Suppressed addresses: list them, look one up, add one, take one back.", no_args_is_help=True)

_HEX = 64
_LONGEST = 200  # characters of a reason, as the API takes them


class On(StrEnum):
    """The channels on which addresses are suppressed."""

    EMAIL = "email"
    WHATSAPP = "whatsapp"
    PUSH = "push"
    WEB_PUSH = "web_push"
    SMS = "sms"


Channel = Annotated[On, typer.Option(help="The channel of the address.")]
Named = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address, or its digest as `list` shows it.")]


@suppressions.command("list")
def list_(
    channel: Annotated[On | None, typer.Option(help="Only those of this channel.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    as_json: InJson = False,
) -> None:
    """Show channel, scope, reason and age of each; only digests are kept, no addresses."""
    from store.customers.suppressions import newest

    on = channel and channel.value
    _tell(with_database(lambda database: newest(database, channel=on, limit=limit)), as_json=as_json)


@suppressions.command("look-up")
def look_up(address: Named, channel: Channel = On.EMAIL, as_json: InJson = False) -> None:
    """Say why an address is suppressed; what its owner said otherwise is in `GET /v1/profiles`."""
    from store.customers.suppressions import found

    digests = _digests(channel.value)(address)
    _tell(with_database(lambda database: found(database, channel.value, digests)), as_json=as_json)


@suppressions.command("add")
def add_(
    address: Named,
    channel: Channel = On.EMAIL,
    reason: Annotated[str, typer.Option(help="Why; kept, so nothing personal.")] = "asked by the customer",
    everything: Annotated[bool, typer.Option("--all", help="For every purpose; else for marketing.")] = False,
    until: Annotated[datetime | None, typer.Option(help="Only until then (UTC); else for good.")] = None,
    as_json: InJson = False,
) -> None:
    """Write to an address no more, for marketing or at all; saying it again changes nothing."""
    from datetime import UTC

    from store.customers.suppressions import Suppression, add, found

    digest, now = _digest_of(channel.value, address), settings().clock.now()
    expires = until and until.replace(tzinfo=UTC)
    if expires is not None and expires <= now:
        fail("--until is over, so that nobody would be suppressed; leave it out to suppress for good")
    if not 0 < len(reason) <= _LONGEST:
        fail(f"--reason takes 1 to {_LONGEST} characters")
    scope = "all" if everything else "marketing"
    said = Suppression(channel.value, digest, scope, reason, now, expires, "command line")

    async def adding(database: "Database") -> "list[Suppression]":
        await add(database, [said])
        return await found(database, channel.value, [digest])

    _tell(with_database(adding), as_json=as_json)


@suppressions.command("take-back")
def take_back(
    address: Named,
    channel: Channel = On.EMAIL,
    why: Annotated[str, typer.Option(help="Why; kept with when it was.")] = "",
    as_json: InJson = False,
) -> None:
    """Write to an address again that a provider called dead or, with --why, that was imported; what its owner said stays."""
    from store.customers.suppressions import take_back as lift

    digests, now = _digests(channel.value), settings().clock.now()

    async def lifting(database: "Database") -> "TakenBack":
        return await lift(database, channel.value, digests(address), digests, at=now, by="command line", why=why)

    told = with_database(lifting)
    lines = [f"lifted {told.lifted}, addresses alive again {told.revived}, kept {told.kept}"]
    if told.kept:
        lines.append("What is kept: the owner said no, and only they can say yes again; or it was imported, which takes --why.")
    say(told, "\n".join(lines), as_json=as_json)


@suppressions.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, with a column email, phone or sha256.")],
    channel: Channel = On.EMAIL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it, and write nothing.")] = False,
    as_json: InJson = False,
) -> None:
    """Suppress the opt-outs of another system for marketing, by address or by its SHA-256; bad rows are told by their line."""
    from api.profiles.opt_outs import Reading, taken
    from segments.define.sheets import lines_of

    given = deployed()
    how = Reading(channel.value, given.default_region, _secret(), "import: command line", given.clock.now())
    with file.open("rb") as raw:
        told = with_database(lambda database: taken(database, lines_of(raw), how, dry_run=dry_run))
    for row, problem in () if as_json else told.problems:
        typer.echo(f"line {row}: {problem}", err=True)
    would = "would be added" if dry_run else "added"
    sentence = f"{told.rows} rows: {told.added} {would}, {told.already} suppressed already, {told.bad} bad"
    say(told, sentence, as_json=as_json)


def _digest_of(channel: str, address: str) -> bytes:
    from activities.channels.kinds import KINDS
    from activities.channels.suppression import suppression_digest
    from store.addresses import read_as

    if _is_digest(address):
        return bytes.fromhex(address)
    read = read_as(KINDS[channel].address, address, deployed().default_region)
    return suppression_digest(_secret(), channel, read or fail(f"this is no address for {channel}; choose another --channel?"))


def _is_digest(address: str) -> bool:
    return len(address) == _HEX and not set(address) - set("0123456789abcdef")


def _digests(channel: str) -> "Callable[[str], list[bytes]]":
    from activities.channels.kinds import KINDS
    from activities.channels.suppression import suppression_digests
    from store.addresses import AddressKind, email_address

    secret, former, kind = _secret(), settings().former_secrets_given, KINDS[channel].address

    def digests(address: str) -> list[bytes]:
        if _is_digest(address):
            return [bytes.fromhex(address)]
        if kind is AddressKind.EMAIL and email_address(address) is None:
            fail(f"{address!r} is no e-mail address, and no digest ({_HEX} hexadecimal digits); choose another --channel?")
        if kind is AddressKind.PHONE and not any(character.isdecimal() for character in address):
            fail(f"{address!r} is no phone number; write it with its country code, such as +34600000001")
        return suppression_digests(secret, former, channel, address)

    return digests


def _secret() -> str:
    """The installation's, or that of the stack which runs on the data directory."""
    return settings_here().secret.get_secret_value() or fail(
        "JOURNEYS_SECRET is not set; without the installation's secret no digest can be compared"
    )


def _tell(found: "list[Suppression]", *, as_json: bool) -> None:
    lines = [
        f"{each.channel}\t{each.digest.hex()}\t{each.scope}\t{each.reason}\tsince {each.at:%Y-%m-%d %H:%M}{_until(each)}"
        for each in found
    ]
    plain = [asdict(each) | {"digest": each.digest.hex()} for each in found]
    say(plain, "\n".join(lines) or "no suppressions", as_json=as_json)


def _until(each: "Suppression") -> str:
    return f" until {each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at else ""

"""`journeys profiles`: erasing a customer, and what became of it; the certificates, read and checked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, say, settings, settings_here, with_database
from workers.cli.profiles import By, named

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from store import Database
    from store.customers.erasure import Erasure
    from store.customers.held import Proof

profiles = typer.Typer(help="The rights of customers: what is held of one, proof of consent, erasure.", no_args_is_help=True)


@profiles.command()
def erase(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the certificate.")] = 60,
    as_json: InJson = False,
) -> None:
    """Erase a customer and all that is held of them; a worker purges it. There is no way back."""
    from functools import partial

    from activities.channels.suppression import suppression_digest
    from store.customers import erasure as erasures

    given = settings_here()
    secret = given.secret.get_secret_value() or fail("JOURNEYS_SECRET is not set; a no of the customer could not be kept")
    name = named(by, customer)
    if not yes:
        typer.confirm("Erase this customer for good?", abort=True)

    async def asked(database: "Database") -> "Erasure | None":
        if (found := await _who(database, name)) is None:
            return None
        digest = partial(suppression_digest, secret)
        begun = await erasures.begin(database, found, digest, at=given.clock.now(), by="command line")
        return begun and await _waited(database, begun, wait)

    told = with_database(asked)
    if told is None:
        fail("no such customer")
    say(told, _sentence(told), as_json=as_json)


@profiles.command()
def erasures(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50, as_json: InJson = False
) -> None:
    """List erasures: id, state, when each was asked for, and by whom."""
    from datetime import UTC, datetime

    from store.customers import erasure

    found = with_database(lambda database: erasure.erasures(database, datetime(9999, 12, 31, tzinfo=UTC), limit))
    lines = [f"{each.id}\t{each.state}\tasked for {each.requested_at:%Y-%m-%d %H:%M} by {each.requested_by}" for each in found]
    say(found, "\n".join(lines) or "no erasures", as_json=as_json)


@profiles.command()
def retention(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50, as_json: InJson = False
) -> None:
    """Show what was taken because it had been kept for as long as it may be (JOURNEYS_KEEP_EVENTS and its like)."""
    from store.retention import taken_lately

    found = with_database(lambda database: taken_lately(database, limit))
    lines = [
        f"{each.at:%Y-%m-%d %H:%M}\t{each.kind}{f' ({each.what})' * bool(each.what)}\t{each.rows} rows from before"
        f" {each.before:%Y-%m-%d %H:%M}"
        for each in found
    ]
    say(found, "\n".join(lines) or "nothing was taken", as_json=as_json)


@profiles.command()
def certificate(
    erasure: Annotated[str, typer.Argument(help="The erasure's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON, as `check` reads it, instead of a text.")] = False,
) -> None:
    """Print the certificate of an erasure."""
    from uuid import UUID

    import orjson

    from store.customers import erasure as erasures
    from store.customers.certificate import as_text

    try:
        id_ = UUID(erasure)
    except ValueError:
        fail(f"{erasure!r} is no id of an erasure; `journeys profiles erasures` lists them")
    found = with_database(lambda database: erasures.erasure(database, id_))
    if found is None or found.certificate is None:
        fail("there is no such erasure" if found is None else f"this erasure is not finished yet: {found.state}")
    told = found.certificate
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else as_text(told), nl=as_json)


@profiles.command()
def export(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
) -> None:
    """Print all that is held of a customer, as JSON (this is personal data)."""
    import orjson

    from store.customers.held import held

    now, name, digests = settings().clock.now(), named(by, customer), _digests()

    async def asked(database: "Database") -> "dict[str, Any] | None":
        found = await _who(database, name)
        return await held(database, found, digests, now) if found else None

    told = with_database(asked) or fail("no such customer")
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())


@profiles.command()
def consent(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
    html: Annotated[bool, typer.Option("--html", help="A document to print and file, instead of JSON.")] = False,
) -> None:
    """Print the proof of a customer's consent: what holds, and every word from which it follows (this is personal data)."""
    import orjson

    from api.profiles.held import document
    from store.customers.held import proof

    now, name, digests = settings().clock.now(), named(by, customer), _digests()

    async def asked(database: "Database") -> "Proof | None":
        found = await _who(database, name)
        return await proof(database, found, digests, now) if found else None

    told = with_database(asked) or fail("no such customer")
    typer.echo(document(told) if html else orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())


def _digests() -> "Callable[[str, str], list[bytes]]":
    """Under what an address on a channel is suppressed."""
    from functools import partial

    from activities.channels.suppression import suppression_digests

    given = settings_here()
    secret = given.secret.get_secret_value() or fail("JOURNEYS_SECRET is not set; suppressed addresses could not be told")
    return partial(suppression_digests, secret, given.former_secrets_given)


@profiles.command("check-certificate")
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A certificate, as JSON.")], as_json: InJson = False
) -> None:
    """Say whether a certificate was written by this installation and is word for word as it was."""
    from functools import partial

    import orjson

    from activities.privacy.erasing import sign
    from store.customers.certificate import holds

    given = settings_here()
    secrets = [given.secret.get_secret_value(), *settings().former_secrets_given]
    try:
        told = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        instead = f"use `journeys profiles certificate ID --json > {file}`: its text has no signature to check"
        fail(f"{file} is no JSON ({error}); {instead}")
    if isinstance(told, dict) and isinstance(told.get("certificate"), dict):  # the whole answer of GET /v1/erasures/{id}
        told = told["certificate"]
    if not isinstance(told, dict) or not holds(told, [partial(sign, secret) for secret in secrets if secret]):
        fail(f"{file} was not written by this installation, or was changed since")
    say({"genuine": True}, "the certificate is genuine", as_json=as_json)


async def _who(database: "Database", name: tuple[str, str]) -> "UUID | None":
    """The customer; by id also one who has been erased before."""
    from uuid import UUID

    from store.lists import resolve

    async with database.transaction() as connection:
        [found] = await resolve(connection, [name])
    return found or (UUID(name[1]) if name[0] == "customer_id" else None)


async def _waited(database: "Database", begun: "Erasure", seconds: float) -> "Erasure":
    import asyncio

    from store.customers import erasure

    until = asyncio.get_running_loop().time() + seconds
    while begun.finished_at is None and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.2)
        begun = await erasure.erasure(database, begun.id) or begun
    return begun


def _sentence(told: "Erasure") -> str:
    from store.customers.certificate import as_text

    if told.certificate is not None:
        return as_text(told.certificate).removesuffix("\n")
    return (
        f"erasure {told.id}: nothing more is sent; {told.state}, at a provider when it began: {told.in_flight}\n"
        f"a worker purges the rest: journeys profiles certificate {told.id}"
    )

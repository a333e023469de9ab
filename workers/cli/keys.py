"""`journeys keys`: make, list, rotate and revoke API keys, and tell the secret that a shop signs its users' ids with."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import InJson, fail, say, settings_here, with_database

if TYPE_CHECKING:
    from store.keys import KeyRow

_DIGITS = 4  # of a span
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}

keys = typer.Typer(help="API keys: make, list, rotate and revoke them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The key's name, as `journeys keys list` shows it.")]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, e.g. web-shop; stands as the source of its events.")],
    role: Annotated[
        str,
        typer.Option(
            help="ingest: a server's events; client: those of an app or page, where all can read the key; start: start runs;"
            " read; operate: also change; admin: also see keys and the audit (docs/roles.md)."
        ),
    ] = "ingest",
    personal: Annotated[bool, typer.Option("--personal", help="May be shown what is known of customers.")] = False,
    journey: Annotated[list[str] | None, typer.Option(help="Of this journey alone. Repeat it.")] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="With --role client: a web page that may use it, https://shop.example; '*': any. Repeat it."),
    ] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Requests a minute; else as many as come.")
    ] = None,
    expires: Annotated[str, typer.Option(help="For how long it is good: 90d, 12h; else until it is revoked.")] = "",
    as_json: InJson = False,
) -> None:
    """Make a key and print it: the only time that it can be read."""
    from store.keys import Grant, Role, create_key

    if role not in set(Role):
        fail(f"--role {role}: choose one of {', '.join(Role)}")
    ends_at = _from_now("--expires", expires) if expires else None
    grant = Grant(Role(role), personal, journey or (), origin or (), per_minute, ends_at)
    key = with_database(lambda database: create_key(database.pool, name, grant))
    say({"name": name, "key": key}, key, as_json=as_json)


@keys.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of lines.")] = False) -> None:
    """Show every key's name, what it may, until when it is good and when it was last used; nothing secret."""
    from store.keys import list_keys
    from workers.cli import tables

    found = with_database(lambda database: list_keys(database.pool))
    if as_json:
        tables.show(found, lambda _: (), as_json=True)
    for key in () if as_json else found:
        typer.echo(_line(key))


@keys.command()
def rotate(
    name: Name,
    grace: Annotated[str, typer.Option(help="For how long the secret before is still good: 7d, 12h; 0h: not at all.")] = "7d",
    expires: Annotated[str, typer.Option(help="For how long the key is good from now on: 90d; else as before.")] = "",
    as_json: InJson = False,
) -> None:
    """Give a key another secret and print it; the one before is good for a while, so that its users can change over."""
    from store.keys import rotate_key

    until, ends_at = _from_now("--grace", grace), _from_now("--expires", expires) if expires else None
    key = with_database(lambda database: rotate_key(database.pool, name, until, ends_at))
    say({"name": name, "key": key, "former_until": until}, key, as_json=as_json)


@keys.command()
def revoke(name: Name, as_json: InJson = False) -> None:
    """Take a key out of use, with the secret before its last rotation; the API refuses it within seconds."""
    from store.keys import revoke_key

    if not with_database(lambda database: revoke_key(database.pool, name)):
        fail(f"no key named {name!r} is in use; see `journeys keys list`")
    say({"revoked": name}, f"revoked {name}", as_json=as_json)


@keys.command("web-push")
def web_push(as_json: InJson = False) -> None:
    """Print a new pair of keys for web push: the workers' setting, and the API's."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from activities.channels.web_push.vapid import private_text, public_text

    key = ec.generate_private_key(ec.SECP256R1())
    made = {"JOURNEYS_WEB_PUSH_KEY": private_text(key), "JOURNEYS_WEB_PUSH_PUBLIC_KEY": public_text(key)}
    say(made, "\n".join(f"{name}={value}" for name, value in made.items()), as_json=as_json)


@keys.command()
def identity(name: Name, as_json: InJson = False) -> None:
    """Print the secret that signs user ids for a client's key: HMAC-SHA256 in hex, or a JWT (docs/ingest.md)."""
    from api.ingest.signed import identity_secret
    from store.keys import Role, list_keys

    if not any(key.grant.role is Role.CLIENT for key in with_database(lambda db: list_keys(db.pool, name))):
        fail(f"no client's key is named {name!r}; see `journeys keys list`")
    secret = identity_secret(settings_here().signing_secret, name)
    say({"name": name, "identity_secret": secret}, secret, as_json=as_json)


def _from_now(option: str, text: str) -> datetime:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS and unit in _UNITS):
        fail(f"{option} {text}: write days, hours or minutes, such as 90d, 12h or 30m")
    return datetime.now(UTC) + timedelta(**{_UNITS[unit]: int(number)})


def _line(key: "KeyRow") -> str:
    told = key.grant
    narrowed = [f"of {', '.join(told.journeys)}"] if told.journeys else []
    narrowed += [f"{told.per_minute} a minute"] if told.per_minute else []
    may = ", ".join([told.role, *(["personal"] if told.personal else []), *narrowed])
    former = [f"former secret until {key.former_until:%Y-%m-%d %H:%M}"] if key.former_until else []
    used = f"last used {key.used_at:%Y-%m-%d %H:%M}" if key.used_at else "never used"
    return "\t".join((key.name, may, f"created {key.created_at:%Y-%m-%d %H:%M}", _until(key), used, *former, *told.origins))


def _until(key: "KeyRow") -> str:
    if key.ends_at is None:
        return "in use"
    return f"{'until' if key.ends_at > datetime.now(UTC) else 'ended'} {key.ends_at:%Y-%m-%d %H:%M}"

"""`journeys keys`: make, list and revoke API keys, and tell the secret that a shop signs its users' ids with."""

from typing import Annotated

import typer

from workers.cli.asked import fail, settings_here, with_database

keys = typer.Typer(help="API keys: make, list and revoke them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The key's name, as `journeys keys list` shows it.")]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, e.g. web-shop; stands as the source of its events.")],
    role: Annotated[str, typer.Option(help="ingest: send events; operate: read and start journeys.")] = "ingest",
    kind: Annotated[
        str,
        typer.Option(
            help="server: kept secret by the shop's servers; client: for an app or a page, where all can read it (ingest only)."
        ),
    ] = "server",
    origin: Annotated[
        list[str] | None,
        typer.Option(help="With --kind client: a web page that may use it, https://shop.example; '*': any. Repeat it."),
    ] = None,
) -> None:
    """Make a key and print it: the only time that it can be read."""
    from store.keys import Kind, Role, create_key

    if role not in set(Role):
        fail(f"--role {role}: choose one of {', '.join(Role)}")
    if kind not in set(Kind):
        fail(f"--kind {kind}: choose one of {', '.join(Kind)}")
    typer.echo(with_database(lambda database: create_key(database.pool, name, Role(role), Kind(kind), origin or ())))


@keys.command("list")
def list_() -> None:
    """Show every key's name, role, kind, origins and age, nothing secret."""
    from store.keys import list_keys

    for key in with_database(lambda database: list_keys(database.pool)):
        ended = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"
        role = f"{key.role.value}, {key.kind.value}" if key.origins or key.kind.value == "client" else key.role.value
        typer.echo("\t".join((key.name, role, f"created {key.created_at:%Y-%m-%d %H:%M}", ended, *key.origins)))


@keys.command()
def revoke(name: Name) -> None:
    """Take a key out of use; the API refuses it within seconds."""
    from store.keys import revoke_key

    if not with_database(lambda database: revoke_key(database.pool, name)):
        fail(f"no key named {name!r} is in use; see `journeys keys list`")
    typer.echo(f"revoked {name}")


@keys.command("web-push")
def web_push() -> None:
    """Print a new pair of keys for web push: the workers' setting, and the API's."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from activities.channels.web_push.vapid import private_text, public_text

    key = ec.generate_private_key(ec.SECP256R1())
    typer.echo(f"JOURNEYS_WEB_PUSH_KEY={private_text(key)}")
    typer.echo(f"JOURNEYS_WEB_PUSH_PUBLIC_KEY={public_text(key)}")


@keys.command()
def identity(name: Name) -> None:
    """Print the secret that signs user ids for a client's key: HMAC-SHA256 in hex, or a JWT (docs/ingest.md)."""
    from api.ingest.signed import identity_secret
    from store.keys import Kind, list_keys

    if not any(key.name == name and key.kind is Kind.CLIENT for key in with_database(lambda db: list_keys(db.pool))):
        fail(f"no client's key is named {name!r}; see `journeys keys list`")
    typer.echo(identity_secret(settings_here().signing_secret, name))

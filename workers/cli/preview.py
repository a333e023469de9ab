"""`journeys preview`: a message of the catalogue as it would look for a customer, real or made up."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.check import examined_as_named, module_of, refused
from workers.cli.profiles import By, named

if TYPE_CHECKING:
    from activities.channels.preview import Given, Preview
    from activities.preview import Previews

_JSON = "a JSON object, or a file that holds one"


def preview(
    channel: Annotated[str, typer.Argument(help="email, sms, whatsapp, push, web_push, in_app or wallet.")],
    template: Annotated[str, typer.Argument(help="The template's name: cart-reminder for cart-reminder.push.yaml.")],
    user: Annotated[
        str | None, typer.Option("--for", metavar="USER", help="A real customer: their userId, or what --by says.")
    ] = None,
    by: Annotated[By, typer.Option(help="What USER is.")] = By.USER_ID,
    customer: Annotated[str | None, typer.Option(metavar="JSON", help=f"Traits of somebody made up: {_JSON}.")] = None,
    entry: Annotated[str | None, typer.Option(metavar="JSON", help="Properties of the event they entered by.")] = None,
    params: Annotated[str | None, typer.Option(metavar="JSON", help="What the journey passes.")] = None,
    fetched: Annotated[str | None, typer.Option(metavar="JSON", help="What services gave, by service.")] = None,
    product: Annotated[str | None, typer.Option(metavar="JSON", help="The product that the template offers.")] = None,
    bought: Annotated[str | None, typer.Option(metavar="JSON", help="The purchase that it goes with.")] = None,
    added: Annotated[str | None, typer.Option(metavar="JSON", help="What it goes with in the cart.")] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What a context tells, repeated: weather.rain=2; else what it declares."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Where dates are shown, as Europe/Madrid; else as the journey would.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a letter's HTML there.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue's module or folder (JOURNEYS_CATALOGUE).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a card.")] = False,
) -> None:
    """Show a message as it would look, and which variables had no value, so that a fallback stands there.

    Nothing is sent or recorded. Without --for it needs no server. Traits that are given count instead of the customer's own.
    Links that are made for one customer say `preview` where their signature would be. With --for this is personal data.
    """
    given = _given(customer=customer, entry=entry, params=params, fetched=fetched, product=product, bought=bought, added=added)
    given = replace(given, timezone=timezone, context=_around(context or []))
    found = _previewed(channel, template, given, (by, user) if user else None, catalogue)
    from workers.definitions import place_of

    found = replace(found, file=place_of(module_of(catalogue) if catalogue else settings().catalogue, found.file))
    if html is not None:
        _write(found, html)
    from workers.cli import tables
    from workers.cli.cards import drawn

    if as_json:
        tables.show(_told(found), lambda _: (), as_json=True)
    else:
        tables.show(found, drawn, as_json=False)


def _previewed(channel: str, template: str, given: "Given", who: tuple[By, str] | None, catalogue: str | None) -> "Preview":
    from activities.channels.preview import CannotPreview

    previews = _previews(catalogue)
    try:
        if who is None:
            return previews.of(channel, template, given)
        given, now = replace(given, named=named(*who)), settings().clock.now()
        return with_database(lambda database: previews.of_customer(database, channel, template, given, now))
    except CannotPreview as error:
        fail(str(error))


def _previews(named: str | None) -> "Previews":
    """Of a catalogue whose templates can be used, whatever else is wrong with it."""
    from workers.definitions import previews_of

    examined = examined_as_named(named)
    if examined.templates is None or examined.catalogue is None:
        refused(module_of(named) if named else settings().catalogue, examined)
    return previews_of(examined.catalogue, examined.templates, settings().public_url)


def _given(**told: str | None) -> "Given":
    from activities.channels.preview import Given

    values: dict[str, Any] = {name: _object(f"--{name}", text) for name, text in told.items() if text is not None}
    return Given(**values)


def _around(said: list[str]) -> dict[str, dict[str, Any]]:
    from activities.channels.preview import CannotPreview, around_of

    try:
        return around_of(said)
    except CannotPreview as error:
        fail(f"--context: {error}")


def _object(option: str, text: str) -> dict[str, Any]:
    """What an option holds: JSON, or the name of a file with it."""
    written = text if text.lstrip().startswith("{") else _content(option, Path(text))
    try:
        found = json.loads(written)
    except ValueError as error:
        fail(f"{option}: not JSON: {error}")
    return found if isinstance(found, dict) else fail(f"""{option} must be {_JSON}: '{{"firstName": "Ana"}}'""")


def _content(option: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{option}: no file {file} in UTF-8; give {_JSON}")


def _write(found: "Preview", file: Path) -> None:
    text = getattr(found.content, "html", None)
    if text is None:
        fail(f"--html is for letters; a message of {found.channel} has no HTML")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"--html: {file} cannot be written: {error.strerror}")


def _told(found: "Preview") -> dict[str, Any]:
    names = ("channel", "template", "file", "missing", "otherwise", "language", "zone", "size", "cost")
    return {"content": found.shown} | {name: getattr(found, name) for name in names}

"""`journeys doubts …`: the messages that a provider may have, and nobody knows; settled by what you found out, or repeated."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import UUID

import typer

from workers.cli.asked import fail, settings, with_database
from workers.cli.operating.runs import confirmed, one_run

if TYPE_CHECKING:
    from store import Database
    from store.deliveries.doubts import Counted, Which

_WHICH = "say which: a message as the list shows it (run/step/occurrence), or a filter such as --provider or --journey"
Message = Annotated[str | None, typer.Argument(metavar="[MESSAGE]", help="One, as the list shows it: run/step/occurrence.")]
Provider = Annotated[str | None, typer.Option(help="Only what this provider may have.")]
Channel = Annotated[str | None, typer.Option(help="Only on this channel.")]
Journey = Annotated[str | None, typer.Option(help="Only of this journey.")]
Run = Annotated[str | None, typer.Option(help="Only of this run: its id, or as much of it as `journeys runs` shows.")]
Since = Annotated[datetime | None, typer.Option(help="Only handed over then (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Only handed over before then (UTC).")]
By = Annotated[str, typer.Option(help="Who does it, as `journeys doubts said` shows it; else the name you are logged in by.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: as many as there are.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]

doubts = typer.Typer(
    help="Messages in doubt: a provider may have them, and nobody knows. Listed with what happened; settled, or repeated.\n\n"
    "Look one up at its provider, and say what you found: `journeys doubts settle MESSAGE --sent` or `--failed`. A report "
    "of the provider that comes later outweighs that. Or send it again, though the customer may get it twice: "
    "`journeys doubts repeat MESSAGE --may-arrive-twice`.",
)


class _Given(NamedTuple):
    message: str | None
    provider: str | None
    channel: str | None
    journey: str | None
    run: str | None
    since: datetime | None
    until: datetime | None

    async def which(self, database: "Database") -> "Which":
        from datetime import UTC

        from store.deliveries.doubts import Which
        from store.deliveries.ledger import MessageKey

        since, until = (at and at.replace(tzinfo=UTC) for at in (self.since, self.until))
        run: UUID | None = (await one_run(database, self.run)).id if self.run else None
        try:
            key = MessageKey.parse(self.message) if self.message else None
        except ValueError:
            fail(_WHICH)
        return Which(self.provider, self.channel, self.journey, run, since, until, key)

    def insist(self) -> None:
        if (self.message is None) is not any(self[1:]):
            fail(_WHICH)


@doubts.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    provider: Provider = None,
    channel: Channel = None,
    journey: Journey = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List messages in doubt, those handed over last first, each with what happened."""
    if context.invoked_subcommand is not None:
        return
    from store.deliveries.doubts import Doubt, page
    from workers.cli import tables
    from workers.cli.operating.doubt_tables import listed

    given = _Given(None, provider, channel, journey, run, since, until)

    async def work(database: "Database") -> "list[Doubt]":
        return await page(database, await given.which(database), limit=limit)

    tables.show(with_database(work), listed, as_json=as_json)


@doubts.command()
def settle(
    message: Message = None,
    sent: Annotated[bool, typer.Option("--sent/--failed", help="What you found out: it was sent, or it was not.")] = ...,  # type: ignore[assignment]
    provider_message_id: Annotated[str | None, typer.Option(help="With --sent: what the provider calls it.")] = None,
    provider: Provider = None,
    channel: Channel = None,
    journey: Journey = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
    by: By = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Say what became of one, or of all of a filter. Caps and budgets count no more what was not sent. Asks before it does."""
    from getpass import getuser

    from activities.channels.message import ID_LENGTH
    from store.deliveries.doubts import settle as write
    from workers.cli import tables
    from workers.cli.operating.doubt_tables import Done, done

    given = _Given(message, provider, channel, journey, run, since, until)
    given.insist()
    if provider_message_id is not None and (message is None or not sent or not 0 < len(provider_message_id) <= ID_LENGTH):
        fail(f"--provider-message-id is for one message that was --sent, and of at most {ID_LENGTH} characters")
    which, found = with_database(lambda database: _counted(database, given))
    told = Done(found.messages, found.repeatable, "settled")
    if found.messages and not dry_run:
        what = "sent" if sent else "not sent"
        confirmed(f"settle {found.messages:,} messages as {what}?", yes=yes)
        now, who = settings().clock.now(), by or getuser()
        told.done = with_database(
            lambda database: write(
                database, which, "sent" if sent else "failed", now, who, id_=provider_message_id, most=found.messages
            ),
            by,
        )
    if message is not None and not dry_run and not told.done:
        with_database(lambda database: _tell_why_not(database, which))
    tables.show(told, done, as_json=as_json)


@doubts.command()
def repeat(
    message: Message = None,
    may_arrive_twice: Annotated[
        bool, typer.Option("--may-arrive-twice", help="That the customer may get it twice is what you want.")
    ] = False,
    provider: Provider = None,
    channel: Channel = None,
    journey: Journey = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
    by: By = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send one, or all of a filter, once more: each passes the gate as it is now (consent, caps). Asks before it does."""
    from getpass import getuser

    from store.deliveries.doubts import repeat as ask
    from workers.cli import tables
    from workers.cli.operating.doubt_tables import Done, done

    given = _Given(message, provider, channel, journey, run, since, until)
    given.insist()
    if not (may_arrive_twice or dry_run):
        fail("a provider may have it already: say --may-arrive-twice to send it once more, or --dry-run to look only")
    which, found = with_database(lambda database: _counted(database, given))
    told = Done(found.messages, found.repeatable, "to be sent once more")
    if found.repeatable and not dry_run:
        confirmed(f"send {found.repeatable:,} messages once more?", yes=yes)
        now, who = settings().clock.now(), by or getuser()
        told.done = with_database(lambda database: ask(database, which, now, who, most=found.repeatable), by)
    if message is not None and not dry_run and not told.done:
        with_database(lambda database: _tell_why_not(database, which))
    tables.show(told, done, as_json=as_json)


@doubts.command("said")
def said_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Who settled or repeated what, and when, newest first; of a repetition why nothing was sent, if nothing was."""
    from store.deliveries.doubts import said
    from workers.cli import tables
    from workers.cli.operating.doubt_tables import words

    tables.show(with_database(lambda database: said(database, limit=limit)), words, as_json=as_json)


async def _counted(database: "Database", given: _Given) -> "tuple[Which, Counted]":
    from store.deliveries.doubts import count

    which = await given.which(database)
    return which, await count(database, which)


async def _tell_why_not(database: "Database", which: "Which") -> None:
    from store.deliveries.doubts import page, settled_as

    assert which.message is not None
    for found in await page(database, which, limit=1):
        fail(found.not_repeatable or "it was asked for a moment ago")
    fail(await settled_as(database, which.message) or "no such message; `journeys doubts` lists those in doubt")

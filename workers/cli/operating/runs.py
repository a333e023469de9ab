"""`journeys runs …`: who is in which journey, how each run stands and what it does next; one shown, one or many ended."""

from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import UUID

import typer

from workers.cli.asked import fail, settings, settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeys import JourneyDefinition
    from store import Database
    from store.runs.lists import Counted, Wanted
    from store.runs.switches import Switch
    from store.runs.views import Run
    from workers.cli.operating.run_tables import RunShown, RunTold

_STATUSES = (
    "open",
    "in-line",
    "waiting",
    "deferred",
    "failing",
    "in-doubt",
    "ended",
)  # `store.runs.lists`, which `--help` does not load
_ALL = "say which runs: their ids, or a filter such as --journey or --status; `journeys kill --all` ends everything"
Journey = Annotated[str | None, typer.Option(help="Only of this journey, also one that has left the catalogue.")]
Customer = Annotated[str | None, typer.Option(help="Only of this customer: a userId, or our id.")]
Status = Annotated[str | None, typer.Option(help=f"{', '.join(_STATUSES)}; some overlap: failing ones are open, too.")]
Since = Annotated[datetime | None, typer.Option(help="Only who entered then (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Only who entered before then (UTC).")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]

runs = typer.Typer(
    help="Runs, newest first, each with what it does next and when; one shown, one or many ended.\n\n"
    "`journeys runs --status failing` shows what waits for mended code, with the error's kind and place.",
)


class _Given(NamedTuple):
    journey: str | None
    customer: str | None
    status: str | None
    since: datetime | None
    until: datetime | None

    async def wanted(self, database: "Database", ids: "Sequence[UUID] | None" = None) -> "Wanted":
        from datetime import UTC

        from store.runs.lists import STATUSES, Wanted

        status = next((each for each in STATUSES if each == self.status), None)
        if status != self.status:
            fail(f"--status {self.status}: choose one of {', '.join(STATUSES)}")
        since, until = (at and at.replace(tzinfo=UTC) for at in (self.since, self.until))
        profile = None if self.customer is None else await customer_named(database, self.customer) or fail("no such customer")
        return Wanted(self.journey, profile, status, since, until, ids)


@runs.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    journey: Journey = None,
    customer: Customer = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List runs, newest first, each with what it does next and when."""
    if context.invoked_subcommand is not None:
        return
    from store.runs.lists import list_runs
    from store.runs.switches import thrown
    from workers.cli import tables
    from workers.cli.operating.run_tables import listed
    from workers.cli.operating.switch_tables import standing

    given = _Given(journey, customer, status, since, until)

    async def work(database: "Database") -> "tuple[Sequence[RunTold], Sequence[Switch]]":
        held = await thrown(database, journey)
        return await _told(database, await list_runs(database, await given.wanted(database), limit=limit)), held

    found, held = with_database(work)
    if journey is not None and not found:
        insist_on_known(journey)
    tables.show(found, lambda runs: [*listed(runs), *standing(held)], as_json=as_json)


@runs.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or as much of it as the list shows.")],
    as_json: Json = False,
) -> None:
    """One run with its messages, what it does next, and why it fails if it does."""
    from store.runs.views import messages_of, user_ids
    from workers.cli import tables
    from workers.cli.operating.run_tables import RunShown, moving, shown

    async def work(database: "Database") -> "RunShown":
        run = await one_run(database, run_id)
        (told,) = await _told(database, [run])
        users = await user_ids(database, run.profile_id)
        return RunShown(
            told, run.version, moving(run), run.started_at, run.workflow_id, await messages_of(database, run.id), users
        )

    tables.show(with_database(work), shown, as_json=as_json)


@runs.command()
def end(
    run_ids: Annotated[list[str] | None, typer.Argument(metavar="[RUN]…", help="Runs by id; none: those of a filter.")] = None,
    journey: Journey = None,
    customer: Customer = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: end as many as there are.")] = False,
    as_json: Json = False,
) -> None:
    """End runs, by id or by the filter of the list: nothing more is sent, whatever their code does. Asks before it does."""
    from store.runs.lists import count_runs, end_runs
    from workers.cli import tables
    from workers.cli.operating.run_tables import Ended, ended

    given = _Given(journey, customer, status, since, until)
    if any(given) == bool(run_ids):
        fail(_ALL)

    async def counted(database: "Database") -> "tuple[Wanted, Counted]":
        wanted = await given.wanted(database, [(await one_run(database, each)).id for each in run_ids] if run_ids else None)
        return wanted, await count_runs(database, wanted)

    wanted, found = with_database(counted)
    if journey is not None and not found.runs:
        insist_on_known(journey)
    told = Ended(found.runs, found.people, 0)
    if found.runs and not dry_run:
        confirmed(f"end {tables.counted(found.runs, 'run')} of {tables.counted(found.people, 'person', 'people')}?", yes=yes)
        now = settings().clock.now()
        told.ended = with_database(lambda database: end_runs(database, wanted, "ended by an operator", now))
    tables.show(told, ended, as_json=as_json)


def confirmed(question: str, *, yes: bool) -> None:
    """Ask, unless the answer was given; whoever cannot be asked has to give it."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{question} say --yes to do so, or --dry-run to look only")
    if not typer.confirm(question):
        raise typer.Exit(1)


def insist_on_known(journey: str) -> None:
    """A misspelt name is no empty list; one that has left the catalogue is known by its runs."""
    from journeys.catalogue import load
    from store.runs.views import has_runs

    names = sorted(load(settings().catalogue).journeys)
    if journey not in names and not with_database(lambda database: has_runs(database, journey)):
        close = get_close_matches(journey, names, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"the catalogue has: {', '.join(names)}"
        fail(f"no journey {journey!r}, and no run of one; {remedy}")


async def one_run(database: "Database", named: str) -> "Run":
    """The run of an id, or of as much of one as tells it from all others; none, or several, end the command."""
    from store.runs.views import runs_like

    found = await runs_like(database, named)
    if not found:
        fail(f"no run {named}; `journeys runs` lists them")
    if len(found) > 1:
        fail(f"several runs begin with {named}: {', '.join(str(run.id) for run in found)}; say more of the one that you mean")
    return found[0]


async def customer_named(database: "Database", name: str) -> UUID | None:
    """The customer of a userId, else of an id of ours."""
    from contextlib import suppress

    from store.runs.views import customer_id

    async with database.pool.acquire() as connection:
        found = await customer_id(connection, "user_id", name)
        with suppress(ValueError):
            found = found or await customer_id(connection, "id", str(UUID(name)))
    return found


async def _told(database: "Database", found: "Sequence[Run]") -> "Sequence[RunTold]":
    from api.runs.lines import standings
    from workers.cli.operating.run_tables import told
    from workers.waking import Wakings

    limits = _catalogue() if any(run.waits_until for run in found) else {}
    stands = await standings(limits, database, found, settings().clock.now(), Wakings(settings_here()))
    return [told(run, *stands[run.id]) for run in found]


def _catalogue() -> "Mapping[str, JourneyDefinition]":
    """What says who may enter; without a catalogue that loads, runs are listed all the same."""
    from journeys.catalogue import load
    from journeys.errors import CatalogueError

    try:
        return load(settings().catalogue).journeys
    except CatalogueError:
        return {}

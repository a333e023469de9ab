"""The command line: starts things and tells failures in one line; imports inside commands keep `--help` instant."""

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from journeys.place import HOME, stand_here, written_over
from workers.cli.asked import InJson, fail, insist_on_embedded, say, settings, with_database
from workers.cli.campaigns.commands import starts
from workers.cli.campaigns.message import message
from workers.cli.campaigns.one import one
from workers.cli.check import check, insist_on_catalogue
from workers.cli.customers.commands import customers
from workers.cli.dead_letters import dead_letters
from workers.cli.diff import diff
from workers.cli.explain import explain
from workers.cli.keys import keys
from workers.cli.lists import lists
from workers.cli.mailbox import mailbox
from workers.cli.new import new
from workers.cli.operating.audiences import audiences
from workers.cli.operating.audit import audit
from workers.cli.operating.choices import choices
from workers.cli.operating.client import client
from workers.cli.operating.doubts import doubts
from workers.cli.operating.mcp import mcp
from workers.cli.operating.models import models
from workers.cli.operating.providers import providers
from workers.cli.operating.runs import runs
from workers.cli.operating.sources import sources
from workers.cli.operating.subscriptions import subscriptions
from workers.cli.operating.sums import sums
from workers.cli.operating.switches import kill, pause, resume, switches
from workers.cli.operating.tasks import tasks
from workers.cli.operating.whatsapp_templates import whatsapp_templates
from workers.cli.preview import preview
from workers.cli.privacy.profiles import profiles
from workers.cli.products import products
from workers.cli.profiles import merges, profile, unmerge
from workers.cli.replay import replay
from workers.cli.reports.bucket import bucket
from workers.cli.reports.export import export
from workers.cli.reports.report import report
from workers.cli.segments.commands import segments
from workers.cli.simulating.simulate import simulate
from workers.cli.simulating.trying import trial
from workers.cli.suppressions import suppressions
from workers.cli.understand import graph, lint, reference
from workers.cli.versions import deploy, move, versions
from workers.cli.why_not import why_not

if TYPE_CHECKING:
    from workers.settings import Settings

_ROOMS = {"activities", "api", "definitions", "journeys", "segments", "store", "workers"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="keys", rich_help_panel="Deployment")
app.add_typer(dead_letters, name="dead-letters", rich_help_panel="Deployment")
app.add_typer(customers, name="customers", rich_help_panel="Customers")
app.add_typer(segments, name="segments", rich_help_panel="Customers")
app.add_typer(lists, name="lists", rich_help_panel="Customers")
app.add_typer(products, name="products", rich_help_panel="Customers")
app.add_typer(suppressions, name="suppressions", rich_help_panel="Customers")
app.add_typer(profiles, name="profiles", rich_help_panel="Customers")
app.add_typer(models, name="models", rich_help_panel="Customers")
app.add_typer(choices, name="choices", rich_help_panel="Operating")
app.add_typer(runs, name="runs", rich_help_panel="Operating")
starts.command()(message)
starts.command()(one)
app.add_typer(starts, name="starts", rich_help_panel="Operating")
app.add_typer(doubts, name="doubts", rich_help_panel="Operating")
app.add_typer(providers, name="providers", rich_help_panel="Operating")
app.add_typer(tasks, name="tasks", rich_help_panel="Operating")
app.add_typer(sources, name="sources", rich_help_panel="Operating")
app.add_typer(audiences, name="audiences", rich_help_panel="Operating")
app.add_typer(subscriptions, name="subscriptions", rich_help_panel="Operating")
app.add_typer(sums, name="sums", rich_help_panel="Operating")
app.command(rich_help_panel="Operating")(audit)
app.add_typer(bucket, name="bucket", rich_help_panel="Operating")
app.command(rich_help_panel="Operating")(mcp)
app.command(rich_help_panel="Operating")(pause)
app.command(rich_help_panel="Operating")(resume)
app.command(rich_help_panel="Operating")(kill)
app.command(rich_help_panel="Operating")(switches)
app.command("whatsapp-templates", rich_help_panel="Operating")(whatsapp_templates)
app.command(rich_help_panel="Customers")(mailbox)
app.command(rich_help_panel="Customers")(profile)
app.command(rich_help_panel="Customers")(explain)
app.command("why-not", rich_help_panel="Customers")(why_not)
app.command(rich_help_panel="Customers")(merges)
app.command(rich_help_panel="Customers")(unmerge)
app.command(rich_help_panel="Operating")(export)
app.command(rich_help_panel="Operating")(report)
app.command(rich_help_panel="Deployment")(replay)
app.command(rich_help_panel="Deployment")(deploy)
app.command(rich_help_panel="Deployment")(versions)
app.command(rich_help_panel="Deployment")(move)
app.command(rich_help_panel="Deployment")(client)
app.command(rich_help_panel="On this machine")(new)
app.command(rich_help_panel="On this machine")(check)
app.command(rich_help_panel="On this machine")(preview)
app.command(rich_help_panel="On this machine")(simulate)
app.command("try", rich_help_panel="On this machine")(trial)
app.command(rich_help_panel="On this machine")(lint)
app.command(rich_help_panel="On this machine")(diff)
app.command(rich_help_panel="On this machine")(graph)
app.command(rich_help_panel="On this machine")(reference)

DataDir = Annotated[Path | None, typer.Option(help="Where the embedded stack keeps its state (JOURNEYS_DATA_DIR).")]


@app.command(rich_help_panel="On this machine")
def demo(
    speed: Annotated[float, typer.Option(min=1, help="How much faster time runs; 3600: an hour a second.")] = 3600,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards, to look around.")] = False,
    seed: Annotated[int | None, typer.Option(help="Make a fresh shop from this seed instead of the recorded one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Send a small shop's days through the cart journey and show what happens (in a checkout, which has the shop)."""
    import asyncio

    given = settings(data_dir)
    if not (HOME / "definitions").is_dir():
        fail("the demo's shop is not in the installed package: run `make demo` in a checkout, or `journeys new shop`")
    insist_on_embedded()
    insist_on_catalogue("definitions")
    from workers.demo import run

    asyncio.run(run(given, speed=speed, keep=keep, seed=seed))


@app.command(rich_help_panel="On this machine")
def dev(
    workers: Annotated[int, typer.Option(min=1, help="How many worker processes.")] = 1,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Any free ports instead of the usual ones.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run everything in the foreground: Postgres, Temporal, sandbox providers, API, workers (needs the extra `embedded`)."""
    import asyncio

    given = settings(data_dir)
    insist_on_embedded()
    insist_on_catalogue(given.catalogue)
    from rich.console import Console

    from workers.embedded.foreground import dev as foreground
    from workers.embedded.stack import EmbeddedStack

    stack = EmbeddedStack(given, workers=workers, usual_ports=not free_ports)
    asyncio.run(foreground(stack, Console()))


@app.command(rich_help_panel="Deployment")
def api() -> None:
    """Serve the HTTP API (JOURNEYS_API_HOST, JOURNEYS_API_PORT).

    It needs JOURNEYS_DATABASE_URL, JOURNEYS_SECRET and a catalogue (JOURNEYS_CATALOGUE).
    """
    import uvicorn

    from workers.embedded.ports import is_free

    given = _connected(settings(), "database_url")
    if not is_free(given.api_host, given.api_port):
        fail(f"JOURNEYS_API_PORT={given.api_port}: something else listens there on {given.api_host}")
    insist_on_catalogue(given.catalogue)
    from api.connections import Bounded
    from workers.serve import create_app

    # log_config None: our own set-up of logs stands.
    uvicorn.run(
        create_app(),
        host=given.api_host,
        port=given.api_port,
        http=Bounded,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=20,
    )


@app.command(rich_help_panel="Deployment")
def worker(
    train: Annotated[
        bool,
        typer.Option("--train", help="Train predictions and score customers by them, and nothing else (docs/predictions.md)."),
    ] = False,
) -> None:
    """Run one worker process: journeys, deliveries, the membership watch; with --train, one that trains predictions.

    It needs JOURNEYS_DATABASE_URL, JOURNEYS_TEMPORAL_ADDRESS, JOURNEYS_SECRET and a catalogue (JOURNEYS_CATALOGUE).
    """
    import asyncio

    given = _connected(settings(), "database_url", "temporal_address")
    insist_on_catalogue(given.catalogue)
    if train or "train" in given.worker_queues:
        _train(given)
        return
    from activities.channels.kinds import sending
    from workers.signing import deployers
    from workers.worker import run

    for kind in sending():
        kind.insist(given)

    deployers(given)

    asyncio.run(run(given))


def _train(given: "Settings") -> None:
    """Serve the queue `train`, on one thread and within its memory."""
    import asyncio

    from workers.training import process as trainer

    if others := [name for name in given.worker_queues if name != "train"]:
        fail(f"JOURNEYS_WORKER_QUEUES: train has a process of its own; leave it, or {', '.join(others)}, to another worker")
    if lacking := trainer.missing():
        fail(f"training needs an extra ({', '.join(lacking)}): pip install 'journeys[predictions]'")
    trainer.keep_to(given.train_memory)
    asyncio.run(trainer.run(given))


@app.command(rich_help_panel="Deployment")
def migrate(as_json: InJson = False) -> None:
    """Bring the database's schema up to date (JOURNEYS_DATABASE_URL), and the API's role (JOURNEYS_API_DATABASE_URL)."""
    from store import migrate as apply
    from store.roles import let_api_in

    applied = with_database(apply)
    lines = [*(f"applied {name}" for name in applied)] or ["the schema is up to date"]
    if (api := settings().api_database_url) is not None:
        with_database(lambda database: let_api_in(database, api.get_secret_value()))
        lines.append("the API's role is up to date")
    say({"applied": list(applied), "api_role": api is not None}, "\n".join(lines), as_json=as_json)


@app.command(rich_help_panel="Deployment")
def version(as_json: InJson = False) -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    say({"version": installed("journeys")}, installed("journeys"), as_json=as_json)


def _print_version(told: bool) -> None:
    if told:
        version()
        raise typer.Exit


@app.callback()
def _before(
    told: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Customer journeys as durable Python functions.

    New here? Run `journeys demo` in a checkout, `journeys new my_shop` anywhere, then `journeys dev`.
    """


def main() -> NoReturn:
    """Run a command; the exit code is 0, or 1 after a failure that was said in one line."""
    stand_here()  # also where no `journeys.__main__` came first
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    _leave(code)


def _run() -> int:
    try:
        app()
    except typer.Exit as leaving:
        return leaving.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else bool(leaving.code)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        told = str(error) if type(error).__module__.partition(".")[0] in _ROOMS else _broken(error)
        if told is None:
            raise
        typer.secho(f"journeys: {told}", err=True, fg=typer.colors.RED)
        return 1
    return 0


def _broken(error: Exception) -> str | None:
    """What is wrong with the installation, where that is what an error of Python's comes from."""
    return written_over() if isinstance(error, ImportError | AttributeError) else None


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter down piece by piece, which can abort with exit 134.

    Threads of Temporal's core may still call into Python then (temporalio/sdk-python issue 300). Exit functions run
    before.
    """
    if "temporalio" not in sys.modules:
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way to run them before os._exit
    os._exit(code)


def _connected(given: "Settings", *needed: str) -> "Settings":
    """Settings of a process that needs its servers and its secret given."""
    for name in needed:
        if not getattr(given, name):
            fail(f"JOURNEYS_{name.upper()} is not set; `journeys dev` brings a server of its own, this command does not")
    _ = given.signing_secret
    return given


if __name__ == "__main__":
    main()

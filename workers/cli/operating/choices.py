"""`journeys choices`: how shares follow what options bring, what may be concluded of that, and the switch back."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, say, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from api.choices.views import ChoiceDetail, ChoiceView
    from store import Database

choices = typer.Typer(
    no_args_is_help=True,
    help="Choices that learn (j.choose, j.decide): how their shares go, and the switch back (docs/deciding.md).",
)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Name = Annotated[str, typer.Argument(help="The choice, as j.choose or j.decide names it.")]


@choices.command("list")
def list_(as_json: Json = False) -> None:
    """Show every choice: what it is of, how often customers were given something, and whether it learns."""
    from api.choices.views import ChoiceView, newest
    from workers.cli import tables

    async def work(database: "Database") -> "list[ChoiceView]":
        return [ChoiceView.of(row) for row in await newest(database)]

    def drawn(rows: "Sequence[ChoiceView]") -> "Iterable[RenderableType]":
        heads = ("name", "journey", "state", "options", "given")
        cells = [(each.name, each.journey, each.state, _options(each), f"{each.given:,}") for each in rows]
        return [tables.Rows(heads, cells)] if cells else ["no journey has asked for a choice yet"]

    tables.show(with_database(work), drawn, as_json=as_json)


@choices.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a choice: its shares now, what each option brought those who were drawn evenly, and what was lost by learning."""
    from api.choices.views import detail, newest
    from workers.cli import tables

    now = settings().clock.now()

    async def work(database: "Database") -> "ChoiceDetail | None":
        found = await newest(database, name)
        return await detail(database, found[0], now) if found else None

    found = with_database(work)
    if found is None:
        fail(f"no choice {name}; see journeys choices list")
    tables.show(found, _drawn, as_json=as_json)


@choices.command()
def freeze(name: Name, as_json: Json = False) -> None:
    """Keep the shares as they are; what came of them is still looked at."""
    _switch(name, "frozen", "its shares stay as they are", as_json=as_json)


@choices.command()
def fix(name: Name, as_json: Json = False) -> None:
    """Give everybody the author's own choice from now on."""
    _switch(name, "fixed", "everybody gets the author's own choice from now on", as_json=as_json)


@choices.command()
def learn(name: Name, as_json: Json = False) -> None:
    """Let it learn again, by all that is known of it."""
    _switch(name, "learns", "it learns, and its shares follow what options bring", as_json=as_json)


def _switch(name: str, state: str, told: str, *, as_json: bool) -> None:
    from store.runs.choices import switch

    now = settings().clock.now()
    if not with_database(lambda database: switch(database, name, state, now)):
        fail(f"no choice {name}; see journeys choices list")
    say({"choice": name, "state": state}, f"{name}: {told}", as_json=as_json)


def _options(each: "ChoiceView") -> str:
    return " by ".join(", ".join(options) for options in each.options.values())


def _drawn(found: "ChoiceDetail") -> "Iterable[RenderableType]":
    from journeys.deciding.drawing import By
    from workers.cli import tables

    yield f"{found.name} of {found.journey}: {found.state}, {found.method}; {found.reward}"
    now = found.shares[-1].shares if found.shares else {}
    heads = ("option", "share now", "given", "drawn evenly", "known so far", "their mean")
    ranked = sorted(found.results, key=lambda each: -now.get(each.option, 0))[:_MOST]
    cells = [
        (
            *(each.option, f"{now.get(each.option, 0):.1%}", f"{sum(each.given.values()):,}"),
            *(f"{each.given.get(By.FLOOR, 0):,}", f"{each.people:,}"),
            "-" if each.mean is None else f"{each.mean:.4g}",
        )
        for each in ranked
    ]
    yield tables.Rows(heads, cells)
    for each in found.compared:
        bounds = "too few yet" if each.low is None else f"{each.low:+.4g} to {each.high:+.4g}"
        yield f"{each.option} against {each.against}: {bounds}{', shown' if each.shown else ''}"
    if found.regret is not None:
        lost = f"{found.regret.total:.4g} in all, {found.regret.each:.4g} each"
        yield f"lost against always {found.regret.best}, by the floor's means: {lost}"
    yield from (f"budget of {of}: {spent['given']:,} of {spent['most']:,}" for of, spent in found.budgets.items())
    yield from (f"more: journeys report experiments --experiment '{each}'" for each in found.measured_by)


_MOST = 20  # combinations that are shown

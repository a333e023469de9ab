"""`journeys why-not`: why somebody did not enter a journey, or was not sent one of its messages."""

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings_here, with_database
from workers.cli.check import examined_or_fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.tree import Tree

    from api.runs.why_not import Condition, WhyNot
    from store import Database


def why_not(
    customer: Annotated[str, typer.Argument(help="The customer: their userId, or our id of them.")],
    journey: Annotated[str, typer.Argument(help="The journey's name; of a campaign, campaign:NAME.")],
    show: Annotated[
        bool, typer.Option("--show", help="Also what each condition saw (traits, events), which may be personal data.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Tell why somebody is not in a journey, or was not sent one of its messages.

    What was refused and why, what stands in the way now, and which condition of its segment fails. Nothing personal is printed
    without --show.
    """
    from workers.cli import tables

    found = with_database(lambda database: _asked(database, customer, journey, show=show))
    tables.show(found, _drawn, as_json=as_json)


async def _asked(database: "Database", customer: str, journey: str, *, show: bool) -> "WhyNot":
    from api.runs.why_not import Asking, is_known
    from workers.cli.operating.runs import customer_named

    given = settings_here()
    catalogue = examined_or_fail(given.catalogue)
    if not await is_known(database, journey, catalogue.journeys):
        if await is_known(database, customer, catalogue.journeys):
            fail(f"{customer!r} is a journey: the customer comes first, `journeys why-not {journey} {customer}`")
        fail(f"no journey {journey!r}, and no run of one; the catalogue has: {', '.join(sorted(catalogue.journeys))}")
    profile = await customer_named(database, customer)
    if profile is None:
        fail(f"no such customer {customer!r}: no identify or track call with this userId has come in, nor is it an id of ours")
    asking = Asking(
        *(database, journey, catalogue.journeys, catalogue.segments, given.clock.now()),
        given.personal_traits,
        catalogue.predictions,
    )
    return await asking.about(profile, show=show)


def _drawn(found: "WhyNot") -> "Iterable[RenderableType]":
    from rich.text import Text

    from workers.cli.tables import Rows, instant

    yield Text(f"customer {found.customer_id} and {found.journey}", style="bold")
    rows = [(each.rule, each.what, instant(each.at), instant(each.until), each.remedy or "-") for each in found.because]
    yield Rows(("", "why", "at", "until", "what to do"), rows, sentences=frozenset({"why", "what to do"}))
    if found.conditions is not None:
        yield Text(f"segment {found.segment}:")
        yield _tree(found.conditions)


def _tree(condition: "Condition") -> "Tree":
    from rich.tree import Tree

    tree = Tree(_line(condition))
    for part in condition.parts:
        tree.children.append(_tree(part))
    return tree


def _line(condition: "Condition") -> "RenderableType":
    from rich.text import Text

    from workers.cli.tables import instant, words

    line = Text("✓ " if condition.holds else "✗ ", style="green" if condition.holds else "red") + Text(condition.text)
    if condition.saw is not None:
        line += Text(f"   saw {words(condition.saw)}", style="cyan")
    return line + Text(f"   until {instant(condition.changes_at)}", style="dim") if condition.changes_at else line

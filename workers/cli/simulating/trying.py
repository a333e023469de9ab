"""`journeys try`: a made-up customer through a journey, as it stands here or is deployed: what is sent when, and why not."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, settings_here, with_database
from workers.cli.check import examined_or_fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from journeys.simulate.trial import Played, TrialRun


def trial(
    journey: Annotated[str, typer.Argument(help="The journey's name.")],
    file: Annotated[
        Path | None, typer.Argument(help="Who and what they do, as JSON; - is stdin. Without it they are let in by hand now.")
    ] = None,
    *,
    version: Annotated[str | None, typer.Option(help="A deployed version, by its id; without it the folder here.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue's module (JOURNEYS_CATALOGUE).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Play a made-up customer through a journey: which messages they get, when, and why not the others. Sends nothing.

    The file is the body of POST /v1/journeys/{journey}/simulate, such as {"customer": {"traits": {"plan": "family"}},
    "does": [{"after": 60, "event": "Product Added"}]}.
    """
    from journeys.errors import JourneyError
    from workers.cli.tables import show

    told = _told(file)
    try:
        played = _here(journey, told, catalogue) if version is None else _deployed(journey, told, version)
    except JourneyError as error:
        fail(str(error))
    show(played, _drawn, as_json=as_json)


def _told(file: Path | None) -> "TrialRun":
    from pydantic import ValidationError

    from journeys.simulate.trial import LetIn, TrialRun

    if file is None:
        return TrialRun(start=LetIn())
    try:
        return TrialRun.model_validate_json(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    except ValidationError as error:
        faults = (f"{'/'.join(map(str, each['loc'])) or file}: {each['msg']}" for each in error.errors()[:3])
        fail("; ".join(faults))


def _here(journey: str, told: "TrialRun", catalogue: str | None) -> "Played":
    from journeys.simulate.trial import play

    given = settings()
    return play(examined_or_fail(catalogue or given.catalogue), journey, told, given.clock.now())


def _deployed(journey: str, told: "TrialRun", version: str) -> "Played":
    from workers.codes import Trying
    from workers.signing import trusted

    given = settings_here()
    trying = Trying(given.catalogue, trusted(given))
    return with_database(lambda database: trying(database, journey, told, given.clock.now(), version))[1]


def _drawn(played: "Played") -> "Iterator[RenderableType]":
    from rich.text import Text

    from workers.cli.tables import Rows, instant

    yield Text(f"{played.journey} from {instant(played.began)} until {instant(played.until)}", style="bold")
    sent = [
        (instant(each.at), each.journey, each.step, each.state, each.reason or ", ".join(each.put_off) or "-")
        for each in played.messages
    ]
    yield Rows(("at", "journey", "message", "state", "why"), sent, sentences=frozenset({"why"}))
    stands = [
        (
            each.journey,
            instant(each.entered_at),
            each.outcome or each.waits_for or "-",
            instant(each.ended_at or each.waits_until),
        )
        for each in played.runs
    ]
    yield Rows(("in", "since", "ended, or waits for", "at, or until"), stands)
    for line in (played.lacking, *(f"not heard, nothing like it had gone out: {each}" for each in played.unheard)):
        if line:
            yield Text(line)
    for each in played.refused:
        yield Text(f"{instant(each.at)}: not let into {each.journey}: {each.reason}")

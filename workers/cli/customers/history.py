"""`journeys customers history`: what happened before the deployment, from a file of calls, for predictions to learn."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, say, settings, whoever, with_database

if TYPE_CHECKING:
    from store import Database

_AT_ONCE = 500
_TOLD = 100  # problems that are told one by one


def history(
    file: Annotated[
        Path,
        typer.Argument(help="JSON Lines: a call of the Segment spec in each line, with type, timestamp and messageId."),
    ],
    as_json: InJson = False,
) -> None:
    """Take in what happened before, as known when it happened: predictions learn from it at once (docs/predictions.md).

    That it was known then is your claim, and stands in the audit and in each event's source.
    """
    from workers.cli import tables

    if not file.is_file():
        fail(f"{file}: there is no such file")
    with tables.reading(file, quiet=as_json, utf8=True) as lines:
        try:
            told = with_database(lambda database: bring(database, _calls(file, lines)))
        except ValueError as error:
            fail(str(error))
    for problem in () if as_json else told["problems"]:
        typer.echo(f"call {problem['place'] + 1}: {problem['problem']}", err=True)
    sentence = f"{told['accepted']:,} taken as {told['source']}, {told['duplicates']:,} taken before, {told['bad']:,} bad"
    say(told, sentence, as_json=as_json)


async def bring(
    database: "Database", calls: Iterable[dict[str, Any]], heard: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Take these calls in as history, some at once; `heard` is told how many are in."""
    from api.ingest.history import brought
    from api.ingest.taking import Taking
    from journeys.catalogue import load
    from segments.language.events import HISTORY

    given, rest, done = settings(), iter(calls), 0
    taking = Taking(database, given.default_region, load(given.catalogue).readings, history=True)
    told: dict[str, Any] = {"source": HISTORY + whoever(), "accepted": 0, "duplicates": 0, "bad": 0, "problems": []}
    while some := list(islice(rest, _AT_ONCE)):
        came = await brought(database, taking, some, given.clock.now(), whoever())
        told["accepted"] += came.accepted
        told["duplicates"] += came.duplicates
        told["bad"] += len(came.problems)
        lacking = _TOLD - len(told["problems"])
        told["problems"] += [{"place": done + each.place, "problem": each.problem} for each in came.problems[:lacking]]
        done += len(some)
        heard(done)
    return told


def _calls(file: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The calls in a file; an empty line is none.

    Raises:
        ValueError: a line is no JSON object; what stood before it has been taken, and is known again.
    """
    import orjson

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            call = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"{file}, line {number}: is not JSON ({error})") from None
        if not isinstance(call, dict):
            raise ValueError(f"{file}, line {number}: is not a JSON object")  # noqa: TRY004 - of the file, not of Python
        yield call

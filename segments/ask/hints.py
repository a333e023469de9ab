"""What a definition asks for and our data does not have: names never received, values of another kind than it compares with.

Promise: reads only, a bounded sample of the newest customers and events; a sentence says what was looked at, what was found,
and what was probably meant. Such a definition is valid, and true of nobody in silence.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches

from segments.ask.coverage import needed
from segments.ask.crossings import no_such_kind, waiting
from segments.language.events import LIST_EVENT, OURS
from segments.language.moves import event_types
from segments.language.predicate import Predicate
from segments.language.values import ISO, Expected, Kind
from segments.predictions.declared import predictions_in
from store import Connection, predictions, queries

_SQL, _LISTS = queries("segment_views"), queries("lists")
#: Newest customers, and newest events of a type, that are looked at.
SAMPLE = 2_000
_KINDS = {"instant": "a date", "number": "a number", "text": "a text", "boolean": "true or false"}
_ADVICE = {
    ("number", "text"): "send numbers as numbers, or compare with a text",
    ("text", "number"): "compare with a number, without quotes",
    ("instant", "text"): "send dates in ISO 8601, such as 2026-11-16T10:30:00Z",
    ("instant", "number"): "send dates in ISO 8601, such as 2026-11-16T10:30:00Z, not as seconds",
    ("boolean", "text"): "send true and false without quotes, or compare with a text",
}


async def hints(connection: Connection, predicate: Predicate, at: datetime) -> list[str]:
    """Why a definition may be true of nobody, a sentence each; none where nothing looks wrong."""
    named = [*await _never_heard(connection, predicate, at), *await _unknown_lists(connection, predicate)]
    return [*named, *await _of_predictions(connection, predicate, at), *await of_values(connection, predicate)]


async def of_values(connection: Connection, predicate: Predicate) -> list[str]:
    """Traits and properties that nothing has, and values of another kind, or written in other letters, than are compared."""
    found = await _unknown_traits(connection, predicate)
    wanted = sorted(set(predicate.expects()), key=str)
    by_kind: dict[tuple[str, Kind | None], Counter[str]] = {}
    for expected in wanted:
        kind = str(expected), expected.kind
        if kind not in by_kind:
            by_kind[kind] = seen = await _seen(connection, expected)
            found += [told] if seen and (told := _of_kinds(expected, seen)) else []
            found += [] if seen else await _unknown_property(connection, expected)
        if by_kind[kind] and expected.texts:
            found += await _in_other_letters(connection, expected)
    return found


async def _never_heard(connection: Connection, predicate: Predicate, at: datetime) -> list[str]:
    wanted = sorted(named for named in event_types(predicate) - OURS if not named.startswith((LIST_EVENT, "$")))
    heard = {row["type"] for row in await connection.fetch(_SQL["last_heard"], wanted, at)} if wanted else set()
    missing = [named for named in wanted if named not in heard]
    known = [row["type"] for row in await connection.fetch(_SQL["known_types"])] if missing else []
    return [f'"{named}" was never received{_meant(named, known)}' for named in missing]


async def _unknown_traits(connection: Connection, predicate: Predicate) -> list[str]:
    wanted = needed(predicate)
    if not wanted:
        return []
    known = {row["name"] for row in await connection.fetch(_SQL["known_traits"], SAMPLE)}
    unknown = sorted(wanted - known) if known else []
    return [f'no customer of the newest {SAMPLE:,} has the trait "{name}"{_meant(name, known)}' for name in unknown]


async def _unknown_lists(connection: Connection, predicate: Predicate) -> list[str]:
    wanted = sorted(named.removeprefix(LIST_EVENT) for named in event_types(predicate) if named.startswith(LIST_EVENT))
    known = {row["name"] for row in await connection.fetch(_LISTS["lists"])} if wanted else set()
    return [f'there is no list "{name}"{_meant(name, known)}' for name in wanted if name not in known]


async def _of_predictions(connection: Connection, predicate: Predicate, at: datetime) -> list[str]:
    """Of what is foretold: that no model scores yet, that nobody new comes in, or that nobody has asked for that so far."""
    asked = list(predictions_in(predicate))
    rows = {row.name: row for row in await predictions.found(connection)} if asked else {}
    untrained = "has no model that scores yet: nobody is in by it before it is trained, `GET /v1/models` says how far it is"
    found = []
    for name in sorted({leaf.prediction for leaf in asked}):
        row = rows.get(name)
        if row is None or row.champion is None:
            found.append(f'prediction "{name}" {untrained}')
        elif why := row.held(at):
            found.append(f'prediction "{name}" lets nobody new in: {why}')
    told = "nobody has asked so far: it is told by the scores as they stand, and written down by the next scoring"
    found += [f"whether {leaf}, {told}" for leaf in (await waiting(connection, predicate, at)).leaves.values()]
    return found + [f"nobody is {none}" for leaf in asked if (none := no_such_kind(leaf, rows.get(leaf.prediction)))]


async def _unknown_property(connection: Connection, expected: Expected) -> list[str]:
    """Of an event that was received, and is not one of ours: these tell what there is to tell."""
    if expected.event is None or expected.event in OURS or expected.event.startswith("$"):
        return []
    known = {row["name"] for row in await connection.fetch(_SQL["known_properties"], [expected.event], SAMPLE)}
    name = expected.path[0]
    if not known or name in known:
        return []
    return [f'no "{expected.event}" of the newest {SAMPLE:,} has the property "{name}"{_meant(name, known)}']


async def _in_other_letters(connection: Connection, expected: Expected) -> list[str]:
    """Texts that nothing has as they are written, but for their capitals."""
    asked = sorted({text.lower() for text in expected.texts})
    name, whose = ("texts_of_trait", ()) if expected.event is None else ("texts_of_property", (expected.event,))
    seen = {row["text"] for row in await connection.fetch(_SQL[name], _steps(expected), asked, SAMPLE, *whose)}
    found = []
    for text in expected.texts:
        others = sorted(each for each in seen if each.lower() == text.lower())
        if others and text not in others:
            listed = ", ".join(f'"{each}"' for each in others[:3])
            found.append(
                f'{expected} is never "{text}", but {listed}; write it so, or compare with "matches", whatever the case'
            )
    return found


async def _seen(connection: Connection, expected: Expected) -> Counter[str]:
    name, whose = ("kinds_of_trait", ()) if expected.event is None else ("kinds_of_property", (expected.event,))
    rows = await connection.fetch(_SQL[name], _steps(expected), ISO, SAMPLE, *whose)
    return Counter({row["kind"]: row["count"] for row in rows})


def _steps(expected: Expected) -> str:
    return "lax $" + "".join(f".{json.dumps(step, ensure_ascii=False)}" for step in expected.path) + "[*]"


def _of_kinds(expected: Expected, seen: Counter[str]) -> str | None:
    """A sentence where less than half of the values that are there are of the kind that is asked for."""
    if expected.kind is None:
        return None
    right, looked = seen[expected.kind] + (seen["instant"] if expected.kind == "text" else 0), seen.total()
    if right * 2 >= looked:
        return None
    other, times = next(pair for pair in seen.most_common() if pair[0] != expected.kind)
    few = f"only {right:,}" if right else "none"
    held = f"of {looked:,} values looked at {few} can be read so, {times:,} are {_KINDS.get(other, other)}"
    advice = _ADVICE.get((expected.kind, other))
    return f"{expected} is compared as {_KINDS[expected.kind]}, but {held}{f'; {advice}' if advice else ''}"


def _meant(name: str, known: Iterable[str]) -> str:
    folded = {each.casefold().replace("_", " "): each for each in known}
    near = get_close_matches(name.casefold().replace("_", " "), folded, 1, 0.7)
    return f'; did you mean "{folded[near[0]]}"?' if near else "; check its spelling, or its source"

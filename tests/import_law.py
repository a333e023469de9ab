"""The import law: which room may use which, as a table, and what in a house does not keep to it.

Promise: a use is found however it is written (`tests/house.py`), and a room without a line is a fault.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from tests.house import ROOMS, House

#: Each room, and which others it may use. A room is a folder or, in `segments`, a module; `journeys` alone is its door with the
#: modules beside its rooms, `segments` alone its door. `.*` is a room with all rooms in it, capitals are a group from below,
#: and a single module may be named, too.
LAW = """
definitions           journeys segments.library

journeys              AUTHORED LANGUAGE segments.predictions
journeys.contexts     journeys LANGUAGE
journeys.handle       journeys journeys.contexts journeys.deciding journeys.gate segments segments.language segments.predictions
journeys.walk         journeys journeys.contexts journeys.experiments HANDLE segments segments.language.wire
journeys.deciding     journeys journeys.gate segments segments.language
journeys.kit          journeys
journeys.onsite       journeys journeys.handle segments
journeys.campaigns    journeys journeys.gate segments segments.time
journeys.check        journeys journeys.gate.hours journeys.handle journeys.walk segments
journeys.experiments  journeys segments segments.language
journeys.sources      journeys.errors segments
journeys.products     journeys.errors segments segments.language segments.leaves
journeys.audiences    journeys.errors journeys.sources segments
journeys.versions     journeys journeys.check
journeys.temporal     journeys journeys.handle journeys.versions journeys.walk
journeys.simulate     journeys journeys.contexts HANDLE DRIVEN segments segments.predictions PURE
journeys.gate         journeys segments segments.language segments.leaves.clocks segments.time

segments              segments.errors segments.language segments.leaves segments.time
segments.errors
segments.time         segments.errors segments.language.reading
segments.facts        segments.time segments.language.comparing
segments.language     segments.errors segments.facts segments.time
segments.evaluate     segments.facts segments.language
segments.leaves       PURE
segments.dating       segments.errors segments.facts segments.language segments.evaluate segments.leaves
segments.library      segments segments.language segments.leaves
segments.models       segments.errors segments.predictions.enough segments.predictions.trees segments.predictions.weeks
segments.predictions  PURE
segments.sql           PURE segments.predictions store.*
segments.watch        PURE store.* segments.sql segments.load
segments.load         PURE store.* segments.sql segments.watch segments.define
segments.ask           PURE segments.predictions store.* segments.sql segments.watch segments.define
segments.define       PURE segments.predictions store.* segments.sql segments.watch segments.ask

activities            BORDER segments.* store.* activities.dispatch activities.gate activities.versions MESSAGES
activities.versions   BORDER segments.* store.* activities activities.channels activities.templating
activities.asking     BORDER journeys.errors segments.* store.* activities.gate activities.versions
activities.contexts   BORDER store.* activities activities.versions WEB
activities.audiences  BORDER journeys.audiences store.* activities activities.deliver.patience WEB
activities.calling    BORDER store.* activities activities.deliver.patience activities.gate activities.versions WEB
activities.campaigns  BORDER segments.* store.* activities activities.deliver activities.dispatch activities.versions
activities.channels   BORDER segments.language segments.time store.* activities activities.templating activities.web
activities.deliver    BORDER segments.* store.* activities ASKED MESSAGES
activities.dispatch   BORDER journeys.errors segments.* store.* activities activities.asking activities.gate activities.versions
activities.exporting  BORDER store.* activities.deliver.patience
activities.gate       BORDER segments.* store.* activities.contexts activities.versions MESSAGES
activities.measuring  BORDER journeys.experiments segments.* store.* activities activities.versions
activities.notifying  BORDER store.* activities activities.deliver.patience WEB
activities.predicting BORDER journeys.experiments segments.* store.* activities activities.deliver.patience
activities.privacy    BORDER store.* activities activities.channels activities.deliver.patience activities.dispatch
activities.products   BORDER journeys.products segments.* store.* activities activities.deliver.patience
activities.sourcing   BORDER journeys.sources segments.* store.* activities activities.channels activities.deliver.patience
activities.templating store.* activities.channels
activities.web

store
store.customers       store store.deliveries store.measuring
store.deliveries      store
store.exports         store
store.ingest          store store.customers
store.measuring       store
store.products        store
store.migrations
store.queries
store.reports         store
store.runs            store
store.segments        store store.measuring

api                   journeys journeys.onsite journeys.simulate journeys.sources segments.* store.* activities.channels api.*
api.agents            activities.channels store.* api api.tokens
api.audiences         store.* api
api.campaigns         journeys journeys.campaigns segments.* store.* activities.channels api api.runs api.segments
api.choices           journeys.deciding journeys.experiments store.* activities.channels api
api.console           journeys journeys.deciding journeys.walk segments.* store.* activities.channels api api.*
api.ingest            journeys segments.* store.* activities.channels api
api.models            journeys journeys.experiments segments.* store.* activities.channels api api.segments
api.onsite            journeys journeys.onsite segments.* store.* activities.channels api api.ingest api.webhooks
api.pages
api.products          journeys segments.* store.* activities.channels api api.segments
api.profiles          journeys segments.* store.* activities.channels api api.ingest api.segments
api.reports           journeys journeys.experiments segments.* store.* activities.channels activities.measuring api
api.runs              journeys RUNS PLAYED segments.* store.* activities.channels activities.measuring api
api.segments          journeys segments.* store.* activities.channels activities.measuring api
api.sources           journeys journeys.sources segments.* store.* activities.channels api api.ingest api.webhooks
api.subscriptions     journeys segments.* store.* activities.notifying api api.runs
api.tokens            store.* api
api.webhooks          journeys segments.* store.* activities.channels api
api.wallet            journeys segments.* store.* activities.channels api api.webhooks
api.web_push          journeys segments.* store.* activities.channels api api.webhooks

workers               journeys.* segments.* store.* activities.* api.* workers workers.workflows
workers.cli           journeys.* segments.* store.* activities.* api.* workers COMMANDED
workers.demo          journeys.* segments.* store.* activities.* api.* workers workers.embedded
workers.embedded      journeys.* segments.* store.* activities.* api.* workers workers.cli workers.sandbox workers.training
workers.client        segments.errors
workers.reference     journeys.* segments.* store.* activities.* api.* workers
workers.sandbox       BORDER
workers.testing       journeys.* segments.* store.* activities.* api.* workers workers.embedded workers.sandbox
workers.training      journeys.* segments.* store.* activities.* api.* workers
workers.workflows     BORDER
"""
GROUPS = {
    "ASKED": ["activities.contexts", "activities.gate", "activities.versions"],
    "AUTHORED": [
        f"journeys.{name}" for name in ("audiences", "contexts", "deciding", "handle", "products", "sources", "gate", "onsite")
    ],
    "DRIVEN": ["journeys.walk.driving", "journeys.walk.samples"],
    "HANDLE": ["journeys.deciding", "journeys.handle", "journeys.gate"],
    "LANGUAGE": ["segments", "segments.language"],
    "RUNS": ["journeys.campaigns", "journeys.deciding"],
    "PLAYED": ["journeys.simulate", "journeys.walk"],
    "WEB": ["activities.channels", "activities.web"],
    "COMMANDED": ["workers.client", "workers.demo", "workers.embedded", "workers.reference", "workers.training"],
    "MESSAGES": ["activities.channels", "activities.templating"],
    # What stands on the border between workflows and activities: contracts, and pure decisions on entry.
    "BORDER": [
        f"journeys.{name}"
        for name in (
            *(
                "actions",
                "campaigns",
                "arms",
                "clock",
                "contexts",
                "contracts",
                "deciding",
                "endings",
                "entering",
                "entry",
                "gate",
                "heard",
                "policies",
                "questions",
            ),
            *("room", "services"),
        )
    ],
    # What a segment is, in plain Python; importable in the workflow sandbox.
    "PURE": [f"segments.{name}" for name in ("language", "time", "leaves", "facts", "evaluate", "dating", "errors")],
}
#: Libraries that some rooms have to themselves.
LIBRARIES = """
sqlalchemy  segments.sql
asyncpg     store.* segments.watch segments.load segments.ask api workers.*
temporalio  journeys.temporal activities.* workers.*
fastapi     api.* workers.*
liquid      activities.templating
typer       workers.cli
pyarrow     store.exports
numpy       segments.models activities.predicting
scipy       segments.models
sklearn     segments.models
lightgbm    segments.models.trees
"""


def table(text: str) -> dict[str, frozenset[str]]:
    lines = [line.split() for line in text.splitlines() if line]
    return {room: frozenset(each for name in names for each in GROUPS.get(name, [name])) for room, *names in lines}


GRANTS = table(LAW)
#: A room that a single file may use although its room may not. Five lines at most, each with its reason: the program and the
#: pytest plugin begin in the one package of ours whose name nobody else has, because from there it can be seen to that the
#: others are ours, and said in a sentence when they are not.
EXCEPTIONS = {"journeys/__main__.py": "workers.cli", "journeys/kit/plugin.py": "workers.testing"}


def room_of(place: str) -> str:
    while place and place not in GRANTS:
        place = place.rpartition(".")[0]
    return place


def granted(place: str, grants: frozenset[str]) -> bool:
    room = room_of(place) + "."
    return place in grants or any(
        room.startswith(each.removesuffix("*")) if "*" in each else room == f"{each}." for each in grants
    )


def trespasses(house: House) -> Iterator[str]:
    """Uses of what a room may not use, however they are written, also by a name in a text."""
    for module, file in house.modules.items():
        room = room_of(module)
        for line, name in (*house.uses(module), *house.named(module)):
            place, grants = house.place(name), GRANTS[room] | {room, EXCEPTIONS.get(file, room)}
            if name.partition(".")[0] in ROOMS and not granted(place, grants):
                yield f"{file}:{line} uses {name}, which is not in the line of {room}"


def foreigners(house: House) -> Iterator[str]:
    """Uses of a library in a room that has nothing to do with it."""
    rooms = table(LIBRARIES)
    for module, file in house.modules.items():
        for line, name in house.uses(module):
            if (library := name.partition(".")[0]) in rooms and not granted(module, rooms[library]):
                yield f"{file}:{line} uses {name}"


def unnamed(house: House) -> Iterator[str]:
    """Rooms without a line in the law. A catalogue has a folder for each journey, which is no room."""
    for file in house.texts:
        top, *inside = file.removesuffix(".py").split("/")
        is_room = len(inside) > 1 or (top == "segments" and inside != ["__init__"])
        if is_room and top != "definitions" and f"{top}.{inside[0]}" not in GRANTS:
            yield f"{file}: give {top}.{inside[0]} a line in LAW"


def circles(house: House) -> Iterator[str]:
    """Modules that need each other, for types too: what needs another's types cannot be read without it."""
    arrows = {
        name: {to for use in house.uses(name) if (to := house.module(use.name)) not in {None, name}} for name in house.modules
    }
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        yield " → ".join(error.args[1])


def strays(files: list[str]) -> list[str]:
    """Python that stands in no room."""
    return [file for file in files if file.endswith(".py") and file.partition("/")[0] not in {*ROOMS, "tests", "benchmarks"}]

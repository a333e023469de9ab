"""The segment builder: a definition as a form, what it means and how many it is true of at each change, and saving it.

Promise: what stands in the form is saved by the function that answers `PUT /v1/segments/{name}`; a definition that is opened
and saved without a change is the same JSON.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from api.auth import insist_on
from api.config import ApiConfig
from api.console.builder.drawing import opened
from api.console.builder.meaning import Meaning, meaning
from api.console.builder.sending import changed, read
from api.console.builder.shapes import Unread
from api.console.builder.sizes import Size, Sizes
from api.console.builder.table import DENIABLE, WORDS, headed
from api.console.builder.tree import MOST, ROOT, Faults, Inside, named, nodes
from api.console.frame import PLACE, form, page, pages, seen
from api.console.frame import read as model_of
from api.console.session import sees
from api.problems import Problem
from api.segments.access import answering, known_one
from api.segments.changes import frozen, put
from api.segments.models import Name, SegmentBody, SnapshotBody
from api.state import Config, Db
from segments.ask.declared import declared
from segments.ask.names import Names, names
from segments.ask.overview import AllSegments, KnownSegment, all_segments
from segments.define.define import CHANGED
from segments.define.naming import veiled
from segments.errors import DefinitionError
from segments.language.events import OURS
from segments.language.predicate import Predicate
from segments.language.segment import check_segment_name
from store import Database
from store.keys import Caller, Right
from store.lists import lists
from store.segments.rows import Stored

#: Bytes of a form: a definition with a thousand parts, or ten thousand user ids.
_LARGE = 1024 * 1024
_SEGMENTS = f"{PLACE}/segments"
router = pages("segments", most=_LARGE)

#: Whoever may look at segments may try one out; saving it takes more.
Building = Annotated[Caller, sees(Right.READ)]
_TOLD = ("name", "description", "owner", "review_by", "announce", "base_rate", "lift", "of", "as_of")


@dataclass
class Sheet:
    """A form as it stands: what is told of the segment, and its conditions."""

    told: dict[str, str]
    root: Inside = field(default_factory=Inside)

    @property
    def around(self) -> tuple[str, ...]:
        """The name that is being defined, which the definition may not name."""
        return (self.told["name"],) if self.told.get("name") else ()


@dataclass(frozen=True)
class Offers:
    """The names that fields offer."""

    known: Names
    segments: list[str]
    lists: list[str]
    journeys: list[str]
    templates: list[str]
    predictions: list[str]

    def of(self, which: str) -> list[str]:
        """Those of one kind."""
        return list(getattr(self.known if which in ("events", "traits", "properties") else self, which, ()))


@router.get("/build/new")
async def begin(
    request: Request,
    caller: Building,
    config: Config,
    database: Db,
    copy: Annotated[str, Query(max_length=100)] = "",
    listed: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """A new segment; `copy`: with the conditions of another one; `listed`: of who is on a list."""
    around = await all_segments(database, config.segments)
    told = {"owner": caller.name}
    if not copy:
        root = opened({"listed": listed}) if listed else Inside()
        if not listed:
            changed(root, "add", ROOT.name)
        return await _shown(request, config, database, around, Sheet(told, root))
    of = _opened(known_one(around, copy), caller, config)
    told |= {"description": of.segment.description, "owner": of.segment.owner or caller.name}
    return await _shown(request, config, database, around, Sheet(told, opened(_plain(of))))


@router.get("/{name}/change")
async def change(name: Name, request: Request, caller: Building, config: Config, database: Db) -> Response:
    """A segment as a form; one that stands in code can be looked at, and copied."""
    around = await all_segments(database, config.segments)
    of = _opened(known_one(around, name), caller, config)
    sheet = Sheet(_told_of(of), opened(_plain(of)))
    return await _shown(request, config, database, around, sheet, fixed=of.origin == "code")


@router.post("/build/form")
async def again(request: Request, caller: Building, config: Config, database: Db) -> Response:
    """The form after a button of it: a row more or less, another kind, or all of it worked out."""
    said = await form(request)
    does, _, where = said.get("do", "").partition(":")
    sheet = _sheet(said)
    changed(sheet.root, does, where)
    _insist_on_few(sheet.root)
    around = await all_segments(database, config.segments)
    scripted = request.headers.get("hx-request") == "true"
    strict = does == "show"
    size = None
    if strict and not scripted and caller.may(Right.PERSONAL):
        size = await _sized(request, config, database, _means(sheet, around))
    return await _shown(request, config, database, around, sheet, strict=strict, size=size)


@router.post("/build/meaning")
async def told(request: Request, _: Building, config: Config, database: Db) -> Response:
    """What the form means as it stands, and what is wrong at each of its fields; the fields themselves stay as they are."""
    sheet = _sheet(await form(request))
    around = await all_segments(database, config.segments)
    means = _means(sheet, around)
    fields = [named(at, part) for at, node in nodes(sheet.root) for part in node.kind.fields]
    return page(request, "builder_meaning", fields=fields, **_in_words(request, config, means, strict=False))


@router.post("/build/size")
async def sized(
    request: Request, _: Annotated[Caller, sees(Right.READ, personal=True)], config: Config, database: Db
) -> Response:
    """How many the form is true of, about or exactly, and some of them; nothing is saved."""
    means = _means(_sheet(await form(request)), await all_segments(database, config.segments))
    size = await _sized(request, config, database, means)
    return page(request, "builder_size", size=size, now=config.clock.now())


@router.post("/build/save")
async def save(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "define segment")], config: Config, database: Db
) -> Response:
    """Define the segment, or change it, as the API does; with what is wrong at its fields where it cannot be."""
    sheet = _sheet(await form(request))
    around = await all_segments(database, config.segments)
    means = _means(sheet, around)
    body = _body(sheet, means)
    _check_name(sheet, around, means.faults)
    status = 422
    if body is not None and means.predicate is not None and not means.faults:
        try:
            await put(config, database, sheet.told["name"], body, caller, if_it_stands=lambda row: _is_seen(sheet, row))
        except Problem as problem:
            if problem.code == CHANGED:  # by somebody who was faster
                around = await all_segments(database, config.segments)
                _check_name(sheet, around, means.faults)
            else:
                means.told, status = problem.detail, problem.status
        else:
            return seen(f"{_SEGMENTS}/{sheet.told['name']}", "Saved: every watch takes it up within seconds.")
    return await _shown(request, config, database, around, sheet, means=means, strict=True, status=status)


@router.post("/{name}/snapshots")
async def freeze(
    name: Name,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "freeze segment")],
    config: Config,
    database: Db,
) -> Response:
    """Who is in it now, as a list that never changes."""
    body = model_of(SnapshotBody, {"list": (await form(request)).get("list", "")})
    await frozen(config, database, name, body, caller)
    return seen(f"{_SEGMENTS}/{name}", "The list is there: other segments can name it now.")


def _sheet(said: Mapping[str, str]) -> Sheet:
    """What a form says.

    Raises:
        Problem: 422, it has more rows than a form may have.
    """
    told = {name: said.get(name, "") for name in _TOLD}
    sheet = Sheet(told | {"description": told["description"].replace("\r\n", "\n")}, read(said))
    _insist_on_few(sheet.root)
    return sheet


def _insist_on_few(root: Inside) -> None:
    if sum(1 for _ in islice(nodes(root), MOST + 1)) > MOST:
        told = f"a form has {MOST} rows at most; go back, and write what is larger as JSON, or put customers on a list"
        raise Problem(422, told, code="too-many-rows")


def _opened(of: KnownSegment, caller: Caller, config: ApiConfig) -> KnownSegment:
    """A segment that somebody may open: one that names people only who may look them up, and could save it again.

    Raises:
        Problem: 403, they may not.
    """
    if veiled(dict(of.written), config.personal_traits) != dict(of.written):
        insist_on(caller, Right.PERSONAL)
    return of


def _plain(of: KnownSegment) -> dict[str, Any]:
    return dict(of.written)


def _told_of(of: KnownSegment) -> dict[str, str]:
    """What is told of a segment besides its conditions, as texts of the form."""
    segment, row = of.segment, of.stored
    effect = segment.effect
    return {
        "of": segment.name,
        "name": segment.name,
        "description": segment.description,
        "owner": segment.owner,
        "review_by": segment.review_by.isoformat() if segment.review_by else "",
        "announce": "yes" if (row.announce if row else segment.announce) else "",
        "base_rate": str(effect.base_rate) if effect else "",
        "lift": str(effect.lift) if effect else "",
        "as_of": _mark(row),
    }


def _is_seen(sheet: Sheet, row: Stored | None) -> bool:
    """Whether what stands is what somebody had before them: nothing, where they make a new one."""
    return _mark(row) == sheet.told["as_of"] if sheet.told["of"] else row is None


def _mark(row: Stored | None) -> str:
    """What tells a stored definition from the one that comes after it."""
    stored = row and [row.definition, row.announce, row.updated_at.isoformat()]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()[:16]


def _means(sheet: Sheet, around: AllSegments) -> Meaning:
    return meaning(sheet.root, around.predicates, sheet.around)


def _check_name(sheet: Sheet, around: AllSegments, faults: Faults) -> None:
    """Refuse a new segment under a name that is taken, and a change of what somebody else has changed meanwhile."""
    name, of = sheet.told["name"], sheet.told["of"]
    try:
        check_segment_name(name)
    except DefinitionError as error:
        faults["name"] = Unread(error.problem)
        return
    if not of and (name in around.known or name in around.problems):
        faults["name"] = Unread("There is a segment of this name; choose another one, or change that one.")
    elif of and of != name:
        faults["name"] = Unread("A segment keeps its name; copy it for another one.")
    elif of and (name not in around.known or not _is_seen(sheet, around.known[name].stored)):
        faults["name"] = Unread("Somebody has changed it since you opened it; open it again to see what.")


def _body(sheet: Sheet, means: Meaning) -> SegmentBody | None:
    """What the call of the API takes; what it would refuse of the fields beside the conditions is told at them."""
    told = sheet.told
    effect = {"base_rate": told["base_rate"], "lift": told["lift"]} if told["base_rate"] or told["lift"] else None
    given = {
        "predicate": means.plain if means.predicate is not None else {"did": "anything"},
        "owner": told["owner"],
        "description": told["description"],
        "review_by": told["review_by"] or None,
        "effect": effect,
        "announce": bool(told["announce"]),
    }
    try:
        body = SegmentBody.model_validate(given)
        body.draft(told["name"])
    except ValidationError as error:
        for fault in error.errors():
            name = next((str(each) for each in reversed(fault["loc"]) if each in _TOLD), "name")
            means.faults[name] = Unread("This is needed.", empty=True) if not told[name] else Unread(fault["msg"])
        return None
    except Problem as problem:
        means.faults["lift"] = Unread(problem.detail)
        return None
    return body


async def _sized(request: Request, config: ApiConfig, database: Database, means: Meaning) -> Size | None:
    """How many a definition is true of; None where it is none."""
    if means.predicate is None:
        return None
    sizes: Sizes = request.app.state.sizes
    try:
        async with answering():
            return await sizes.of(database, means.predicate, config.clock.now())
    except Problem as problem:
        return Size(None, told=problem.detail)


def _in_words(request: Request, config: ApiConfig, means: Meaning, *, strict: bool) -> dict[str, Any]:
    """What every answer says of a form's meaning; faults that are only empty fields are told when all is asked for."""
    sizes: Sizes = request.app.state.sizes
    lately = sizes.lately(means.predicate) if means.predicate is not None else None
    shown = {name: fault for name, fault in means.faults.items() if strict or not fault.empty}
    now = config.clock.now()
    return {
        "means": means,
        "faults": shown,
        "wrong_at": lambda base: next(
            (each for name, each in shown.items() if name == base or name.startswith(f"{base}-")), None
        ),
        "lately": lately,
        "nonce": int(now.timestamp() * 1000),
        "now": now,
    }


async def _shown(
    request: Request,
    config: ApiConfig,
    database: Database,
    around: AllSegments,
    sheet: Sheet,
    *,
    means: Meaning | None = None,
    strict: bool = False,
    fixed: bool = False,
    size: Size | None = None,
    status: int = 200,
) -> Response:
    means = means or _means(sheet, around)
    shown = _in_words(request, config, means, strict=strict)
    return page(
        request,
        "builder",
        status=status,
        sheet=sheet,
        root=ROOT,
        fixed=fixed,
        headed=headed,
        words=WORDS,
        deniable=DENIABLE,
        offers=await _offers(config, database, around, means.predicate),
        **(shown | ({"lately": size} if size else {})),
    )


async def _offers(config: ApiConfig, database: Database, around: AllSegments, predicate: Predicate | None) -> Offers:
    types = {edge.type for edge in predicate.edges} if predicate is not None else set()
    known = await names(database, types)
    known.events.extend(sorted(OURS - set(known.events)))
    templates = sorted({each.template for each in config.templates})
    listed = [row.name for row in await lists(database)]
    foretold = list(await declared(database, config.predictions))
    return Offers(known, sorted(around.known), listed, sorted(config.catalogue), templates, foretold)

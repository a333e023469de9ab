"""What admins look at: the keys without anything secret, and who changed what, newest first, by kind, name and who it was."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from api.audit import ChangeView, KeyView, changes, keys
from api.console.frame import page, pages
from api.console.session import sees
from api.state import Config, Db
from segments.errors import SegmentError
from segments.language.wire import predicate_from_json
from store.audit import Which
from store.keys import Caller, Right

router = pages()

_SHOWN = 50
_Text = Annotated[str, Query(max_length=500, pattern="^[^\\x00]*$")]


@router.get("/keys")
async def list_keys(request: Request, _: Annotated[Caller, sees(Right.ADMIN)], database: Db) -> Response:
    """What each may, until when, and when it was last used: first those that are good, the one used last first."""
    now = datetime.now(UTC)  # as Postgres says whether one is good
    found = sorted(await keys(database), key=lambda key: key.used_at or key.created_at, reverse=True)
    return page(request, "keys", keys=sorted(found, key=lambda key: over(key, now)), over=over, now=now)


@router.get("/audit")
async def list_changes(
    request: Request,
    _: Annotated[Caller, sees(Right.ADMIN)],
    config: Config,
    database: Db,
    kind: _Text = "",
    name: _Text = "",
    by: _Text = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """Who changed what."""
    chosen = {"kind": kind.strip(), "name": name.strip(), "by": by.strip()}
    which = Which(by=chosen["by"] or None, kind=chosen["kind"] or None, name=chosen["name"] or None)
    found = await changes(database, which, before, _SHOWN)
    return page(request, "audit", found=found, chosen=chosen, now=config.clock.now(), defined=defined)


def defined(change: ChangeView) -> str:
    """A definition before and after, in words; nothing, where it is none, or can be read no more."""
    told = [_in_words(each) for each in (change.was, change.became) if each]
    return " → ".join(told) if change.kind == "segment" and all(told) else ""


def _in_words(definition: Mapping[str, Any]) -> str:
    try:
        return str(predicate_from_json(definition["predicate"]))
    except (KeyError, SegmentError):  # it names other segments, or was written otherwise once
        return ""


def over(key: KeyView, now: datetime) -> bool:
    """Whether a key is good no more."""
    return key.ends_at is not None and key.ends_at <= now

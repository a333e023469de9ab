"""Trouble: what is in doubt, not taken, not written to, not used, late or not listened to; and the ways out of it."""

from typing import Annotated, Any

from fastapi import Request
from starlette.responses import Response

from api.audiences.routes import AudienceView
from api.console.frame import PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.ingest.dead_letters import Choice
from api.ingest.replay import replay
from api.problems import Problem
from api.profiles.suppressions import Lifted, take_back
from api.runs.doubts import RepeatDoubts, SettleDoubts, repeat_doubts, settle_doubts
from api.sources.routes import SourceView
from api.state import Config, Db
from api.subscriptions.models import Name, StateBody, SubscriptionView
from api.subscriptions.routes import switch
from store import audiences, sources, subscriptions
from store.customers import suppressions
from store.deliveries import doubts, providers
from store.ingest.dead_letters import by_reason, dead_letters
from store.keys import Caller, Right

router = pages("trouble")

_SHOWN = 20
#: Of so many dead letters that came last the reasons are counted.
_LATEST = 5_000
_HERE = f"{PLACE}/trouble"
LIFTED = "The address is written to again."
KEPT = "It stays: its owner said no, or a person or a file did, and you did not say why that is over."


@router.get("")
async def overview(request: Request, caller: Annotated[Caller, sees(Right.READ)], config: Config, database: Db) -> Response:
    """All of it, a table each."""
    now = config.clock.now()
    stand = [SourceView.of(each, now) for each in await sources.found(database)]
    told = [AudienceView.of(each, now) for each in await audiences.found(database)]
    receivers = [SubscriptionView.of(each, caller) for each in await subscriptions.found(database)]
    return page(
        request,
        "trouble",
        in_doubt=await doubts.page(database, doubts.Which(), limit=_SHOWN),
        doubts=(await doubts.count(database, doubts.Which())).messages,
        reasons=await by_reason(database.pool, _LATEST),
        letters=await dead_letters(database.pool, limit=_SHOWN) if caller.may(Right.PERSONAL) else None,
        latest=_LATEST,
        stopped=await providers.stopped(database),
        sources=[each for each in stand if each.state in ("late", "failing")],
        audiences=[each for each in told if each.state in ("late", "failing", "held")],
        receivers=[each for each in receivers if each.state in ("failing", "stopped")],
        suppressed=await suppressions.newest(database, limit=_SHOWN),
        now=now,
    )


@router.post("/dead-letters/replay")
async def read_again(
    request: Request, _: Annotated[Caller, sees(Right.OPERATE, "replay dead-letters")], config: Config, database: Db
) -> Response:
    """Read dead letters of a key and of a reason, or one of them, again."""
    said = await form(request)
    one = [said["id"]] if said.get("id") else None
    choice = read(Choice, {name: said.get(name) or None for name in ("source", "reason")} | {"ids": one})
    await replay(database, choice.which, config.clock.now(), config.default_region, config.readings)
    return seen(_HERE, "Read again: what can be taken now is stored; what cannot stands here with the reason of today.")


@router.post("/doubts/settle")
async def settle(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "settle messages")], config: Config, database: Db
) -> Response:
    """Say what became of a message in doubt."""
    said = {name: text or None for name, text in (await form(request)).items()}
    await settle_doubts(read(SettleDoubts, _of_one(said)), caller, config, database)
    return seen(_HERE, "It is written down what became of the message.")


@router.post("/doubts/repeat")
async def repeat(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "repeat messages")], config: Config, database: Db
) -> Response:
    """Send a message in doubt once more."""
    said = await form(request)
    body = _of_one({"message": said.get("message"), "may_arrive_twice": said.get("may_arrive_twice") == "yes"})
    await repeat_doubts(read(RepeatDoubts, body), caller, config, database)
    return seen(_HERE, "It is sent once more within a moment, if it may still be; what came of it stands here.")


def _of_one(said: dict[str, Any]) -> dict[str, Any]:
    """What a form says of one message.

    Raises:
        Problem: 422, it names none.
    """
    if not said.get("message"):
        raise Problem(422, "say which message", code="invalid-request")
    return said


@router.post("/suppressions/lift")
async def lift(
    request: Request, caller: Annotated[Caller, sees(Right.OPERATE, "lift suppression")], config: Config, database: Db
) -> Response:
    """Write to a suppressed address again, unless its owner said no."""
    told = await take_back(caller, database, config, read(Lifted, await form(request)))
    return seen(_HERE, LIFTED if told.lifted else KEPT)


@router.post("/receivers/{name}/resume")
async def resume(
    name: Name, caller: Annotated[Caller, sees(Right.OPERATE, "switch subscription")], config: Config, database: Db
) -> Response:
    """Tell a receiver again."""
    await switch(config, database, name, StateBody(state="active"), caller)
    return seen(_HERE, "It is told again, also what waited: nothing was lost.")

"""A run: its story with the reasons, what it waits for, its messages and calls, a link into the Temporal UI, and its end."""

from typing import Annotated
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from api.auth import Of
from api.console.frame import PLACE, page, pages, seen
from api.console.session import sees
from api.runs.models import EndRun
from api.runs.routes import end, existing, story, with_timeline
from api.state import Config, Db
from store.keys import Caller, Right

router = pages("runs")


@router.get("/{run_id}")
async def show(
    run_id: UUID, request: Request, caller: Annotated[Caller, sees(Right.READ, of=Of.ITSELF)], config: Config, database: Db
) -> Response:
    """One run."""
    run = await existing(database, run_id, caller)
    return page(
        request,
        "run",
        run=await with_timeline(config, database, run),
        story=await story(config, database, run, show=caller.may(Right.PERSONAL)),
        now=config.clock.now(),
    )


@router.post("/{run_id}/end")
async def end_run(
    run_id: UUID,
    caller: Annotated[Caller, sees(Right.OPERATE, "end run", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Response:
    """End it: no further message is sent."""
    await end(config, database, await existing(database, run_id, caller), EndRun())
    return seen(f"{PLACE}/runs/{run_id}", "The run was told to end; nothing more is sent.")

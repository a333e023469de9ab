"""The console's pages in the order in which they are looked for, their files, and what is said where there is none."""

from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from api.auth import Of
from api.console import (
    audit,
    campaigns,
    changing,
    choices,
    customers,
    data,
    deliverability,
    experiments,
    home,
    journeys,
    models,
    oidc,
    runs,
    segments,
    session,
    starting,
    tasks,
    templates,
    trouble,
)
from api.console.builder import lists
from api.console.builder import routes as builder
from api.console.frame import HEADERS, file, pages
from api.console.session import sees
from api.problems import Problem
from store.keys import Caller, Right

_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}

rest = pages()
#: Each module of the console has one router; what is said where there is no page stands last.
ROUTERS = [
    session.router,
    oidc.router,
    home.router,
    starting.router,
    customers.router,
    changing.router,
    changing.erasures,
    journeys.router,
    runs.router,
    segments.router,
    builder.router,
    lists.router,
    campaigns.router,
    templates.router,
    experiments.router,
    choices.router,
    models.router,
    tasks.router,
    trouble.router,
    data.router,
    deliverability.router,
    audit.router,
    rest,
]


@rest.get("/assets/{name}")
async def asset(name: str) -> Response:
    """A script, a style or a picture; its address changes with its content."""
    found = file(name)
    if found is None:
        raise Problem(404, "there is no such file", code="unknown-file")
    content, kind = found
    return Response(content, media_type=kind, headers=HEADERS | _FOR_GOOD)


@rest.get("/{page:path}")
async def nothing(request: Request, _: Annotated[Caller, sees(Right.READ, of=Of.ITSELF)]) -> Response:
    """There is no such page; told to whoever is signed on."""
    raise Problem(404, f"there is no page {request.url.path[:200]}", code="unknown-page")

"""The app: every router in one place, every error as problem+json, and a start that does not wait for Postgres."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from api import audit, handbook, health, metrics, previews, problems, whatsapp
from api.agents import reference
from api.agents import routes as agents
from api.audiences import routes as audiences
from api.auth import Keys, only_known
from api.body import UNPACKED_LIMIT
from api.campaigns import routes as campaigns
from api.choices import routes as choices
from api.config import ApiConfig
from api.console import routes as console
from api.console.builder.sizes import Sizes
from api.console.frame import shown
from api.cors import Cors
from api.door import Door
from api.ingest import dead_letters, history, visitors
from api.ingest import routes as ingest
from api.ingest.intake import Intake
from api.ingest.routes import Ingest
from api.limits import Limits
from api.models import declaring
from api.models import routes as models
from api.onsite import content, inbox, scripts
from api.products import routes as products
from api.profiles import confirming, erasures, files, held, preferences, suppressions
from api.profiles import routes as profiles
from api.reports import exports
from api.reports import routes as reports
from api.runs import catalogue, doubts, journeys, messages, parameters, providers, tasks, trials
from api.runs import routes as runs
from api.segments import changes as segment_changes
from api.segments import lists
from api.segments import questions as segment_questions
from api.segments import routes as segments
from api.sources import hooks
from api.sources import routes as sources
from api.state import Store, stores_of
from api.subscriptions import routes as subscriptions
from api.tokens import routes as tokens
from api.tokens.tokens import Tokens
from api.wallet import adding, devices
from api.wallet import google as google_wallet
from api.web_push import routes as web_push
from api.webhooks import routes as webhooks
from api.webhooks import tracked, unsubscribe
from store import Database

_ABOUT = """Events of customers come in, journeys are started and watched.

Send an API key as the user of HTTP Basic (empty password, as Segment's clients do) or as Bearer. A key has one role:
`ingest` sends a server's events, `client` those of an app or a web page, where it may stand and speaks for visitors and for
users whose id the shop has signed; `start` starts runs; `read`, `operate` and `admin` each may what the one before may, and
more. What is known of customers is shown to keys made for that. Errors are problem+json (RFC 9457)."""

#: Bytes of a body, where a route does not say otherwise: five thousand customers with long names.
BODY_SIZE = UNPACKED_LIMIT

#: Each module of the API has one router; an app serves them all. Of their routes the first that fits is taken: `/o/{token}.gif`
#: stands before `/o/{token}`.
ROUTERS = [
    ingest.router,
    ingest.beacon,
    history.router,
    visitors.router,
    journeys.router,
    catalogue.router,
    trials.router,
    runs.router,
    campaigns.router,
    tasks.router,
    messages.router,
    providers.router,
    doubts.router,
    segment_questions.router,
    segments.router,
    segment_changes.router,
    lists.router,
    products.router,
    profiles.router,
    files.router,
    webhooks.router,
    unsubscribe.router,
    tracked.router,
    confirming.router,
    web_push.router,
    inbox.router,
    content.router,
    scripts.router,
    adding.router,
    devices.router,
    google_wallet.router,
    dead_letters.router,
    audit.router,
    suppressions.router,
    subscriptions.router,
    models.router,
    declaring.router,
    choices.router,
    sources.router,
    audiences.router,
    hooks.router,
    whatsapp.router,
    previews.router,
    erasures.router,
    exports.router,
    reports.router,
    held.router,
    preferences.router,
    preferences.links,
    agents.router,
    reference.router,
    tokens.router,
    health.router,
    metrics.router,
    *console.ROUTERS,
]


def create_app(config: ApiConfig, *, database: Database | None = None) -> FastAPI:
    """The API, on a pool of its own or on the given one (which the caller closes)."""
    app = FastAPI(
        title="journeys",
        version=version("journeys"),
        description=_ABOUT,
        lifespan=_lifespan,
        docs_url=None,  # of our own, which needs no other server
        redoc_url=None,
        redirect_slashes=False,  # to wherever the Host header says
    )
    store, peoples = stores_of(config, database)
    app.state.config = config
    app.state.store = store
    app.state.peoples = peoples
    app.state.keys = Keys(config.key_ttl)
    app.state.tokens = Tokens(config.oauth, config.public_url) if config.oauth else None
    app.state.limits = limits = Limits(config.in_flight, config.events_per_second, config.turn_seconds)
    app.state.streams = inbox.streams_of(config, store)
    app.state.ingest = Ingest(config, store, Intake(store, config.lanes), limits)
    app.state.exports = exports.Places()
    app.state.sizes = Sizes()
    app.state.agents = agents.Agents(app, config, ROUTERS)
    app.add_middleware(problems.Reworded, shown=shown)
    app.add_middleware(Door, config=config, store=store, shown=shown)
    app.add_middleware(Cors)  # added last, so it comes first, and errors of the door carry its headers
    problems.install(app, shown)
    app.router.routes.extend(_routes())
    handbook.install(app)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


@cache
def _routes() -> list[BaseRoute]:
    """The same in every app of a process: FastAPI reads their signatures when first asked, for a tenth of a second."""
    together = APIRouter(
        dependencies=[Depends(only_known)],
        responses={500: problems.responses(500)[500]},
        max_body_size=BODY_SIZE,
        generate_unique_id_function=lambda route: route.name,  # what generated clients call their methods
    )
    for router in ROUTERS:
        together.include_router(router)
    return together.routes


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    stores: tuple[Store, Store] = app.state.store, app.state.peoples
    for store in stores:
        await store.warm()
    _spare_the_collector()
    yield
    await app.state.streams.close()
    await app.state.agents.close()
    if app.state.config.wallets is not None:
        await app.state.config.wallets.close()
    await app.state.ingest.intake.close()
    for store in stores:
        await store.close()


def _spare_the_collector() -> None:
    """JSON has no cycles, so counting references frees it; looking for cycles every 700 objects costs a third of ingest."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the two ways to send a key as alternatives and every error as a problem."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, openapi_version="3.1.0"
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(problems.schemas())
        parameters.describe(schemas, app.state.config.catalogue)
        for operation in _operations(document):
            problems.describe(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]

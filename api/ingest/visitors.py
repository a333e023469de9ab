"""What browser SDKs ask for before they send: the settings of a source, which say that events come here and nowhere else.

Segment's asks `/v1/projects/<key>/settings`, RudderStack's `/sourceConfig`. The answers hold nothing that is not in the page.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import sender
from api.problems import responses
from api.state import Config

#: Paths that web pages may use from another origin, as regular expressions.
VISITOR_PATHS = (
    r"/v1/(?:identify|track|page|screen|group|alias|batch|[itpsgab])",
    r"/beacon/v1/batch",
    r"/v1/projects/[^/]+/settings",
    r"/sourceConfig",
    r"/v1/inbox(?:/.+)?",
    r"/v1/content(?:/.+)?",
)

router = APIRouter(tags=["ingest"])


class SegmentSettings(BaseModel):
    """What `@segment/analytics-next` reads: one integration, which is this API."""

    integrations: dict[str, dict[str, Any]]
    plan: dict[str, Any] = Field(default={}, description="no tracking plan")
    edgeFunction: dict[str, Any] = {}  # noqa: N815 - Segment's name
    metrics: dict[str, Any] = Field(default={"sampleRate": 0}, description="the SDK need not count its own errors")


class RudderSource(BaseModel):
    """A source without destinations: nothing is loaded into the page."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    enabled: bool = True
    config: dict[str, Any] = {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}}
    destinations: list[Any] = []


class RudderSettings(BaseModel):
    """What RudderStack's SDKs read."""

    source: RudderSource


@router.get("/v1/projects/{write_key}/settings", responses=responses(401, 403, 503))
async def segment_settings(
    request: Request, config: Config, write_key: Annotated[str, Path(max_length=200, description="a client's key")]
) -> SegmentSettings:
    """Settings for Segment's browser SDK, whose option `cdnURL` is this API's address."""
    await sender(request, write_key)
    protocol, _, host = config.public_url.rstrip("/").partition("://")
    ours = {"apiKey": write_key, "apiHost": f"{host}/v1", "protocol": protocol, "addBundledMetadata": False}
    return SegmentSettings(integrations={"Segment.io": ours})


@router.get("/sourceConfig/", include_in_schema=False)
@router.get("/sourceConfig", responses=responses(401, 403, 503))
async def rudder_settings(
    request: Request,
    write_key: Annotated[str | None, Query(alias="writeKey", max_length=200, description="a client's key")] = None,
) -> RudderSettings:
    """Settings for RudderStack's SDKs, whose option `configUrl` is this API's address."""
    caller = await sender(request, write_key)
    return RudderSettings(source=RudderSource(id=str(caller.id), name=caller.name))

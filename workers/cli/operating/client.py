"""`journeys client`: a typed Python client for this deployment, as a package to install."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import InJson, fail, say, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENAPI = "/openapi.json"


def client(
    out: Annotated[Path, typer.Option(help="The folder of the package; a former client in it is written over.")],
    server: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL", help="A running API, such as https://journeys.shop.example; else the catalogue here."
        ),
    ] = None,
    package: Annotated[str, typer.Option(help="What it is imported as.")] = "journeys_client",
    as_json: InJson = False,
) -> None:
    """Write a typed Python client: a method for every call, a model for every body, answer and journey's parameters.

    `pip install <folder>` installs it. Needs the extra `client` here, and httpx and pydantic where it is used.
    """
    from workers.client.package import files, write

    made = files(_asked(server) if server else _here(), package)
    write(made, out)
    told = {"folder": str(out), "package": package, "files": sorted(made)}
    say(told, f"{out}: the package {package} is written; pip install {out}", as_json=as_json)


def _here() -> "Mapping[str, Any]":
    """As an API with the catalogue of this place describes itself; no server is asked."""
    from api import ApiConfig, create_app
    from workers.cli.check import examined_or_fail

    journeys = examined_or_fail(settings().catalogue).journeys
    return create_app(ApiConfig(dsn="", catalogue=journeys)).openapi()


def _asked(server: str) -> "Mapping[str, Any]":
    import httpx

    url = server if server.endswith(_OPENAPI) else server.rstrip("/") + _OPENAPI
    try:
        answer = httpx.get(url, timeout=30, follow_redirects=True)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return fail(f"{url} does not answer with a description ({type(error).__name__}); is it the API's address?")
    if answer.is_error or not isinstance(found, dict) or found.get("info", {}).get("title") != "journeys":
        return fail(f"{url} is not the description of journeys' API")
    return found

"""A receiver that speaks Open-Meteo's published format on loopback: written from its documentation, apart from how we ask.

Source: Open-Meteo, "Weather Forecast API": `latitude` and `longitude` are needed and in range, `current` names variables, an
answer snaps to the model's grid; errors are `{"error": true, "reason": …}` with 400; too many requests are 429.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

UNITS = {
    "temperature_2m": "°C",
    "apparent_temperature": "°C",
    "rain": "mm",
    "snowfall": "cm",
    "wind_speed_10m": "km/h",
    "weather_code": "wmo code",
}


@dataclass
class OpenMeteo:
    """What it was asked, what the weather is, and how it fails."""

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    weather: dict[str, float] = field(default_factory=lambda: {"temperature_2m": 26.0, "rain": 0.0})
    fault: str = ""
    slow: float = 0.0

    async def forecast(self, request: Request) -> Response:
        """`GET /v1/forecast`."""
        query = {name: values[-1] for name, values in parse_qs(request.url.query).items()}
        self.asked.append(query)
        await asyncio.sleep(self.slow)
        if self.fault.isdecimal():
            return JSONResponse({"error": True, "reason": "as told"}, int(self.fault), {"retry-after": "90"})
        if self.fault == "html":
            return Response("<!doctype html><p>maintenance", media_type="text/html")
        try:
            latitude, longitude = float(query["latitude"]), float(query["longitude"])
        except (KeyError, ValueError):
            return _wrong("Parameter 'latitude' and 'longitude' must have the same number of elements")
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            return _wrong(f"Latitude must be in range of -90 to 90°. Given: {latitude}.")
        wanted = query.get("current", "").split(",")
        if unknown := [name for name in wanted if name not in UNITS]:
            return _wrong(f"Data corrupted at path ''. Cannot initialize variable from invalid String value {unknown[0]}.")
        found = {name: self.weather.get(name, 0.0) for name in wanted}
        if self.fault == "text":
            found["temperature_2m"] = "warm"  # type: ignore[assignment] - a fault of theirs
        return JSONResponse(
            {
                "latitude": round(latitude * 8) / 8,
                "longitude": round(longitude * 8) / 8,
                "generationtime_ms": 0.06,
                "utc_offset_seconds": 0,
                "timezone": "GMT",
                "timezone_abbreviation": "GMT",
                "elevation": 38.0,
                "current_units": {"time": "iso8601", "interval": "seconds"} | {name: UNITS[name] for name in wanted},
                "current": {"time": "2026-11-30T19:15", "interval": 900, **found},
            }
        )


@asynccontextmanager
async def open_meteo() -> AsyncIterator[OpenMeteo]:
    """Serve until the block ends."""
    made = OpenMeteo()
    app = Starlette(routes=[Route("/v1/forecast", made.forecast)])
    quick = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(quick)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1/forecast"
    try:
        yield made
    finally:
        server.should_exit = True
        await serving


def _wrong(reason: str) -> JSONResponse:
    return JSONResponse({"error": True, "reason": reason}, 400)

"""The weather where a customer is, by Open-Meteo: what the national weather services forecast for now.

It needs no key where nothing is sold; who sells has one, and sets it: `JOURNEYS_CONTEXTS={"weather": {"url":
"https://customer-api.open-meteo.com/v1/forecast", "query": {"apikey": "…"}}}`.
Source: Open-Meteo, "Weather Forecast API" (`/v1/forecast`, "Current Weather" and "Errors"; 15-minutely and hourly model data).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from journeys.contexts.context import Context

_URL = "https://api.open-meteo.com/v1/forecast"
_COORDINATES = {"latitude": "address.latitude", "longitude": "address.longitude"}


class Weather(BaseModel):
    """What it is like outside: degrees Celsius, millimetres (snow: centimetres) in the last quarter of an hour, km/h.

    `code` is the WMO's, of table 4677: 0 clear … 61 rain … 95 thunderstorm.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    temperature: float = Field(alias="temperature_2m")
    feels_like: float | None = Field(default=None, alias="apparent_temperature")
    rain: float = 0
    snowfall: float = 0
    wind: float | None = Field(default=None, alias="wind_speed_10m")
    code: int | None = Field(default=None, alias="weather_code")


def open_meteo(
    *,
    otherwise: Weather,
    by: Mapping[str, str] | Sequence[str] = _COORDINATES,
    places: Mapping[str, tuple[float, float]] | None = None,
    digits: int = 1,
    cache: timedelta = timedelta(minutes=30),
    timeout: timedelta = timedelta(seconds=2),
    name: str = "weather",
) -> Context[Weather]:
    """The weather now, by Open-Meteo.

    Args:
        otherwise: What it is taken to be where it is not known.
        by: The traits with the customer's latitude and longitude, `{"latitude": …, "longitude": …}`; with `places`, the one
            with the name of their place.
        places: Latitude and longitude of the company's places, by their names: `{"Lima": (-12.05, -77.04)}`. So nothing is told
            of a customer but in which of these they are.
        digits: To how many digits coordinates are rounded; 1 is 11 km.
        cache: How long what was told of a place is taken for so.
        timeout: How long it is waited for.
        name: By which templates know it.

    Example:
        weather = open_meteo(by=["address.city"], places={"Lima": (-12.05, -77.04)}, otherwise=Weather(temperature=20))
    """
    known = None if places is None else {each: {"latitude": lat, "longitude": lon} for each, (lat, lon) in places.items()}
    asks = ",".join(each.alias or each_name for each_name, each in Weather.model_fields.items())
    return Context(
        name,
        gives=Weather,
        otherwise=otherwise,
        url=_URL,
        by=by,
        digits=digits,
        places=known,
        asks={"current": asks},
        answer="current",
        cache=cache,
        timeout=timeout,
    )

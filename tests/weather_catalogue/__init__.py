"""Journeys that ask what it is like where their customers are: PRO-12 and SEG-09 by a provider."""

from journeys import Journey, Segment, Traits, Weather, after, did, journey, minutes, open_meteo, prop

own_traits = Traits("home")
weather = open_meteo(
    by={"latitude": "home.latitude", "longitude": "home.longitude"}, otherwise=Weather(temperature=26), cache=minutes(15)
)
looked_at_coats = Segment("coat-fans", did("Coat Viewed").within(hours=1))


@journey(entry=looked_at_coats)
async def winter_coat(j: Journey) -> None:
    """SEG-09: only where it is cold at that moment."""
    await j.wait(hours=1)
    await j.push("say", only=weather.where(prop("temperature") < 12, because="climate"), about="winter coat")


@journey(reentry=after(minutes=0))
async def morning(j: Journey) -> None:
    """Another way where it rains, and one for where that is not known."""
    around = await j.context(weather)
    if not around:
        await j.push("good-day")
    elif around.value.rain > 0:
        await j.push("umbrella")
    else:
        await j.push("walk")


@journey()
async def evening(j: Journey) -> None:
    """PRO-12: one message, whose text is by the weather at the moment of the send."""
    await j.wait(hours=10)
    await j.push("by-weather")

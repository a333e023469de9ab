"""A launch (JRN-05): a push as soon as somebody interested is near a dealer, or else an invitation when two weeks are over."""

from definitions.segments import fond_of_electric_cars
from journeys import Journey, days, did, journey, once, prop

at_a_dealer = did("Geofence Entered").where(prop("place") == "dealer")


@journey(entry=fond_of_electric_cars, goal=did("Test Drive Booked"), reentry=once(), useless_after=days(1))
async def test_drive(j: Journey) -> None:
    """Whichever comes first: near a dealer, or the fifteenth day."""
    if await j.wait_for(at_a_dealer, timeout=days(14)):
        await j.push("dealer-nearby")
    else:
        await j.window("09:00", "20:00")
        await j.whatsapp("test-drive-invitation")

"""Journeys for tests of when and whether a message goes: order, budgets, windows, deadlines and habits."""

from journeys import Budget, Cap, Journey, Prices, QuietHours, Window, after, days, hours, journey, messaged, purchases, within

GAP = (Cap(1, hours(4)),)
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")

prices = Prices(push=0, whatsapp="0.15", email="0.02", sms="0.07", web_push=0)


@journey(reentry=after(minutes=0), priority=5, caps=GAP)
async def headline(j: Journey) -> None:
    """What matters most."""
    await j.at(minutes=10)
    await j.push("note")


@journey(reentry=after(minutes=0), caps=GAP)
async def chatter(j: Journey) -> None:
    """What matters less, and can wait."""
    await j.at(minutes=10)
    await j.email("note")


@journey(reentry=after(minutes=0), goal=messaged(channel="email", journey="until_written").sent())
async def until_written(j: Journey) -> None:
    """Over as soon as they have been written to, whatever the provider reports."""
    await j.email("note")
    await j.wait(hours=1)
    await j.push("note")


@journey(reentry=after(minutes=0), caps=GAP, priority=9)
async def aside(j: Journey) -> None:
    """One message of an important journey that is not."""
    await j.at(minutes=10)
    await j.whatsapp("note", priority=1, useless_after=hours(2))


@journey(reentry=after(minutes=0), budget=Budget(messages=5, per="day"))
async def thrifty(j: Journey) -> None:
    """Five messages a day, to whomever."""
    await j.push("note")


@journey(reentry=after(minutes=0), budget=Budget(messages=2, per="day", when_spent="wait"), useless_after=days(2))
async def patient(j: Journey) -> None:
    """Two messages a day; the others wait for the next."""
    await j.push("note")


@journey(reentry=after(minutes=0), budget=Budget(money="0.34", per="month"))
async def shoestring(j: Journey) -> None:
    """As long as the money lasts."""
    await j.reach("note", by=("whatsapp", "email"))


@journey(reentry=after(minutes=0), send_time=within(hours=24), useless_after=days(2), quiet_hours=QuietHours("22:00", "08:00"))
async def at_your_hour(j: Journey) -> None:
    """A letter when the customer reads, and a push at once."""
    await j.email("note")
    await j.push("note", send_time=within(hours=0))


@journey(reentry=after(minutes=0), window=Window("09:00", "18:00", weekdays=WORKDAYS), useless_after=days(4))
async def office_hours(j: Journey) -> None:
    """On workdays, and a letter in the evening, or not at all."""
    await j.push("note")
    await j.email("note", window=Window("19:00", "21:00"), useless_after=hours(2))


@journey(reentry=after(minutes=0), goal=purchases, holdout=0.5, quiet_hours=QuietHours("22:00", "06:00"))
async def an_hour_later(j: Journey) -> None:
    """Not at night, and not to who has bought meanwhile; half of them are the holdout."""
    await j.at(hours=1)
    await j.push("note")

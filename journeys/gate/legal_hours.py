"""The hours in which marketing by SMS may be sent, by the country of the number (ISO 3166), with where that is said.

Promise: data and nothing else. A message goes in one of the windows, on the clocks of the customer, and on no holiday; a
country that is not here sets no hours that we know of. This is no legal advice: look at the sources again before you rely on
them (they were read in November 2026).
"""

from dataclasses import dataclass

from journeys.policies import Window

_WORKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Hours:
    """What one country allows; `holidays` are of every year (MM-DD), `easter` days after Easter Sunday."""

    windows: tuple[Window, ...]
    source: str
    holidays: frozenset[str] = frozenset()
    easter: frozenset[int] = frozenset()


_FRANCE = Hours(
    (Window("08:00", "22:00", _WORKDAYS),),
    "no marketing SMS from 22:00 to 8:00, on Sundays and on public holidays: Brevo, API reference, Transactional SMS;"
    " public holidays: Code du travail, L3133-1",
    frozenset({"01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"}),
    frozenset({1, 39, 50}),
)
_UNITED_STATES = Hours(
    (Window("08:00", "21:00"),),
    "not before 8 a.m. or after 9 p.m. at the called party's location: 47 CFR 64.1200(c)(1), Twilio's error 30610;"
    " some states are stricter",
)

HOURS: dict[str, Hours] = {
    **dict.fromkeys(("FR", "GF", "GP", "MQ", "RE", "YT", "PM", "BL", "MF"), _FRANCE),
    **dict.fromkeys(("US", "AS", "GU", "MP", "PR", "VI"), _UNITED_STATES),
    "IN": Hours((Window("09:00", "21:00"),), "promotional messages from 9 to 21 (TRAI): Satisfi Labs, SMS Regulations, India"),
    "AE": Hours((Window("07:00", "21:00"),), "no promotional messages from 21:00 to 7:00: Twilio, SMS guidelines, AE"),
    "TH": Hours((Window("09:00", "21:00"),), "marketing prohibited from 21:00 to 9:00: Twilio, SMS guidelines, TH"),
}

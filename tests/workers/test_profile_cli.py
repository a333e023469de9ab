"""`journeys profile` on a terminal of 80 columns: nothing that it knows is cut."""

from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

from rich.console import Console

from segments.time.zones import Whereabouts
from store.customers.profiles import Consent, Endpoint, Membership, Profile, Trait
from workers.cli.profiles import _tables

AT = datetime(2025, 11, 16, 12, tzinfo=UTC)
ADDRESS, NUMBER = "a…z@a-rather-long-domain.example", "+346…33"


def test_a_profile_can_be_read_on_a_narrow_terminal() -> None:
    found = Profile(
        UUID(int=1),
        ["u-40"],
        AT,
        AT,
        [Trait("favourite_category", "outdoor-and-mountaineering-equipment", "source-of-it", AT, AT, None)],
        [
            Consent("email", ADDRESS, "marketing", "withdrawn", "customer", "unsubscribe-link", AT),
            Consent("whatsapp", NUMBER, "transactional", "granted", "customer", "identify", AT),
        ],
        [Endpoint("email", ADDRESS, None, False, "smtp 550 5.1.1 hard bounce", AT, AT)],
        [Membership("people-who-look-at-boots", AT)],
    )
    screen = StringIO()
    console = Console(file=screen, width=80)
    for part in _tables(found, Whereabouts(("Europe/Madrid",), "phone")):
        console.print(part)
    shown = screen.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    for whole in (ADDRESS, NUMBER, "withdrawn", "granted", "transactional", "16 Nov 2025", "people-who-look-at-boots"):
        assert whole in shown, shown
    assert "…" not in shown.replace(ADDRESS, "").replace(NUMBER, ""), "nothing is cut"
    assert {"smtp", "550", "5.1.1", "hard", "bounce"} <= set(shown.split())

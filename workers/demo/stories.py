"""What people do in the demo's week, one function per story; the shop's randomness is in when, not in what.

Every story gets the person, a `Tape` to write on and the second of the week at which its cart begins. Times between the steps
of the cart journey (1 h, 24 h, 72 h) lie well inside the gaps, because the demo's hours last about a second.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from workers.demo.people import Person, make_person
from workers.demo.products import PRODUCTS, Product
from workers.demo.visits import Tape, Visit

MINUTE, HOUR, DAY = 60, 3600, 86400
#: Nobody orders at night.
_DAYTIME = range(8, 23)


@dataclass(frozen=True, slots=True)
class Scene:
    """Who, from when on (seconds since Monday 00:00), and where it is written down."""

    tape: Tape
    person: Person
    at: int

    @property
    def chance(self) -> Random:
        """The shop's randomness."""
        return self.tape.chance

    def visit(self, surface: str | None = None, *, logged_in: bool = True, offline: int = 0) -> Visit:
        """A visit of this person; by default wherever they like to shop."""
        if surface is None:
            surface = "app" if self.person.device and self.chance.random() < 0.55 else "web"  # noqa: PLR2004 - about half
        return Visit(self.tape, self.person, surface, logged_in, offline)

    def later(self, low: int, high: int) -> int:
        """A second between `low` and `high` after the cart, in the daytime if the span has any."""
        for _ in range(50):
            at = self.at + self.chance.randrange(low, high)
            if at % DAY // HOUR in _DAYTIME:
                break
        return at

    def some(self, most: int = 3) -> list[Product]:
        """One or more products."""
        return self.chance.sample(PRODUCTS, self.chance.randint(1, most))

    def fill_cart(self, visit: Visit) -> Product:
        """Look around and put the last thing seen into the cart, exactly at the scene's time."""
        seen = self.some()
        visit.look(self.at - len(seen) * 100 - 20, seen)
        visit.add_to_cart(self.at, seen[-1])
        return seen[-1]


Story = Callable[[Scene], None]


def browses(scene: Scene) -> None:
    """Looks around on one to three days, with an empty cart."""
    for _ in range(scene.chance.randint(1, 3)):
        start = scene.chance.randrange(5) * DAY + scene.chance.randrange(9 * HOUR, 22 * HOUR)
        scene.visit().look(start, scene.some(4))


def browses_unknown(scene: Scene) -> None:
    """Looks around on the web and never says who they are."""
    scene.visit("web", logged_in=False).look(scene.at, scene.some(4))


def buys_at_once(scene: Scene) -> None:
    """Cart and order within minutes."""
    visit = scene.visit()
    product = scene.fill_cart(visit)
    visit.order(scene.at + scene.chance.randrange(3 * MINUTE, 9 * MINUTE), [product])


def never_orders(scene: Scene) -> None:
    """Leaves the cart for good."""
    scene.fill_cart(scene.visit())


def _orders_between(low: int, high: int) -> Story:
    def story(scene: Scene) -> None:
        visit = scene.visit()
        product = scene.fill_cart(visit)
        visit.order(scene.later(low, high), [product])

    return story


orders_before_the_push = _orders_between(25 * MINUTE, 38 * MINUTE)
orders_after_the_push = _orders_between(3 * HOUR, 21 * HOUR)
orders_after_the_whatsapp = _orders_between(27 * HOUR, 68 * HOUR)
orders_after_the_email = _orders_between(75 * HOUR, 88 * HOUR)


def _on_the_web_then_logs_in(scene: Scene) -> Product:
    visit = scene.visit("web", logged_in=False)
    product = scene.fill_cart(visit)
    visit.identify(scene.at + scene.chance.randrange(12 * MINUTE, 24 * MINUTE))
    return product


def cart_on_the_web_push_in_the_app(scene: Scene) -> None:
    """An unknown visitor fills a cart on the web, logs in, and the push comes to their phone (JRN-03)."""
    _on_the_web_then_logs_in(scene)


def cart_on_the_web_order_in_the_app(scene: Scene) -> None:
    """The same, and the push brings them back: they order in the app before the WhatsApp is due."""
    product = _on_the_web_then_logs_in(scene)
    at = scene.later(3 * HOUR, 20 * HOUR)
    visit = scene.visit("app")
    visit.show(at - 90, "Cart")
    visit.order(at, [product])


def logs_in_through_an_old_site(scene: Scene) -> None:
    """An old version of the site sends an alias where a new one identifies."""
    visit = scene.visit("web", logged_in=False)
    scene.fill_cart(visit)
    visit.alias(scene.at + 15 * MINUTE)


def logs_in_the_next_day(scene: Scene) -> None:
    """Too late for the push and the WhatsApp, in time for the email."""
    visit = scene.visit("web", logged_in=False)
    scene.fill_cart(visit)
    visit.identify(scene.later(26 * HOUR, 44 * HOUR))


def never_logs_in(scene: Scene) -> None:
    """A cart, and nobody to write to."""
    scene.fill_cart(scene.visit("web", logged_in=False))


def signs_up(scene: Scene) -> None:
    """A new customer: tells name and wishes while the cart fills."""
    visit = scene.visit("web", logged_in=False)
    visit.look(scene.at - 6 * MINUTE, scene.some(2))
    visit.identify(scene.at - 2 * MINUTE, scene.person.subscriptions())
    visit.add_to_cart(scene.at, scene.some(1)[0])


def unsubscribes_after_the_push(scene: Scene) -> None:
    """Goes to the account page and takes back what they allowed for WhatsApp and email."""
    scene.fill_cart(scene.visit())
    at = scene.later(4 * HOUR, 20 * HOUR)
    visit = scene.visit("web")
    visit.show(at - 40, "Account")
    stays = [s for s in scene.person.subscriptions() if s["type"].endswith("PUSH")]
    goes = [s | {"status": "UNSUBSCRIBED"} for s in scene.person.subscriptions() if s not in stays]
    visit.identify(at, stays + goes)


def lends_the_tablet(scene: Scene) -> None:
    """Someone else logs in on the same device before the push is due: it is theirs now, and no push goes to it."""
    scene.fill_cart(scene.visit("app"))
    guest = make_person(scene.chance, int(str(scene.person.user_id)[-4:]) + 5000)
    visit = Visit(scene.tape, replace(guest, device=scene.person.device, phone=None), "app")
    visit.identify(scene.at + 20 * MINUTE)
    visit.look(scene.at + 21 * MINUTE, scene.some(2))


def fills_two_carts(scene: Scene) -> None:
    """One in the app, one unknown on the web; logging in makes one customer, and one run, of the two."""
    scene.fill_cart(scene.visit("app"))
    web = replace(scene, at=scene.at + 3 * HOUR)
    visit = web.visit("web", logged_in=False)
    web.fill_cart(visit)
    visit.identify(web.at + 20 * MINUTE)


def order_arrives_late(scene: Scene) -> None:
    """Orders just before the WhatsApp on a device without network: we hear of it when the message is out (raced)."""
    product = scene.fill_cart(scene.visit("app"))
    scene.visit("app", offline=2 * HOUR).order(scene.at + 23 * HOUR, [product])


def cart_arrives_late(scene: Scene) -> None:
    """The app was offline for an hour and a half: the push goes out at once when we hear of the cart."""
    scene.fill_cart(scene.visit("app", offline=90 * MINUTE))


def cart_arrives_too_late(scene: Scene) -> None:
    """Offline for six hours: a reminder would come out of the blue, so the journey refuses the entry."""
    scene.fill_cart(scene.visit("app", offline=6 * HOUR))


def fills_another_cart(scene: Scene) -> None:
    """A second cart two days later, while the journey for the first still runs."""
    scene.fill_cart(scene.visit())
    again = replace(scene, at=scene.later(46 * HOUR, 66 * HOUR))
    again.fill_cart(again.visit())


def orders_and_comes_back(scene: Scene) -> None:
    """Orders after the push, and leaves another cart within the week: not again so soon."""
    orders_after_the_push(scene)
    again = replace(scene, at=scene.later(40 * HOUR, 60 * HOUR))
    again.fill_cart(again.visit())


def orders_elsewhere_after_the_whatsapp(scene: Scene) -> None:
    """Never opens the app again, but orders on the web once the WhatsApp has reminded them."""
    product = scene.fill_cart(scene.visit("app"))
    visit = scene.visit("web")
    at = scene.later(27 * HOUR, 60 * HOUR)
    visit.look(at - 5 * MINUTE, [product])
    visit.order(at, [product])

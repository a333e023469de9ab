"""A hundred segments of a shop that has taken to segments: every kind of definition, most of them about a few events only.

Of an event of the stream, about thirty of them want to know.
"""

from itertools import product

from segments import Predicate, Segment, city, did, last, prop, purchases, trait

_KINDS = ("boots", "tents", "jackets")
_DAYS = (1, 3, 7, 14, 30)


def hundred() -> list[Segment]:
    """A hundred segments with a name each."""
    made = {**_looking(), **_buying(), **_using(), **_being()}
    assert len(made) == 100, len(made)
    return [Segment(name, predicate) for name, predicate in made.items()]


def _looking() -> dict[str, Predicate]:
    viewed = did("Product Viewed")
    fans = {f"fans-of-{kind}-{days}d": viewed.where(prop("category") == kind).within(days=days).at_least(3)
            for kind, days in product(_KINDS, _DAYS)}  # fmt: skip
    carts = {f"carts-over-{price}": did("Product Added").where(prop("price") > price).within(days=1)
             & ~purchases.since_last("Product Added") for price in (0, 20, 50, 100, 120)}  # fmt: skip
    searched = {f"searched-{days}d-not-bought": did("Products Searched").within(days=days) & ~purchases.within(days=days)
                for days in _DAYS}  # fmt: skip
    followed = {f"viewed-then-added-{hours}h": viewed.then("Product Added", hours=hours).within(days=7) for hours in (1, 6, 24)}
    return fans | carts | searched | followed


def _buying() -> dict[str, Predicate]:
    bought = {f"buyers-{days}d": purchases.within(days=days) for days in _DAYS}
    spent = {f"spent-{sum_}-{days}d": purchases.within(days=days).total("price") > sum_
             for sum_, days in product((100, 500), _DAYS)}  # fmt: skip
    loyal = {f"orders-{times}": purchases.within(days=56).at_least(times) for times in range(2, 7)}
    lapsed = {f"lapsed-{days}d": purchases & ~purchases.within(days=days) for days in _DAYS}
    newest = {f"last-bought-{kind}": last("Order Completed").where(prop("category") == kind) for kind in _KINDS}
    return bought | spent | loyal | lapsed | newest


def _using() -> dict[str, Predicate]:
    opened = did("Application Opened")
    often = {f"opened-{times}-in-{days}d": opened.within(days=days).more_than(times)
             for times, days in product((1, 3, 10), (7, 14, 30))}  # fmt: skip
    away = {f"away-{days}d": opened & ~opened.within(days=days) for days in _DAYS}
    calendar = {"opened-today": opened.today(), "opened-this-week": opened.this_week().at_least(3),
                "opened-this-month": opened.this_month().at_least(5)}  # fmt: skip
    return often | away | calendar


def _being() -> dict[str, Predicate]:
    ages = {f"aged-{low}": trait("age").between(low, low + 9) for low in range(18, 78, 10)}
    places = {f"in-{name.lower()}": city(name) for name in ("Madrid", "Sevilla", "Bilbao", "Vigo")}
    gold = {f"gold-{name}": (trait("plan") == "gold") & part for name, part in _gold().items()}
    areas = {f"{name.lower()}-buyers-{days}d": city(name) & purchases.within(days=days)
             for name, days in product(("Madrid", "Sevilla", "Bilbao", "Vigo"), (7, 30))}  # fmt: skip
    young = {f"young-{name.lower()}-viewers": (trait("age") < 30) & city(name) & did("Product Viewed").within(days=7)
             for name in ("Madrid", "Sevilla", "Bilbao", "Vigo")}  # fmt: skip
    return ages | places | gold | areas | young


def _gold() -> dict[str, Predicate]:
    return {
        "carts": did("Product Added").within(days=7),
        "lookers": did("Product Viewed").within(days=3),
        "buyers": purchases.within(days=30),
        "quiet": ~did("Application Opened").within(days=14),
        "spenders": purchases.within(days=56).total("price") > 300,
    }

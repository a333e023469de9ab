"""Definitions whose JSON is laid out otherwise than a form asks: flat for its fields, and deep again as the language has it.

Promise: pure; what a form cannot say is refused (`Unfit`, or the error of a key that is not there).
"""

from collections.abc import Callable

from api.console.builder.kinds import Plain
from api.console.builder.shapes import Unfit

_OF_MESSAGES = ("channel", "template", "journey", "purpose")


def how_soon(word: str) -> tuple[Callable[[Plain], Plain], Callable[[Plain], Plain]]:
    """Beside a window it is always said how soon the other follows: null is ever."""
    key = f"{word}_within"

    def flat(plain: Plain) -> Plain:
        return {name: value for name, value in plain.items() if name != key or value is not None}

    def deep(plain: Plain) -> Plain:
        return {key: None} | plain if "within" in plain else plain

    return flat, deep


def flat_message(plain: Plain) -> Plain:
    """The conditions on a message's properties as keys of their own."""
    where = plain.get("where", {"all": []})
    asked = where.get("all", [where])
    if not all({"property": each.get("property"), "is": "==", "value": each.get("value")} == each for each in asked):
        raise Unfit
    rest = {key: value for key, value in plain.items() if key != "where"}
    return rest | {each["property"]: each["value"] for each in asked if each["property"] in _OF_MESSAGES}


def deep_message(plain: Plain) -> Plain:
    """The keys as conditions on the properties."""
    asked = [{"property": name, "is": "==", "value": plain[name]} for name in _OF_MESSAGES if name in plain]
    rest = {key: value for key, value in plain.items() if key not in _OF_MESSAGES}
    return rest | ({} if not asked else {"where": asked[0] if len(asked) == 1 else {"all": asked}})


def flat_address(plain: Plain) -> Plain:
    """The values of one part of the address, one or several."""
    if plain.get("is") not in ("==", "in"):
        raise Unfit
    return {"trait": plain.get("trait"), "names": [plain["value"]] if plain["is"] == "==" else plain.get("value")}


def deep_address(plain: Plain) -> Plain:
    """One value is compared, of several one is enough."""
    names = plain.get("names", [])
    asked = {"is": "==", "value": names[0]} if len(names) == 1 else {"is": "in", "value": names}
    return {"trait": plain.get("trait")} | asked


def flat_position(plain: Plain) -> Plain:
    """Whose position is meant, in keys of their own."""
    of = plain["of"]
    whose = next((scope for scope in ("event", "trait") if scope in of), None)
    if whose is None:
        raise Unfit
    told = {"whose": whose, "name": of[whose], "lat_name": of.get("lat"), "lon_name": of.get("lon")}
    age = {"age": of["within"]} if "within" in of else {}
    return {key: value for key, value in plain.items() if key != "of"} | told | age


def deep_position(plain: Plain) -> Plain:
    """Whose position it is, under its own key."""
    of = {plain.get("whose", "event"): plain.get("name"), "lat": plain.get("lat_name"), "lon": plain.get("lon_name")}
    age = {"within": plain["age"]} if "age" in plain else {}
    return {key: plain[key] for key in ("near", "inside") if key in plain} | {"of": of | age}


def flat_group(plain: Plain) -> Plain:
    """How the rows are joined, and the rows."""
    for op in ("all", "any"):
        if list(plain) == [op]:
            return {"op": op, "rows": plain[op]}
    raise Unfit


def deep_group(plain: Plain) -> Plain:
    """The rows under their word."""
    return {plain.get("op", "all"): plain.get("rows", [])}

"""Whether a definition picks people by who they are: then its size says something of them, and asks for somebody by name.

Promise: pure. What else is narrow (a day of birth and a town, the number of an order) is not told apart from what is wide.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from segments.language.moves import trait_names
from segments.language.predicate import Predicate

#: What says who somebody is, in any case and with `_`, `-` or a space between the words: in events, and of a customer.
_IN_EVENTS = frozenset({
    "anonymousid", "customerid", "email", "emailaddress", "externalid", "familyname", "firstname", "fullname", "givenname",
    "lastname", "middlename", "mobile", "phone", "phonenumber", "street", "surname", "telephone", "userid", "username",
})  # fmt: skip
_OF_CUSTOMERS = _IN_EVENTS | {"id", "name"}


def names_people(predicate: Predicate) -> bool:
    """Whether it lists customers, by their ids or on a list, or looks at what says who somebody is."""
    plain = predicate.to_json()
    if any(True for word in ("customers", "listed") for _ in _under(word, plain)):
        return True
    traits, properties = _bare({*trait_names(predicate), *_under("trait", plain)}), _bare(_under("property", plain))
    return bool(_OF_CUSTOMERS & traits or _IN_EVENTS & properties)


def _bare(paths: Iterable[Any]) -> set[str]:
    """The last name of each path."""
    return {re.sub(r"[\W_]", "", str(path).rpartition(".")[2]).lower() for path in paths}


def _under(word: str, plain: Any) -> Iterator[Any]:
    """What stands under a word, however deep."""
    if isinstance(plain, dict):
        if word in plain:
            yield plain[word]
        plain = [*plain.values()]
    if isinstance(plain, list):
        for each in plain:
            yield from _under(word, each)

"""What leads one way and not another: values that were looked at, and answers that were given before.

Promise: what was not looked at on a way may have been anything there, and so tells nothing of it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: With which code a run began, where its journey asks (`j.changed`).
BEGUN = "begun"
#: How the name of an answer is told from that of a value.
ANSWER = "? "
#: How the question of a service for its answer begins.
FETCH = "fetch "
#: What was known on a way, by name.
Known = Mapping[str, Any]
_FEW = 3  # alternatives that are told
_NUMBER = re.compile(r"number=(-?\d+(?:\.\d+)?)")


def condition(ways: Mapping[str, Sequence[Known]], target: str) -> str:
    """On what one goes to this one of several, in words; nothing, where what was looked at does not tell."""
    parties = {each: _parties(known) for each, known in ways.items()}
    others = [party for each, theirs in parties.items() if each != target for party in theirs]
    tried = _tried(ways)
    names = short(tried)
    told: dict[str, None] = {}
    for party in parties[target] if others else ():
        leads = _leading(party, others)
        leads = [name for name in leads if not any(each.startswith(_given_by(name)) for each in leads)]
        told[" and ".join(in_words(names[name], party[name], tried[name]) for name in leads)] = None
    return "" if "" in told or len(told) > _FEW else " or ".join(told)


def _parties(known: Sequence[Known]) -> list[dict[str, set[Any]]]:
    """The ways by what was looked at on them, with all values that it had there."""
    found: dict[frozenset[str], dict[str, set[Any]]] = {}
    for each in known:
        party = found.setdefault(frozenset(each), {name: set() for name in each})
        for name, value in each.items():
            party[name].add(value)
    return list(found.values())


def _leading(party: Mapping[str, set[Any]], others: Sequence[Mapping[str, set[Any]]]) -> list[str]:
    """By which names a party goes apart from others: one that does from all of them; else all that do from any."""
    apart = {name: [other for other in others if name in other and other[name].isdisjoint(party[name])] for name in party}
    alone = [name for name, those in apart.items() if len(those) == len(others)][:1]
    return alone or [name for name, those in apart.items() if those]


def _given_by(name: str) -> str:
    """How the names begin of what an answer holds: that there is one goes without saying where they are told."""
    return f"{name.removeprefix(FETCH).removesuffix(ANSWER)}." if name.startswith(FETCH) and name.endswith(ANSWER) else "?"


def _tried(ways: Mapping[str, Sequence[Known]]) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = defaultdict(set)
    for known in ways.values():
        for each in known:
            for name, value in each.items():
                found[name].add(value)
    return found


def in_words(name: str, values: set[Any], tried: set[Any]) -> str:
    """`score from 9`, `tier = a`, `in vip? yes`."""
    if name.endswith(ANSWER):
        return f"{name.removesuffix(ANSWER)}: {_answers(values, tried)}"
    if name == BEGUN or _are_numbers(tried):
        return f"{name} {among(values, tried)}"
    return f"{name} = {among(values, tried)}"


def short(names: Iterable[str]) -> dict[str, str]:
    """Each name without whose it is, where no other is called so: `entry.score` is `score`."""
    names = dict.fromkeys(names)
    often = Counter(_last(name) for name in names)
    return {name: _last(name) if often[_last(name)] == 1 else name for name in names}


def _last(name: str) -> str:
    return name if name.endswith(ANSWER) else name.rpartition(".")[2]


def among(values: set[Any], tried: set[Any]) -> str:
    """Some of the values that were tried, in words: `from 9`, `not 0`, `7 to 8`; None is `nothing`."""
    if not _are_numbers(tried):
        return " or ".join(sorted("nothing" if each is None else str(each) for each in values))
    numbers = values - {None}
    told = [_range(numbers, tried - {None})] if numbers else []
    return " or ".join([*told, "nothing"] if None in values else told)


def _range(values: set[Any], tried: set[Any]) -> str:
    low, high, left_out = min(values), max(values), tried - values
    if any(low < each < high for each in left_out):
        return f"not {_listed(left_out)}" if len(left_out) < len(values) else _listed(values)
    if high == max(tried) and low > min(tried):
        return f"from {low:g}"
    if low == min(tried) and high < max(tried):
        return f"up to {high:g}"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _answers(values: set[Any], tried: set[Any]) -> str:
    """The same of answers, of which some are numbers: `number from 9 or other words`."""
    numbers, all_numbers = _numbers(values), _numbers(tried)
    if not numbers:
        return among(values, tried)
    return " or ".join(
        [f"number {_range(numbers, all_numbers)}", *sorted(str(each) for each in values if not _NUMBER.fullmatch(str(each)))]
    )


def _numbers(answers: Iterable[Any]) -> set[float]:
    return {float(match[1]) for each in answers if (match := _NUMBER.fullmatch(str(each)))}


def _are_numbers(tried: set[Any]) -> bool:
    """None beside numbers stands for what was left out."""
    numbers = tried - {None}
    return bool(numbers) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers)


def _listed(values: set[Any]) -> str:
    return " or ".join(f"{each:g}" for each in sorted(values))

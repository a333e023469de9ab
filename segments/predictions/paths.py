"""What a definition looks at: names of traits and properties, and predictions, which look at something themselves.

Promise: pure, and read from the JSON of a definition, so that it holds for predicates and declarations alike. A prediction that
counts the crossings of another one asks for it, too: what it says of a customer follows from what that one looks at.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from segments.errors import DefinitionError
from segments.language.events import CROSSED_EVENT
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json
from segments.leaves.crossed import Foretold
from segments.predictions.declared import Declared, check_predictions, predictions_in
from segments.predictions.features import forbidden, names_read

#: What of a declaration's JSON looks at customers.
LOOKING = ("of", "label", "features", "orders", "by")
_EVENTS = ("did", "last", "first", "since_last", "event")


def looking(what: Predicate | Declared) -> Mapping[str, Any]:
    """What looks at customers, as JSON."""
    plain = what.to_json()
    if not isinstance(what, Declared):
        return plain
    found = {part: plain[part] for part in LOOKING if part in plain}
    return found if what.learned_by is None else found | {"by": {"prediction": what.learned_by}}


def asked_in(plain: Any) -> Iterator[str]:
    """The predictions that a definition asks for, or of whose crossings it counts events."""
    match plain:
        case Mapping():
            if isinstance(name := plain.get("prediction"), str):
                yield name
            for each in (plain.get(word) for word in _EVENTS):
                if isinstance(each, str) and each.startswith(CROSSED_EVENT):
                    yield each.removeprefix(CROSSED_EVENT).partition(":")[0]
            for each in plain.values():
                yield from asked_in(each)
        case list() | tuple():
            for each in plain:
                yield from asked_in(each)


def leaves_asking(plain: Any, prediction: str) -> Iterator[Foretold]:
    """What a definition as JSON asks of a prediction, also where a segment that it names cannot be looked up."""
    match plain:
        case Mapping():
            if plain.get("prediction") == prediction:
                with suppress(DefinitionError):  # a property may be called so
                    yield from predictions_in(predicate_from_json(plain))
            for each in plain.values():
                yield from leaves_asking(each, prediction)
        case list() | tuple():
            for each in plain:
                yield from leaves_asking(each, prediction)


def reads(prediction: Declared) -> frozenset[str]:
    """The traits, properties and features that a prediction looks at by itself."""
    columns = (name for each in prediction.columns for name in (each.name, *each.reads))
    return frozenset({*names_read(looking(prediction)), *columns})


def asked_through(what: Predicate | Declared, found: Mapping[str, Declared]) -> list[Declared]:
    """All predictions that it asks for, also through others, as far as they are declared (`found`)."""
    seen: dict[str, Declared] = {}
    waiting = deque(asked_in(looking(what)))
    while waiting:
        name = waiting.popleft()
        if name in found and name not in seen:
            seen[name] = found[name]
            waiting.extend(asked_in(looking(found[name])))
    return [*seen.values()]


def check_asked(found: Mapping[str, Declared], name: str) -> None:
    """Refuse a prediction that asks for itself, for one that there is not, or for one that looks at what it never may.

    So is one that asks another for what that does not say, or is learned by the holdout of one that has none.

    Args:
        found: All predictions that there are, by name, this one among them.
        name: Which is looked at.

    Raises:
        DefinitionError: it does, by the path that is told.
    """
    prediction = found[name]
    never: Collection[str] = getattr(prediction, "never", frozenset())
    others = {each: found[each] for each in found if each != name}
    seen: set[str] = set()
    waiting: deque[tuple[str, tuple[str, ...]]] = deque(
        (part, (name, each)) for part, plain in _parts(prediction) for each in sorted({*asked_in(plain)})
    )
    while waiting:
        part, path = waiting.popleft()
        place, last, way = f"{prediction.place}, {part}", path[-1], " → ".join(path)
        if last == name:
            raise DefinitionError(place, f"asks for itself: {way}")
        if last not in others:
            if len(path) == 2:  # noqa: PLR2004 - by itself; what others ask for is their own fault
                there = ", ".join(others) or "none"
                raise DefinitionError(place, f"asks for the prediction {last!r}, which is not declared; there are: {there}")
            continue
        if read := forbidden(reads(others[last]), frozenset(never)):
            raise DefinitionError(place, f"asks for what reads {read!r}, which stands under never: {way} → {read}")
        if last not in seen:
            seen.add(last)
            waiting.extend((part, (*path, each)) for each in sorted({*asked_in(looking(others[last]))}))
    for word in ("of", "label"):
        if isinstance(predicate := getattr(prediction, word, None), Predicate):
            _check_leaves(f"{prediction.place}, {word}", predicate, others)
    prediction.check_others(others)


def _check_leaves(place: str, predicate: Predicate, others: Mapping[str, Declared]) -> None:
    """Refuse what cannot be asked of a prediction of that kind."""
    try:
        check_predictions(others.values(), predictions_in(predicate))
    except DefinitionError as error:
        raise DefinitionError(place, str(error)) from None


def _parts(prediction: Declared) -> Iterator[tuple[str, Any]]:
    """What looks at customers, part by part, as an error names it."""
    for part, plain in looking(prediction).items():
        if part == "features":
            yield from ((f"feature {each['name']!r}", each) for each in plain)
        else:
            yield part, plain

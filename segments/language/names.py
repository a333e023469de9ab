"""Segments that name others in JSON: `{"member_of": "vip"}` stands for whatever "vip" is when the definition is read.

Promise: pure. A name follows its segment; a name that nobody has, a circle, and more parts than can be evaluated are refused
with their place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from segments.errors import DefinitionError, SegmentError
from segments.language.segment import Segment

_DEEPEST = 50
#: Parts of a definition together with those of the segments that it names (each may name the one before it twice): to compile
#: one takes two milliseconds.
_MOST_PARTS = 1_000


@dataclass
class Resolved:
    """Definitions with every name looked up: the segments, and for each that cannot be read the reason."""

    segments: dict[str, Segment] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def resolved(catalogue: Mapping[str, Segment], written: Mapping[str, Mapping[str, Any]]) -> Resolved:
    """The catalogue's segments, which win, and those written as JSON; one that cannot be read is not in the others' way."""
    found, known = Resolved(dict(catalogue)), predicates(catalogue, written)
    for name, plain in written.items():
        if name not in catalogue:
            try:
                found.segments[name] = read(name, plain, known)
            except (SegmentError, RecursionError) as error:
                found.problems[name] = str(error)
    return found


def predicates(catalogue: Mapping[str, Segment], written: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What each name stands for, as JSON that may name others."""
    return {name: plain.get("predicate") for name, plain in written.items()} | {
        name: segment.predicate.to_json() for name, segment in catalogue.items()
    }


def read(name: str, plain: Mapping[str, Any], known: Mapping[str, Any]) -> Segment:
    """A segment from JSON that may name others.

    Raises:
        DefinitionError: it cannot be read; the error names the place.
    """
    try:
        predicate = expanded(plain.get("predicate"), known, around=(name,))
    except DefinitionError as error:
        raise error.within(f"segment {name!r}, predicate") from None
    return Segment.from_json({**plain, "name": name, "predicate": predicate})


def expanded(plain: object, segments: Mapping[str, object], *, around: tuple[str, ...] = ()) -> Any:
    """A definition in JSON in which every `{"member_of": name}` has got the predicate of that segment.

    `segments` holds predicates in JSON by segment name; `around` the names of the segments that are being defined.

    Raises:
        DefinitionError: it names a segment that does not exist, or one that contains itself.
    """
    return _Expansion(segments).of(plain, around)


def named_in(plain: object) -> frozenset[str]:
    """The segments that a definition in JSON follows by name."""
    return frozenset(_names(plain))


def by_name(plain: Any, segments: Mapping[str, Segment]) -> Any:
    """The opposite of `expanded`: predicates beside a name are left out where the name stands for them.

    Raises:
        DefinitionError: a predicate beside a name is another than the segment of that name has.
    """
    match plain:
        case list():
            return [_within(f"[{n}]", by_name, part, segments) for n, part in enumerate(plain)]
        case {"member_of": str(name), "predicate": inner} if name in segments:
            if inner != segments[name].predicate.to_json():
                raise DefinitionError("member_of", f"segment {name!r} is defined otherwise; leave out `predicate` to follow it")
            return {"member_of": name}
        case Mapping():
            return {key: _within(str(key), by_name, part, segments) for key, part in plain.items()}
    return plain


@dataclass
class _Expansion:
    """One definition on its way; `left` is how many parts it may still have."""

    segments: Mapping[str, object]
    left: int = _MOST_PARTS

    def of(self, plain: Any, around: tuple[str, ...]) -> Any:
        if isinstance(plain, list):
            return [_within(f"[{n}]", self.of, part, around) for n, part in enumerate(plain)]
        if not isinstance(plain, Mapping):
            return plain
        self.left -= 1
        if self.left < 0:
            raise DefinitionError("", f"has more than {_MOST_PARTS:,} parts, with those of the segments that it names")
        if "member_of" in plain and "predicate" not in plain:
            return self._named(plain, around)
        return {key: _within(str(key), self.of, part, around) for key, part in plain.items()}

    def _named(self, plain: Mapping[str, Any], around: tuple[str, ...]) -> dict[str, Any]:
        name = plain["member_of"]
        if name in around:
            raise DefinitionError("member_of", f"{' → '.join((*around, str(name)))}: a segment cannot contain itself")
        if not isinstance(name, str) or name not in self.segments:
            whose = f", which segment {around[-1]!r} names" if len(around) > 1 else "; define it first"
            raise DefinitionError("member_of", f"there is no segment {name!r}{whose}")
        if len(around) > _DEEPEST:
            raise DefinitionError("member_of", f"segments are named through more than {_DEEPEST} others")
        try:
            return {**plain, "predicate": self.of(self.segments[name], (*around, name))}
        except DefinitionError as error:  # its place is in another definition; whoever reads this wrote the name
            raise DefinitionError("member_of", error.problem) from None


def _names(plain: object) -> Iterator[str]:
    if isinstance(plain, list):
        for part in plain:
            yield from _names(part)
    elif isinstance(plain, Mapping):
        if isinstance(name := plain.get("member_of"), str) and "predicate" not in plain:
            yield name
        for part in plain.values():
            yield from _names(part)


def _within(place: str, read: Any, plain: Any, given: Any) -> Any:
    try:
        return read(plain, given)
    except DefinitionError as error:
        raise error.within(place) from None

"""Why a customer is or is not in a segment: every part of the definition with its own truth, what it saw, and until when.

Promise: pure; the truth of every part is `evaluate`'s, so the explanation cannot disagree with the membership.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from segments.evaluate import next_flip, true_of
from segments.facts import Facts
from segments.language.predicate import Predicate
from segments.leaves.score import Rule, Scored
from segments.leaves.standing import Standing


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a definition, for one customer at one instant.

    `saw` is what a leaf looked at (the trait's value; how many events counted, and the last one; how far away, …), None when
    there was nothing; `how` is how `parts` are combined ("all", "any", "not", "member_of", "score"), None when there are none;
    `changes_at` is when time alone, without any further event, next changes its truth.
    """

    text: str
    holds: bool
    saw: Any = None
    changes_at: datetime | None = None
    parts: tuple["Finding", ...] = ()
    how: str | None = None


def why(predicate: Predicate, facts: Facts, at: datetime, words: Predicate | None = None) -> Finding:
    """The findings of a definition, as a tree of the definition's own shape; in the words of another one of that shape."""
    words = predicate if words is None else words
    parts, how = _parts(predicate, facts, at, words), predicate.told_by[0] if predicate.part_at else None
    seen, changes_at = plain(predicate.saw(facts, at)), next_flip(predicate, facts, at)
    return Finding(str(words), true_of(predicate, facts, at), seen, changes_at, parts, how)


def _parts(predicate: Predicate, facts: Facts, at: datetime, words: Predicate) -> tuple[Finding, ...]:
    if isinstance(predicate, Standing):
        return ()
    found = tuple(why(part, facts, at, told) for part, told in zip(predicate.parts, words.parts, strict=True))
    if isinstance(words, Scored):
        return tuple(_rule(rule, part) for rule, part in zip(words.score.rules, found, strict=True))
    return found


def _rule(rule: Rule, found: Finding) -> Finding:
    reason = "" if rule.why == found.text else f"{rule.why}: "
    return replace(found, text=f"{rule.points:+} {reason}{found.text}")


def plain(value: Any) -> Any:
    """Exact numbers as JSON has them."""
    match value:
        case Decimal() | Fraction():
            return int(value) if value == int(value) else float(value)
        case Mapping():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    return value

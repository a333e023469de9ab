"""Scores: a sheet of rules with points, added up and compared; each point can be explained.

Promise: pure and exact. A score is right at every instant because each rule is an ordinary predicate: points that fade are
rules with a window. So a definition says its own decay, and needs no job that recomputes scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparable import Comparable
from segments.language.comparing import compared
from segments.language.predicate import Predicate, Read, as_predicate
from segments.language.query import Query, Sql
from segments.language.reading import an_object, only, operand
from segments.language.values import OPERATORS, check_name, kind_of, unknown_operator
from segments.language.words import operand_in_words, to_plain

Points = int | Decimal
_COMPARED = ("==", "!=", "<", "<=", ">", ">=")
_MOST_RULES = 200


@dataclass(frozen=True)
class Rule:
    """Points for everybody of whom a predicate is true; below zero they are taken away."""

    points: Points
    when: Predicate
    why: str

    def __post_init__(self) -> None:
        place = f"points({self.points!r})"
        if isinstance(self.points, float) or kind_of(place, self.points) != "number":
            raise DefinitionError(place, "needs a whole number or a Decimal of points")
        as_predicate(self.when, place)
        check_name(place, "reason", self.why)

    def to_json(self) -> dict[str, Any]:
        """`{"points": …, "when": …, "why": …}`."""
        return {"points": to_plain(self.points), "when": self.when.to_json(), "why": self.why}


def points(count: Points, when: Predicate, why: str = "") -> Rule:
    """A rule of a score; without a reason, the predicate's own words."""
    return Rule(count, when, why or str(when)[:200])


@dataclass(frozen=True, eq=False)
class Score(Comparable["Scored"]):
    """Rules whose points add up; compare it with a number."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.rules) <= _MOST_RULES or not all(isinstance(rule, Rule) for rule in self.rules):
            raise DefinitionError("score", f"needs 1 to {_MOST_RULES} rules, each written points(…)")

    def between(self, low: Points, high: Points) -> Predicate:  # type: ignore[override]  # of two comparisons
        """From the low number to the high one, both included."""
        return (self >= low) & (self <= high)

    def _is(self, op: str, value: Any) -> "Scored":
        return Scored(self, op, value)

    def __str__(self) -> str:
        return "score"


def score(*rules: Rule) -> Score:
    """The sum of the points of every rule that is true."""
    return Score(rules)


@dataclass(frozen=True, eq=False)
class Scored(Predicate, keys=("score",), part_at="score[{}].when", past=True):
    """A score against a number."""

    score: Score
    op: str
    value: Any

    def __post_init__(self) -> None:
        if self.op not in _COMPARED:
            raise unknown_operator("score", self.op, _COMPARED)
        if isinstance(self.value, float) or kind_of("score", self.value) != "number":
            raise DefinitionError("score", f"compares with a whole number or a Decimal, not {self.value!r}")

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the points of the rules that are true compare."""
        return self.reached([part.holds(facts, at) for part in self.parts])

    def sql(self, q: Query) -> Sql:
        """The points of every rule that is true, added up."""
        return q.points((rule.when.sql(q), rule.points) for rule in self.score.rules).compares(self.op, self.value)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """The sum, and the points of each reason."""
        truths = [part.holds(facts, at) for part in self.parts]
        points: dict[str, Points] = {}
        for rule, true in zip(self.score.rules, truths, strict=True):
            points[rule.why] = points.get(rule.why, 0) + (rule.points if true else 0)
        return {"score": self.sum(truths), "points": points}

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What its rules ask."""
        return tuple(rule.when for rule in self.score.rules)

    def reached(self, truths: Sequence[bool]) -> bool:
        """Whether the score compares when these rules are true."""
        return compared(self.op, self.sum(truths), Fraction(self.value))

    def sum(self, truths: Sequence[bool]) -> Fraction:
        """The points of the rules that are true."""
        earned = [Fraction(rule.points) for rule, true in zip(self.score.rules, truths, strict=True) if true]
        return sum(earned, Fraction(0))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The rules and what their sum is compared with."""
        only(plain, "score", "is", "value")
        if not isinstance(plain["score"], list):
            raise DefinitionError("score", f"needs a list of rules, not {plain['score']!r}")
        rules = tuple(_rule(f"score[{n}]", rule, read) for n, rule in enumerate(plain["score"]))
        return cls(Score(rules), str(plain.get("is")), operand(plain.get("value")))

    def to_json(self) -> dict[str, Any]:
        """`{"score": [rule, …], "is": …, "value": …}`."""
        return {"score": [rule.to_json() for rule in self.score.rules], "is": self.op, "value": to_plain(self.value)}

    def __str__(self) -> str:
        rules = "; ".join(f"{rule.points:+} {rule.why}" for rule in self.score.rules)
        return f"the score ({rules}) {OPERATORS[self.op]} {operand_in_words(self.value)}"


def _rule(place: str, plain: object, read: Read) -> Rule:
    rule = an_object(place, plain, "points", "when", "why")
    when, points = read(f"{place}.when", rule.get("when")), operand(rule.get("points"))
    only(rule, "points", "when", "why")
    return Rule(points, when, rule.get("why") or str(when)[:200])

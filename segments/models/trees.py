"""Boosted trees of LightGBM (`pip install "journeys[trees]"`), kept as its text model and read by a grammar of our own first.

Promise: nothing that is read can run, and nothing reaches the library but what one of our own fits writes: every line, every
count, every child, every size is checked (`check`), since the library itself trusts its text. Fitted on one thread.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from segments.errors import DefinitionError
from segments.models.propensity import Steps, Table
from segments.predictions.enough import FEWEST

Floats = NDArray[np.float64]
_ROUNDS, _LEAVES, _MOST_ROWS = 200, 31, 200_000
_HOW: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": _LEAVES,
    "learning_rate": 0.05,
    "num_threads": 1,  # several on a busy machine take ten times as long
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
_END = "end of trees\n"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
_RANGE = rf"(?:none|\[{_NUMBER}:{_NUMBER}\])"
#: What a header is, line by line, `{n}` the number of features less one.
_HEADER = (
    "tree",
    "version=v4",
    "num_class=1",
    "num_tree_per_iteration=1",
    "label_index=0",
    r"max_feature_idx=(?P<last>\d{1,4})",
    "objective=binary sigmoid:1",
    r"feature_names=(?P<names>f\d+(?: f\d+)*)",
    rf"feature_infos=(?P<ranges>{_RANGE}(?: {_RANGE})*)",
    r"tree_sizes=(?P<sizes>\d{1,7}(?: \d{1,7})*)",
)
#: What a tree is, line by line: whether the numbers are whole, and how many there are less than leaves; None: one number.
_LINES: Mapping[str, tuple[bool, int | None]] = {
    "num_leaves": (True, None),
    "num_cat": (True, None),
    "split_feature": (True, 1),
    "split_gain": (False, 1),
    "threshold": (False, 1),
    "decision_type": (True, 1),
    "left_child": (True, 1),
    "right_child": (True, 1),
    "leaf_value": (False, 0),
    "leaf_weight": (False, 0),
    "leaf_count": (True, 0),
    "internal_value": (False, 1),
    "internal_weight": (False, 1),
    "internal_count": (True, 1),
    "is_linear": (True, None),
    "shrinkage": (False, None),
}
#: Where what is not known goes to (left or right), and which of nothing, zero and NaN is not known; never a category.
_DECISIONS = frozenset({0, 2, 4, 6, 8, 10})


@dataclass(frozen=True, slots=True)
class Trees:
    """A fitted model: the names of its features in their order, LightGBM's text, and the calibration on later outcomes."""

    #: What is no number in its JSON.
    texts: ClassVar[tuple[str, ...]] = ("features", "trees")

    features: tuple[str, ...]
    text: str
    calibration: Steps | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(each, str) for each in self.features) or len(set(self.features)) != len(self.features):
            raise _refused("has features that are no names, or one twice")
        check(self.text, len(self.features))

    @classmethod
    def fit(cls, table: Table, came: Floats, *, seed: int = 0) -> Self:
        """By a table of features and what came of each row (1.0 or 0.0).

        Raises:
            DefinitionError: LightGBM is not installed, or there are fewer than 50 rows of either outcome.
        """
        happened = int(came.sum())
        if min(happened, len(came) - happened) < FEWEST:
            told = f"came true for {happened} of {len(came)} people"
            raise DefinitionError("prediction", f"{told}; it needs {FEWEST} for whom it did and {FEWEST} for whom not")
        library, names = _library(), tuple(sorted(table))
        rows = np.random.default_rng(seed).permutation(len(came))[:_MOST_ROWS]
        columns = np.stack([table[name][rows] for name in names], axis=1)
        data = library.Dataset(columns, came[rows], feature_name=[f"f{n}" for n in range(len(names))])
        text: str = library.train({**_HOW, "seed": seed}, data, num_boost_round=_ROUNDS).model_to_string()
        return cls(names, text[: text.index(_END)] + _END)

    def calibrated(self, table: Table, came: Floats) -> Self:
        """The same with its probabilities set right by people whom the fit did not see."""
        return type(self)(self.features, self.text, Steps.fit(self._raw(table), came))

    def at(self, table: Table) -> Floats:
        """The probability for each row."""
        raw = self._raw(table)
        return raw if self.calibration is None else self.calibration.at(raw)

    def _raw(self, table: Table) -> Floats:
        columns = np.stack([table[name] for name in self.features], axis=1)
        found: Floats = _library().Booster(model_str=self.text).predict(columns, num_threads=1)
        return found

    def to_json(self) -> dict[str, Any]:
        """The features, the trees as text, and the calibration."""
        steps = self.calibration and {"foretold": list(self.calibration.foretold), "came": list(self.calibration.came)}
        return {"features": list(self.features), "trees": self.text, "calibration": steps}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made.

        Raises:
            DefinitionError: the trees are not what LightGBM writes of ours.
        """
        steps = plain["calibration"] and Steps(tuple(plain["calibration"]["foretold"]), tuple(plain["calibration"]["came"]))
        return cls(tuple(plain["features"]), plain["trees"], steps)


def check(text: str, features: int) -> None:
    """Refuse a text that is not exactly of the form in which LightGBM writes what `Trees.fit` fits.

    Raises:
        DefinitionError: with the place.
    """
    if not isinstance(text, str) or not text.isascii() or not text.endswith("\n\n" + _END):
        raise _refused("does not end as a text model does")
    header, *rest = text.removesuffix(_END).split("Tree=")
    lines = header.split("\n")
    found: dict[str, str] = {}
    if lines[len(_HEADER) :] != ["", ""]:
        raise _refused("has another header")
    for line, wanted in zip(lines, _HEADER, strict=False):
        if (match := re.fullmatch(wanted, line)) is None:
            raise _refused(f"has {line[:40]!r} where {wanted[:40]!r} is expected")
        found |= match.groupdict()
    names = [f"f{n}" for n in range(features)]
    ranges = found["ranges"].split(" ")
    if int(found["last"]) != features - 1 or found["names"].split(" ") != names or len(ranges) != features:
        raise _refused(f"is of other features than the {features} that it is kept with")
    blocks = ["Tree=" + each for each in rest]
    if [len(each) for each in blocks] != [int(size) for size in found["sizes"].split(" ")]:
        raise _refused("has trees of other sizes than it says")
    for n, block in enumerate(blocks):
        _check_tree(n, block, features)


def _check_tree(number: int, block: str, features: int) -> None:
    place = f"tree {number}"
    first, *lines = block.split("\n")
    if first != f"Tree={number}" or lines[len(_LINES) :] != ["", "", ""]:
        raise _refused(f"{place} does not begin or end as a tree does")
    read = dict(_numbers(place, lines))
    (leaves,), (categories,), (linear,) = read["num_leaves"], read["num_cat"], read["is_linear"]
    if not 1 < leaves <= _LEAVES or categories or linear:
        raise _refused(f"{place} has no splits, too many, categories or lines in its leaves")
    for name, (_, fewer) in _LINES.items():
        if len(read[name]) != (1 if fewer is None else leaves - fewer):
            raise _refused(f"{place} has {len(read[name])} values of {name}")
    if not all(0 <= each < features for each in read["split_feature"]) or not _DECISIONS.issuperset(read["decision_type"]):
        raise _refused(f"{place} splits by what is no feature, or in no known way")
    _check_children(place, int(leaves), [*zip(read["left_child"], read["right_child"], strict=True)])


def _check_children(place: str, leaves: int, children: Sequence[tuple[float, float]]) -> None:
    """Each split but the first, and each leaf, is the child of one split that comes before it: so no way goes round."""
    seen = set()
    for parent, pair in enumerate(children):
        for child in pair:
            inside = parent < child < leaves - 1 if child >= 0 else -leaves <= child
            if not inside or child in seen:
                raise _refused(f"{place} is none: a branch leads out of it, back, or where another one does")
            seen.add(child)
    if len(seen) != 2 * leaves - 2:
        raise _refused(f"{place} has branches that nothing leads to")


def _numbers(place: str, lines: Sequence[str]) -> Iterator[tuple[str, list[float]]]:
    for line, (name, (whole, _)) in zip(lines, _LINES.items(), strict=False):
        said, _, values = line.partition("=")
        one = r"-?\d{1,12}" if whole else _NUMBER
        if name == "threshold":  # where all that is known goes one way, and what is not the other
            one = rf"(?:{_NUMBER}|inf)"
        if said != name or re.fullmatch(rf"{one}(?: {one})*", values) is None:
            raise _refused(f"{place} has {line[:40]!r} where numbers of {name} are expected")
        read = [float(each) for each in values.split(" ")]
        if not all(isfinite(each) for each, as_said in zip(read, values.split(" "), strict=True) if as_said != "inf"):
            raise _refused(f"{place} has {name} that are no numbers")
        yield name, read


def _library() -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - an extra
    except ImportError:
        raise DefinitionError("prediction", 'is of trees, which need LightGBM: pip install "journeys[trees]"') from None
    return lightgbm


def _refused(why: str) -> DefinitionError:
    return DefinitionError("model", f"{why}; train it again")

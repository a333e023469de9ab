"""The text in which LightGBM writes trees, read by a grammar of our own, and what each feature does to one score by them.

Promise: pure, and needs no library. Nothing is read but what one of our own fits writes: every line, count, child and size is
checked. Effects are Shapley values, exact, of the game that LightGBM itself tells by `pred_contrib` (Lundberg, Erion, Lee,
*Consistent individualized feature attribution for tree ensembles*, 2018): what a feature that is not asked would have said is
the mean of its branches, by how many people of the fit went each way.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import comb, isfinite, isnan, prod

from segments.errors import DefinitionError

#: Leaves that a tree of ours has at most, and how its text ends.
LEAVES, END = 31, "end of trees\n"
_NEARLY_ZERO = 1e-35
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
class Split:
    """Where a tree parts people in two.

    Attributes:
        feature: Its place among the features.
        most: Up to this they go left.
        zero, unknown: Whether a zero, and what is not known, is told apart; what is told apart goes `left` or not.
        children: Left and right: a split by its place, or a leaf by -1 less its own.
        shares: Of the people of the fit, how many went left and how many right.
    """

    feature: int
    most: float
    zero: bool
    unknown: bool
    left: bool
    children: tuple[int, int]
    shares: tuple[float, float]

    def goes(self, value: float) -> int:
        """To which child somebody goes: 0 is left, 1 is right."""
        if isnan(value):
            if self.unknown:
                return 0 if self.left else 1
            value = 0.0
        if self.zero and abs(value) <= _NEARLY_ZERO:
            return 0 if self.left else 1
        return 0 if value <= self.most else 1


@dataclass(frozen=True, slots=True)
class Tree:
    """Its splits, the first one at its root, and what each leaf adds to the log-odds."""

    splits: tuple[Split, ...]
    leaves: tuple[float, ...]


def effects(trees: Sequence[Tree], values: Sequence[float]) -> list[float]:
    """What each feature adds to the log-odds of one customer, beside what is expected of all people of the fit."""
    told = [0.0] * len(values)
    for tree in trees:
        _walk(tree, [split.goes(values[split.feature]) for split in tree.splits], 0, {}, told)
    return told


def _walk(tree: Tree, goes: Sequence[int], at: int, path: Mapping[int, tuple[float, bool]], told: list[float]) -> None:
    """Down to each leaf; `path` has of each feature asked so far the share that went this way, and whether this one goes it."""
    if at < 0:
        _credit(tree.leaves[-at - 1], path, told)
        return
    split = tree.splits[at]
    share, along = path.get(split.feature, (1.0, True))
    for side in (0, 1):
        here = share * split.shares[side], along and goes[at] == side
        _walk(tree, goes, split.children[side], {**path, split.feature: here}, told)


def _credit(leaf: float, path: Mapping[int, tuple[float, bool]], told: list[float]) -> None:
    """Divide a leaf among the features on the way to it.

    Of a set of features that are known all have to lead here; each of the others does by the share that went this way. So the
    worth of a set is a product, and the sums over sets are elementary symmetric sums of those shares.
    """
    weights = _weights(len(path))
    along = [(feature, share) for feature, (share, goes) in path.items() if goes]
    off = [feature for feature, (_, goes) in path.items() if not goes]
    others = leaf * prod(path[feature][0] for feature in off)
    if off:
        lost = others * _over_sets([share for _, share in along], weights)
        for feature in off:
            told[feature] -= lost
    for n, (feature, share) in enumerate(along):
        shares = [each for other, (_, each) in enumerate(along) if other != n]
        told[feature] += others * (1 - share) * _over_sets(shares, weights)


def _over_sets(shares: Sequence[float], weights: Sequence[float]) -> float:
    """Over all sets of features that are known, the weight of its size times the shares of those that are not."""
    sums = [1.0]  # by how many are not known
    for share in shares:
        sums = [a + share * b for a, b in zip([*sums, 0.0], [0.0, *sums], strict=True)]
    known = len(shares)
    return sum(weights[known - n] * each for n, each in enumerate(sums))


@cache
def _weights(count: int) -> tuple[float, ...]:
    """Of so many features: how likely it is, in a random order, that a set of this size is before one that is not in it."""
    return tuple(1 / (count * comb(count - 1, size)) for size in range(count))


@lru_cache(maxsize=8)
def read(text: str, features: int) -> tuple[Tree, ...]:
    """The trees of a text that is exactly of the form in which LightGBM writes what we fit.

    Raises:
        DefinitionError: it is not; with the place.
    """
    if not isinstance(text, str) or not text.isascii() or not text.endswith("\n\n" + END):
        raise _refused("does not end as a text model does")
    header, *rest = text.removesuffix(END).split("Tree=")
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
    return tuple(_tree(n, block, features) for n, block in enumerate(blocks))


def _tree(number: int, block: str, features: int) -> Tree:
    place = f"tree {number}"
    first, *lines = block.split("\n")
    if first != f"Tree={number}" or lines[len(_LINES) :] != ["", "", ""]:
        raise _refused(f"{place} does not begin or end as a tree does")
    said = dict(_numbers(place, lines))
    (leaves,), (categories,), (linear,) = said["num_leaves"], said["num_cat"], said["is_linear"]
    if not 1 < leaves <= LEAVES or categories or linear:
        raise _refused(f"{place} has no splits, too many, categories or lines in its leaves")
    for name, (_, fewer) in _LINES.items():
        if len(said[name]) != (1 if fewer is None else leaves - fewer):
            raise _refused(f"{place} has {len(said[name])} values of {name}")
    if not all(0 <= each < features for each in said["split_feature"]) or not _DECISIONS.issuperset(said["decision_type"]):
        raise _refused(f"{place} splits by what is no feature, or in no known way")
    children = [(int(left), int(right)) for left, right in zip(said["left_child"], said["right_child"], strict=True)]
    _check_children(place, int(leaves), children)
    ways = zip(children, _shares(place, said, children), strict=True)
    asked = zip(said["split_feature"], said["threshold"], said["decision_type"], ways, strict=True)
    splits = (
        Split(int(feature), most, bool(int(how) & 4), bool(int(how) & 8), bool(int(how) & 2), *way)
        for feature, most, how, way in asked
    )
    return Tree(tuple(splits), tuple(said["leaf_value"]))


def _shares(
    place: str, said: Mapping[str, Sequence[float]], children: Sequence[tuple[int, int]]
) -> Iterator[tuple[float, float]]:
    """Of those who came to a split, how many went each way."""
    for people, pair in zip(said["internal_count"], children, strict=True):
        went = [said["internal_count"][each] if each >= 0 else said["leaf_count"][-each - 1] for each in pair]
        if min(went) <= 0 or sum(went) != people:
            raise _refused(f"{place} has splits whose people do not add up")
        yield went[0] / people, went[1] / people


def _check_children(place: str, leaves: int, children: Sequence[tuple[int, int]]) -> None:
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
        called, _, values = line.partition("=")
        one = r"-?\d{1,12}" if whole else _NUMBER
        if name == "threshold":  # where all that is known goes one way, and what is not the other
            one = rf"(?:{_NUMBER}|inf)"
        if called != name or re.fullmatch(rf"{one}(?: {one})*", values) is None:
            raise _refused(f"{place} has {line[:40]!r} where numbers of {name} are expected")
        found = [float(each) for each in values.split(" ")]
        if not all(isfinite(each) for each, as_said in zip(found, values.split(" "), strict=True) if as_said != "inf"):
            raise _refused(f"{place} has {name} that are no numbers")
        yield name, found


def _refused(why: str) -> DefinitionError:
    return DefinitionError("model", f"{why}; train it again")

"""Boosted trees of LightGBM (`pip install "journeys[trees]"`), kept as its text model and read by a grammar of our own first.

Promise: nothing that is read can run, and nothing reaches the library but what one of our own fits writes: every line, every
count, every child, every size is checked (`segments.predictions.trees`), since the library itself trusts its text. Fitted on
one thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from segments.errors import DefinitionError
from segments.models.propensity import Steps, Table
from segments.predictions.enough import FEWEST
from segments.predictions.trees import END, LEAVES, read

Floats = NDArray[np.float64]
_ROUNDS, _MOST_ROWS = 200, 200_000
_HOW: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": LEAVES,
    "learning_rate": 0.05,
    "num_threads": 1,  # several on a busy machine take ten times as long
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


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
            raise DefinitionError("model", "has features that are no names, or one twice; train it again")
        read(self.text, len(self.features))

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
        return cls(names, text[: text.index(END)] + END)

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


def _library() -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - an extra
    except ImportError:
        raise DefinitionError("prediction", 'is of trees, which need LightGBM: pip install "journeys[trees]"') from None
    return lightgbm

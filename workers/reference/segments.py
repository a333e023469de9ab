"""The language of segments for the reference: `segments.md`, with the JSON of each example in it.

Promise: the JSON is made of the Python that stands before it, which is run; so it is what the language takes today.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import segments
from segments import Predicate
from segments.predictions.clusters import Clusters
from segments.predictions.features import rfm
from segments.predictions.prediction import Prediction

_PAGE = Path(__file__).with_name("segments.md")
_EXAMPLE = re.compile(r"^\* .+: `(?P<python>.+)`$", re.MULTILINE)


def page() -> str:
    """The text, each example with its JSON below it."""
    return _EXAMPLE.sub(lambda line: f"{line[0]}\n  ```json\n  {_json(_run(line['python']))}\n  ```", _text())


def examples() -> Iterator[tuple[str, Predicate]]:
    """The Python of each example, and what that gives."""
    return ((found["python"], _run(found["python"])) for found in _EXAMPLE.finditer(_text()))


def _text() -> str:
    return _PAGE.read_text(encoding="utf-8")


def _run(python: str) -> Predicate:
    names: dict[str, Any] = {name: getattr(segments, name) for name in segments.__all__} | {"date": date, "churn": _churn()}
    names["styles"] = Clusters("styles", of=segments.did("Order Completed"), features=rfm())
    made: Predicate = eval(python, names)  # noqa: S307 - a line of our own page
    return made


def _churn() -> Prediction:
    """What the page's examples call so."""
    ordered = segments.did("Order Completed")
    label, span = ~ordered.within(days=90), segments.days(90)
    return Prediction("churn", of=ordered, label=label, horizon=span, features=rfm())


def _json(predicate: Predicate) -> str:
    return json.dumps(predicate.to_json(), ensure_ascii=False)

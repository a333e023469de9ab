"""The examples of docs/segments.md are definitions, and survive being written down."""

import re
from datetime import date
from pathlib import Path

import pytest

import segments
from segments import Predicate, Segment
from segments.compiler import everyone

PAGE = (Path(__file__).parents[2] / "docs" / "segments.md").read_text()
EXAMPLES = [line for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 50


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_is_a_definition(example: str) -> None:
    found = eval(example, {name: getattr(segments, name) for name in segments.__all__} | {"date": date})
    segment = found if isinstance(found, Segment) else Segment("example", found)
    assert isinstance(segment.predicate, Predicate)
    assert Segment.from_json(segment.to_json()) == segment
    assert everyone(segment.predicate).sql

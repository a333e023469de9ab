"""The examples of docs/segments.md are definitions, and survive being written down."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

import segments
from segments import Predicate, Segment
from segments.language.names import resolved
from segments.sql.statements import everyone

PAGE = (Path(__file__).parents[2] / "docs" / "segments.md").read_text()
EXAMPLES = [line for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line]

BODIES = {
    name: json.loads(body)
    for name, body in re.findall(r"curl -X PUT [^']*?/v1/segments/([a-z-]+) -H '[^']*' -d '(.*?)'\n", PAGE, re.DOTALL)
}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 50


def test_the_calls_of_the_api_define_segments_that_follow_each_other() -> None:
    found = resolved({}, BODIES)
    assert found.problems == {}
    assert set(found.segments) == {"vip", "vip-at-risk"}
    assert all(everyone(segment.predicate).sql for segment in found.segments.values())


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_is_a_definition(example: str) -> None:
    found = eval(example, {name: getattr(segments, name) for name in segments.__all__} | {"date": date})
    segment = found if isinstance(found, Segment) else Segment("example", found)
    assert isinstance(segment.predicate, Predicate)
    assert Segment.from_json(segment.to_json()) == segment
    assert everyone(segment.predicate).sql

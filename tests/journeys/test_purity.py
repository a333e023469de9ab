"""The purity law: what a journey's module may not do."""

from pathlib import Path

import pytest

from journeys.purity import impurities


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import random", "imports random"),
        ("from time import sleep", "imports time"),
        ("import httpx as h", "imports httpx"),
        ("from datetime import datetime\nx = datetime.now()", "datetime.now()"),
        ("import uuid\nx = uuid.uuid4()", "uuid.uuid4()"),
        ("async def f():\n    await asyncio.sleep(3)", "asyncio.sleep()"),
        ("def f():\n    print('x')", "print()"),
        ("def f():\n    import os.path", "imports os.path"),
    ],
)
def test_an_impurity_is_named_with_its_line(tmp_path: Path, source: str, what: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)
    found = impurities(file)
    assert len(found) == 1
    assert what in str(found[0])
    assert str(found[0]).startswith("broken.py:")


def test_ordinary_python_is_pure(tmp_path: Path) -> None:
    file = tmp_path / "fine.py"
    file.write_text("import math\nfrom datetime import timedelta\nfrom journeys import journey\nx = math.sqrt(4)\n")
    assert impurities(file) == []

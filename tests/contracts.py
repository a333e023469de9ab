"""Published descriptions of providers' APIs, where they are: in `shared/contracts` beside the project, or further up."""

from pathlib import Path

import pytest


def contract(name: str) -> Path:
    """The file of a description, whether it is there or not."""
    above = (folder / "shared" / "contracts" / name for folder in Path(__file__).parents)
    return next((file for file in above if file.exists()), Path(name))


def needs(name: str) -> pytest.MarkDecorator:
    """Skips tests in one sentence where a description is not there."""
    return pytest.mark.skipif(not contract(name).exists(), reason=f"the published description {name} is not beside the project")

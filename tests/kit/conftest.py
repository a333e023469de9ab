"""The kit's own shop, on the catalogue in which each journey exercises a promise."""

import pytest


@pytest.fixture
def journeys_catalogue() -> str:
    return "trial_catalogue"

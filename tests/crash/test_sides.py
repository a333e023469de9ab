"""The table of sides is whole and as the docs and the providers' own files have it, and a broken promise is seen."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from crash.sides import SIDES, Row, Side, breaches

from activities.channels.kinds import sending
from activities.deliver.doubt import COPIES

DOCS = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
PROVIDERS = {provider.name: provider for kind in sending() for provider in kind.provider_classes}
ROW = Row(UUID(int=1), "k", "offer", "email", "smtp", "marketing", "sent", None, 1, 1, run_over=False)


def test_every_provider_takes_a_side() -> None:
    assert {part for name in SIDES for part in name.split("+")} == PROVIDERS.keys()


@pytest.mark.parametrize("name", PROVIDERS)
def test_it_is_the_one_of_its_file_and_of_the_docs(name: str) -> None:
    sides, provider = SIDES[name], PROVIDERS[name]
    file = "/".join(provider.__module__.split(".")) + ".py"
    (told,) = re.findall(rf"`{file}` \| (.*) \|", DOCS)
    if sides.marketing is Side.EXACTLY_ONCE:
        assert told.startswith("exactly once")
    else:
        assert told.startswith(f"marketing {sides.marketing} · transactional {sides.transactional}")
    assert provider.idempotent is (sides.marketing is Side.EXACTLY_ONCE)


@pytest.mark.parametrize(
    ("provider", "purpose", "state", "copies", "arrived", "kept"),
    [
        ("smtp", "marketing", "sent", 1, 1, True),
        ("smtp", "marketing", "sent", 1, 0, False),
        ("smtp", "marketing", "sent", 2, 2, False),
        ("smtp", "marketing", "unconfirmed", 1, 0, True),
        ("smtp", "marketing", "unconfirmed", 1, 1, True),
        ("smtp", "marketing", "unconfirmed", 2, 2, False),
        ("smtp", "marketing", "failed", 0, 1, False),
        ("smtp", "transactional", "sent", 2, 2, True),
        ("smtp", "transactional", "sent", 1, 2, False),
        ("smtp", "transactional", "sent", 1, 0, False),
        ("smtp", "transactional", "sent", COPIES + 1, 1, False),
        ("smtp", "transactional", "unconfirmed", COPIES, 0, True),
        ("smtp", "transactional", "unconfirmed", 1, 0, False),
        ("smtp", "transactional", "failed", 0, 0, False),
        ("resend", "marketing", "sent", 3, 1, True),
        ("resend", "transactional", "sent", 3, 2, False),
        ("resend", "marketing", "unconfirmed", 1, 1, False),
        ("inbox", "marketing", "sent", 1, 0, False),
        ("wallet", "marketing", "skipped", 0, 1, False),
    ],
)
def test_what_keeps_a_promise_and_what_breaks_it(
    provider: str, purpose: str, state: str, copies: int, arrived: int, *, kept: bool
) -> None:
    row = replace(ROW, provider=provider, purpose=purpose, state=state, copies=copies)
    assert (breaches([row], Counter({"k": arrived})) == []) is kept
    if state == "unconfirmed" and provider == "resend":
        assert breaches([replace(row, run_over=True)], Counter({"k": arrived})) == []

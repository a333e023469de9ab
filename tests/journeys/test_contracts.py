"""What our own code makes without looking at it again is what pydantic would have made of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from journeys.contracts import Channel, Contract, DeliverRequest, Purpose, RunStart

_NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
_KNOWN: list[tuple[type[Contract], dict[str, Any]]] = [
    (
        DeliverRequest,
        {
            "run_id": UUID(int=1),
            "journey": "cart",
            "step": "push:hello",
            "occurrence": 1,
            "channel": Channel.PUSH,
            "template": "hello",
            "purpose": Purpose.MARKETING,
            "params": {},
            "due_at": _NOW,
            "useless_after": _NOW + timedelta(hours=12),
        },
    ),
    (
        RunStart,
        {
            "run_id": UUID(int=1),
            "customer_id": UUID(int=2),
            "entered_at": _NOW,
            "started_at": _NOW,
            "params": {"offer": "ten"},
            "entry": {},
            "past": [],
        },
    ),
]


@pytest.mark.parametrize(("contract", "values"), _KNOWN)
def test_what_is_known_is_made_as_what_is_validated(contract: type[Contract], values: dict[str, Any]) -> None:
    known, validated = contract.of_known(**values), contract(**values)
    assert known == validated
    assert known.model_dump_json() == validated.model_dump_json()
    assert contract.model_validate_json(known.model_dump_json()) == validated


@pytest.mark.parametrize(("contract", "values"), _KNOWN)
def test_one_that_is_changed_leaves_the_others_as_they_were(contract: type[Contract], values: dict[str, Any]) -> None:
    first, second = contract.of_known(**values), contract.of_known(**values)
    assert first.model_copy(update={"run_id": UUID(int=9)}) != first == second

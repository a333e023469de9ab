"""What enters a history is read back as it was, whoever wrote it: an event, a service, a caller, an author."""

from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import orjson
import pytest
from pydantic import BaseModel

from activities.calling.body import Unlike, answer_of
from api.runs.models import StartRun
from journeys import Journey, JourneyDefinition, Service, journey
from journeys.contracts import Channel, RunStart
from journeys.entering import Entry, UnlikeDeclared, accepted
from journeys.errors import CatalogueError, InvalidParams
from journeys.handle.messages import check_message


class Inner(BaseModel):
    weight: float = 0


class Rated(BaseModel):
    score: int = 0
    ratio: float | None = 0.5
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    note: str = ""
    inner: Inner = Inner()
    others: list[Any] = []
    by_name: dict[str, int] = {}
    tier: Literal["none", "gold"] = "none"


KEPT_BY_NOBODY = [
    ("ratio", "NaN", "finite_number"),
    ("ratio", "Infinity", "finite_number"),
    ("ratio", float("-inf"), "finite_number"),
    ("score", "123456789012345678901234567890", "int_parsing_size"),
    ("score", 123456789012345678901234567890, "int_parsing_size"),
    ("note", "a\x00b", "string_unicode"),
    ("inner", {"weight": "nan"}, "finite_number"),
    ("others", [1, {"x": float("inf")}], "finite_number"),
    ("others", [{"a\x00": 1}], "string_unicode"),
]
DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]


@journey(params=Rated)
async def rated(j: Journey) -> None:
    await j.push("hello")


@pytest.mark.parametrize(("field", "value", "kind"), [*KEPT_BY_NOBODY, ("others", DEEP, "too_deep")])
def test_what_cannot_be_kept_is_not_as_declared(field: str, value: Any, kind: str) -> None:
    with pytest.raises(UnlikeDeclared) as unlike:
        accepted(Rated, {field: value})
    assert unlike.value.fields == {field: kind}
    assert isinstance(rated, JourneyDefinition)
    with pytest.raises(InvalidParams) as invalid:
        rated.accept({field: value})
    ((pointer, said),) = invalid.value.problems
    assert pointer.startswith(f"/params/{field}")
    assert "cannot be kept" in said or "nested" in said


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, value, _ in KEPT_BY_NOBODY])
def test_what_a_service_answers_is_not_as_declared(field: str, value: Any) -> None:
    text = orjson.dumps({field: value}) if not isinstance(value, int) else b'{"%b": %d}' % (field.encode(), value)
    if b"null" in text:
        return  # JSON has no such number
    with pytest.raises(Unlike):
        answer_of(Service("rating", gives=Rated), answered(text))


def answered(text: bytes) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "application/json"}, content=text)


def test_a_key_that_somebody_typed_is_not_told() -> None:
    with pytest.raises(UnlikeDeclared, match=r"^by_name \(int_parsing\)$"):
        accepted(Rated, {"by_name": {"ana@shop.example": "x"}})


def test_a_backslash_is_no_nul() -> None:
    assert answer_of(Service("rating", gives=Rated), answered(rb'{"note": "a\\u0000b"}'))["note"] == r"a\u0000b"
    assert StartRun(customer={"user_id": "ana"}, entry={"note": r"a\u0000b"}).entry  # type: ignore[arg-type]


def test_all_that_passes_is_read_back_as_it_was() -> None:
    given = {"score": -(2**63), "ratio": 1e308, "when": "2026-01-01T00:00:00+02:00", "tier": "gold"}
    values = RunStart.model_validate_json(start_of(accepted(Rated, given)).model_dump_json()).entry
    entry = Entry(values, Rated)
    assert (entry.score, entry.ratio, entry.tier) == (-(2**63), 1e308, "gold")
    assert entry.when == datetime.fromisoformat(given["when"])  # type: ignore[arg-type]


def test_an_instant_without_a_zone_is_utc() -> None:
    entry = Entry(accepted(Rated, {"when": "2026-01-01T00:00:00"}), Rated)
    assert entry.when == datetime(2026, 1, 1, tzinfo=UTC)
    assert entry.when < datetime.now(UTC), "it can be compared with j.now"
    assert isinstance(rated, JourneyDefinition)
    assert rated.accept({"when": "2026-01-01T00:00:00"})["when"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, "a\x00", "\ud800"])
def test_authors_hand_on_what_can_be_kept(value: Any) -> None:
    with pytest.raises(CatalogueError, match="offer= is a number, a flag or a text, not one "):
        check_message(Channel.PUSH, "hello", {"offer": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70])
def test_what_a_caller_gives_is_kept_or_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"/entry/price: a.* cannot be kept"):
        StartRun(customer={"user_id": "ana"}, entry={"price": value})  # type: ignore[arg-type]


def start_of(entry: dict[str, Any]) -> RunStart:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    ids = {"run_id": "00000000-0000-4000-8000-000000000001", "customer_id": "00000000-0000-4000-8000-000000000002"}
    return RunStart.model_validate({**ids, "entered_at": at, "started_at": at, "entry": entry})
